"""Intervals and tests for answers that share their questions. Pure.

Questions are the sample; the answers to one question in several epochs are a cluster
and never count as further questions. All intervals are two-sided, 95 %.

How the methods were chosen: each was simulated against its rivals on correlated answers
with accuracies from 50 to 99 %, 10 to 300 questions, and 1, 3 and 10 epochs that agree
a little or wholly. The docstrings say what lost; `tests/test_coverage.py` repeats the
simulations of what won. Where fewer than about ten questions discriminate between two
methods, no interval of theirs covers 95 %: this one covers more, up to 100 %.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from tale_eval.errors import InvalidValueError

Z = 1.959963984540054
"""The normal distribution's 97.5 % quantile."""

Values = Mapping[str, Sequence[float]]
"""For each question its values, one per epoch; at least one."""

Verdict = Literal["not worse", "worse", "undecided"]

# resampled values held in memory at a time
_BLOCK = 2_000_000


@dataclass(frozen=True)
class Interval:
    """A 95 % confidence interval."""

    low: float
    high: float


@dataclass(frozen=True)
class IntervalEstimate:
    """A number with its interval.

    Attributes:
        value: The number, as measured.
        interval: None where a single question says nothing about others.
        questions: How many questions it rests on.
    """

    value: float
    interval: Interval | None
    questions: int


@dataclass(frozen=True)
class McNemar:
    """How two methods' right answers overlap.

    Attributes:
        both, only_a, only_b, neither: Questions answered right by these.
        p: Exact two-sided p of "each is as often the only one right".
    """

    both: int
    only_a: int
    only_b: int
    neither: int
    p: float


def wilson(successes: float, n: float, quantile: float = Z) -> Interval:
    """Wilson's score interval of a share."""
    share = successes / n
    centre = share + quantile**2 / (2 * n)
    spread = quantile * math.sqrt(share * (1 - share) / n + quantile**2 / (4 * n * n))
    scale = 1 + quantile**2 / n
    return Interval((centre - spread) / scale, (centre + spread) / scale)


def clustered_error(values: Values) -> float:
    """Standard error of the mean over all values, clustered by question.

    The sandwich estimator with the factor G / (G - 1) for G questions, which must be 2
    or more; for one epoch it is the usual standard error.
    """
    clusters = len(values)
    return math.sqrt(_variance(values) * clusters / (clusters - 1))


def mean_interval(values: Values) -> Interval | None:
    """Interval of the mean over all values: t, with a standard error clustered by question.

    None for a single question.
    """
    if len(values) < 2:
        return None
    half = _t_quantile(len(values)) * clustered_error(values)
    mean = _mean(values)
    return Interval(mean - half, mean + half)


def accuracy_interval(scores: Values) -> Interval | None:
    """Interval of the mean over all scores, each from 0 to 1.

    One epoch: Wilson's. Several: Wilson's with the effective number of answers, which is
    the number of independent ones that would leave the clustered standard error, and with
    the t quantile. The plain clustered t interval covers about 80 % at 97 % accuracy
    and 50 questions, and leaves [0, 1].

    None for a single question in several epochs.
    """
    mean, questions = _mean(scores), len(scores)
    answers = sum(len(per_epoch) for per_epoch in scores.values())
    if answers == questions:
        return wilson(mean * answers, answers)
    if questions == 1:
        return None
    variance = _variance(scores)
    # no two answers differ: nothing says how alike epochs are, so take them as copies
    effective = min(mean * (1 - mean) / variance, answers) if variance > 0 else questions
    return wilson(mean * effective, effective, _t_quantile(questions))


def paired_difference(a: Values, b: Values) -> IntervalEstimate | None:
    """How much higher the accuracy of `a` is than that of `b`, on the questions of both.

    A question counts once, with the difference of its two means over epochs. So the
    interval is clustered by question, and the methods may differ in epochs.

    The interval is Agresti and Min's (Statistics in Medicine, 2005): two questions'
    worth of pseudo-answers are added, half of one for "only a right" and for "only b
    right" each, which matters where few questions discriminate. The plain t interval
    has width 0 where none does, and covers 58 % with 50 questions of which 2 % do.
    Tango's score interval and Newcombe's are wider there and know one epoch only;
    Bonett and Price's is wider throughout. Two things are added to theirs: the t quantile,
    and with several epochs or partial credit the pseudo-answers differ by as much as the
    answers do where they differ (root mean square), or by 1 where none does.

    Returns:
        None if no question is in both. Questions in only one are left out.
    """
    shared = sorted(a.keys() & b.keys())
    differences = [_average(a[question]) - _average(b[question]) for question in shared]
    n = len(differences)
    if n == 0:
        return None
    mean = math.fsum(differences) / n
    if n == 1:
        return IntervalEstimate(mean, None, n)
    squares = math.fsum(d * d for d in differences)
    discordant = sum(d != 0 for d in differences)
    pseudo_square = squares / discordant if discordant else 1.0
    centre = n * mean / (n + 2)
    variance = (squares + pseudo_square) / (n + 2) - centre**2
    half = _t_quantile(n) * math.sqrt(variance / (n + 2))
    return IntervalEstimate(mean, Interval(max(-1.0, centre - half), min(1.0, centre + half)), n)


