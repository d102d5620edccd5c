"""Scoring lm-eval replies: correctness and cost, and how they are summed up.

The functions are named in the tasks' YAML files.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from tale_eval.budgets.reading import BudgetReading, read_budget
from tale_eval.grading.answers import grade
from tale_eval.lm_eval_ext.cautions import cuts_reasoning
from tale_eval.lm_eval_ext.documents import plan_of
from tale_eval.lm_eval_ext.replies import Reply
from tale_eval.shown.masking import masked_text
from tale_eval.tokens.costs import answer_of, cost_values
from tale_eval.tokens.ledger import Call, reasoned_unseen, with_words

Document = Mapping[str, Any]

ANSWER_COSTS = ("answer_tokens", "output_tokens", "input_tokens", "truncated")
BUDGET_COSTS = ("budget", "within_budget")
ESTIMATE_COSTS = ("estimator_tokens", "budget_missing", "budget_echoed", "estimate_cut_off")
"""The values of `tale_eval.tokens.costs.COST_KEYS` that the tasks show."""


def score(document: Document, results: Sequence[str]) -> dict[str, Any]:
    """Correctness and cost of one answer: lm-eval's ``process_results``.

    Numbers that are unknown or do not apply are None and stay out of the means, and so does
    a question whose request failed: of it only this is known.
    """
    reply = results[0]
    calls = [*_estimate_calls(document), *_worded(_calls(document, reply), reply)]
    if error := _error(reply):
        return {**error, "calls": _dumped(calls)}
    costs = _shown_costs(calls, _budget(document, reply), _reading(document, reply))
    graded = grade(
        reply,
        document["gold"],
        document["kind"],
        document["options"] or [],
        truncated=costs["truncated"] is True,
    )
    return {
        "correct": int(graded.correct),
        **_NO_ERROR,
        **costs,
        "bare_answer": int(graded.extraction.bare and not _reasoned(reply)),
        "no_answer": int(graded.extraction.answer is None),
        "undecided": int(graded.undecided),
        "calls": _dumped(calls),
    }


def spent(replies: Sequence[str]) -> dict[str, Any]:
    """What the replies to one question of somebody else's task took, and why there are none.

    Of several replies to one prompt, lm_eval's repeats, the first is the answer, and the others
    are helper calls: all were paid for.
    """
    first, *others = replies
    calls = [
        call.model_copy(update={"purpose": "helper"}) if call.purpose == "answer" else call
        for reply in others
        for call in getattr(reply, "calls", ())
    ]
    calls += _worded(getattr(first, "calls", ()), first)
    if error := next(filter(None, map(_error, replies)), None):
        return {**error, "calls": _dumped(calls)}
    costs = _shown_costs(calls, calls[-1].budget if calls else None, _told_reading(first))
    cut = cuts_reasoning(getattr(first, "stopped_at", None) or "")
    return {**_NO_ERROR, **costs, "cut_at_stop": int(cut), "calls": _dumped(calls)}


def estimate(document: Document, results: Sequence[str]) -> dict[str, Any]:
    """What an estimator said: ``process_results`` of the first stage of TALE-EP."""
    reply = results[0]
    if error := _error(reply):
        return {**error, "calls": []}
    reading = read_budget(reply)
    calls = [call.model_copy(update={"purpose": "estimate"}) for call in _calls(document, reply)]
    costs = cost_values(calls, budget_status=reading.status, budget_echoed=reading.echoed)
    return {
        **_NO_ERROR,
        "budget": reading.budget,
        **{key: costs[key] for key in ESTIMATE_COSTS},
        "budget_status": reading.status,
        "calls": _dumped(calls),
    }


def known_mean(values: Sequence[float | None]) -> float:
    """The mean of the values that are known; NaN if none is."""
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else math.nan


def shares(values: Sequence[str | None]) -> str:
    """How often each word occurs: "read 38, missing 2"."""
    return ", ".join(f"{word} {n}" for word, n in Counter(filter(None, values)).most_common())


def counters(values: Sequence[Sequence[Mapping[str, Any]]]) -> str:
    """Who counted the calls: "provider 80"."""
    return shares([call["counted_by"] for calls in values for call in calls])


AGGREGATIONS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys((*ANSWER_COSTS, *BUDGET_COSTS, *ESTIMATE_COSTS), known_mean),
    **dict.fromkeys(("failed", "cut_at_stop"), known_mean),
    **dict.fromkeys(("budget_status", "error", "method", "asked_to_reason"), shares),
    "calls": counters,
}
"""What stands beside the metrics of somebody else's task, and how it is summed up."""

