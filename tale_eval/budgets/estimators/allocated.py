"""Each question's part of one total, as `tale-eval allocate` divided it."""

from collections.abc import Sequence
from dataclasses import dataclass

from tale_eval.asking.question import Question
from tale_eval.budgets.features import Arrays, Floats
from tale_eval.budgets.tables import ByQuestion
from tale_eval.errors import InvalidValueError


@dataclass
class Allocated(ByQuestion):
    """What a plan gives the very question; of others it knows nothing."""

    def _learn(self, questions: Sequence[Question], needs: Floats) -> Arrays:
        raise InvalidValueError(
            "a plan is no estimator to fit: 'tale-eval allocate FOLDER TASK --total N --out PLAN' "
            "makes one from an estimator that was fitted"
        )


ESTIMATOR = Allocated