def token_ratio(
    a: Values, b: Values, *, seed: int = 1024, resamples: int = 2000
) -> IntervalEstimate | None:
    """Mean tokens of `a` divided by those of `b`, on the questions of both.

    A question counts once, with its means over epochs. The interval comes from a
    bootstrap over questions: the expanded percentile interval (Hesterberg, The American
    Statistician, 2015), whose levels make up for the bootstrap's narrowness with few
    questions. The plain percentile interval covers 89 to 92 % with 20 questions, this one
    91 to 94; BCa is worse than both; the studentised bootstrap covers 1 more and can be
    two and a half times as wide.

    Returns:
        None if no question is in both, or `b` wrote nothing at all. No interval for one
        question, or where a resample of `b` wrote nothing.
    """
    # sorted: the same questions give the same interval, in whatever order they were read
    shared = sorted(a.keys() & b.keys())
    top = np.array([_average(a[question]) for question in shared])
    bottom = np.array([_average(b[question]) for question in shared])
    n = len(shared)
    if n == 0 or bottom.sum() == 0:
        return None
    ratio = float(top.sum() / bottom.sum())
    drawn = _resampled_sums(np.stack([top, bottom]), seed, resamples)
    if n == 1 or not drawn[1].all():
        return IntervalEstimate(ratio, None, n)
    level = float(ndtr(-math.sqrt(n / (n - 1)) * _t_quantile(n)))
    low, high = np.quantile(drawn[0] / drawn[1], [level, 1 - level])
    return IntervalEstimate(ratio, Interval(float(low), float(high)), n)


def mcnemar(pairs: Iterable[tuple[float, float]]) -> McNemar:
    """McNemar's exact test on one pair of scores per question.

    A score is right if it is 1: partial credit is not. The p value is the binomial
    one of the questions that one method alone has right; 1 if there are none.

    Args:
        pairs: Scores of a and b on the same question.
    """
    overlap = [(a == 1, b == 1) for a, b in pairs]
    both, only_a = overlap.count((True, True)), overlap.count((True, False))
    only_b, neither = overlap.count((False, True)), overlap.count((False, False))
    discordant = only_a + only_b
    tail = sum(math.comb(discordant, k) for k in range(min(only_a, only_b) + 1))
    return McNemar(both, only_a, only_b, neither, p=min(1.0, 2 * tail / 2**discordant))


def verdict(difference: Interval | None, margin: float) -> Verdict:
    """Whether a method is worse than the baseline by more than the margin.

    A non-inferiority test at 2.5 %. "not worse": the whole interval lies above -margin.
    "worse": it lies wholly below, so the loss is larger than the margin. "undecided":
    -margin lies in it, or there is no interval. A loss may well differ from 0 and still
    be "not worse" or "undecided": only the margin is asked about.

    Args:
        difference: Interval of the accuracy difference, method minus baseline.
        margin: The loss that would not matter, such as 0.02 for two points in a hundred.

    Raises:
        InvalidValueError: If the margin is not from 0 to below 1.
    """
    check_margin(margin)
    if difference is None:
        return "undecided"
    if difference.low > -margin:
        return "not worse"
    return "worse" if difference.high < -margin else "undecided"


def check_margin(margin: float) -> None:
    """Raise InvalidValueError unless the margin is a share from 0 to below 1."""
    if not 0 <= margin < 1:
        raise InvalidValueError(
            f"margin={margin:g}: an accuracy loss from 0 to below 1; 0.02 is two points in 100"
        )


def _resampled_sums(values: NDArray[np.float64], seed: int, resamples: int) -> NDArray[np.float64]:
    """Sums over resampled questions. Shape (rows, questions) to (rows, resamples)."""
    rows, n = values.shape
    random = np.random.default_rng(seed)
    sums = np.empty((rows, resamples))
    step = max(1, _BLOCK // n)
    for start in range(0, resamples, step):
        stop = min(start + step, resamples)
        chosen = random.integers(n, size=(stop - start, n))
        for row in range(rows):
            sums[row, start:stop] = values[row][chosen].sum(axis=1)
    return sums


def _variance(values: Values) -> float:
    """The clustered variance of the mean, without a correction for few clusters."""
    mean = _mean(values)
    answers = sum(len(per_epoch) for per_epoch in values.values())
    deviations = (math.fsum(value - mean for value in per_epoch) for per_epoch in values.values())
    return math.fsum(deviation**2 for deviation in deviations) / answers**2


def _mean(values: Values) -> float:
    return _average([value for per_epoch in values.values() for value in per_epoch])


def _average(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _t_quantile(clusters: int) -> float:
    return float(stdtrit(clusters - 1, 0.975))
