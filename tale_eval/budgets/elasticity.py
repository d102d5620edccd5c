"""Token elasticity: how the actual cost answers to the prompted budget.

Pure functions of the trials of a budget search or of a sweep over fixed budgets.
Source: TALE (arXiv 2412.18547), whose released code computes none of this.

Vanilla CoT has no prompted budget. Where trials are ordered by budget it is the
loosest; in W* it stands at its own cost, the right end of the search space.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf, log2
from statistics import mean, median, quantiles, stdev
from typing import Literal, get_args

from tale_eval.budgets.search import Trial
from tale_eval.errors import InvalidValueError, UnknownNameError

Axis = Literal["budget", "fraction"]


@dataclass(frozen=True)
class Share:
    """A share that keeps its denominator."""

    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        """The quotient; None of nothing."""
        return self.numerator / self.denominator if self.denominator else None

    @classmethod
    def of(cls, hits: Iterable[bool]) -> "Share":
        """The share of true values."""
        known = list(hits)
        return cls(sum(known), len(known))


@dataclass(frozen=True)
class QuestionTrials:
    """A question's vanilla trial and its trials under distinct budgets, in any order.

    Of a search it takes all: the infeasible trials and the surplus, too.

    Raises:
        InvalidValueError: No vanilla trial, or two trials under one budget.
    """

    id: str
    trials: tuple[Trial, ...]

    def __post_init__(self) -> None:
        budgets = [trial.budget for trial in self.trials]
        if None not in budgets or len(set(budgets)) < len(budgets):
            raise InvalidValueError(
                f"question {self.id!r} has trials under the budgets {budgets}; give one vanilla "
                "trial (None) and one trial per budget, joining the attempts under a budget"
            )

    @property
    def loosest_first(self) -> list[Trial]:
        """The trials by decreasing budget, vanilla CoT first."""
        return sorted(self.trials, key=lambda trial: -(trial.budget or inf))

    def fraction(self, budget: int) -> float:
        """A budget as a fraction of the vanilla answer's tokens.

        Raises:
            InvalidValueError: The vanilla answer is empty.
        """
        tokens = self.loosest_first[0].output_tokens
        if not tokens:
            raise InvalidValueError(
                f"question {self.id!r}: budget {budget} is no fraction of a vanilla answer "
                "of 0 tokens; leave the question out"
            )
        return budget / tokens


@dataclass(frozen=True)
class CurvePoint:
    """The trials of one bin.

    Attributes:
        at: Where the bin stands: a power of two, in tokens or as a fraction of CoT.
        mean: Of the actual output tokens, as are q25, median and q75 (linearly
            interpolated) and stdev (of a sample; None for a single trial).
        accuracy: The share of correct trials, out of all in the bin.
    """

    at: float
    mean: float
    stdev: float | None
    q25: float
    median: float
    q75: float
    accuracy: Share

    @property
    def n(self) -> int:
        """How many trials the bin holds."""
        return self.accuracy.denominator


def curve(questions: Iterable[QuestionTrials], by: Axis = "budget") -> list[CurvePoint]:
    """Actual output tokens against the prompted budget, smallest budget first.

    Each trial belongs to the power of two nearest on the log scale: the bin at 2**i
    runs from 2**(i - 1/2) to 2**(i + 1/2), so the halvings of one CoT are bins of
    their own. Vanilla trials were prompted with no budget and are left out.

    A sequential search asks a smaller budget only where the larger one was feasible,
    so its bins hold different questions; a speculative search or a sweep avoids that.

    Args:
        questions: With trials under any budgets.
        by: "budget" in tokens, or "fraction" of the question's vanilla answer.

    Raises:
        UnknownNameError: Another axis.
        InvalidValueError: A fraction of an empty vanilla answer.
    """
    if by not in get_args(Axis):
        raise UnknownNameError("axis", by, get_args(Axis))
    bins: dict[int, list[Trial]] = defaultdict(list)
    for question in questions:
        for trial in question.trials:
            if trial.budget is not None:
                at = trial.budget if by == "budget" else question.fraction(trial.budget)
                bins[round(log2(at))].append(trial)
    return [_point(2.0**exponent, bins[exponent]) for exponent in sorted(bins)]


def _point(at: float, trials: Sequence[Trial]) -> CurvePoint:
    tokens = [trial.output_tokens for trial in trials]
    single = len(tokens) == 1
    # quantiles() wants two values; those of one value are the value
    q25, middle, q75 = quantiles(tokens * 2 if single else tokens, n=4, method="inclusive")
    return CurvePoint(
        at=at,
        mean=mean(tokens),
        stdev=None if single else stdev(tokens),
        q25=q25,
        median=middle,
        q75=q75,
        accuracy=Share.of(trial.correct for trial in trials),
    )


def first_rebound(question: QuestionTrials) -> Trial | None:
    """The trial of the largest budget that cost more than the next larger one did.

    Vanilla CoT counts as the next larger of the largest budget, as in Alg. 2. None
    where a smaller budget never cost more.
    """
    steps = pairwise(question.loosest_first)
    return next((less for more, less in steps if less.output_tokens > more.output_tokens), None)


def rebound_share(questions: Iterable[QuestionTrials]) -> Share:
    """The share of questions with a rebound, among those with at least two trials."""
    return Share.of(first_rebound(question) is not None for question in _comparable(questions))


def median_rebound_fraction(questions: Iterable[QuestionTrials]) -> float | None:
    """Median fraction of CoT at which the cost first rebounds; None without a rebound.

    Raises:
        InvalidValueError: A rebound over an empty vanilla answer.
    """
    found = [(question, first_rebound(question)) for question in questions]
    fractions = [q.fraction(trial.effective_budget) for q, trial in found if trial]
    return median(fractions) if fractions else None


def monotonic(question: QuestionTrials) -> bool:
    """Whether a correct answer at a budget implies one at every larger budget.

    No sequential search can break this: it asks only between its largest wrong and
    its smallest correct budget. Surplus trials and sweeps put it to the test.
    """
    steps = pairwise(question.loosest_first)
    return all(more.correct or not less.correct for more, less in steps)


def monotonic_share(questions: Iterable[QuestionTrials]) -> Share:
    """The share of monotonic questions, among those with at least two trials."""
    return Share.of(monotonic(question) for question in _comparable(questions))


def _comparable(questions: Iterable[QuestionTrials]) -> list[QuestionTrials]:
    return [question for question in questions if len(question.trials) > 1]


COMPARABLE_TRIALS = 6
"""From so many correct budgets on, W* is a range of two budgets or more.

