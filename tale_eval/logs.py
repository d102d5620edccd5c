"""Reading records from Inspect's logs: ours and other people's."""

import math
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zipfile import BadZipFile

from fsspec.core import url_to_fs  # type: ignore[import-untyped]
from inspect_ai.log import (
    EvalLog,
    EvalSample,
    EvalSampleSummary,
    EvalSpec,
    list_eval_logs,
    read_eval_log,
    read_eval_log_sample,
    read_eval_log_sample_summaries,
)
from inspect_ai.model import ModelConfig, ModelUsage
from inspect_ai.scorer import Score
from pydantic import TypeAdapter
from zstandard import ZstdError

from tale_eval.adapters import BASE_METADATA
from tale_eval.budgets import UNREADABLE
from tale_eval.costs import COST_KEYS, cost_values
from tale_eval.counting import pads, was_cut_off
from tale_eval.credit import credit
from tale_eval.errors import SourceError
from tale_eval.harness.samples import read_sample_files, sample_files
from tale_eval.ledger import Call, input_tokens, output_tokens
from tale_eval.masking import masked
from tale_eval.pricing import Prices, total_dollars
from tale_eval.recorder import ESTIMATOR_ROLE
from tale_eval.records import MALFORMED, Record, RunSettings, Searched, reason
from tale_eval.traces import SearchTrace

# arguments that say how a task is asked, or where it lies, but not what is asked
_NOT_THE_QUESTIONS = {"method", "source"}


# what is large in a sample and not needed here
_UNREAD = {"events", "events_data", "messages", "attachments", "timelines"}


_COUNTS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
)

# what a cut, foreign or hostile file makes Inspect raise
_UNREADABLE = (*MALFORMED, OSError, BadZipFile, zlib.error, ZstdError)


@dataclass(frozen=True)
class Reading:
    """What a set of logs gave.

    Attributes:
        records: One row per sample and epoch, errored samples included.
        settings: How each log came to be.
        problems: One line per log that could not be used, or only in part.
    """

    records: list[Record]
    settings: list[RunSettings]
    problems: list[str]


def read_records(locations: list[str], prices: Prices | None = None) -> Reading:
    """Read every log in these files and folders.

    Args:
        locations: Files and folders, local or on S3.
        prices: A user's own prices; dollars are worked out anew with them.

    Raises:
        SourceError: If there is no log at all.
    """
    problems: list[str] = []
    names, of_lm_eval = _found(locations, problems)
    records, settings = read_sample_files(of_lm_eval, prices, problems)
    for header in _each_header(names, problems):
        try:
            # summaries lie in the order in which their samples ended
            found = sorted(_records(header, prices, problems), key=lambda r: (r.epoch, r.sample_id))
            made = [_settings(header, found[0].method)] if found else []
        except _UNREADABLE as error:
            problems.append(unreadable(header.location, error))
            continue
        records += found
        settings += made
        if not found:
            problems.append(f"{header.location}: holds no finished sample")
    return Reading(records, settings, problems)


def _records(header: EvalLog, prices: Prices | None, problems: list[str]) -> list[Record]:
    """One record per sample, from the log's short summaries where they say enough."""
    # a user's prices need the calls, and these are in the samples alone
    if prices is None and header.status == "success":
        summaries = read_eval_log_sample_summaries(header.location)
        costs = [known for each in summaries if (known := _scored_costs(each.scores or {}))]
        if summaries and len(costs) == len(summaries):
            return _summary_records(header, summaries, costs)
    # all samples at once: Inspect opens the file anew for each that is read alone
    log = read_eval_log(header.location, exclude_fields=_UNREAD)
    if padded := sum(_padded(sample) for sample in log.samples or []):
        problems.append(
            f"{header.location}: the tokens of {padded} answers are those of the longest reply of "
            "their batch; inspect score LOG --scorer tale_eval/token_cost --action append, with "
            "the model loaded, counts them anew"
        )
    return [sample_record(log.eval, sample, prices) for sample in log.samples or []]


