"""Boosted trees on plain features and on the main directions of a question's text."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tale_eval.asking.question import Question
from tale_eval.budgets.features import TFIDF, Arrays, Embed, Encoding, Floats, check_features
from tale_eval.budgets.learning import QuantileLearner, check_quantile, needs_scikit_learn

LEAF = -1


@dataclass
class GradientBoosting(QuantileLearner):
    """Trees that each mend what the ones before left over, for a quantile of the needs.

    Args:
        trees: How many.
        depth: Questions that a tree asks of a question.
        rate: How much of what is left over a tree mends.
        directions: Main directions of the text that the trees see.
        quantile: Share of the questions whose need the estimate covers; None is chosen by
            cross-validation.
        answer_worth: Tokens that an answer is worth in that choice; None is what its vanilla
            answer took.
        features: "tfidf", or the name of the model whose vectors `embed` gives.
        embed: Texts to vectors.
        seed: Of the halves of the searches that the trees are grown on.
    """

    trees: int = 100
    depth: int = 3
    rate: float = 0.1
    directions: int = 20
    quantile: float | None = 0.5
    answer_worth: int | None = None
    features: str = TFIDF
    embed: Embed | None = field(default=None, repr=False)
    seed: int = 0

    def __post_init__(self) -> None:
        check_quantile(self.quantile)
        check_features(self.features, self.embed)

    def _learn(self, questions: Sequence[Question], needs: Floats) -> Arrays:
        with needs_scikit_learn("fitting the estimator gradient_boosting"):
            from sklearn.decomposition import TruncatedSVD
            from sklearn.ensemble import GradientBoostingRegressor

        encoding = Encoding.learn(questions, self.embed)
        text = encoding.text(questions)
        # questions that are all alike have no direction
        different = len({q.text for q in questions})
        count = min(self.directions, min(text.shape) - 1, different - 1)
        arrays = encoding.arrays | {"directions": np.zeros((0, text.shape[1]))}
        if count > 0:
            found = TruncatedSVD(count, random_state=self.seed).fit(text)
            arrays["directions"] = found.components_
        boosted = GradientBoostingRegressor(
            loss="quantile",
            alpha=self.chosen_,
            n_estimators=self.trees,
            max_depth=self.depth,
            learning_rate=self.rate,
            min_samples_leaf=5,
            subsample=0.5,
            max_features="sqrt",
            random_state=self.seed,
        ).fit(_seen_by_trees(encoding, arrays["directions"], questions), needs)
        level = boosted.init_.predict(np.zeros((1, 1)))[0]
        forest = [tree.tree_ for tree in boosted.estimators_[:, 0]]
        quantile = np.array(self.chosen_)
        return arrays | _flattened(forest, self.rate) | {"level": level, "quantile": quantile}

    def _predict(self, questions: Sequence[Question]) -> Floats:
        seen = _seen_by_trees(self._encoding, self.arrays_["directions"], questions)
        return np.array([self._summed(row) for row in seen])

    def _summed(self, row: Floats) -> float:
        """What all trees say of one question, going down all of them at once."""
        learnt = self.arrays_
        at = learnt["roots"]
        while True:
            left = learnt["left"][at]
            inner = left != LEAF
            if not inner.any():
                return float(learnt["level"] + learnt["values"][at].sum())
            # trees compare in single precision
            low = row[learnt["feature"][at]].astype(np.float32) <= learnt["threshold"][at]
            at = np.where(inner, np.where(low, left, learnt["right"][at]), at)


def _seen_by_trees(encoding: Encoding, directions: Floats, questions: Sequence[Question]) -> Floats:
    return np.hstack([encoding.plain(questions), encoding.text(questions) @ directions.T])


def _flattened(forest: Sequence[Any], rate: float) -> Arrays:
    """All nodes of all trees one after the other, each naming its children among them."""
    sizes = [tree.node_count for tree in forest]
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)

    def joined(part: str, moved: bool = False) -> Any:
        arrays = [getattr(tree, part) for tree in forest]
        if moved:
            arrays = [np.where(a == LEAF, LEAF, a + r) for a, r in zip(arrays, roots, strict=True)]
        return np.concatenate(arrays)

    return {
        "roots": roots,
        "left": joined("children_left", moved=True),
        "right": joined("children_right", moved=True),
        # a leaf has no feature: any will do
        "feature": np.maximum(joined("feature"), 0),
        "threshold": joined("threshold"),
        "values": rate * joined("value")[:, 0, 0],
    }


ESTIMATOR = GradientBoosting
