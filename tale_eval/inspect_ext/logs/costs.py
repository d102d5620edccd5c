"""What a sample cost: by our scorer, by its ledger and events, or by Inspect's usage. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from inspect_ai.log import EvalSample, EvalSpec
from inspect_ai.model import GenerateConfig, ModelUsage

from tale_eval.budgets.plan import Purpose
from tale_eval.inspect_ext.counting import count, replied, usage_counts, was_cut_off
from tale_eval.inspect_ext.logged import is_batch, pads, record_in
from tale_eval.inspect_ext.logs.scored import scored_costs, with_later_scorers
from tale_eval.inspect_ext.record import ESTIMATOR_ROLE, calls_in
from tale_eval.tokens.costs import cost_values
from tale_eval.tokens.ledger import Call, input_tokens, mended, output_tokens, own_calls
from tale_eval.tokens.pricing import Prices, total_dollars

_COUNTS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
)
"""What the scorers of version 0.1.0 did not write down."""


def sample_costs(
    sample: EvalSample,
    spec: EvalSpec,
    prices: Prices | None,
    config: GenerateConfig | None = None,
) -> dict[str, float | None]:
    """The costs by `COST_KEYS`, None where they are not known; dollars anew with prices.

    What a scorer of ours wrote down is worked out here; `costs_beside` is for who has it.

    Args:
        sample: The sample; its events are used where it has them.
        spec: Of its run.
        prices: A user's own prices.
        config: The run's settings of generation.
    """
    batch = config is not None and is_batch(spec.model, config)
    scored = scored_costs(sample.scores or {}, batch=batch)
    return costs_beside(scored, sample, spec, prices, batch=batch)


def costs_beside(
    scored: dict[str, float | None] | None,
    sample: EvalSample,
    spec: EvalSpec,
    prices: Prices | None,
    *,
    batch: bool,
) -> dict[str, float | None]:
    """`sample_costs`, with what a scorer of ours wrote down at hand.

    Args:
        scored: By `scored_costs`; None if there is nothing to go by.
        sample: The sample; its events are used where it has them.
        spec: Of its run.
        prices: A user's own prices.
        batch: Whether the run used its provider's batch API.
    """
    if scored is not None and prices is None:
        return with_later_scorers(scored, sample.scores or {}, sample.model_usage)
    calls = [_placed(call, sample, spec, batch) for call in _calls(sample, spec)]
    if scored is not None:
        return scored | _dollars_of_scored(scored, calls, prices)
    record = record_in(sample)
    costs = cost_values(
        calls,
        answer_call=record.answer_call,
        budget=record.budget,
        budget_status=record.budget_status,
        budget_echoed=record.budget_echoed,
        search_status=record.search_status,
        prices=prices,
    )
    # Inspect's usage is a sum for each model, of nobody knows how many calls
    return costs | {"calls": None} if any(c.summed for c in own_calls(calls)) else costs


def _dollars_of_scored(
    scored: Mapping[str, float | None], calls: Sequence[Call], prices: Prices | None
) -> dict[str, float | None]:
    """A user's prices for what a scorer counted; None where these are other calls."""
    own = own_calls(calls)
    graders = [call for call in calls if call.purpose == "scorer"]
    counted = (output_tokens(own), input_tokens(own))
    same = bool(own) and counted == (scored["output_tokens"], scored["input_tokens"])
    alike = output_tokens(graders) == scored["scorer_tokens"]
    return {
        "dollars": _dollars(own, prices) if same else None,
        "scorer_dollars": _dollars(graders, prices) if alike else None,
    }


def _dollars(calls: Sequence[Call], prices: Prices | None) -> float | None:
    dollars = total_dollars(calls, prices)
    return None if dollars is None else float(dollars)


def padded(sample: EvalSample) -> bool:
    """Whether a sample of which no scorer says the cost is of a local batch that nobody counted."""
    if record_in(sample).has_calls:
        return False
    return any(pads(model) for model in sample.model_usage)


def needs_events(sample: EvalSample, spec: EvalSpec) -> bool:
    """Whether only the sample's events say whose tokens were used, and in how many calls."""
    written = record_in(sample).calls
    if written:
        return any(True for _ in _unwritten(written, sample, spec))
    used = bool(sample.model_usage) or sample.output.usage is not None
    return used and not _is_one_call(sample)


def _calls(sample: EvalSample, spec: EvalSpec) -> list[Call]:
    """The sample's ledger and what its events hold beside it; without events, its usage."""
    written = [mended(call) for call in record_in(sample).calls]
    if any(event.event == "model" for event in sample.events):
        return calls_in(sample.events, written, sample.output)
    if written:
        return [*written, *_unwritten(written, sample, spec)]
    if sample.model_usage and not _is_one_call(sample):
        return [_used(model, usage, sample, spec) for model, usage in sample.model_usage.items()]
    if sample.output.usage is None:
        return []
    # old logs have the usage here alone, and so have replies from Inspect's cache
    model = next(iter(sample.model_usage), spec.model)
    return [Call(purpose="answer", model=model, **vars(count(sample.output, model)))]


def _is_one_call(sample: EvalSample) -> bool:
    """Whether the sample's usage is that of its answer's call, and so no other call's."""
    return list(sample.model_usage.values()) == [sample.output.usage]


def _unwritten(written: Sequence[Call], sample: EvalSample, spec: EvalSpec) -> Iterator[Call]:
    """What was used beside the ledger's calls, for each model.

    Our methods write all of theirs down: the rest is a scorer's.
    """
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
            yield total.model_copy(update={**rest, "purpose": "scorer", "truncated": None})


def _used(model: str, usage: ModelUsage, sample: EvalSample, spec: EvalSpec) -> Call:
    """A model's usage as one call."""
    answers = model == spec.model
    counts = usage_counts(usage, answers and replied(sample.output))
    uncounted = counts["output_tokens"] is None
    return Call(
        purpose="answer" if answers else _purpose_of_model(model, spec),
        model=model,
        **counts,
        counted_by="nobody" if uncounted else "padded_batch" if pads(model) else "provider",
        truncated=was_cut_off(sample.output) if answers and not pads(model) else None,
        summed=True,
    )


def _purpose_of_model(model: str, spec: EvalSpec) -> Purpose:
    """Why another model than the task's was asked, by the role that it was given."""
    for role, bound in (spec.model_roles or {}).items():
        if model in [config.model for config in (bound if isinstance(bound, list) else [bound])]:
            return _PURPOSES.get(role, "helper")
    return "helper"


_PURPOSES: dict[str, Purpose] = {"grader": "scorer", ESTIMATOR_ROLE: "estimate"}


def _placed(call: Call, sample: EvalSample, spec: EvalSpec, batch: bool) -> Call:
    """The call with the day, the batch and the tier that only the run's settings say."""
    tier = spec.model_args.get("service_tier") if call.model == spec.model else None
    return call.model_copy(
        update={
            "at": call.at or _time(sample.started_at or spec.created),
            "batch": call.batch or (batch and call.model == spec.model),
            "service_tier": call.service_tier or (tier if isinstance(tier, str) else None),
        }
    )


def _time(written: str) -> datetime:
    read = datetime.fromisoformat(written)
    return read if read.tzinfo else read.replace(tzinfo=UTC)
