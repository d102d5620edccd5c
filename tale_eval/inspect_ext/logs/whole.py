"""Records of whole samples, by Inspect's own reader: of any log that it can read."""

from inspect_ai.log import EvalLog, EvalSample, EvalSpec, read_eval_log, read_eval_log_sample
from inspect_ai.model import GenerateConfig

from tale_eval.grading.choice import Deciding, ScoreChoice
from tale_eval.inspect_ext.logged import is_batch, record_in
from tale_eval.inspect_ext.logs.costs import needs_events, padded, sample_costs
from tale_eval.inspect_ext.logs.files import UNREAD
from tale_eval.inspect_ext.logs.labels import method_label, recorded_method, run_setting
from tale_eval.inspect_ext.logs.rows import deciding, judging, record
from tale_eval.inspect_ext.logs.scored import scored_costs
from tale_eval.places import as_path
from tale_eval.records import Record
from tale_eval.tokens.ledger import Call
from tale_eval.tokens.pricing import Prices


def whole_records(
    location: str, prices: Prices | None, problems: list[str], choice: ScoreChoice
) -> tuple[list[Record], list[Call]]:
    """One record per sample, and the calls of one, which say how the run asked."""
    # all samples at once: Inspect opens the file anew for each that is read alone
    log = read_eval_log(as_path(location), exclude_fields=UNREAD)
    samples = _finished(log, problems)
    if count := sum(map(padded, samples)):
        problems.append(
            f"{log.location}: the tokens of {count} answers are those of the longest reply of "
            "their batch; inspect score LOG --scorer tale_eval/token_cost --action append, with "
            "the model loaded, counts them anew"
        )
    method = method_label(log.eval, recorded_method(samples))
    which = deciding(log, samples, problems, choice)
    records = [
        sample_record(
            log.eval, _with_events(log, sample, prices), prices, log.plan.config, which, method
        )
        for sample in samples
    ]
    return records, next((calls for each in samples if (calls := record_in(each).calls)), [])


def _finished(log: EvalLog, problems: list[str]) -> list[EvalSample]:
    """The samples but those that Inspect stopped: another one's failure ended the run."""
    begun = log.samples or []
    found = [each for each in begun if not _was_stopped(each)]
    if stopped := len(begun) - len(found):
        problems.append(
            f"{log.location}: {stopped} samples were stopped unfinished when the run ended, and "
            "count nowhere; with --continue-on-fail a failed sample does not stop the others"
        )
    return found


def _was_stopped(sample: EvalSample) -> bool:
    return sample.error is not None and sample.error.message.startswith("CancelledError")


def _with_events(log: EvalLog, sample: EvalSample, prices: Prices | None) -> EvalSample:
    """The sample with its events, where these alone say what its method used."""
    batch = is_batch(log.eval.model, log.plan.config)
    if prices is None and scored_costs(sample.scores or {}, batch=batch):
        return sample
    if not needs_events(sample, log.eval):
        return sample
    # one at a time: those of an agent's samples can be large
    whole = read_eval_log_sample(
        log.location, sample.id, sample.epoch, exclude_fields=UNREAD - {"events"}
    )
    return sample.model_copy(update={"events": whole.events})


def sample_record(
    spec: EvalSpec,
    sample: EvalSample,
    prices: Prices | None,
    config: GenerateConfig | None = None,
    which: Deciding | None = None,
    method: str | None = None,
) -> Record:
    """The record of a whole sample, also where its summary does not say what it cost.

    Args:
        spec: What its log says of the run.
        sample: The sample.
        prices: A user's own prices.
        config: The run's generation settings.
        which: The score that says right or wrong; None for the first that can be read so.
        method: The run's `method_label`; None for what this sample says of it.
    """
    logged = record_in(sample)
    return record(
        spec,
        sample,
        method=method or method_label(spec, logged.method),
        setting=run_setting(spec, config),
        error=sample.error.message if sample.error else None,
        costs=sample_costs(sample, spec, prices, config),
        which=which or ScoreChoice().deciding([judging(sample)])[0],
        controls=logged.controls,
    )
