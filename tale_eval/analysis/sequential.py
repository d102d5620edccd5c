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

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

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
        values = np.array(list(differences))
        outside = values[~(np.abs(values) <= 1)]
        if outside.size:
            raise InvalidValueError(
                f"difference {outside[0]}: of two scores from 0 to 1, so from -1 to 1"
            )
        if values.size:
            self._look_at(values + self.margin)
        return self.verdict

    def _look_at(self, above: Floats) -> None:
        """Play the questions' differences, as they lie above the largest harmless loss."""
        # a bet is a share of the most that can be lost at once
        loses = self._against_a_loss + _played(above / (1 - self.margin))
        wins = self._against_no_loss + _played(-above / (1 + self.margin))
        self._against_a_loss, self._against_no_loss = loses[-1], wins[-1]
        before, self.questions = self.questions, self.questions + len(above)
        if self.verdict != "undecided":
            return
        said: tuple[tuple[Floats, Verdict], ...] = ((loses, "not worse"), (wins, "worse"))
        for stakes, verdict in said:
            won = np.flatnonzero(_stake(stakes) >= 1 / LEVEL)
            if won.size and (self.decided_at is None or before + won[0] + 1 < self.decided_at):
                self.verdict, self.decided_at = verdict, before + int(won[0]) + 1


def _played(gains: Floats) -> Floats:
    """Logarithm of what each bet has made after each question. Shape (questions, bets)."""
    return np.log1p(np.outer(gains, _BETS)).cumsum(axis=0)


def _stake(logarithms: Floats) -> Floats:
    """What a stake of 1, split evenly over the bets, has come to after each question."""
    return np.exp(logsumexp(logarithms, axis=-1)) / len(_BETS)
