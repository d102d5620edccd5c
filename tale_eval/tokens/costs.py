"""From the calls of one sample to its cost, as named numbers. Pure."""

import math
from collections.abc import Sequence

from tale_eval.budgets.reading import WITHOUT_BUDGET
from tale_eval.tokens import ledger
from tale_eval.tokens.ledger import Call
from tale_eval.tokens.pricing import Prices, total_dollars

COST_KEYS = (
    "answer_tokens",
    "estimator_tokens",
    "vanilla_tokens",
    "search_tokens",
    "helper_tokens",
    "reasoning_tokens",
    "output_tokens",
    "input_tokens",
    "dollars",
    "calls",
    "seconds",
    "budget",
    "within_budget",
    "truncated",
    "budget_missing",
    "budget_echoed",
    "unsolved",
    "no_smaller_budget",
)
"""What is known of each sample's cost.

answer_tokens: output tokens of the call that gave the sample's answer.
estimator_tokens, helper_tokens: of the budget estimator; of other roles (graders).
output_tokens: of all calls, each once. reasoning_tokens: the part of them that was
hidden reasoning, where reported. input_tokens: of all calls, cached ones included.
within_budget: 1 if answer_tokens <= budget. truncated: the answer hit its token cap.
budget_missing: no budget could be read from the estimate. budget_echoed: the
estimate repeats the example of its own prompt.

Of a budget search: vanilla_tokens and search_tokens, of the unbudgeted answers and of
the trials; the answer is one of these calls. unsolved: vanilla CoT was wrong;
no_smaller_budget: it was right, and no smaller budget was.
"""


def cost_values(
    calls: Sequence[Call],
    *,
    answer_call: int | None = None,
    budget: int | None = None,
    budget_status: str | None = None,
    budget_echoed: bool = False,
    search_status: str | None = None,
    prices: Prices | None = None,
) -> dict[str, float | None]:
    """The values of COST_KEYS for one sample; None where unknown or not applicable.

    Args:
        calls: All calls of the sample.
        answer_call: Index of the call that gave the answer; by default the last
            call made to answer.
        budget: Budget of the answer, in tokens.
        budget_status: How the estimate was read; None without an estimator.
        budget_echoed: The estimate repeats the example of its prompt.
        search_status: How a budget search ended; None without one.
        prices: A user's own prices.
    """
    answer = _answer(calls, answer_call)
    answer_tokens = answer.output_tokens if answer else None
    dollars = total_dollars(calls, prices) if calls else None
    estimated = budget_status is not None
    return {
        "answer_tokens": answer_tokens,
        "estimator_tokens": ledger.output_tokens(calls, "estimate"),
        "vanilla_tokens": ledger.output_tokens(calls, "vanilla"),
        "search_tokens": ledger.output_tokens(calls, "search"),
        "helper_tokens": ledger.output_tokens(calls, "helper"),
        "reasoning_tokens": ledger.reasoning_tokens(calls),
        "output_tokens": ledger.output_tokens(calls) if calls else None,
        "input_tokens": ledger.input_tokens(calls) if calls else None,
        "dollars": None if dollars is None else float(dollars),
        "calls": len(calls),
        "seconds": _seconds(calls),
        "budget": budget,
        "within_budget": None
        if budget is None or answer_tokens is None
        else answer_tokens <= budget,
        "truncated": answer.truncated if answer else None,
        "budget_missing": budget_status in WITHOUT_BUDGET if estimated else None,
        "budget_echoed": budget_echoed if estimated else None,
        "unsolved": search_status == "unsolved" if search_status else None,
        "no_smaller_budget": search_status == "no_smaller_budget" if search_status else None,
    }


def _answer(calls: Sequence[Call], index: int | None) -> Call | None:
    if index is not None:
        return calls[index]
    answers = [call for call in calls if call.purpose == "answer"]
    return answers[-1] if answers else None


def _seconds(calls: Sequence[Call]) -> float | None:
    """Seconds that the models took; None where a reply came from Inspect's cache."""
    seconds = [call.seconds for call in calls if call.seconds is not None and not call.replayed]
    return math.fsum(seconds) if calls and len(seconds) == len(calls) else None