def _summary_records(
    header: EvalLog,
    summaries: list[EvalSampleSummary],
    costs: list[dict[str, float | None]],
) -> list[Record]:
    # the method is in the samples only, and the same for all of a run
    first = read_eval_log_sample(
        header.location, summaries[0].id, summaries[0].epoch, exclude_fields=_UNREAD
    )
    method = _method(header.eval, first)
    return [
        _record(header.eval, summary, method=method, error=summary.error, costs=values)
        for summary, values in zip(summaries, costs, strict=True)
    ]


def read_searches(locations: list[str]) -> tuple[list[Searched], list[str]]:
    """Read the budget searches and the estimated budgets in these logs.

    Returns:
        The searches and estimates, and one line per log that could not be used, or only
        in part.

    Raises:
        SourceError: If there is no log at all.
    """
    problems: list[str] = []
    found: list[Searched] = []
    for log in each_log(locations, problems):
        try:
            items = [_searched(log.eval, sample) for sample in log.samples or []]
        except MALFORMED as error:
            problems.append(unreadable(log.location, error))
            continue
        usable = [item for item in items if item is not None]
        found += usable
        if len(usable) < len(items) or not items:
            problems.append(
                f"{log.location}: {len(items) - len(usable)} of its {len(items)} samples hold "
                "neither a budget search nor an estimate"
            )
    return found, problems


def _searched(spec: EvalSpec, sample: EvalSample) -> Searched | None:
    trace = sample.store.get("TaleRecord:search")
    status = sample.store.get("TaleRecord:budget_status")
    if trace is None and status is None:
        return None
    return Searched(
        model=_base_model(spec),
        task=task_label(spec),
        method=_method(spec, sample),
        question=f"{sample.id}/{sample.epoch}",
        trace=None if trace is None else SearchTrace.model_validate(trace),
        estimate=None if status in UNREADABLE else sample.store.get("TaleRecord:budget"),
    )


def each_log(locations: list[str], problems: list[str]) -> Iterator[EvalLog]:
    """Every readable log, one at a time, but those that a later one took up again.

    What is wrong with the others goes into `problems`.

    Raises:
        SourceError: If there is no log at all.
    """
    names, _ = _found(locations, problems)
    for header in _each_header(names, problems):
        log = _read(header.location, problems, exclude_fields=_UNREAD)
        if log is not None:
            yield log


def _found(locations: list[str], problems: list[str]) -> tuple[list[str], list[str]]:
    """The names of Inspect's logs, and of lm_eval's sample files, in these places."""
    logs: list[str] = []
    samples: list[str] = []
    missing = []
    for location in dict.fromkeys(locations):
        try:
            found = _log_names(location), sample_files(location)
        except Exception as error:  # noqa: BLE001 (each store's library has its own)
            missing.append(f"{location}: cannot be looked into ({reason(error)})")
            continue
        logs += found[0]
        samples += found[1]
        if not any(found):
            missing.append(
                f"no Inspect log (.eval or .json) and no samples_*.jsonl of lm_eval in {location}"
            )
    if not logs and not samples:
        raise SourceError("; ".join(missing))
    problems += missing
    return list(dict.fromkeys(logs)), samples


def _each_header(names: list[str], problems: list[str]) -> Iterator[EvalLog]:
    """The newest readable log of each run, without its samples.

    A retry, and a copy that was scored again, carry the task id of the first run.
    """
    headers = [log for name in names if (log := _read(name, problems, header_only=True))]
    newest = {header.eval.task_id: header for header in sorted(headers, key=_age)}
    for header in headers:
        name, successor = header.location, newest[header.eval.task_id]
        if header is not successor:
            problems.append(f"{name}: left out, {successor.location} is a newer log of this run")
            continue
        if header.status != "success":
            problems.append(f"{name}: the run ended with status {header.status}")
        yield header


def _age(log: EvalLog) -> tuple[str, datetime]:
    # a copy that was scored again is as old as the first by its header
    files, path = url_to_fs(log.location)
    return log.eval.created, files.modified(path)


def _read(name: str, problems: list[str], **options: Any) -> EvalLog | None:
    try:
        return read_eval_log(name, **options)
    except _UNREADABLE as error:
        problems.append(unreadable(name, error))
        return None


def unreadable(name: str, error: Exception) -> str:
    """The problem of a log that cannot be used."""
    return f"{name}: not a readable log ({reason(error)})"


