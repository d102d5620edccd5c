"""A verdict that may be looked at after every question: when to stop asking. Pure.

An interval of fixed size that is looked at again and again is wrong more often than it says.
Here a gambler bets against each of the two hypotheses ("the loss is the margin or more", "the
loss is the margin or less") on every question's difference, at odds that are fair where the
hypothesis is true. By Ville's inequality a fair game ever makes 40 of 1 in at most 2.5 % of
cases, however often and whenever one looks (testing by betting: Waudby-Smith and Ramdas,
"Estimating means of bounded random variables by betting", JRSS B 2024). The gambler splits the
stake over a grid of bets that stay the same for the whole game, so nothing has to be guessed.

It holds for questions that come in random order from those that the verdict is about.

One over the stake is a p value that holds whenever one looks, so Holm's correction of several
holds too, each pair stopped when it likes. The margins that a gambler has not won against are
an interval that holds whenever one looks: a confidence sequence. Both are of the questions so
far in whatever order, for a product has none. A run that ends after a known number of questions
keeps half of the level for a usual test then.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import logsumexp

from tale_eval.analysis.statistics import (
    LEVEL,
    Chances,
    Interval,
    IntervalEstimate,
    Values,
    Verdict,
    check_margin,
    differences,
    paired_chances,
    paired_difference,
)
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

    def add(self, further: Iterable[float]) -> Verdict:
        """Look at further questions: the method's score minus the baseline's, from −1 to 1.

        Raises:
            InvalidValueError: A difference outside of that.
        """
        values = np.array(list(further))
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


_OF_THE_GAME = 0.5
"""The share of the level that the game may use up; the rest is for one last look."""


def sequential_chances(a: Values, b: Values, margin: float, *, last: bool) -> Chances | None:
    """The p values of both verdicts on `a` against `b`, looked at after every block.

    Half of the level is the game's, at any look. The other half is for a usual test once all
    questions are asked that there were to be: the game alone would leave many undecided that so
    many questions decide.

    Args:
        a, b: Scores from 0 to 1.
        margin: The loss that would not matter, as a share.
        last: Whether all was asked whose number was fixed before the first answer.

    Returns:
        None without a question in both.

    Raises:
        InvalidValueError: If the margin is not from 0 to below 1.
    """
    check_margin(margin)
    found, counts = np.unique(differences(a, b), return_counts=True)
    if not len(found):
        return None
    not_worse = _chance(float(won(found, counts, -margin)))
    worse = _chance(float(won(-found, counts, margin)))
    fixed = paired_chances(a, b, margin) if last else None
    return Chances(
        not_worse=either(not_worse, fixed.not_worse if fixed else 1.0),
        worse=either(worse, fixed.worse if fixed else 1.0),
    )


def either(game: float, fixed: float) -> float:
    """One p value of the game's and that of the last look."""
    return min(1.0, game / _OF_THE_GAME, fixed / (1 - _OF_THE_GAME))


def sequential_difference(a: Values, b: Values, *, last: bool) -> IntervalEstimate | None:
    """How much higher the accuracy of `a` is than that of `b`, with its confidence sequence.

    The interval holds at 95 % at every look and for whatever reason one stops; it is wider
    than that of `paired_difference`, which is for a number of questions that was fixed before.

    Args:
        a, b: Scores from 0 to 1.
        last: As in `sequential_chances`.

    Returns:
        None without a question in both.
    """
    each = differences(a, b)
    if not len(each):
        return None
    found, counts = np.unique(each, return_counts=True)
    low, high = _end(found, counts), -_end(-found[::-1], counts[::-1])
    fixed = paired_difference(a, b, level=LEVEL * (1 - _OF_THE_GAME)) if last else None
    if fixed and fixed.interval:
        low, high = max(low, fixed.interval.low), min(high, fixed.interval.high)
    return IntervalEstimate(float(each.mean()), Interval(low, high), len(each))


def won(found: Floats, counts: NDArray[np.int64], bound: float) -> Floats:
    """Logarithm of what betting against "the mean is the bound or less" has made of 1.

    Args:
        found: The differences that occur. Shape (kinds,).
        counts: How often each does. Shape (..., kinds).
        bound: Above -1.

    Returns:
        Shape (...).
    """
    # the most that can be lost at once is what lies between the bound and -1
    bets = np.log1p(np.outer((found - bound) / (1 + bound), _BETS))
    return np.asarray(logsumexp(counts @ bets, axis=-1) - np.log(len(_BETS)))


def _chance(won: float) -> float:
    return float(np.exp(-max(0.0, won)))


def _end(found: Floats, counts: NDArray[np.int64]) -> float:
    """The lowest mean that the bets have not been won against; they gain less the higher it is."""

    def left(bound: float) -> float:
        return float(won(found, counts, bound)) + float(np.log(LEVEL * _OF_THE_GAME))

    lowest = -1 + 1e-9
    return -1.0 if left(lowest) < 0 else float(brentq(left, lowest, 1.0, xtol=1e-9))
