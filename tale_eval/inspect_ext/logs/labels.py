"""What a run is called in tables, and how it came to be. Pure, and loads no Inspect."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from tale_eval.asking.method import Method
from tale_eval.asking.setting import Setting
from tale_eval.inspect_ext.logged import UNTIL_DECIDED, planned_questions, record_in, share_in
from tale_eval.inspect_ext.logs.facts import Labels
from tale_eval.models.adapters import BASE_METADATA, ENGINE_METADATA, OPENVINO
from tale_eval.records import RunSettings
from tale_eval.settings import ESTIMATOR_ROLE
from tale_eval.shown.masking import masked
from tale_eval.tokens.ledger import Call

if TYPE_CHECKING:
    from inspect_ai.log import EvalSample, EvalSpec
    from inspect_ai.model import GenerateConfig

    from tale_eval.inspect_ext.logs.headers import Header

# arguments that say how a task is asked, or where it lies, but not what is asked
_NOT_THE_QUESTIONS = {"method", "source"}

_LIGHTEVAL = "lighteval_task_config"
"""The argument by which lighteval's one task for Inspect is told which of lighteval's it is."""


def task_label(spec: "EvalSpec") -> str:
    """A task's name with the arguments that choose its questions.

    The same whether the task was run by name ("tale_eval/gsm8k") or by path ("gsm8k"). What
    another harness asked or exported is marked with its name.
    """
    if _LIGHTEVAL in spec.task_args_passed:
        # its other arguments are the epochs, which a log has besides
        return f"{spec.task} (lighteval)"
    if "nemo_evaluator" in spec.packages:
        return f"{spec.task} (nemo-evaluator)"
    name = spec.task.removeprefix("tale_eval/")
    chosen = [
        f"{key}={value}"
        for key, value in sorted(masked(spec.task_args_passed).items())
        if key not in _NOT_THE_QUESTIONS
    ]
    return f"{name}({', '.join(chosen)})" if chosen else name


def recorded_method(samples: "Iterable[EvalSample]") -> str | None:
    """The method of a run, by any of its samples: one that failed early may not say it."""
    return next((method for each in samples if (method := record_in(each).method)), None)


def method_label(spec: "EvalSpec", recorded: str | None) -> str:
    """The run's method; whose estimates; which adapter.

    Args:
        spec: What its log says of the run.
        recorded: The run's `recorded_method`.
    """
    named = recorded or _method_asked_for(spec)
    method = named + _estimator(spec, named) if named else _foreign_method(spec)
    base = base_model(spec)
    if base == spec.model:
        return method
    # an adapter of vLLM's is called BASE:NAME
    name = spec.model.removeprefix("hf/").removeprefix(f"{OPENVINO}/").removeprefix(f"{base}:")
    return f"{method} @ {name}"


def _estimator(spec: "EvalSpec", method: str) -> str:
    """The model under whose role budgets were estimated, as part of a method's name."""
    asked = Method.of_label(method)
    role = asked.arguments.get("estimator_role", ESTIMATOR_ROLE)
    bound = (spec.model_roles or {}).get(role)
    if asked.name != "tale_ep" or bound is None:
        return ""
    names = [config.model for config in (bound if isinstance(bound, list) else [bound])]
    return f" {role}={','.join(names)}"


def _method_asked_for(spec: "EvalSpec") -> str | None:
    """A method of ours as the run's command named it, for a run of which no sample began."""
    solver, ours = spec.solver, "tale_eval/"
    if solver is not None and solver.startswith(ours):
        given = masked(spec.solver_args_passed or {})
        return str(Method(solver.removeprefix(ours), {k: str(v) for k, v in given.items()}))
    asked = spec.task_args_passed.get("method") if spec.task.startswith(ours) else None
    return asked if solver is None and isinstance(asked, str) else None


