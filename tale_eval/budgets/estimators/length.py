"""A regression on how long a question is, how many numbers and options it has, and the like."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tale_eval.asking.question import Question
from tale_eval.budgets.features import Arrays, Encoding, Floats
from tale_eval.budgets.learning import Learner, needs_scikit_learn


@dataclass
class Length(Learner):
    """A linear regression of the needed tokens, as a logarithm, on plain features.

    Args:
        alpha: Weight of the penalty on large coefficients.
    """

    alpha: float = 1.0

    def _learn(self, questions: Sequence[Question], needs: Floats) -> Arrays:
        with needs_scikit_learn("fitting the estimator length"):
            from sklearn.linear_model import Ridge

        encoding = Encoding.learn(questions)
        line = Ridge(alpha=self.alpha).fit(encoding.plain(questions), needs)
        fitted = {"slopes": line.coef_, "level": np.array(line.intercept_)}
        return encoding.arrays | fitted

    def _predict(self, questions: Sequence[Question]) -> Floats:
        plain = self._encoding.plain(questions)
        return np.asarray(plain @ self.arrays_["slopes"] + self.arrays_["level"])


ESTIMATOR = Length
