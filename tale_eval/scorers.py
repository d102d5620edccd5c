"""The scorers: correctness and cost, side by side.

Each number is a key of `Score.value`, so that Inspect's logs, data frames and
metrics see it. A number that is unknown or does not apply is NaN and stays out of
the means; `known` counts the rest.
"""

import math
from collections.abc import Mapping

import anyio.to_thread
from inspect_ai.model import ContentReasoning
from inspect_ai.scorer import Metric, Score, Scorer, Target, accuracy, scorer, stderr
from inspect_ai.solver import TaskState

from tale_eval import ledger
from tale_eval.answers import Grade, grade
from tale_eval.ledger import Call
from tale_eval.metrics import circular_accuracy, known, known_mean
from tale_eval.pricing import total_dollars
from tale_eval.prompts import Kind
from tale_eval.recorder import TaleRecord, calls_of, record_of

COST_KEYS = (
    "answer_tokens",
    "estimator_tokens",
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
)
"""Keys of both scorers.

answer_tokens: output tokens of the call that gave the sample's answer.
estimator_tokens, helper_tokens: of the budget estimator; of other roles (graders).
output_tokens: of all calls, each once. reasoning_tokens: the part of them that was
hidden reasoning, where reported. input_tokens: of all calls, cached ones included.
within_budget: 1 if answer_tokens <= budget. truncated: the answer hit its token cap.
budget_missing: no budget could be read from the estimate. budget_echoed: the
estimate repeats the example of its own prompt.
"""

_COST_METRICS: dict[str, list[Metric]] = {key: [known_mean(), known()] for key in COST_KEYS}
_TALE_METRICS: dict[str, list[Metric]] = {
    "correct": [accuracy(), stderr()],
    **_COST_METRICS,
    "bare_answer": [known_mean(), known()],
    "no_answer": [known_mean(), known()],
}


def circular_metrics() -> dict[str, list[Metric]]:
    """The metrics of `tale` with circular accuracy added, for rotated options."""
    return _TALE_METRICS | {"correct": [circular_accuracy(), accuracy(), stderr()]}


@scorer(metrics=_TALE_METRICS)
def tale() -> Scorer:
    """Correctness by tale-eval's grader, beside what the answer cost.

    For tale-eval's own tasks; on another task the kind of question is taken from
    whether it has choices.
    """

    async def score(state: TaskState, target: Target) -> Score:
        kind: Kind = "choice" if state.choices else "cloze"
        options = [choice.value for choice in state.choices]
        text = state.output.completion
        # comparing formulas waits for another process
        graded = await anyio.to_thread.run_sync(grade, text, target.text, kind, options)
        extraction = graded.extraction
        bare = extraction.bare and not _reasoned(state)
        return Score(
            value={
                "correct": int(graded.correct),
                **_costs(state),
                "bare_answer": int(bare),
                "no_answer": int(extraction.answer is None),
            },
            answer=extraction.answer,
            explanation=text,
            metadata={"answer_via": extraction.via} | _provenance(state) | _doubts(graded),
        )

    return score


@scorer(metrics=_COST_METRICS)
def token_cost() -> Scorer:
    """What each sample cost, for logs of anybody's task.

    ``inspect score LOG --scorer tale_eval/token_cost --action append``
    """

    async def score(state: TaskState, target: Target) -> Score:
        return Score(value=_costs(state), metadata=_provenance(state))

    return score


def _costs(state: TaskState) -> dict[str, float]:
    calls = calls_of(state)
    record = record_of(state)
    answer = _answer_call(record, calls)
    price = total_dollars(calls) if calls else None
    values: Mapping[str, float | None] = {
        "answer_tokens": answer.output_tokens if answer else None,
        "estimator_tokens": ledger.output_tokens(calls, "estimate"),
        "helper_tokens": ledger.output_tokens(calls, "helper"),
        "reasoning_tokens": ledger.reasoning_tokens(calls),
        "output_tokens": ledger.output_tokens(calls) if calls else None,
        "input_tokens": ledger.input_tokens(calls) if calls else None,
        "dollars": None if price is None else float(price),
        "calls": len(calls),
        "seconds": _seconds(calls),
        "budget": record.budget,
        "within_budget": _within(answer, record.budget),
        "truncated": answer.truncated if answer else None,
        "budget_missing": _if_estimated(record, record.budget_status in _UNREADABLE),
        "budget_echoed": _if_estimated(record, record.budget_echoed),
    }
    return {key: math.nan if value is None else float(value) for key, value in values.items()}


_UNREADABLE = ("missing", "not_positive", "absurd")


def _answer_call(record: TaleRecord, calls: list[Call]) -> Call | None:
    if record.answer_call is not None:
        return calls[record.answer_call]
    answers = [call for call in calls if call.purpose == "answer"]
    return answers[-1] if answers else None


def _within(answer: Call | None, budget: int | None) -> bool | None:
    if answer is None or budget is None or answer.output_tokens is None:
        return None
    return answer.output_tokens <= budget


def _if_estimated(record: TaleRecord, value: bool) -> bool | None:
    return None if record.budget_status is None else value


def _seconds(calls: list[Call]) -> float | None:
    """Seconds that the models took; None for replies from Inspect's cache."""
    seconds = [call.seconds for call in calls if call.seconds is not None and not call.replayed]
    return math.fsum(seconds) if calls and len(seconds) == len(calls) else None


def _reasoned(state: TaskState) -> bool:
    """Whether the model reasoned out of sight before it answered."""
    content = [] if state.output.empty else state.output.message.content
    return not isinstance(content, str) and any(isinstance(c, ContentReasoning) for c in content)


def _provenance(state: TaskState) -> dict[str, object]:
    record = record_of(state)
    counted_by = sorted({call.counted_by for call in calls_of(state)})
    return {
        "method": record.method,
        "counted_by": ", ".join(counted_by),
        "budget_status": record.budget_status,
        "stop_reason": state.output.stop_reason,
    }


def _doubts(graded: Grade) -> dict[str, object]:
    return {"undecided": True} if graded.undecided else {}
