"""What the estimators that learn share: they are told searches, and give budgets. Pure.

They count in the binary logarithm of tokens, since halvings are what a search tells apart.
scikit-learn is needed to fit most of them, and to use none.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from math import ceil
from statistics import fmean
from typing import Any, Self

import numpy as np

from tale_eval.asking.question import Question
from tale_eval.budgets.features import Arrays, Embed, Encoding, Floats, Seen
from tale_eval.budgets.needs import Search, expense, folds
from tale_eval.budgets.reading import BudgetReading
from tale_eval.errors import InvalidValueError, MissingExtraError

EXTRA = "fit"
"""What scikit-learn comes with: pip install 'tale-eval[fit]'."""

QUANTILES = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Those that are chosen among."""

ENOUGH_TO_CHOOSE = 1500
"""Searches on which a quantile is chosen, where there are more."""

LARGEST = 10**9 - 1
"""The largest budget that a reading may have."""


class Learner(ABC):
    """An estimator that learns from searches and then asks nobody.

    Attributes:
        arrays_: What was learnt: all that must be kept of a fitted one.
        embed: Gives the text's vectors, where `features` names a model; None for TF-IDF.
    """

    arrays_: Arrays
    embed: Embed | None = None

    def fit(self, searches: Sequence[Search]) -> Self:
        """Learn what questions need; those that vanilla CoT does not solve teach nothing here.

        Raises:
            InvalidValueError: No search is left.
            MissingExtraError: scikit-learn is not installed.
        """
        known = [(s, s.needed) for s in searches if s.needed is not None]
        if not known:
            raise InvalidValueError(
                f"none of {len(searches)} searched questions was solved without a budget, so none "
                "says what budget is enough: search easier questions, or with a stronger model"
            )
        self._choose([s for s, _ in known])
        needs = np.log2(np.array([float(needed or 1) for _, needed in known]))
        questions = [s.question for s, _ in known]
        self.restore(self._learn(questions, needs) | Seen.learn(questions).arrays)
        return self

    def restore(self, arrays: Arrays) -> Self:
        """Be fitted by what was learnt before."""
        self.arrays_ = arrays
        self._seen, self._encoding = Seen(arrays), Encoding(arrays, self.embed)
        return self

    def estimate(self, question: Question) -> BudgetReading:
        """The budget of one question, marked where it is unlike those that were fitted.

        Raises:
            InvalidValueError: Nothing was fitted.
        """
        (tokens,) = self.estimates([question])
        return BudgetReading(tokens, "outside" if self._seen.unlike(question) else "read")

    def estimates(self, questions: Sequence[Question]) -> list[int]:
        """The budgets of several questions, in tokens."""
        self.check_fitted()
        return [_tokens(value) for value in self._predict(questions)]

    def was_fitted_on(self, question: Question) -> bool:
        """Whether it learnt from the very question."""
        return self._seen.knows(question)

    def check_fitted(self) -> None:
        """Raise InvalidValueError unless something was fitted."""
        if not hasattr(self, "arrays_"):
            name = type(self).__name__
            raise InvalidValueError(
                f"{name} is not fitted: call fit(searches), or name a folder that "
                "'tale-eval fit LOGS --estimator NAME --out FOLDER' wrote, as in "
                "tale_ep:estimator=FOLDER"
            )

    def embeds_as_fitted(self) -> bool:
        """Whether the text's vectors are still those that it was fitted on."""
        return self._encoding.same_model

    @abstractmethod
    def _learn(self, questions: Sequence[Question], needs: Floats) -> Arrays:
        """What is to be kept.

        Args:
            questions: What was asked.
            needs: log2 of the tokens that each needs. Shape (n,).
        """

    @abstractmethod
    def _predict(self, questions: Sequence[Question]) -> Floats:
        """log2 of each question's budget. Shape (n,)."""

    def _choose(self, searches: Sequence[Search]) -> None:
        """Choose what the parameters leave open; by default they leave nothing."""
        return


class QuantileLearner(Learner):
    """One that aims at a quantile of what questions like this need.

    An estimate that is too small costs an answer, one that is too large some tokens.

    Attributes:
        quantile: Share of the questions whose need the estimate is to cover; None is chosen by
            cross-validation: the one with the least mean `needs.expense`.
        answer_worth: Tokens that an answer is worth; None is what its vanilla answer took.
        chosen_: The quantile that was fitted.
    """

    quantile: float | None
    answer_worth: int | None
    chosen_: float

    def restore(self, arrays: Arrays) -> Self:
        """Be fitted by what was learnt before."""
        self.chosen_ = float(arrays["quantile"])
        return super().restore(arrays)

    def _choose(self, searches: Sequence[Search]) -> None:
        if self.quantile is not None:
            self.chosen_ = self.quantile
            return
        some = searches[:: max(1, ceil(len(searches) / ENOUGH_TO_CHOOSE))]
        costs = {q: self._expense(some, q) for q in QUANTILES}
        self.chosen_ = min(QUANTILES, key=lambda q: costs[q])

    def _expense(self, searches: Sequence[Search], quantile: float) -> float:
        fixed = copy(self)
        fixed.quantile = quantile
        found = out_of_fold(fixed, searches, count=3)
        return fmean(
            expense(s, budget, self.answer_worth) for s, budget in zip(searches, found, strict=True)
        )


def out_of_fold(
    learner: Learner, searches: Sequence[Search], count: int = 5, seed: int = 0
) -> list[int]:
    """Each question's estimate by a copy that was fitted without it, in tokens.

    Where there is but one text, there is nothing else to fit.
    """
    fold_of = np.array(folds(searches, count, seed))
    estimates = np.zeros(len(searches), dtype=int)
    for fold in np.unique(fold_of):
        rest = [s for s, its in zip(searches, fold_of, strict=True) if its != fold]
        held = [s.question for s, its in zip(searches, fold_of, strict=True) if its == fold]
        estimates[fold_of == fold] = copy(learner).fit(rest or searches).estimates(held)
    return [int(tokens) for tokens in estimates]


def check_quantile(quantile: float | None) -> None:
    """Raise InvalidValueError unless it is None or between 0 and 1."""
    if quantile is not None and not 0 < quantile < 1:
        raise InvalidValueError(
            f"quantile={quantile:g}: a share between 0 and 1, such as 0.8; none is chosen by "
            "cross-validation"
        )


def quantile_of(needs: Any, quantile: float) -> Any:
    """The smallest need that so large a share lies at or below, along the last axis."""
    return np.quantile(needs, quantile, axis=-1, method="inverted_cdf")


@contextmanager
def needs_scikit_learn(what: str) -> Iterator[None]:
    """Say what to install where scikit-learn is not there."""
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(what, EXTRA) from error


def _tokens(value: float) -> int:
    # up: what needs 37.4 tokens is not met by 37; the rest is what a logarithm loses
    return min(LARGEST, max(1, ceil(2 ** min(float(value), 30.0) - 1e-6)))
