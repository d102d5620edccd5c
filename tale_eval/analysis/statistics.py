"""Intervals and tests for answers that share their questions. Pure.

Questions are the sample; the answers to one question in several epochs are a cluster
and never count as further questions. All intervals are two-sided, 95 %: the truth about
scores lies above one in 2.5 % of cases at most, and below it in as many.

One method serves all of them. Give every question a random weight (exponential, so that
they are a uniform draw of all ways to weigh the sample), give a weight to one further
question that was not asked and turned out as badly as it could, and take the 2.5 %
quantile of the weighted mean for the lower end; for the upper end the further question
turned out as well as it could. Where values have bounds (scores, differences of scores)
this is Gaffke's bound (Mathematical Methods of Statistics, 2005; found again by
Learned-Miller and Thomas, arXiv 1905.06208). That it never fails is a conjecture; no case
against it is known. Of right and wrong answers to single questions it is Clopper and
Pearson's exact interval. Tokens have no bounds: there, further questions are like the most
extreme one of the sample.

`benchmarks/intervals.py` measures what the docstrings say; `docs/comparison.md` has its
tables.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import bdtr, ndtri

from tale_eval.errors import InvalidValueError

FEWEST_FOR_TOKENS = 20
"""Questions below which token counts get no interval."""

HEAVIEST_QUESTION = 0.75
"""Share of the sum of squared residuals above which one question decides alone."""

Floats = NDArray[np.float64]

Values = Mapping[str, Sequence[float]]
"""For each question its values, one per epoch; at least one."""

Verdict = Literal["not worse", "worse", "undecided"]

LEVEL = 0.025
"""How seldom the truth may lie beyond either end of an interval."""
_SWAPS = 9999


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
        interval: None where the sample does not carry one.
        questions: How many questions it rests on.
        reason: Why there is no interval, in words for a reader; None if there is one.
    """

    value: float
    interval: Interval | None
    questions: int
    reason: str | None = None


@dataclass(frozen=True)
class Chances:
    """How seldom so much speaks for a verdict where it is false: one-sided p values.

    Attributes:
        not_worse: At most this, where the loss is the margin or more.
        worse: At most this, where the loss is the margin or less.
    """

    not_worse: float
    worse: float


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


def accuracy_interval(scores: Values) -> Interval | None:
    """Interval of the mean over all scores, each from 0 to 1: Gaffke's.

    With one epoch of right and wrong it is Clopper and Pearson's. Wilson's, which version
    0.1.0 had, covers 84 to 93 % at worst where accuracies are above 98 %, and 92 % below with
    24 questions; with the effective number of answers over four epochs it covers 90 %
    at 98 % and 98 questions. This one covers 95 % or more in both.

    None for a single question in several epochs.
    """
    totals, sizes = _totals(scores)
    if len(totals) == 1 and sizes[0] > 1:
        return None
    # the further question is answered as often as the others are
    size = float(sizes.mean())
    return _interval(totals, sizes, worst=(0.0, size), best=(size, size))


def mean_interval(values: Values) -> Interval | None:
    """The interval of `mean_estimate`; None without any question."""
    return mean_estimate(values).interval if values else None


def mean_estimate(values: Values) -> IntervalEstimate:
    """The mean over all values, which have no upper bound, such as tokens.

    The two ends allow for a further question like the one that lies the lowest, or the
    highest; for two with fewer than 50 questions. The t interval, which is right in 94 to
    95 % of cases on short tails, covers 87, 90 and 92 % of log-normal counts with sigma 1 and
    24, 50 and 100 questions, this one 94 to 96. It is wider than the t interval by 8
    to 20 %, below 50 questions by up to a third; with two further questions throughout it
    would be wider by a third to two fifths at 100 questions too, and cover 98 %.

    No interval for fewer than `FEWEST_FOR_TOKENS` questions, or where one makes more than
    `HEAVIEST_QUESTION` of the spread. An interval is about answers like those of the sample:
    of 100 questions, 37 % of the samples have none of a kind that comes once in 100.
    """
    return _unbounded(*_totals(values))


