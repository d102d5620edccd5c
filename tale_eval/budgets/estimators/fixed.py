"""One budget for every question: the baseline that every estimator must beat."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tale_eval.asking.question import Question
from tale_eval.budgets.features import Arrays, Floats
from tale_eval.budgets.learning import QuantileLearner, check_quantile, quantile_of


@dataclass
class Fixed(QuantileLearner):
    """The median, or another quantile, of the searched budgets.

    Args:
        quantile: Share of the questions whose need it covers; None is chosen by
            cross-validation.
        answer_worth: Tokens that an answer is worth in that choice; None is what its vanilla
            answer took.
    """

    quantile: float | None = 0.5
    answer_worth: int | None = None

    def __post_init__(self) -> None:
        check_quantile(self.quantile)

    def _learn(self, questions: Sequence[Question], needs: Floats) -> Arrays:
        budget = np.array(quantile_of(needs, self.chosen_))
        return {"quantile": np.array(self.chosen_), "budget": budget}

    def _predict(self, questions: Sequence[Question]) -> Floats:
        return np.full(len(questions), float(self.arrays_["budget"]))


ESTIMATOR = Fixed
