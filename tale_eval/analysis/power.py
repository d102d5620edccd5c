"""How many questions a verdict needs, and what a number of questions can show. Pure.

Only questions that one of two methods alone has right tell them apart. With the share of such
questions in a pilot, every outcome of n questions has its chance, and `statistics.verdict` its
word on each: power is the sum of the chances of those that get the verdict. Nothing is
simulated and nothing is approximated by a normal distribution.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, binom

from tale_eval.analysis.statistics import LEVEL, Values, chance_negative
from tale_eval.errors import InvalidValueError

MOST_QUESTIONS = 100_000
"""How many questions are looked at before a plan says that more are needed."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Discordance:
    """How often one of two methods alone is right.

    Attributes:
        wins: Share of the questions that the method alone has right.
        losses: Share of those that the baseline alone has right.
        questions: On how many questions both shares were seen.
    """

    wins: float
    losses: float
    questions: int

    def __post_init__(self) -> None:
        if min(self.wins, self.losses) < 0 or self.share > 1:
            raise InvalidValueError(
                f"wins {self.wins} and losses {self.losses}: two shares whose sum is at most 1"
            )

    @property
    def share(self) -> float:
        """Share of the questions that tell the methods apart."""
        return self.wins + self.losses

    @property
    def upper_share(self) -> float:
        """The upper end of its one-sided 80 % interval (Clopper and Pearson): plan with it.

        A pilot in which no question tells the methods apart does not say that none will.
        """
        seen = self.share * self.questions
        return (
            1.0 if seen >= self.questions else float(beta.ppf(0.8, seen + 1, self.questions - seen))
        )

    def with_difference(self, difference: float, *, share: float | None = None) -> "Discordance":
        """The same share of telling questions, or another one, with this true difference.

        A share that is too small for the difference is taken as large as the difference.
        """
        told = min(1.0, max(self.share if share is None else share, abs(difference)))
        return Discordance((told + difference) / 2, (told - difference) / 2, self.questions)


def discordance(a: Values, b: Values) -> Discordance | None:
    """How often the method `a` alone, and the baseline `b` alone, is right in one epoch.

    Several epochs of a question are several draws: a pair is one of each. Partial credit is no
    right answer. None without a common question.
    """
    shared = sorted(a.keys() & b.keys())
    if not shared:
        return None
    right = [(_share_right(a[q]), _share_right(b[q])) for q in shared]
    wins = sum(one * (1 - other) for one, other in right) / len(shared)
    losses = sum((1 - one) * other for one, other in right) / len(shared)
    return Discordance(wins, losses, len(shared))


@dataclass(frozen=True)
class Power:
    """The chances of the three verdicts; their sum is 1."""

    not_worse: float
    worse: float

    @property
    def undecided(self) -> float:
        """The chance of no verdict."""
        return 1 - self.not_worse - self.worse


def power(questions: int, truth: Discordance, margin: float, level: float = LEVEL) -> Power:
    """The chance of each verdict on so many questions, one epoch each.

    Args:
        questions: How many both methods answer.
        truth: How often one of them alone is right.
        margin: The loss of accuracy that would not matter, as a share.
        level: How seldom the verdict may be false; one of four that are corrected together is
            sure to be given where it would be at a fourth of the usual one.
    """
    losses = np.arange(questions + 1)
    likely = binom.pmf(losses, questions, truth.losses)
    losses = losses[likely > 1e-10]
    fewest = _fewest_wins(questions, losses, margin, level)
    most = _most_wins(questions, losses, margin, level)
    wins_of_rest = truth.wins / (1 - truth.losses) if truth.losses < 1 else 0.0
    rest = questions - losses
    chances = likely[losses]
    return Power(
        not_worse=float(chances @ binom.sf(fewest - 1, rest, wins_of_rest)),
        worse=float(chances @ binom.cdf(most, rest, wins_of_rest)),
    )


def questions_needed(
    truth: Discordance, margin: float, chance: float = 0.8, level: float = LEVEL
) -> int | None:
    """The fewest questions from which "not worse" comes with this chance, to 1 % of them.

    None where `MOST_QUESTIONS` do not suffice: the true loss is the margin or more.
    """

    def enough(questions: int) -> bool:
        return power(questions, truth, margin, level).not_worse >= chance

    return _first(enough, MOST_QUESTIONS)


def detectable_loss(
    truth: Discordance, questions: int, margin: float, chance: float, level: float = LEVEL
) -> float | None:
    """The smallest true loss of which "worse" is said with this chance, to 0.1 points.

    None where even a loss of everything would not be found.
    """

    def found(thousandths: int) -> bool:
        lost = truth.with_difference(-thousandths / 1000)
        return power(questions, lost, margin, level).worse >= chance

    thousandths = _first(found, 1000, exact=True)
    return None if thousandths is None else thousandths / 1000


def provable_margin(
    truth: Discordance, questions: int, chance: float, level: float = LEVEL
) -> float | None:
    """The smallest margin for which "not worse" is said with this chance, to 0.1 points."""

    def proved(thousandths: int) -> bool:
        return power(questions, truth, thousandths / 1000, level).not_worse >= chance

    thousandths = _first(proved, 999, exact=True)
    return None if thousandths is None else thousandths / 1000


def _share_right(scores: Sequence[float]) -> float:
    return sum(score == 1 for score in scores) / len(scores)


def _first(holds: Callable[[int], bool], most: int, *, exact: bool = False) -> int | None:
    """The first whole number from 1 from which something holds; None if above `most`."""
    low, high = 0, 1
    while not holds(high):
        if high >= most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > (1 if exact else max(1, high // 100)):
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _fewest_wins(questions: int, losses: Ints, margin: float, level: float) -> Ints:
    """With how many wins, at least, each number of losses is "not worse"; beyond all if never."""

    def holds(wins: Ints) -> NDArray[np.bool_]:
        shapes = np.stack([wins, questions - wins - losses, losses + 1], axis=-1)
        return chance_negative(_coefficients(margin), shapes.astype(float)) < level

    return _bisected(holds, questions - losses)


def _most_wins(questions: int, losses: Ints, margin: float, level: float) -> Ints:
    """With how many wins, at most, each number of losses is "worse"; -1 if never."""

    def passed(wins: Ints) -> NDArray[np.bool_]:
        shapes = np.stack([wins + 1, questions - wins - losses, losses], axis=-1)
        return ~(chance_negative(_coefficients(margin), shapes.astype(float)) > 1 - level)

    return _bisected(passed, questions - losses) - 1


def _coefficients(margin: float) -> Floats:
    """What a win, a tie and a loss are above the margin."""
    return np.array([1 + margin, margin, margin - 1])


def _bisected(holds: Callable[[Ints], NDArray[np.bool_]], most: Ints) -> Ints:
    """For each element the smallest number from 0 to `most` that holds; one more if none."""
    low, high = np.full_like(most, -1), most + 1
    while (high - low).max() > 1:
        middle = np.clip((low + high) // 2, 0, most)
        met = holds(middle)
        # where both ends have met, nothing changes any more
        open_ = high - low > 1
        high = np.where(open_ & met, middle, high)
        low = np.where(open_ & ~met, middle, low)
    return high
