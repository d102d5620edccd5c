"""Reading records from Inspect's logs: ours and other people's."""

from collections.abc import Mapping
from dataclasses import dataclass

from inspect_ai.log import (
    EvalLog,
    EvalSample,
    EvalSampleSummary,
    EvalSpec,
    read_eval_log,
    read_eval_log_sample,
    read_eval_log_sample_summaries,
)
from inspect_ai.scorer import Score

from tale_eval.budgets import reading as budgets
from tale_eval.budgets.traces import SearchTrace
from tale_eval.grading.credit import credit
from tale_eval.inspect_ext.log_costs import padded, sample_costs, scored_costs
from tale_eval.inspect_ext.log_files import (
    UNREAD,
    UNREADABLE,
    each_header,
    each_log,
    find_logs,
    unreadable,
)
from tale_eval.inspect_ext.log_labels import base_model, method_label, run_settings, task_label
from tale_eval.lm_eval_ext.samples import read_sample_files
from tale_eval.records import MALFORMED, Record, RunSettings, Searched
from tale_eval.tokens.pricing import Prices


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
    names, of_lm_eval = find_logs(locations, problems)
    records, settings = read_sample_files(of_lm_eval, prices, problems)
    for header in each_header(names, problems):
        try:
            # summaries lie in the order in which their samples ended
            found = sorted(_records(header, prices, problems), key=lambda r: (r.epoch, r.sample_id))
            made = [run_settings(header, found[0].method)] if found else []
        except UNREADABLE as error:
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
        costs = [known for each in summaries if (known := scored_costs(each.scores or {}))]
        if summaries and len(costs) == len(summaries):
            return _summary_records(header, summaries, costs)
    # all samples at once: Inspect opens the file anew for each that is read alone
    log = read_eval_log(header.location, exclude_fields=UNREAD)
    if count := sum(padded(sample) for sample in log.samples or []):
        problems.append(
            f"{header.location}: the tokens of {count} answers are those of the longest reply of "
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
        header.location, summaries[0].id, summaries[0].epoch, exclude_fields=UNREAD
    )
    method = method_label(header.eval, first)
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
        model=base_model(spec),
        task=task_label(spec),
        method=method_label(spec, sample),
        question=f"{sample.id}/{sample.epoch}",
        trace=None if trace is None else SearchTrace.model_validate(trace),
        estimate=None if status in budgets.UNREADABLE else sample.store.get("TaleRecord:budget"),
    )


def sample_record(spec: EvalSpec, sample: EvalSample, prices: Prices | None) -> Record:
    """The record of a whole sample, also where its summary does not say what it cost."""
    return _record(
        spec,
        sample,
        method=method_label(spec, sample),
        error=sample.error.message if sample.error else None,
        costs=sample_costs(sample, spec, prices),
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
        model=base_model(spec),
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