HIGHER_IS_BETTER = {name: name == "within_budget" for name in AGGREGATIONS}

_NO_ERROR = {"failed": 0, "error": None}


def _error(reply: str) -> dict[str, Any]:
    """What is said of a request that failed; nothing of one that did not."""
    if isinstance(reply, Reply) and reply.error is not None:
        return {"failed": 1, "error": masked_text(reply.error)}
    return {}


def _reading(document: Document, reply: str) -> BudgetReading | None:
    """How the budget of this answer was estimated, in this run or in an earlier one."""
    if told := _told_reading(reply):
        return told
    if document["budget_status"] is None:
        return None
    return BudgetReading(document["budget"], document["budget_status"], document["budget_echoed"])


def _told_reading(reply: str) -> BudgetReading | None:
    return reply.reading if isinstance(reply, Reply) else None


def _shown_costs(
    calls: Sequence[Call], budget: int | None, reading: BudgetReading | None
) -> dict[str, Any]:
    """The costs that apply to an answer."""
    costs = cost_values(
        calls,
        budget=budget,
        budget_status=reading.status if reading else None,
        budget_echoed=reading.echoed if reading else False,
    )
    shown = [*ANSWER_COSTS]
    if reading or budget:
        shown += BUDGET_COSTS
    if reading:
        shown += ESTIMATE_COSTS
    status = {"budget_status": reading.status} if reading else {}
    return {**{key: costs[key] for key in shown}, **status}


def _budget(document: Document, reply: str) -> int | None:
    """The budget that the answer was asked under."""
    if isinstance(reply, Reply) and reply.reading and reply.calls:
        return reply.calls[-1].budget
    budget: int | None = document["budget"]
    return budget


def _reasoned(reply: str) -> bool:
    """Whether the model reasoned out of sight before this reply."""
    if not isinstance(reply, Reply):
        return False
    answer = answer_of(reply.calls)
    return reply.thought or (answer is not None and reasoned_unseen(answer))


def _estimate_calls(document: Document) -> list[Call]:
    return [Call.model_validate_json(call) for call in document["estimate_calls"]]


def _calls(document: Document, reply: str) -> Sequence[Call]:
    """The reply's calls; where lm_eval runs by itself, the tokenizer counts the text."""
    if isinstance(reply, Reply):
        return reply.calls
    name, budget = document["tokenizer"], document["budget"]
    told: dict[str, Any] = {"purpose": "answer", "budget": budget}
    if budget is not None:
        told["controls"] = plan_of(document["method"]).control.asked(budget)
    if name is None:
        return [Call(model="unknown", counted_by="nobody", **told)]
    written = len(_tokenizer(name)(reply, add_special_tokens=False)["input_ids"])
    return [Call(model=name, output_tokens=written, counted_by="tokenizer", **told)]


@cache
def _tokenizer(name: str) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(name, trust_remote_code=False)


def _worded(calls: Sequence[Call], reply: str) -> list[Call]:
    """The calls, of which the last wrote this reply."""
    return [*calls[:-1], *(with_words(call, reply) for call in calls[-1:])]


def _dumped(calls: Sequence[Call]) -> list[dict[str, Any]]:
    return [call.model_dump(mode="json", exclude_defaults=True) for call in calls]
