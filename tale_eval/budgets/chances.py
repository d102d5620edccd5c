"""The chance to be right under a budget: what one total is divided by. Pure.

Of the two factors one says whether a question is solved at all, given a budget as large as
vanilla CoT's, and the other how the chance of a solvable one grows with the budget, measured
in multiples of what the estimator says that it needs. Both are isotonic regressions on
estimates of questions that were held out, so both are calibrated, and the second is monotone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tale_eval.asking.question import Question
from tale_eval.budgets.features import Arrays, Encoding, Floats
from tale_eval.budgets.learning import Learner, needs_scikit_learn
from tale_eval.budgets.needs import Search, folds

FEWEST_OF_A_KIND = 10
"""Solved, and unsolved, questions below which all are taken to be as likely to be solved."""


@dataclass(frozen=True)
class Calibration:
    """How predicted chances turned out, on questions that were held out.

    Attributes:
        bins: For each tenth of the predictions that occurs: how many predictions, their mean,
            and the share that was right.
        brier: Mean squared difference of prediction and outcome; 0 is perfect.
    """

    bins: list[tuple[int, float, float]]
    brier: float


@dataclass(frozen=True)
class Chances:
    """Chances to be right, by question and budget.

    Attributes:
        learner: The fitted estimator that says what a question needs.
        arrays: What `fit` learnt.
    """

    learner: Learner
    arrays: Arrays

    @classmethod
    def fit(
        cls, learner: Learner, searches: Sequence[Search], estimates: Sequence[int]
    ) -> tuple["Chances", Calibration]:
        """Learn the chances from the trials of searches.

        Args:
            learner: The estimator, fitted on these searches.
            searches: Those that vanilla CoT does not solve included.
            estimates: What it says of each when it is fitted without it
                (`learning.out_of_fold`), in tokens.

        Returns:
            The chances, and how they turn out on questions that are held out.
        """
        needs = np.log2(np.array(estimates, dtype=np.float64))
        solvable = _solvable(searches)
        rows = [_rows(search, need) for search, need in zip(searches, needs, strict=True)]
        learnt = _growth(searches, rows) | solvable.arrays
        return cls(learner, learnt), _calibration(searches, rows, solvable.held_out)

    def at(self, questions: Sequence[Question], budgets: Sequence[int]) -> Floats:
        """The chance to be right. Shape (questions, budgets)."""
        needs = np.log2(np.array(self.learner.estimates(questions), dtype=np.float64))
        ahead = np.log2(np.array(budgets, dtype=np.float64))[None, :] - needs[:, None]
        growth = np.interp(ahead, self.arrays["ahead"], self.arrays["right"])
        return np.asarray(self._solved(questions)[:, None] * growth)

    def _solved(self, questions: Sequence[Question]) -> Floats:
        arrays = self.arrays
        if "slopes" not in arrays:
            return np.full(len(questions), float(arrays["solved"]))
        raw = Encoding(arrays).matrix(questions) @ arrays["slopes"] + arrays["level"]
        return np.asarray(np.interp(raw, arrays["raw"], arrays["solved"]))


def grid(largest: int) -> list[int]:
    """Budgets from 1 to the largest, each about a quarter above the one before."""
    steps = range(int(np.ceil(3 * np.log2(max(1, largest)))) + 1)
    return sorted({min(largest, round(2 ** (step / 3))) for step in steps} | {largest})


@dataclass(frozen=True)
class _Solvable:
    """Which questions are solved at all: what was learnt, and the chances when held out."""

    arrays: Arrays
    held_out: Floats


def _solvable(searches: Sequence[Search]) -> _Solvable:
    solved = np.array([float(s.vanilla.correct) for s in searches])
    if min(solved.sum(), len(solved) - solved.sum()) < FEWEST_OF_A_KIND:
        # as if one more of each had been asked
        share = (solved.sum() + 1) / (len(solved) + 2)
        return _Solvable({"solved": np.array(share)}, np.full(len(solved), share))
    fold_of = np.array(folds(searches))
    raw = np.zeros(len(searches))
    for fold in np.unique(fold_of):
        rest, held = fold_of != fold, fold_of == fold
        arrays = _line([s for s, r in zip(searches, rest, strict=True) if r], solved[rest])
        questions = [s.question for s, h in zip(searches, held, strict=True) if h]
        raw[held] = Encoding(arrays).matrix(questions) @ arrays["slopes"] + arrays["level"]
    curve = _isotonic(raw, solved)
    arrays = _line(searches, solved)
    known = {"raw": curve.X_thresholds_, "solved": curve.y_thresholds_}
    return _Solvable(arrays | known, np.asarray(curve.predict(raw)))


def _line(searches: Sequence[Search], solved: Floats) -> Arrays:
    with needs_scikit_learn("fitting the chances to be right"):
        from sklearn.linear_model import Ridge

    questions = [s.question for s in searches]
    encoding = Encoding.learn(questions)
    line = Ridge(alpha=1.0).fit(encoding.matrix(questions), solved)
    return encoding.arrays | {"slopes": line.coef_, "level": np.array(line.intercept_)}


def _rows(search: Search, need: float) -> Floats:
    """How far each decided budget is ahead of the estimated need, and its outcome. Shape (n, 2)."""
    decided = [(b, search.right_at(b)) for b in grid(search.largest)]
    rows = [(np.log2(b) - need, right) for b, right in decided if right is not None]
    return np.array(rows).reshape(-1, 2)


def _growth(searches: Sequence[Search], rows: Sequence[Floats]) -> Arrays:
    """The chance of a solvable question against how far its budget is ahead of its need."""
    of_solved = [r for s, r in zip(searches, rows, strict=True) if s.vanilla.correct]
    joined = np.concatenate(of_solved)
    curve = _isotonic(joined[:, 0], joined[:, 1])
    return {"ahead": curve.X_thresholds_, "right": curve.y_thresholds_}


def _isotonic(at: Floats, value: Floats) -> Any:
    with needs_scikit_learn("fitting the chances to be right"):
        from sklearn.isotonic import IsotonicRegression

    return IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(at, value)


def _calibration(searches: Sequence[Search], rows: Sequence[Floats], solved: Floats) -> Calibration:
    """Every fold by a curve of the others."""
    fold_of = np.array(folds(searches))
    said: list[Floats] = []
    for fold in np.unique(fold_of):
        rest = [i for i, its in enumerate(fold_of) if its != fold]
        growth = _growth([searches[i] for i in rest], [rows[i] for i in rest])
        for i in np.flatnonzero(fold_of == fold).tolist():
            chance = solved[i] * np.interp(rows[i][:, 0], growth["ahead"], growth["right"])
            said.append(np.stack([chance, rows[i][:, 1]], axis=1))
    chance, right = np.concatenate(said).T
    tenths = np.minimum((chance * 10).astype(int), 9)
    parts = [(chance[tenths == tenth], right[tenths == tenth]) for tenth in np.unique(tenths)]
    bins = [(len(c), float(c.mean()), float(r.mean())) for c, r in parts]
    return Calibration(bins, float(((chance - right) ** 2).mean()))