def _log_names(location: str) -> list[str]:
    if location.endswith((".eval", ".json")):
        files, path = url_to_fs(location)
        return [files.unstrip_protocol(path)]
    return sorted(info.name for info in list_eval_logs(location, descending=False))


def sample_record(spec: EvalSpec, sample: EvalSample, prices: Prices | None) -> Record:
    return _record(
        spec,
        sample,
        method=_method(spec, sample),
        error=sample.error.message if sample.error else None,
        costs=_costs(sample, spec, prices),
    )


def _record(
    spec: EvalSpec,
    sample: EvalSample | EvalSampleSummary,
    *,
    method: str,
    error: str | None,
    costs: dict[str, float | None],
) -> Record:
    scores = sample.scores or {}
    group = sample.metadata.get("circular_group")
    return Record(
        model=_base_model(spec),
        task=task_label(spec),
        method=method,
        sample_id=str(sample.id),
        epoch=sample.epoch,
        # a scorer may have run before another, or the solver, failed
        correct=None if error else _correct(scores),
        error=error,
        bare=_bare(scores),
        costs=costs,
        rotation_of=None if group is None else str(group),
    )


def _settings(log: EvalLog, method: str) -> RunSettings:
    spec = log.eval
    return RunSettings(
        model=_base_model(spec),
        task=task_label(spec),
        method=method,
        log=log.location,
        values=masked(
            {
                "generation": log.plan.config.model_dump(exclude_none=True),
                "model arguments": spec.model_args,
                "model roles": {
                    role: bound.model_dump(exclude_none=True)
                    if isinstance(bound, ModelConfig)
                    else [config.model_dump(exclude_none=True) for config in bound]
                    for role, bound in (spec.model_roles or {}).items()
                },
                "task arguments": spec.task_args,
                "solver arguments": spec.solver_args or {},
                "run": spec.config.model_dump(include={"epochs", "limit"}, exclude_none=True),
                "versions": {**spec.packages, "task": spec.task_version},
            }
        ),
    )


def task_label(spec: EvalSpec) -> str:
    """A task's name with the arguments that choose its questions.

    The same whether the task was run by name ("tale_eval/gsm8k") or by path ("gsm8k").
    """
    name = spec.task.removeprefix("tale_eval/")
    chosen = [
        f"{key}={value}"
        for key, value in sorted(masked(spec.task_args_passed).items())
        if key not in _NOT_THE_QUESTIONS
    ]
    return f"{name}({', '.join(chosen)})" if chosen else name


def _method(spec: EvalSpec, sample: EvalSample) -> str:
    recorded = sample.store.get("TaleRecord:method")
    method = str(recorded) + _estimator(spec, str(recorded)) if recorded else _foreign_method(spec)
    base = _base_model(spec)
    if base == spec.model:
        return method
    # an adapter of vLLM's is called BASE:NAME
    return f"{method} @ {spec.model.removeprefix('hf/').removeprefix(f'{base}:')}"


def _estimator(spec: EvalSpec, method: str) -> str:
    """The model under whose role budgets were estimated, as part of a method's name."""
    given = re.search(r":estimator_role=([^:]+)", method)
    role = given[1] if given else ESTIMATOR_ROLE
    bound = (spec.model_roles or {}).get(role)
    if method.partition(":")[0] != "tale_ep" or bound is None:
        return ""
    names = [config.model for config in (bound if isinstance(bound, list) else [bound])]
    return f" {role}={','.join(names)}"


def _foreign_method(spec: EvalSpec) -> str:
    """Somebody else's solver, with the arguments it was given."""
    if spec.solver is None:
        return "task's own solver"
    name = spec.solver.removeprefix("tale_eval/")
    given = masked(spec.solver_args_passed or {})
    said = ", ".join(f"{key}={value}" for key, value in sorted(given.items()))
    return f"{name}({said})" if said else name


def _base_model(spec: EvalSpec) -> str:
    """The model, or the one that an adapter belongs to: an adapter is a method of its base."""
    return str((spec.metadata or {}).get(BASE_METADATA, spec.model))


def _correct(scores: Mapping[str, Score]) -> float | None:
    """The first score that says right or wrong."""
    for score in scores.values():
        value = score.value.get("correct") if isinstance(score.value, Mapping) else score.value
        if (number := credit(value)) is not None:
            return number
    return None


