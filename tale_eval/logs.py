"""Reading records from Inspect's logs: ours and other people's."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from inspect_ai.log import EvalLog, EvalSample, EvalSpec, list_eval_logs, read_eval_log
from inspect_ai.scorer import Score, value_to_float
from pydantic import TypeAdapter

from tale_eval.costs import COST_KEYS, cost_values
from tale_eval.errors import SourceError
from tale_eval.ledger import Call
from tale_eval.records import Record

# arguments that say how a task is asked, or where it lies, but not what is asked
_NOT_THE_QUESTIONS = {"method", "source"}


@dataclass(frozen=True)
class Reading:
    """What a set of logs gave.

    Attributes:
        records: One row per sample and epoch, errored samples included.
        problems: One line per log that could not be used, or only in part.
    """

    records: list[Record]
    problems: list[str]


def read_records(locations: list[str]) -> Reading:
    """Read every log in these files and folders.

    Raises:
        SourceError: If there is no log at all.
    """
    names = [name for location in locations for name in _log_names(location)]
    if not names:
        raise SourceError(f"no Inspect log (.eval or .json) in {', '.join(locations)}")
    records: list[Record] = []
    problems: list[str] = []
    for name in names:
        try:
            log = read_eval_log(name)
        except (ValueError, OSError, KeyError) as error:
            problems.append(f"{name}: not a readable log ({error})")
            continue
        records.extend(_records(log))
        if log.status != "success":
            problems.append(f"{name}: the run ended with status {log.status}")
    return Reading(records, problems)


def _log_names(location: str) -> list[str]:
    if location.endswith((".eval", ".json")):
        return [location]
    return sorted(info.name for info in list_eval_logs(location, descending=False))


def _records(log: EvalLog) -> Iterator[Record]:
    task = task_label(log.eval)
    for sample in log.samples or []:
        yield Record(
            model=log.eval.model,
            task=task,
            method=_method(log.eval, sample),
            sample_id=str(sample.id),
            epoch=sample.epoch,
            correct=_correct(sample),
            error=sample.error.message if sample.error else None,
            bare=_bare(sample),
            costs=_costs(sample),
        )


def task_label(spec: EvalSpec) -> str:
    """A task's name with the arguments that choose its questions.

    The same whether the task was run by name ("tale_eval/gsm8k") or by path ("gsm8k").
    """
    name = spec.task.removeprefix("tale_eval/")
    chosen = [
        f"{key}={value}"
        for key, value in sorted(spec.task_args_passed.items())
        if key not in _NOT_THE_QUESTIONS
    ]
    return f"{name}({', '.join(chosen)})" if chosen else name


def _method(spec: EvalSpec, sample: EvalSample) -> str:
    recorded = sample.store.get("TaleRecord:method")
    if recorded:
        return str(recorded)
    return (spec.solver or "task's own solver").removeprefix("tale_eval/")


def _correct(sample: EvalSample) -> float | None:
    """The sample's first score that says right or wrong."""
    to_float = value_to_float()
    for score in (sample.scores or {}).values():
        value = score.value.get("correct") if isinstance(score.value, Mapping) else score.value
        if isinstance(value, str | int | float):
            number = to_float(value)
            return None if math.isnan(number) else number
    return None


def _bare(sample: EvalSample) -> bool | None:
    for score in (sample.scores or {}).values():
        if isinstance(score.value, Mapping) and "bare_answer" in score.value:
            return bool(score.value["bare_answer"])
    return None


def _costs(sample: EvalSample) -> dict[str, float | None]:
    for score in (sample.scores or {}).values():
        if _is_cost(score):
            values: Any = score.value
            return {key: _known(values[key]) for key in COST_KEYS}
    return cost_values(
        _calls(sample),
        answer_call=sample.store.get("TaleRecord:answer_call"),
        budget=sample.store.get("TaleRecord:budget"),
        budget_status=sample.store.get("TaleRecord:budget_status"),
        budget_echoed=sample.store.get("TaleRecord:budget_echoed", False),
        search_status=(sample.store.get("TaleRecord:search") or {}).get("status"),
    )


def _is_cost(score: Score) -> bool:
    return isinstance(score.value, Mapping) and set(COST_KEYS) <= score.value.keys()


def _calls(sample: EvalSample) -> list[Call]:
    """The sample's ledger, or its usage per model where it has none."""
    ledger = sample.store.get("TaleRecord:calls")
    if ledger:
        return TypeAdapter(list[Call]).validate_python(ledger)
    return [
        Call(
            purpose="answer",
            model=model,
            input_tokens=usage.input_tokens
            + (usage.input_tokens_cache_read or 0)
            + (usage.input_tokens_cache_write or 0),
            cache_read_tokens=usage.input_tokens_cache_read or 0,
            cache_write_tokens=usage.input_tokens_cache_write or 0,
            output_tokens=usage.output_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            counted_by="padded_batch" if model.startswith("hf/") else "provider",
        )
        for model, usage in sample.model_usage.items()
    ]


def _known(value: object) -> float | None:
    if not isinstance(value, int | float) or math.isnan(value):
        return None
    return float(value)
