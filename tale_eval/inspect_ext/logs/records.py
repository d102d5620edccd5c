"""Records from Inspect's logs: one per sample and epoch."""

from collections.abc import Mapping, Sequence

from inspect_ai.log import (
    EvalLog,
    EvalSample,
    EvalSampleSummary,
    EvalSpec,
    read_eval_log,
    read_eval_log_sample,
    read_eval_log_sample_summaries,
)
from inspect_ai.model import GenerateConfig
from inspect_ai.scorer import Score

from tale_eval.grading.choice import ScoreChoice, is_unread, value_of
from tale_eval.grading.credit import credit
from tale_eval.inspect_ext.logs.costs import needs_events, padded, sample_costs, scored_costs
from tale_eval.inspect_ext.logs.files import UNREAD, UNREADABLE_LOG, each_header, unreadable
from tale_eval.inspect_ext.logs.labels import (
    base_model,
    estimator_settings,
    method_label,
    run_settings,
    task_label,
)
from tale_eval.inspect_ext.record import is_batch, record_in
from tale_eval.records import Record, RunSettings
from tale_eval.tokens.costs import COST_KEYS
from tale_eval.tokens.ledger import Call
from tale_eval.tokens.pricing import Prices


def read_inspect_logs(
    names: list[str],
    prices: Prices | None,
    problems: list[str],
    choice: ScoreChoice | None = None,
) -> tuple[list[Record], list[RunSettings]]:
    """Records and settings of these logs; what is wrong with one goes into `problems`.

    Args:
        names: Where the logs lie; of several of one run the newest counts.
        prices: A user's own prices; dollars are worked out anew with them.
        choice: Which score says right or wrong.
    """
    choice = choice or ScoreChoice()
    records: list[Record] = []
    settings: list[RunSettings] = []
    for header in each_header(names, problems):
        try:
            # summaries lie in the order in which their samples ended
            rows, calls = _records(header, prices, problems, choice)
            found = sorted(rows, key=lambda r: (r.epoch, r.sample_id))
            estimator = estimator_settings(calls)
            made = [run_settings(header, found[0].method, estimator)] if found else []
        except UNREADABLE_LOG as error:
            problems.append(unreadable(header.location, error))
            continue
        records += found
        settings += made
        if not found:
            problems.append(f"{header.location}: holds no finished sample")
    return records, settings


def _records(
    header: EvalLog, prices: Prices | None, problems: list[str], choice: ScoreChoice
) -> tuple[list[Record], list[Call]]:
    """One record per sample, from the log's short summaries where they say enough.

    Beside them the calls of one sample, which say how the run asked.
    """
    # a user's prices need the calls, and these are in the samples alone
    config = header.plan.config
    batch = is_batch(header.eval.model, config)
    if prices is None and header.status == "success":
        summaries = read_eval_log_sample_summaries(header.location)
        scores = [each.scores or {} for each in summaries]
        costs = [known for each in scores if (known := scored_costs(each, batch=batch))]
        if summaries and len(costs) == len(summaries):
            which = _deciding(header, summaries, problems, choice)
            return _summary_records(header, summaries, costs, which)
    # all samples at once: Inspect opens the file anew for each that is read alone
    log = read_eval_log(header.location, exclude_fields=UNREAD)
    if count := sum(padded(sample) for sample in log.samples or []):
        problems.append(
            f"{header.location}: the tokens of {count} answers are those of the longest reply of "
            "their batch; inspect score LOG --scorer tale_eval/token_cost --action append, with "
            "the model loaded, counts them anew"
        )
    samples = log.samples or []
    which = _deciding(header, samples, problems, choice)
    records = [
        sample_record(log.eval, _with_events(header, sample, prices), prices, config, which)
        for sample in samples
    ]
    return records, record_in(samples[0]).calls if samples else []


