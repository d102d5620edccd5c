"""A regression on the words of a question and its plain features."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tale_eval.asking.question import Question
from tale_eval.budgets.features import TFIDF, Arrays, Embed, Encoding, Floats, check_features
from tale_eval.budgets.learning import Learner, needs_scikit_learn


@dataclass
class Ridge(Learner):
    """A linear regression of the needed tokens, as a logarithm, on text and plain features.

    Args:
        alpha: Weight of the penalty on large coefficients.
        features: "tfidf", or the name of the model whose vectors `embed` gives.
        embed: Texts to vectors.
    """

    alpha: float = 1.0
    features: str = TFIDF
    embed: Embed | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        check_features(self.features, self.embed)

    def _learn(self, questions: Sequence[Question], needs: Floats) -> Arrays:
        with needs_scikit_learn("fitting the estimator ridge"):
            from sklearn.linear_model import Ridge as Line

        encoding = Encoding.learn(questions, self.embed)
        line = Line(alpha=self.alpha).fit(encoding.matrix(questions), needs)
        fitted = {"slopes": line.coef_, "level": np.array(line.intercept_)}
        return encoding.arrays | fitted

    def _predict(self, questions: Sequence[Question]) -> Floats:
        return np.asarray(
            self._encoding.matrix(questions) @ self.arrays_["slopes"] + self.arrays_["level"]
        )


ESTIMATOR = Ridge
