"""A verdict that may be looked at after every question: when to stop asking. Pure.

An interval of fixed size that is looked at again and again is wrong more often than it says.
Here a gambler bets against each of the two hypotheses ("the loss is the margin or more", "the
loss is the margin or less") on every question's difference, at odds that are fair where the
hypothesis is true. By Ville's inequality a fair game ever makes 40 of 1 in at most 2.5 % of
cases, however often and whenever one looks (testing by betting: Waudby-Smith and Ramdas,
"Estimating means of bounded random variables by betting", JRSS B 2024). The gambler splits the
stake over a grid of bets that stay the same for the whole game, so nothing has to be guessed.

It holds for questions that come in random order from those that the verdict is about.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tale_eval.analysis.statistics import LEVEL, Verdict, check_margin
from tale_eval.errors import InvalidValueError

Floats = NDArray[np.float64]

_BETS = np.geomspace(0.02, 0.98, 12)
"""Shares of the largest bet that cannot lose more than the stake."""


@dataclass
class SequentialVerdict:
    """The verdict on a method after the questions so far; once given, it stays.

    Args:
        margin: The loss of accuracy that would not matter, as a share, below 1.

    Attributes:
        questions: How many were looked at.
        verdict: What they say.
        decided_at: After how many questions it was said; None as long as it is undecided.

    Raises:
        InvalidValueError: If the margin is no such share.
    """

    margin: float
    questions: int = 0
    verdict: Verdict = "undecided"
    decided_at: int | None = None
    _against_a_loss: Floats = field(default_factory=lambda: np.zeros(len(_BETS)), repr=False)
    _against_no_loss: Floats = field(default_factory=lambda: np.zeros(len(_BETS)), repr=False)

    def __post_init__(self) -> None:
        check_margin(self.margin)

    def add(self, differences: Iterable[float]) -> Verdict:
        """Look at further questions: the method's score minus the baseline's, from −1 to 1.

        Raises:
            InvalidValueError: A difference outside of that.
        """
        for difference in differences:
            if not -1 <= difference <= 1:
                raise InvalidValueError(
                    f"difference {difference}: of two scores from 0 to 1, so from -1 to 1"
                )
            self._look_at(difference)
        return self.verdict

    def _look_at(self, difference: float) -> None:
        self.questions += 1
        above = difference + self.margin
        # the most that can be lost at once: the margin less than all, or a question and it
        self._against_a_loss += np.log1p(_BETS * above / (1 - self.margin))
        self._against_no_loss += np.log1p(-_BETS * above / (1 + self.margin))
        if self.verdict != "undecided":
            return
        if _stake(self._against_a_loss) >= 1 / LEVEL:
            self.verdict, self.decided_at = "not worse", self.questions
        elif _stake(self._against_no_loss) >= 1 / LEVEL:
            self.verdict, self.decided_at = "worse", self.questions


def _stake(logarithms: Floats) -> float:
    """What a stake of 1 has come to, split evenly over the bets."""
    return math.exp(float(logarithms.max())) * float(np.exp(logarithms - logarithms.max()).mean())
