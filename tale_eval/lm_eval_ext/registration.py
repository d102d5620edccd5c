"""Making lm_eval know our tasks, and its models carry our counts."""

import logging
from collections.abc import Collection
from functools import cache, partial
from pathlib import Path
from typing import Any

import lm_eval.api.registry
import lm_eval.tasks

from tale_eval.lm_eval_ext.documents import ONE_RUN
from tale_eval.lm_eval_ext.task_files import task_folder

_LOGGER = logging.getLogger(__name__)


def register_models() -> None:
    """From now on ``--model NAME`` is lm_eval's model with its tokens counted."""
    current = lm_eval.api.registry.get_model
    if not isinstance(current, partial):
        # the registry itself refuses a second class under a name
        lm_eval.api.registry.get_model = partial(_with_counts, current)


def register_tasks(asked: Collection[str] = ()) -> None:
    """From now on lm_eval's task manager finds our tasks beside its own.

    Args:
        asked: The only tasks that will be asked for, where that is known. If all are
            ours, lm_eval's own are not read: 14,000 files, and most of the start-up.
    """
    import lm_eval.evaluator

    manager = _task_manager()
    manager.asked = frozenset(asked)
    lm_eval.tasks.TaskManager = lm_eval.evaluator.TaskManager = manager


def _with_counts(find: Any, name: str) -> type:
    return _counting_class(find(name), name)


@cache
def _counting_class(backend: type, name: str) -> type:
    front = _front(backend)
    return type(f"Tale{backend.__name__}", (front, backend), {"backend_name": name})


def _front(backend: type) -> type:
    """The class that counts for this kind of model."""
    from tale_eval.lm_eval_ext.models import HuggingFaceCounts, TaleLM, VllmCounts

    kinds = {
        ("lm_eval.models.huggingface", "HFLM"): HuggingFaceCounts,
        ("lm_eval.models.vllm_causallms", "VLLM"): VllmCounts,
    }
    # by name: importing a class only to ask would load torch or vllm
    for ancestor in backend.__mro__:
        name = ancestor.__module__, ancestor.__name__
        if name == ("lm_eval.models.api_models", "TemplateAPI"):
            # its HTTP clients come with lm_eval's extra "api"
            from tale_eval.lm_eval_ext.api import ApiCounts

            return ApiCounts
        if front := kinds.get(name):
            return front
    return TaleLM


@cache
def _task_manager() -> Any:
    class TaleTaskManager(lm_eval.tasks.TaskManager):  # type: ignore[misc] # no types
        """lm_eval's, with our folder before the user's."""

        asked: frozenset[str] = frozenset()

        def __init__(
            self,
            verbosity: str | None = None,
            include_path: Any = None,
            include_defaults: bool = True,
            metadata: Any = None,
        ) -> None:
            problems: list[str] = []
            ours = task_folder(problems)
            for problem in problems:
                _LOGGER.warning(problem)
            alone = isinstance(include_path, str | Path)
            paths = [include_path] if alone else list(include_path or [])
            paths = [str(ours), *paths]
            # our models answer: they follow a method of several asks in one run
            told = {**(metadata or {}), ONE_RUN: True}
            super().__init__(verbosity, paths, include_defaults=False, metadata=told)
            if include_defaults and not self._has_only_ours_to_find(ours):
                super().__init__(verbosity, paths, metadata=told)

        def _has_only_ours_to_find(self, folder: Path) -> bool:
            files = {name: entry.yaml_path for name, entry in self.task_index.items()}
            # a task of the user's may name lm_eval's
            ours = {n for n, file in files.items() if file and file.is_relative_to(folder)}
            return bool(self.asked) and self.asked <= ours

    return TaleTaskManager