def median_estimate(values: Values) -> IntervalEstimate:
    """The median of the questions' means, with the exact interval of order statistics.

    No interval for fewer than six questions: even from the lowest to the highest would
    cover less than 95 %.
    """
    means = sorted(_means(list(values.values())).tolist())
    n = len(means)
    middle = (means[(n - 1) // 2] + means[n // 2]) / 2
    # how many questions may lie below the median with at most 2.5 % chance
    outside = int((bdtr(np.arange(n), n, 0.5) <= LEVEL).sum())
    if outside == 0:
        return IntervalEstimate(middle, None, n, _too_few(n, "a median needs 6"))
    return IntervalEstimate(middle, Interval(means[outside - 1], means[n - outside]), n)


def share_at_cap(tokens: Values, cap: float) -> IntervalEstimate:
    """The share of answers that reached the cap, with the interval of an accuracy.

    Args:
        tokens: Output tokens.
        cap: The most tokens an answer could have; more count as reached.
    """
    reached = {q: [float(t >= cap) for t in per_epoch] for q, per_epoch in tokens.items()}
    totals, sizes = _totals(reached)
    share, interval = float(totals.sum() / sizes.sum()), accuracy_interval(reached)
    return IntervalEstimate(share, interval, len(reached), None if interval else _ONE_QUESTION)


def paired_difference(a: Values, b: Values, *, level: float = LEVEL) -> IntervalEstimate | None:
    """How much higher the accuracy of `a` is than that of `b`, on the questions of both.

    A question counts once, with the difference of its two means over epochs. So the
    interval is clustered by question, and the methods may differ in epochs. Scores may
    be partial credit.

    The interval is Gaffke's: the further question is one that `a` loses, or wins, outright.
    So where no question tells the methods apart, a loss is excluded only if it would have
    shown in 97.5 % of such samples. With a true loss of the margin, "not worse" comes in
    2.31 % of cases at most, and "worse" too. Others that were measured on single epochs:
    Agresti and Min's, which version 0.1.0 had, says "not worse" in up to 13.8 % (98 questions,
    2 points, questions lost but none won) and Tango's score interval "worse" in up to 5.2 %.
    The exact test with the likeliest share of discordant questions put in holds its level
    too (2.41 %) and finds equal methods "not worse" more often, by 3.6 points at most, but
    knows neither epochs nor partial credit. Half a further question: up to 7.7 %.

    Args:
        a, b: Scores.
        level: How seldom the truth may lie beyond either end.

    Returns:
        None if no question is in both. Questions in only one are left out. No interval
        for one question.
    """
    differences = _question_means(a, b)
    n = differences.shape[1]
    if n == 0:
        return None
    difference = differences[0] - differences[1]
    mean = math.fsum(difference) / n
    if n == 1:
        return IntervalEstimate(mean, None, n, _ONE_QUESTION)
    interval = _interval(difference, np.ones(n), worst=(-1, 1), best=(1, 1), level=level)
    return IntervalEstimate(mean, interval, n)


def differences(a: Values, b: Values) -> Floats:
    """How much higher the mean score of `a` is, for each question of both. Shape (questions,)."""
    ours, theirs = _question_means(a, b)
    return np.asarray(ours - theirs)


def paired_chances(a: Values, b: Values, margin: float) -> Chances | None:
    """The p values of both verdicts on `a` against `b`.

    Each is below `LEVEL` where the interval of `paired_difference` lies wholly on its side of the
    margin: they invert one another.

    Args:
        a, b: Scores from 0 to 1.
        margin: The loss that would not matter, as a share.

    Returns:
        None with fewer than two questions in both.

    Raises:
        InvalidValueError: If the margin is not from 0 to below 1.
    """
    check_margin(margin)
    above = differences(a, b) + margin
    if len(above) < 2:
        return None
    return Chances(
        not_worse=_chance_below(above, margin - 1),
        worse=_chance_below(-above, -margin - 1),
    )


def _chance_below(values: Floats, further: float) -> float:
    """Chance that the randomly weighted mean of these and a further value is below 0."""
    kinds, counts = np.unique(values, return_counts=True)
    shapes = np.append(counts, 1).astype(np.float64)
    return float(np.clip(chance_negative(np.append(kinds, further), shapes), 0, 1))


def token_ratio(a: Values, b: Values, together: int = 1) -> IntervalEstimate | None:
    """Mean tokens of `a` divided by those of `b`, on the questions of both.

    A question counts once, with its means over epochs. The interval is that of
    `mean_estimate`, and refused where that is; the further question is like the one that
    speaks most for a low, or a high, ratio. Where one answer in a hundred of `a` is 30 to 50
    times longer it covers 97 % with 1,319 questions; Fieller's and the t interval of the
    logarithm cover 92. The studentised bootstrap covers 92 to 94 % of log-normal counts with
    sigma 1 and 24 to 100 questions, this one 95 to 96, and is twice as wide where 5 % of 50
    answers are at the cap; the expanded percentile interval of version 0.1.0 covers 92 to 94.

    Args:
        a, b: Tokens.
        together: Of how many such ratios the intervals are to hold at 95 % all at once
            (Bonferroni's).

    Returns:
        None if no question is in both, or `b` wrote nothing at all.
    """
    top, bottom = _question_means(a, b)
    return _unbounded(top, bottom, LEVEL / together) if bottom.sum() > 0 else None


def swapped_p(a: Values, b: Values) -> float:
    """The chance that `a` and `b` differ so much if nothing tells them apart.

    Were there no difference, each question's two means could as well be the other way round: p is
    the share of 9,999 random ways to swap them, from a fixed seed, in which the means of all lie
    at least as far apart (and the sample's own way). So it holds its level however long the tails
    are, where `token_ratio`'s interval does not: of 50 answers of which 5 % run to a cap.

    Returns:
        1 where no question is in both.
    """
    ours, theirs = _question_means(a, b)
    differences = (ours - theirs)[ours != theirs]
    found = abs(differences.sum()) * (1 - 1e-6)
    random, further = np.random.default_rng(1024), 0
    for _ in range(11):  # not all at once: 1,319 questions would take 100 MB
        bits = random.integers(0, 256, (_SWAPS // 11, -(-len(differences) // 8)), dtype=np.uint8)
        swapped = np.unpackbits(bits, axis=1, count=len(differences)).astype(np.float32)
        sums = 2 * (swapped @ differences.astype(np.float32)) - differences.sum()
        further += int((abs(sums) >= found).sum())
    return (1 + further) / (1 + _SWAPS)


def rank_correlation(a: Values, b: Values) -> IntervalEstimate | None:
    """Spearman's correlation of the questions' means, 1 where both have the same order.

    The interval is Bonett and Wright's (Psychometrika, 2000), by Fisher's transformation. None for
    fewer than `FEWEST_FOR_TOKENS` questions, or where one order is wholly the other.

    Returns:
        None where one of the two is the same for all questions of both.
    """
    ours, theirs = _question_means(a, b)
    n = len(ours)
    if n == 0 or np.ptp(ours) == 0 or np.ptp(theirs) == 0:
        return None
    value = float(np.corrcoef(ranks(ours), ranks(theirs))[0, 1])
    if n < FEWEST_FOR_TOKENS:
        return IntervalEstimate(
            value, None, n, _too_few(n, f"a correlation needs {FEWEST_FOR_TOKENS}")
        )
    if abs(value) > 1 - 1e-9:
        return IntervalEstimate(value, None, n, "one order is wholly the other")
    spread = math.sqrt((1 + value**2 / 2) / (n - 3)) * float(-ndtri(LEVEL))
    ends = (math.tanh(math.atanh(value) + sign * spread) for sign in (-1, 1))
    return IntervalEstimate(value, Interval(*ends), n)


def ranks(values: Floats) -> Floats:
    """The place of each value in their order; equal ones share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((counts.cumsum() - (counts - 1) / 2)[place])


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


def chance_negative(coefficients: Floats, shapes: Floats) -> Floats:
    """Chance that a sum of independent gamma variables, each with a coefficient, is below 0.

    By numerical inversion of the characteristic function (Gil-Pelaez, Biometrika, 1951),
    to about 1e-6.

    Args:
        coefficients: Shape (..., terms).
        shapes: Of the variables, with scale 1; 1 makes an exponential variable, 0 none. Shape
            (terms,) or (..., terms).

    Returns:
        Shape (...).
    """
    spread = np.sqrt((coefficients**2 * shapes).sum(axis=-1))
    terms = coefficients / np.where(spread > 0, spread, 1)[..., None]
    sine, start, points = np.zeros(spread.shape), 0, 16
    while start < _MOST_POINTS:
        steps = np.arange(start, start + points) + 0.5
        # the sum has standard deviation 1 now, and is taken for one within 32 of 0
        angles = (math.pi / 32 * steps)[:, None] * terms[..., None, :]
        modulus = np.exp(-0.5 * (np.log1p(angles**2) @ shapes[..., None])[..., 0])
        phase = (np.arctan(angles) @ shapes[..., None])[..., 0]
        sine += (modulus * np.sin(phase) / steps).sum(axis=-1)
        if modulus[..., -1].max() < 1e-7:
            break
        start += points
        # few terms fade slowly, and cost little
        points = max(16, min(start, 20_000 // terms.size))
    mean = (terms * shapes).sum(axis=-1)
    return np.asarray(np.where(np.abs(mean) > 12, mean < 0, 0.5 - sine / math.pi))


_ONE_QUESTION = "one question says nothing about others"

# of the inversion; only sums of two or three variables come near it
_MOST_POINTS = 8192


def _too_few(questions: int, need: str) -> str:
    return f"too few to tell: {questions} questions, and {need}"


def _refusal(residuals: Floats) -> str | None:
    """Why token counts with these residuals get no interval; None if they get one."""
    n = len(residuals)
    if n == 1:
        return _ONE_QUESTION
    if n < FEWEST_FOR_TOKENS:
        return _too_few(n, f"token counts need {FEWEST_FOR_TOKENS}")
    squares = residuals**2
    heaviest = squares.max() / squares.sum() if squares.any() else 0.0
    if heaviest > HEAVIEST_QUESTION:
        share = f"{100 * heaviest:.0f} %"
        return f"too few to tell: one of {n} questions makes {share} of the spread"
    return None


def _unbounded(totals: Floats, sizes: Floats, level: float = LEVEL) -> IntervalEstimate:
    """The sum of totals over the sum of sizes, where totals have no upper bound."""
    n = len(totals)
    ratio = float(totals.sum() / sizes.sum())
    residuals = totals - ratio * sizes
    if reason := _refusal(residuals):
        return IntervalEstimate(ratio, None, n, reason)
    worst, best = int(residuals.argmin()), int(residuals.argmax())
    interval = _interval(
        totals,
        sizes,
        worst=(totals[worst], sizes[worst]),
        best=(totals[best], sizes[best]),
        further=2 if n < 50 else 1,
        level=level,
    )
    return IntervalEstimate(ratio, interval, n)


def _interval(
    totals: Floats,
    sizes: Floats,
    *,
    worst: tuple[float, float],
    best: tuple[float, float],
    further: int = 1,
    level: float = LEVEL,
) -> Interval:
    """Interval of the sum of totals over the sum of sizes. One total and size a question.

    Args:
        worst, best: Total and size of a further question, for the low and the high end.
        further: How many such questions.
        level: Chance that the truth lies below the low end; of the high end it is the same.
    """
    low = _lower_end(totals, sizes, worst, further, level)
    high = -_lower_end(-totals, sizes, (-best[0], best[1]), further, level)
    # + 0.0: the upper end of nothing but zeros is 0, not -0
    return Interval(low, high + 0.0)


def _lower_end(
    totals: Floats, sizes: Floats, worst: tuple[float, float], further: int, level: float
) -> float:
    """A low quantile of the randomly weighted ratio, a further question included."""
    centre = math.fsum(totals) / math.fsum(sizes)
    # equal questions are one term
    pairs, counts = _kinds(totals, sizes)
    tops, bottoms = np.vstack([pairs, worst]).T
    shapes = np.append(counts, further).astype(np.float64)

    def excess(ratio: float) -> float:
        """Nearly linear in the ratio; 0 at the quantile."""
        chance = chance_negative(tops - ratio * bottoms, shapes)
        return float(ndtri(np.clip(chance, 1e-9, 1 - 1e-9)) - ndtri(level))

    step = 2 * math.sqrt((tops - centre * bottoms) ** 2 @ shapes) / math.fsum(sizes)
    if step == 0:
        return centre
    low = centre - step
    while excess(low) > 0:
        step *= 2
        low -= step
    return float(brentq(excess, low, centre, xtol=1e-7 * step, rtol=1e-12))


def _kinds(totals: Floats, sizes: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """The different pairs, sorted, and how often each is there. Shapes (kinds, 2) and (kinds,)."""
    if len(totals) and (sizes == sizes[0]).all():
        # a tenth of the time
        kinds, counts = np.unique(totals, return_counts=True)
        return np.stack([kinds, np.full(len(kinds), sizes[0])], axis=1), counts
    return np.unique(np.stack([totals, sizes], axis=1), axis=0, return_counts=True)


def _once(values: Iterable[Sequence[float]]) -> Floats | None:
    """The values, if each question has one."""
    found = list(values)
    if sum(map(len, found)) != len(found):
        return None
    return np.fromiter(chain.from_iterable(found), np.float64, len(found))


def _totals(values: Values) -> tuple[Floats, Floats]:
    """For each question the sum of its values and how many they are."""
    if (once := _once(values.values())) is not None:
        return once, np.ones(len(once))
    totals = np.array([math.fsum(per_epoch) for per_epoch in values.values()])
    return totals, np.array([float(len(per_epoch)) for per_epoch in values.values()])


def _question_means(a: Values, b: Values) -> Floats:
    """Means over epochs of the questions of both. Shape (2, questions)."""
    # sorted: the same questions give the same numbers, in whatever order they were read
    shared = sorted(question for question in a if question in b)
    return np.stack([_means([values[question] for question in shared]) for values in (a, b)])


def _means(values: Sequence[Sequence[float]]) -> Floats:
    once = _once(values)
    return np.array([_average(each) for each in values]) if once is None else once


def _average(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
