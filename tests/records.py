"""Answers of three methods to the same four questions, made by hand."""

from tale_eval.records import Record
from tale_eval.tokens.costs import COST_KEYS


def answer(
    method: str,
    question: str,
    correct: float | None,
    tokens: float | None,
    *,
    epoch: int = 1,
    task: str = "sums",
    model: str = "m",
    **costs: float,
) -> Record:
    """One answer; what is not named is not known."""
    known = {"answer_tokens": tokens, "output_tokens": tokens, **costs}
    return Record(
        model=model,
        task=task,
        method=method,
        sample_id=question,
        epoch=epoch,
        correct=correct,
        error=None if correct is not None else "the model went away",
        bare=None,
        costs={key: known.get(key) for key in COST_KEYS},
    )


COT = [
    answer("cot", "a", 1, 100, dollars=0.001, seconds=2.0),
    answer("cot", "b", 1, 200, dollars=0.002, seconds=4.0),
    answer("cot", "c", 0, 300, dollars=0.003, seconds=3.0),
    answer("cot", "d", None, None),
]
TALE = [
    answer("tale_ep", "a", 1, 20, dollars=0.001, estimator_tokens=5.0, budget_missing=0.0),
    answer("tale_ep", "b", 0, 40, estimator_tokens=5.0, budget_missing=1.0),
    answer("tale_ep", "c", 1, 60, dollars=0.001, estimator_tokens=5.0, budget_missing=0.0),
    answer("tale_ep", "d", 1, 80, dollars=0.001, estimator_tokens=5.0, budget_missing=0.0),
]
DIRECT = [answer("direct", q, c, 10) for q, c in zip("abcd", [1, 0, 0, 0], strict=True)]