def _with_events(header: EvalLog, sample: EvalSample, prices: Prices | None) -> EvalSample:
    """The sample with its events, where these alone say what its method used."""
    batch = is_batch(header.eval.model, header.plan.config)
    if prices is None and scored_costs(sample.scores or {}, batch=batch):
        return sample
    if not needs_events(sample, header.eval):
        return sample
    # one at a time: those of an agent's samples can be large
    whole = read_eval_log_sample(
        header.location, sample.id, sample.epoch, exclude_fields=UNREAD - {"events"}
    )
    return sample.model_copy(update={"events": whole.events})


def _summary_records(
    header: EvalLog,
    summaries: list[EvalSampleSummary],
    costs: list[dict[str, float | None]],
    which: str | None,
) -> tuple[list[Record], list[Call]]:
    # the method is in the samples only, and the same for all of a run
    first = read_eval_log_sample(
        header.location, summaries[0].id, summaries[0].epoch, exclude_fields=UNREAD
    )
    method = method_label(header.eval, first)
    records = [
        _record(header.eval, summary, method=method, error=summary.error, costs=values, which=which)
        for summary, values in zip(summaries, costs, strict=True)
    ]
    return records, record_in(first).calls


def sample_record(
    spec: EvalSpec,
    sample: EvalSample,
    prices: Prices | None,
    config: GenerateConfig | None = None,
    which: str | None = None,
) -> Record:
    """The record of a whole sample, also where its summary does not say what it cost.

    Args:
        spec: What its log says of the run.
        sample: The sample.
        prices: A user's own prices.
        config: The run's generation settings.
        which: The score that says right or wrong; None for the first that can be read so.
    """
    return _record(
        spec,
        sample,
        method=method_label(spec, sample),
        error=sample.error.message if sample.error else None,
        costs=sample_costs(sample, spec, prices, config),
        which=which or ScoreChoice().of_log([_judging(sample)])[0],
    )


def _record(
    spec: EvalSpec,
    sample: EvalSample | EvalSampleSummary,
    *,
    method: str,
    error: str | None,
    costs: dict[str, float | None],
    which: str | None,
) -> Record:
    judging = _judging(sample)
    judged = value_of(judging, which) if which else judging or None
    scores = sample.scores or {}
    group = sample.metadata.get("circular_group")
    return Record(
        model=base_model(spec),
        task=task_label(spec),
        method=method,
        sample_id=str(sample.id),
        epoch=sample.epoch,
        # a scorer may have run before another, or the solver, failed
        correct=None if error else credit(judged),
        unread=not error and is_unread(judged),
        error=error,
        bare=_bare(scores),
        costs=costs,
        rotation_of=None if group is None else str(group),
    )


def _judging(sample: EvalSample | EvalSampleSummary) -> dict[str, object]:
    """The scores that judge an answer, and do not only count what it cost."""
    judging: dict[str, object] = {}
    for name, score in (sample.scores or {}).items():
        value = score.value
        if isinstance(value, Mapping):
            # the scorer `tale` counts beside its judgement
            value = {key: number for key, number in value.items() if key not in COST_KEYS}
        if value != {}:
            judging[name] = value
    return judging


def _deciding(
    header: EvalLog,
    samples: Sequence[EvalSample | EvalSampleSummary],
    problems: list[str],
    choice: ScoreChoice,
) -> str | None:
    """The score that decides in a log; which of several it is goes into `problems`."""
    which, others = choice.of_log([_judging(sample) for sample in samples])
    if others and which is None:
        problems.append(
            f"{header.location}: none of its scores says what is right by itself; --score NAME "
            f"takes one of {', '.join(others)}"
        )
    elif others and which != choice.wanted:
        problems.append(
            f"{header.location}: its score {which} says what is right; it has "
            f"{', '.join(others)} too, which --score NAME takes"
        )
    return which


def _bare(scores: Mapping[str, Score]) -> bool | None:
    for score in scores.values():
        if isinstance(score.value, Mapping) and "bare_answer" in score.value:
            return bool(score.value["bare_answer"])
    return None
