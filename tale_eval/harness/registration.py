"""Making lm_eval know our tasks, and its models carry our counts."""

from functools import cache, partial
from typing import Any

import lm_eval.api.registry
import lm_eval.tasks

from tale_eval.harness import TASKS_FOLDER, documents


def register_models() -> None:
    """From now on ``--model NAME`` is lm_eval's model with its tokens counted."""
    documents.one_run_estimates = True
    current = lm_eval.api.registry.get_model
    if not isinstance(current, partial):
        # the registry itself refuses a second class under a name
        lm_eval.api.registry.get_model = partial(_with_counts, current)


def register_tasks() -> None:
    """From now on lm_eval's task manager finds our tasks beside its own."""
    import lm_eval.evaluator

    lm_eval.tasks.TaskManager = lm_eval.evaluator.TaskManager = _task_manager()


def _with_counts(find: Any, name: str) -> type:
    return _counting_class(find(name), name)


@cache
def _counting_class(backend: type, name: str) -> type:
    front = _front(backend)
    return type(f"Tale{backend.__name__}", (front, backend), {"backend_name": name})


def _front(backend: type) -> type:
    """The class that counts for this kind of model."""
    from tale_eval.harness.models import HuggingFaceCounts, TaleLM, VllmCounts

    kinds = {
        ("lm_eval.models.huggingface", "HFLM"): HuggingFaceCounts,
        ("lm_eval.models.vllm_causallms", "VLLM"): VllmCounts,
    }
    # by name: importing a class only to ask would load torch or vllm
    for ancestor in backend.__mro__:
        name = ancestor.__module__, ancestor.__name__
        if name == ("lm_eval.models.api_models", "TemplateAPI"):
            # its HTTP clients come with lm_eval's extra "api"
            from tale_eval.harness.api import ApiCounts

            return ApiCounts
        if front := kinds.get(name):
            return front
    return TaleLM


@cache
def _task_manager() -> type:
    class TaleTaskManager(lm_eval.tasks.TaskManager):  # type: ignore[misc] # no types
        """lm_eval's, with our folder before the user's."""

        def __init__(
            self, verbosity: str | None = None, include_path: Any = None, **kwargs: Any
        ) -> None:
            paths = [include_path] if isinstance(include_path, str) else list(include_path or [])
            super().__init__(verbosity, [str(TASKS_FOLDER), *paths], **kwargs)

    return TaleTaskManager