Below, k = N // 3 is 1 at most: W* is the one cheapest budget, and an estimate is in range only
if it hits this number.
"""


@dataclass(frozen=True)
class IdealRange:
    """W*, the ideal budget range of a question: at least one budget, ascending.

    Attributes:
        budgets: The window.
        trials: Of how many correct budgets it is one; 0 if that is not known.
    """

    budgets: tuple[int, ...]
    trials: int = field(default=0, compare=False)

    @property
    def low(self) -> int:
        """The smallest budget of the range."""
        return self.budgets[0]

    @property
    def high(self) -> int:
        """The largest budget of the range."""
        return self.budgets[-1]

    def distance(self, estimate: int) -> int:
        """Tokens from an estimate to the nearest budget of W*; 0 within [low, high]."""
        return max(self.low - estimate, estimate - self.high, 0)


def ideal_range(question: QuestionTrials) -> IdealRange | None:
    """The window of neighbouring correct budgets that cost least; None without any.

    Over the N budgets that keep the answer correct, ascending, roll a window of
    k = max(1, N // 3) and take the smallest summed actual cost, of equal sums the one
    with the smaller budgets. Vanilla CoT is one of the N, at its own cost.
    """
    correct = [trial for trial in question.trials if trial.correct]
    correct.sort(key=lambda trial: trial.effective_budget)
    size = max(1, len(correct) // 3)
    windows = [correct[start : start + size] for start in range(len(correct) - size + 1)]
    if not windows:
        return None
    cheapest = min(windows, key=lambda window: sum(trial.output_tokens for trial in window))
    return IdealRange(tuple(trial.effective_budget for trial in cheapest), len(correct))


@dataclass(frozen=True)
class EstimatorQuality:
    """How well an estimator hits the ideal ranges.

    Attributes:
        n_shared: Questions with both an ideal range and an entry among the estimates.
        in_range: Estimates inside their range, out of all that were given (the
            paper's in-range accuracy).
        mean_distance_outside: Mean distance in tokens of the estimates outside (the
            paper's out-of-range distance); None where none is outside.
        mean_distance_all: The same over all estimates, 0 inside; None without one.
        median_trials: Median of the correct budgets behind the ranges of `n_shared`.
        comparable: They are `COMPARABLE_TRIALS` or more, so that a range is one: below,
            nothing here can be compared with the paper's in-range accuracy of 60.61 %.
    """

    n_shared: int
    in_range: Share
    mean_distance_outside: float | None
    mean_distance_all: float | None
    median_trials: float = 0
    comparable: bool = False

    @property
    def n_estimated(self) -> int:
        """Shared questions for which a budget was estimated."""
        return self.in_range.denominator

    @property
    def n_without_estimate(self) -> int:
        """Shared questions whose estimate could not be read (None)."""
        return self.n_shared - self.n_estimated


def estimator_quality(
    ranges: Mapping[str, IdealRange], estimates: Mapping[str, int | None]
) -> EstimatorQuality:
    """In-range accuracy and out-of-range distance of estimated budgets.

    Args:
        ranges: Ideal range by question id.
        estimates: Estimated budget by question id; None where there is none.

    Raises:
        InvalidValueError: No question has both.
    """
    shared = ranges.keys() & estimates.keys()
    if not shared:
        raise InvalidValueError(
            f"none of {len(estimates)} estimates belongs to one of {len(ranges)} ideal "
            "ranges; search and estimate the same questions"
        )
    distances = [
        ranges[key].distance(estimate) for key in shared if (estimate := estimates[key]) is not None
    ]
    outside = [distance for distance in distances if distance]
    trials = median(ranges[key].trials for key in shared)
    return EstimatorQuality(
        n_shared=len(shared),
        in_range=Share.of(distance == 0 for distance in distances),
        mean_distance_outside=mean(outside) if outside else None,
        mean_distance_all=mean(distances) if distances else None,
        median_trials=trials,
        comparable=trials >= COMPARABLE_TRIALS,
    )
