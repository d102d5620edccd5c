"""What the searched questions that are most alike needed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from tale_eval.asking.question import Question
from tale_eval.budgets.features import (
    TFIDF,
    Arrays,
    Embed,
    Encoding,
    Floats,
    as_arrays,
    as_dense,
    as_matrix,
    check_features,
    squared_lengths,
)
from tale_eval.budgets.learning import QuantileLearner, check_quantile, quantile_of
from tale_eval.errors import InvalidValueError

AT_ONCE = 64
"""Questions whose distances are held at a time."""


@dataclass
class Knn(QuantileLearner):
    """The median, or another quantile, of what the nearest questions needed.

    Args:
        neighbours: How many; fewer where fewer were fitted.
        quantile: Share of the neighbours whose need the estimate covers; None is chosen by
            cross-validation.
        answer_worth: Tokens that an answer is worth in that choice; None is what its vanilla
            answer took.
        features: "tfidf", or the name of the model whose vectors `embed` gives.
        embed: Texts to vectors.
    """

    neighbours: int = 15
    quantile: float | None = 0.5
    answer_worth: int | None = None
    features: str = TFIDF
    embed: Embed | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        check_quantile(self.quantile)
        check_features(self.features, self.embed)
        if self.neighbours < 1:
            raise InvalidValueError(f"neighbours={self.neighbours}: a whole number from 1 up")

    def _learn(self, questions: Sequence[Question], needs: Floats) -> Arrays:
        encoding = Encoding.learn(questions, self.embed)
        known = as_arrays(encoding.matrix(questions), "known")
        return encoding.arrays | known | {"needs": needs, "quantile": np.array(self.chosen_)}

    def restore(self, arrays: Arrays) -> Self:
        """Be fitted by what was learnt before."""
        self._known = as_matrix(arrays, "known")
        self._lengths = squared_lengths(self._known)
        return super().restore(arrays)

    def _predict(self, questions: Sequence[Question]) -> Floats:
        asked = [questions[i : i + AT_ONCE] for i in range(0, len(questions), AT_ONCE)]
        return np.concatenate([self._of_the_nearest(some) for some in asked])

    def _of_the_nearest(self, questions: Sequence[Question]) -> Floats:
        products = self._known @ as_dense(self._encoding.matrix(questions)).T
        # the squared distance, but for what is the same for all that are known
        distances = self._lengths[:, None] - 2 * products
        count = min(self.neighbours, len(distances))
        # of equally near ones the first, whatever the machine
        nearest = np.argsort(distances, axis=0, kind="stable")[:count]
        return np.asarray(quantile_of(self.arrays_["needs"][nearest].T, self.chosen_))


ESTIMATOR = Knn