def _bare(scores: Mapping[str, Score]) -> bool | None:
    for score in scores.values():
        if isinstance(score.value, Mapping) and "bare_answer" in score.value:
            return bool(score.value["bare_answer"])
    return None


def _costs(sample: EvalSample, spec: EvalSpec, prices: Prices | None) -> dict[str, float | None]:
    scored = _scored_costs(sample.scores or {})
    if scored is not None and prices is None:
        return scored
    calls = _calls(sample, spec)
    if scored is not None:
        return scored | {"dollars": _dollars_of_scored(scored, calls, prices)}
    costs = cost_values(
        calls,
        answer_call=sample.store.get("TaleRecord:answer_call"),
        budget=sample.store.get("TaleRecord:budget"),
        budget_status=sample.store.get("TaleRecord:budget_status"),
        budget_echoed=sample.store.get("TaleRecord:budget_echoed", False),
        search_status=(sample.store.get("TaleRecord:search") or {}).get("status"),
        prices=prices,
    )
    # Inspect's usage is a sum for each model, of nobody knows how many calls
    return costs if all(call.event for call in calls) else costs | {"calls": None}


def _dollars_of_scored(
    scored: Mapping[str, float | None], calls: Sequence[Call], prices: Prices | None
) -> float | None:
    """A user's prices for what a scorer counted; None if these are other calls."""
    counted = (output_tokens(calls), input_tokens(calls))
    if not calls or counted != (scored["output_tokens"], scored["input_tokens"]):
        return None
    dollars = total_dollars(calls, prices)
    return None if dollars is None else float(dollars)


def _padded(sample: EvalSample) -> bool:
    """Whether nobody counted what each reply of a local batch holds."""
    if _scored_costs(sample.scores or {}) or sample.store.get("TaleRecord:calls"):
        return False
    return any(pads(model) for model in sample.model_usage)


def _scored_costs(scores: Mapping[str, Score]) -> dict[str, float | None] | None:
    """The costs that a scorer of ours wrote down; None if there are none."""
    for score in scores.values():
        values = score.value
        if isinstance(values, Mapping) and values.keys() >= set(COST_KEYS):
            return {key: _known(values[key]) for key in COST_KEYS}
    return None


def _calls(sample: EvalSample, spec: EvalSpec) -> list[Call]:
    """The sample's ledger and what others, such as a grader, used; or its usage per model."""
    written = TypeAdapter(list[Call]).validate_python(sample.store.get("TaleRecord:calls") or [])
    if not written:
        return [_used(model, usage, sample, spec) for model, usage in sample.model_usage.items()]
    return [*written, *_helper_calls(written, sample, spec)]


def _helper_calls(written: Sequence[Call], sample: EvalSample, spec: EvalSpec) -> Iterator[Call]:
    """What was used beside the ledger's calls, for each model."""
    for model, usage in sample.model_usage.items():
        # Inspect's usage leaves out what came from its cache
        known = [call for call in written if call.model == model and not call.replayed]
        if any(call.counted_by != "provider" for call in known):
            continue  # another count than the usage's: their difference says nothing
        total = _used(model, usage, sample, spec)
        rest = {
            name: max(0, (getattr(total, name) or 0) - sum(getattr(c, name) or 0 for c in known))
            for name in _COUNTS
        }
        if any(rest.values()):
            yield total.model_copy(update={**rest, "purpose": "helper", "truncated": None})


def _used(model: str, usage: ModelUsage, sample: EvalSample, spec: EvalSpec) -> Call:
    """A model's usage as one call."""
    read, written = usage.input_tokens_cache_read or 0, usage.input_tokens_cache_write or 0
    answers = model == spec.model
    return Call(
        # a grader's tokens are no answer
        purpose="answer" if answers else "helper",
        model=model,
        input_tokens=usage.input_tokens + read + written,
        cache_read_tokens=read,
        cache_write_tokens=written,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        counted_by="padded_batch" if pads(model) else "provider",
        truncated=was_cut_off(sample.output) if answers and not pads(model) else None,
    )


def _known(value: object) -> float | None:
    if not isinstance(value, int | float) or math.isnan(value):
        return None
    return float(value)
