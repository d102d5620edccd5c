"""What a sample cost: by a scorer of ours, by its ledger, or by Inspect's usage. Pure."""

import math
from collections.abc import Iterator, Mapping, Sequence

from inspect_ai.log import EvalSample, EvalSpec
from inspect_ai.model import ModelUsage
from inspect_ai.scorer import Score

from tale_eval.inspect_ext.counting import pads, was_cut_off
from tale_eval.inspect_ext.record import record_in
from tale_eval.tokens.costs import COST_KEYS, cost_values
from tale_eval.tokens.ledger import Call, input_tokens, output_tokens
from tale_eval.tokens.pricing import Prices, total_dollars

_COUNTS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
)


def sample_costs(
    sample: EvalSample, spec: EvalSpec, prices: Prices | None
) -> dict[str, float | None]:
    """The costs by `COST_KEYS`, None where they are not known; dollars anew with prices."""
    scored = scored_costs(sample.scores or {})
    if scored is not None and prices is None:
        return scored
    calls = _calls(sample, spec)
    if scored is not None:
        return scored | {"dollars": _dollars_of_scored(scored, calls, prices)}
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
    return costs if all(call.event for call in calls) else costs | {"calls": None}


def scored_costs(scores: Mapping[str, Score]) -> dict[str, float | None] | None:
    """The costs that a scorer of ours wrote down; None if there are none."""
    for score in scores.values():
        values = score.value
        if isinstance(values, Mapping) and values.keys() >= set(COST_KEYS):
            return {key: _known(values[key]) for key in COST_KEYS}
    return None


def _dollars_of_scored(
    scored: Mapping[str, float | None], calls: Sequence[Call], prices: Prices | None
) -> float | None:
    """A user's prices for what a scorer counted; None if these are other calls."""
    counted = (output_tokens(calls), input_tokens(calls))
    if not calls or counted != (scored["output_tokens"], scored["input_tokens"]):
        return None
    dollars = total_dollars(calls, prices)
    return None if dollars is None else float(dollars)


def padded(sample: EvalSample) -> bool:
    """Whether nobody counted what each reply of a local batch holds."""
    if scored_costs(sample.scores or {}) or record_in(sample).has_calls:
        return False
    return any(pads(model) for model in sample.model_usage)


def _calls(sample: EvalSample, spec: EvalSpec) -> list[Call]:
    """The sample's ledger and what others, such as a grader, used; or its usage per model."""
    written = record_in(sample).calls
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
