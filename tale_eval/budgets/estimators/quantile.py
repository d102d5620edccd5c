"""A quantile regression on plain features: too small a budget costs an answer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tale_eval.asking.question import Question
from tale_eval.budgets.features import Arrays, Encoding, Floats
from tale_eval.budgets.learning import QuantileLearner, check_quantile, needs_scikit_learn


@dataclass
class Quantile(QuantileLearner):
    """A line that lies above what so large a share of the questions need, as a logarithm.

    Args:
        quantile: That share; None is chosen by cross-validation.
        answer_worth: Tokens that an answer is worth in that choice; None is what its vanilla
            answer took.
        alpha: Weight of the penalty on large coefficients.
    """

    quantile: float | None = None
    answer_worth: int | None = None
    alpha: float = 0.001

    def __post_init__(self) -> None:
        check_quantile(self.quantile)

    def _learn(self, questions: Sequence[Question], needs: Floats) -> Arrays:
        with needs_scikit_learn("fitting the estimator quantile"):
            from sklearn.linear_model import QuantileRegressor

        encoding = Encoding.learn(questions)
        line = QuantileRegressor(quantile=self.chosen_, alpha=self.alpha, solver="highs-ipm")
        line.fit(encoding.plain(questions), needs)
        fitted = {"slopes": line.coef_, "level": np.array(line.intercept_)}
        return encoding.arrays | fitted | {"quantile": np.array(self.chosen_)}

    def _predict(self, questions: Sequence[Question]) -> Floats:
        plain = self._encoding.plain(questions)
        return np.asarray(plain @ self.arrays_["slopes"] + self.arrays_["level"])


ESTIMATOR = Quantile