def _foreign_method(spec: "EvalSpec") -> str:
    """Somebody else's solver, with the arguments it was given."""
    if spec.solver is None:
        return "task's own solver"
    name = spec.solver
    given = masked(spec.solver_args_passed or {})
    said = ", ".join(f"{key}={value}" for key, value in sorted(given.items()))
    return f"{name}({said})" if said else name


def base_model(spec: "EvalSpec") -> str:
    """The model, or the one that an adapter belongs to: an adapter is a method of its base."""
    return str((spec.metadata or {}).get(BASE_METADATA, spec.model))


def _engine(spec: "EvalSpec") -> dict[str, object]:
    """The engine under a local model, with its version, where a run says it."""
    engine = (spec.metadata or {}).get(ENGINE_METADATA)
    return {} if engine is None else {"engine": engine}


def generation(spec: "EvalSpec", config: "GenerateConfig | None") -> dict[str, object]:
    """A run's generation settings; a model may bring some along, which the run's own override.

    Args:
        spec: What its log says of the run.
        config: The run's own, of its plan; None if it has none.
    """
    brought: Any = spec.model_generate_config
    return {
        **brought.model_dump(mode="json", exclude_none=True),
        **(config.model_dump(mode="json", exclude_none=True) if config is not None else {}),
    }


def run_setting(spec: "EvalSpec", config: "GenerateConfig | None") -> Setting:
    """What of a run's `generation` settings, and of its model's arguments, is in a row's name."""
    # before they are taken apart: a table under the name of a secret is one
    return Setting.of_run(masked(generation(spec, config)), masked(spec.model_args))


def row_labels(spec: "EvalSpec", config: "GenerateConfig | None", method: str) -> Labels:
    """What all records of a run share.

    Args:
        spec: What its log says of the run.
        config: The run's generation settings.
        method: Its `method_label`.
    """
    return Labels(
        model=base_model(spec),
        task=task_label(spec),
        method=method,
        setting=run_setting(spec, config),
        until_decided=_until_decided(spec),
    )


def _until_decided(spec: "EvalSpec") -> int | None:
    """How many questions there were to be in a run that asked until verdicts were settled."""
    asked = (spec.metadata or {}).get(UNTIL_DECIDED)
    if not isinstance(asked, str):
        return None
    return planned_questions(asked, spec.dataset.samples)


def estimator_settings(calls: Iterable[Call]) -> dict[str, object]:
    """The cap on a run's estimates, which a default can change; empty where none was made."""
    caps = [c.max_tokens for c in calls if c.purpose == "estimate" and c.max_tokens is not None]
    return {"max_tokens": caps[0]} if caps else {}


def _share(spec: "EvalSpec") -> dict[str, object]:
    """Which share of its questions a run asked."""
    share = share_in(spec.metadata)
    return {} if share is None else {"share": share[0], "shares": share[1]}


def run_settings(log: "Header", method: str, estimator: Mapping[str, object]) -> RunSettings:
    """What two runs must share to be compared; keys and passwords masked.

    Args:
        log: The log, or its header.
        method: Its label.
        estimator: The run's `estimator_settings`.
    """
    spec: Any = log.eval
    config: Any = log.plan.config
    return RunSettings(
        model=base_model(spec),
        task=task_label(spec),
        method=method,
        setting=run_setting(spec, config),
        log=log.location,
        values=masked(
            {
                "generation": generation(spec, config),
                "model arguments": spec.model_args,
                "model roles": {
                    role: [config.model_dump(exclude_none=True) for config in bound]
                    if isinstance(bound, list)
                    else bound.model_dump(exclude_none=True)
                    for role, bound in (spec.model_roles or {}).items()
                },
                "estimator": estimator,
                "task arguments": spec.task_args,
                "solver arguments": spec.solver_args or {},
                "run": spec.config.model_dump(include={"epochs", "limit"}, exclude_none=True)
                | _share(spec),
                "versions": {**spec.packages, "task": spec.task_version, **_engine(spec)},
                # of this day the listed prices hold
                "prices": {"day": str(spec.created)[:10]},
            }
        ),
    )
