"""Budgets by question: estimators that look up the very question. Pure."""

from collections.abc import Iterable, Sequence
from typing import Self

import numpy as np

from tale_eval.asking.question import Question
from tale_eval.budgets.features import Arrays, Floats
from tale_eval.budgets.learning import Learner
from tale_eval.budgets.needs import question_key
from tale_eval.budgets.reading import BudgetReading


def table(questions: Iterable[Question], budgets: Sequence[float] | Floats) -> Arrays:
    """A budget for each question; of one that comes twice the first.

    Args:
        questions: As they will be asked.
        budgets: log2 of the tokens of each.
    """
    found: dict[str, float] = {}
    for question, budget in zip(questions, budgets, strict=True):
        found.setdefault(question_key(question), float(budget))
    keys = sorted(found)
    return {"keys": np.array(keys, np.str_), "budgets": np.array([found[key] for key in keys])}


class ByQuestion(Learner):
    """One that knows a budget for each of some questions, and of others none."""

    def restore(self, arrays: Arrays) -> Self:
        """Be fitted by what was learnt before."""
        pairs = zip(arrays["keys"].tolist(), arrays["budgets"].tolist(), strict=True)
        self._table: dict[str, float] = dict(pairs)
        return super().restore(arrays)

    def estimate(self, question: Question) -> BudgetReading:
        """The budget of a question that it knows; none of another."""
        self.check_fitted()
        if question_key(question) not in self._table:
            return BudgetReading(None, "missing")
        return BudgetReading(self.estimates([question])[0], "read")

    def _predict(self, questions: Sequence[Question]) -> Floats:
        """An unknown question is taken for one like the middle of the known ones."""
        middle = float(np.median(self.arrays_["budgets"]))
        return np.array([self._table.get(question_key(q), middle) for q in questions])
