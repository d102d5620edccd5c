"""The median of what another estimator says when it is asked several times."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median_low

from tale_eval.asking.prompts import EstimatorWording
from tale_eval.asking.question import Question
from tale_eval.budgets.estimators import Estimating, estimating, make_estimator
from tale_eval.budgets.reading import BudgetReading
from tale_eval.budgets.sampling import check_samples
from tale_eval.settings import ESTIMATE_MAX_TOKENS, ESTIMATOR_ROLE


@dataclass(frozen=True)
class Several:
    """Ask a model several times, from the second on with the seeds that follow the run's own.

    Args:
        estimator: Which estimator asks.
        samples: How often.
        role: Model role that estimates; the task's own model unless the role is bound.
        prompt: "released" or "appendix": the wording of `zero_shot`.
        max_tokens: Cap on each reply.
    """

    estimator: str = "zero_shot"
    samples: int = 5
    role: str = ESTIMATOR_ROLE
    prompt: EstimatorWording = "released"
    max_tokens: int = ESTIMATE_MAX_TOKENS

    def __post_init__(self) -> None:
        check_samples("estimator_samples", self.samples, temperature=None)

    def estimate(self, question: Question) -> Estimating:
        """Ask as often as `samples` says; the median of the budgets that could be read."""
        offered = {"role": self.role, "prompt": self.prompt, "max_tokens": self.max_tokens}
        inner = make_estimator(self.estimator, offered)
        readings = []
        for number in range(self.samples):
            asking = estimating(self.estimator, inner, question)
            readings.append((yield from _repeated(asking, number)))
        return _middle(readings)


def _repeated(asking: Estimating, number: int) -> Estimating:
    """The same asks, each as a draw of this number."""
    try:
        ask = next(asking)
        while True:
            ask = asking.send((yield replace(ask, sample=number)))
    except StopIteration as ended:
        reading: BudgetReading = ended.value
        return reading


def _middle(readings: Sequence[BudgetReading]) -> BudgetReading:
    """The reading in the middle of those with a budget, the smaller of two; else the last."""
    budgets = [reading.budget for reading in readings if reading.budget is not None]
    if not budgets:
        return readings[-1]
    echoed = all(reading.echoed for reading in readings if reading.budget is not None)
    return BudgetReading(median_low(budgets), "read", echoed)


ESTIMATOR = Several
