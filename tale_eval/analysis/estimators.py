"""How good estimates are, on searched questions, with intervals; which of two is better. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log2
from statistics import fmean
from time import perf_counter
from typing import Literal

from tale_eval.analysis.statistics import (
    Interval,
    IntervalEstimate,
    accuracy_interval,
    mean_estimate,
    paired_difference,
    token_ratio,
)
from tale_eval.budgets.elasticity import EstimatorQuality, estimator_quality, ideal_range
from tale_eval.budgets.fitted import Fitted
from tale_eval.budgets.needs import Search, expense
from tale_eval.errors import InvalidValueError
from tale_eval.records import Searched

Searches = Mapping[str, Search]
"""By question and epoch, as `tale_eval.records.Searched.question` names them."""

Estimates = Mapping[str, int | None]
"""Budgets in tokens, under the same names; None where none could be read."""

Better = Literal["better", "not shown to be better"]


@dataclass(frozen=True)
class CalibrationBin:
    """Estimates of about one size.

    Attributes:
        at: A power of two, in tokens: half an octave around it.
        n: How many.
        estimated, needed: Means, in tokens.
        covered: Share of the questions that needed no more than estimated.
    """

    at: float
    n: int
    estimated: float
    needed: float
    covered: float


@dataclass(frozen=True)
class EstimatorScore:
    """How an estimator did on questions that vanilla CoT solves.

    Attributes:
        quality: The paper's two numbers, and whether they can be compared with it.
        in_range: Share of the estimates inside W*.
        distance: Mean distance to W* in tokens, 0 inside.
        covered: Share of the questions that needed no more than estimated: a quantile
            estimator aims at its quantile.
        estimated, needed: Mean estimate, and mean need, in tokens.
        right: Share of the questions that the estimate keeps right, by the nearest trial.
        tokens: Tokens that the answers take under it, as a share of vanilla CoT's.
        saved: Tokens saved a question, by the nearest trial.
        expense: Tokens a question where an answer that is lost is asked for again by vanilla
            CoT: what a quantile is chosen by.
        bins: Estimated against needed.
    """

    quality: EstimatorQuality
    in_range: IntervalEstimate
    distance: IntervalEstimate
    covered: IntervalEstimate
    estimated: float
    needed: float
    right: IntervalEstimate
    tokens: IntervalEstimate | None
    saved: float
    expense: IntervalEstimate
    bins: list[CalibrationBin]


@dataclass(frozen=True)
class EstimatorComparison:
    """One estimator against another, on the questions that both estimated.

    Attributes:
        questions: How many.
        in_range: Difference of the shares in range.
        distance: Ratio of the mean distances to W*; below 1 is better. None where the other's
            is 0.
        expense: Ratio of the mean expenses (`EstimatorScore.expense`).
        verdict: "better" where the whole interval of that ratio is below 1.
    """

    questions: int
    in_range: IntervalEstimate | None
    distance: IntervalEstimate | None
    expense: IntervalEstimate | None
    verdict: Better


def estimator_score(searches: Searches, estimates: Estimates) -> EstimatorScore:
    """Judge estimates by the searches of the same questions.

    Raises:
        InvalidValueError: No solved question has an estimate.
    """
    known = _known(searches, estimates)
    if not known:
        raise InvalidValueError(
            f"none of {len(estimates)} estimates belongs to one of {len(searches)} searched "
            "questions that vanilla CoT solves; search and estimate the same questions"
        )
    ranges = {name: found for name, s in searches.items() if (found := ideal_range(s.trials))}
    tried = {name: searches[name].outcome(known[name]) for name in known}
    vanilla = {name: searches[name].vanilla.output_tokens for name in known}
    spent = {name: trial.output_tokens for name, trial in tried.items()}
    needs = {name: _need(searches[name]) for name in known}
    by_text = _by_text(searches)
    return EstimatorScore(
        quality=estimator_quality(ranges, estimates),
        in_range=_share(by_text(_in_range(searches, known))),
        distance=mean_estimate(by_text(_distances(searches, known))),
        covered=_share(by_text({n: float(needs[n] <= known[n]) for n in known})),
        estimated=fmean(known.values()),
        needed=fmean(needs.values()),
        right=_share(by_text({n: float(trial.correct) for n, trial in tried.items()})),
        tokens=token_ratio(by_text(spent), by_text(vanilla)),
        saved=fmean(vanilla[n] - spent[n] for n in known),
        expense=mean_estimate(by_text(_expenses(searches, known))),
        bins=_bins((known[n], needs[n]) for n in known),
    )


def compare_estimators(
    searches: Searches, estimates: Estimates, others: Estimates
) -> EstimatorComparison:
    """Whether estimates are better than others: nearer to W*, question by question.

    The distance decides, and not the share in range: where few budgets were tried, W* is a
    single number that hardly an estimate hits. One test, at 2.5 %.
    """
    mine, theirs = _known(searches, estimates), _known(searches, others)
    both = mine.keys() & theirs.keys()
    mine, theirs = {n: mine[n] for n in both}, {n: theirs[n] for n in both}
    by_text = _by_text(searches)
    in_range, distance, spent = None, None, None
    if both:
        hits = [by_text(_in_range(searches, each)) for each in (mine, theirs)]
        in_range = paired_difference(*hits)
        far, others_far = (by_text(_distances(searches, each)) for each in (mine, theirs))
        distance = token_ratio(far, others_far)
        cost, others_cost = (by_text(_expenses(searches, each)) for each in (mine, theirs))
        spent = token_ratio(cost, others_cost)
    shown = distance is not None and distance.interval is not None and distance.interval.high < 1
    verdict: Better = "better" if shown else "not shown to be better"
    return EstimatorComparison(len(by_text(mine)), in_range, distance, spent, verdict)


def estimated_by(fitted: Fitted, found: Sequence[Searched], problems: list[str]) -> list[Searched]:
    """What a fitted estimator says of searched questions, but of those that it was fitted on.

    Args:
        fitted: The estimator.
        found: Searches, perhaps with estimates among them.
        problems: Gets a line for what is left out, or doubtful.
    """
    searches = (s for s in found if s.trace is not None)
    # a question that several methods searched is estimated once
    searched = {(s.model, s.task, s.question, s.setting): s for s in searches}
    fresh = [s for s in searched.values() if not fitted.learner.was_fitted_on(s.asked)]
    label = f"{fitted.folder.name} ({fitted.signature})"
    if len(fresh) < len(searched):
        problems.append(
            f"{label}: it was fitted on {len(searched) - len(fresh)} of the {len(searched)} "
            "searched questions, which are left out for it"
        )
    others = sorted({s.model for s in fresh} - {fitted.card["model"]})
    if others:
        problems.append(f"{label}: fitted on {fitted.card['model']}, not on {', '.join(others)}")
    return [_estimated(fitted, label, item) for item in fresh]


def _estimated(fitted: Fitted, label: str, item: Searched) -> Searched:
    begun = perf_counter()
    reading = fitted.learner.estimate(item.asked)
    return replace(
        item,
        method=label,
        trace=None,
        estimate=reading.budget,
        unlike=reading.status == "outside",
        seconds=perf_counter() - begun,
    )


def _known(searches: Searches, estimates: Estimates) -> dict[str, int]:
    """The estimates of solved questions that could be read."""
    return {
        name: budget
        for name, budget in sorted(estimates.items())
        if budget is not None and name in searches and searches[name].needed is not None
    }


def _need(search: Search) -> int:
    assert search.needed is not None
    return search.needed


def _distances(searches: Searches, known: Mapping[str, int]) -> dict[str, float]:
    ranges = {name: ideal_range(searches[name].trials) for name in known}
    return {n: float(w.distance(known[n])) for n, w in ranges.items() if w is not None}


def _expenses(searches: Searches, known: Mapping[str, int]) -> dict[str, float]:
    return {name: expense(searches[name], budget) for name, budget in known.items()}


def _in_range(searches: Searches, known: Mapping[str, int]) -> dict[str, float]:
    return {name: float(far == 0) for name, far in _distances(searches, known).items()}


def _by_text(searches: Searches) -> Callable[[Mapping[str, float]], dict[str, list[float]]]:
    """Groups values by the question's text: its epochs and copies are one question."""
    keys = {name: search.key for name, search in searches.items()}

    def grouped(values: Mapping[str, float]) -> dict[str, list[float]]:
        found: dict[str, list[float]] = defaultdict(list)
        for name, value in values.items():
            found[keys[name]].append(float(value))
        return found

    return grouped


def _share(hits: Mapping[str, list[float]]) -> IntervalEstimate:
    values = [value for per_epoch in hits.values() for value in per_epoch]
    return IntervalEstimate(fmean(values), accuracy_interval(hits), len(hits))


def _bins(pairs: Iterable[tuple[int, int]]) -> list[CalibrationBin]:
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for estimated, needed in pairs:
        found[round(log2(estimated))].append((estimated, needed))
    return [
        CalibrationBin(
            at=2.0**exponent,
            n=len(rows),
            estimated=fmean(e for e, _ in rows),
            needed=fmean(n for _, n in rows),
            covered=fmean(n <= e for e, n in rows),
        )
        for exponent, rows in sorted(found.items())
    ]


def interval_text(found: IntervalEstimate | None, scale: float = 1, digits: int = 1) -> str:
    """A number with its interval, such as "61.0 [52.3, 69.2]"; a dash for None."""
    if found is None:
        return "–"
    value = f"{scale * found.value:.{digits}f}"
    ends: Interval | None = found.interval
    if ends is None:
        return value
    return f"{value} [{scale * ends.low:.{digits}f}, {scale * ends.high:.{digits}f}]"
