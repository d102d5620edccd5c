"""Judging estimates: by hand, by simulation, and on a scripted reasoner."""

from typing import Any

import numpy as np
import pytest
from needs import question, searches

from tale_eval.analysis.estimators import (
    compare_estimators,
    estimator_score,
    interval_text,
)
from tale_eval.analysis.statistics import Interval, IntervalEstimate
from tale_eval.budgets.elasticity import QuestionTrials
from tale_eval.budgets.estimators import make_estimator
from tale_eval.budgets.learning import out_of_fold
from tale_eval.budgets.needs import Search
from tale_eval.budgets.search import Attempt, Trial
from tale_eval.errors import InvalidValueError


def made(name: str, *trials: tuple[int | None, int, bool], budget: int | None = None) -> Search:
    """A search of (prompted budget, output tokens, right)."""
    tried = tuple(Trial(b, (Attempt(tokens, right, ""),)) for b, tokens, right in trials)
    return Search(question(name), QuestionTrials(name, tried), budget)


SEARCHES = {
    # N = 3, k = 1: W* = [50], 45 tokens. Needs 50.
    "a": made("a", (None, 200, True), (100, 90, True), (50, 45, True), (25, 60, False), budget=50),
    # N = 1: W* = [80]. Needs its vanilla answer.
    "b": made("b", (None, 80, True), (40, 50, False)),
    # N = 2: W* = [10]. Needs 10.
    "c": made("c", (None, 20, True), (10, 9, True), (5, 30, False), budget=10),
    "unsolved": made("unsolved", (None, 300, False)),
}
# a: inside; nearest trial 50: right, 45 tokens. b: 30 away; nearest trial 40 (log2 of 50 / 40 =
# 0.32, of 80 / 50 = 0.68): wrong, 50 tokens. c: 30 away; nearest trial vanilla: right, 20 tokens.
ESTIMATES = {"a": 50, "b": 50, "c": 40, "unsolved": 70, "other": 10}


def test_a_score_worked_by_hand() -> None:
    score = estimator_score(SEARCHES, ESTIMATES)
    assert score.in_range.value == pytest.approx(1 / 3)
    assert score.distance.value == pytest.approx((0 + 30 + 30) / 3)
    assert score.quality.mean_distance_outside == 30
    assert (score.estimated, score.needed) == (pytest.approx(140 / 3), pytest.approx(140 / 3))
    assert score.covered.value == pytest.approx(2 / 3)  # a and c
    assert score.right.value == pytest.approx(2 / 3)
    assert score.tokens is not None
    assert score.tokens.value == pytest.approx((45 + 50 + 20) / (200 + 80 + 20))
    assert score.saved == pytest.approx((155 + 30 + 0) / 3)
    assert score.expense.value == pytest.approx((45 + (50 + 80) + 20) / 3)
    # 32 holds 22.6 to 45.3, 64 what is above
    assert [(b.at, b.n, b.estimated, b.needed) for b in score.bins] == [
        (32, 1, 40, 10),
        (64, 2, 50, 65),
    ]


def test_what_is_never_beside_is_0_tokens_from_it_and_no_more() -> None:
    alike = {str(i): made(str(i), (None, 80, True), (40, 30, True), budget=40) for i in range(30)}
    score = estimator_score(alike, dict.fromkeys(alike, 40))
    assert interval_text(score.distance) == "0.0 [0.0, 0.0]"


def test_an_estimate_that_could_not_be_read_is_none() -> None:
    score = estimator_score(SEARCHES, {"a": 50, "b": None, "c": 40})
    assert (score.quality.n_estimated, score.quality.n_without_estimate) == (2, 1)
    assert score.in_range.questions == 2


def test_estimates_of_other_questions_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="none of 2 estimates belongs to one of 4 searched"):
        estimator_score(SEARCHES, {"x": 3, "unsolved": 40})


def test_a_comparison_is_on_the_questions_of_both() -> None:
    found = compare_estimators(SEARCHES, ESTIMATES, {"a": 60, "b": 80, "unsolved": 5})
    # mine 0 and 30 away, theirs 10 and 0
    assert found.questions == 2
    assert found.distance is not None
    assert found.distance.value == 3
    assert found.in_range is not None
    assert found.in_range.value == 0
    assert found.verdict == "not shown to be better"


def test_epochs_of_a_question_are_one() -> None:
    twice = {f"{name}/{epoch}": SEARCHES[name] for name in "abc" for epoch in (1, 2)}
    score = estimator_score(twice, dict.fromkeys(twice, 50))
    assert score.in_range.questions == 3


def test_a_number_with_its_interval_is_written_alike_everywhere() -> None:
    assert interval_text(IntervalEstimate(0.5, Interval(0.25, 0.75), 9), 100) == "50.0 [25.0, 75.0]"
    assert interval_text(IntervalEstimate(0.5, None, 1)) == "0.5"
    assert interval_text(None) == "–"


# --- verdicts on a scripted reasoner, each estimate by what was fitted without the question ---


def against_fixed(name: str, shape: str, count: int = 200, seed: int = 0) -> Any:
    some = searches(shape, count, seed)
    named = {str(i): s for i, s in enumerate(some)}
    mine, fixed = (
        dict(zip(named, out_of_fold(make_estimator(e, {}), some), strict=True))  # type: ignore[arg-type]
        for e in (name, "fixed")
    )
    return compare_estimators(named, mine, fixed)


@pytest.mark.parametrize("name", ["knn", "ridge", "gradient_boosting"])
@pytest.mark.parametrize("shape", ["linear in numbers", "by topic"])
def test_what_there_is_to_find_is_found(name: str, shape: str) -> None:
    assert against_fixed(name, shape).verdict == "better"


@pytest.mark.parametrize("name", ["length", "knn", "ridge", "gradient_boosting", "quantile"])
def test_of_random_needs_nobody_is_better_than_fixed(name: str) -> None:
    assert against_fixed(name, "random").verdict == "not shown to be better"


def test_nobody_is_better_than_itself() -> None:
    assert against_fixed("fixed", "by topic").verdict == "not shown to be better"


# --- coverage by simulation ------------------------------------------------------------


@pytest.mark.slow
def test_intervals_hold_the_truth_in_95_of_100_samples() -> None:
    """Two estimators, on samples of 60 out of 3,000 questions, of which the truth is known.

    One is right within a factor of two where the other guesses. Of 150 samples 95 % are 142.5,
    and fewer than 135 come in one of 500 cases; the seed is fixed.
    """
    draw = np.random.default_rng(7)
    needs = np.exp2(draw.uniform(3, 9, 3000)).round().astype(int)
    everything = {
        str(i): made(str(i), (None, 4 * n, True), (2 * n, n, True), (n, n, True), budget=int(n))
        for i, n in enumerate(needs.tolist())
    }
    good = {
        k: int(n * 2 ** draw.uniform(-1, 1)) + 1 for k, n in zip(everything, needs, strict=True)
    }
    poor = dict.fromkeys(everything, 64)
    truth = estimator_score(everything, good)
    ratio = compare_estimators(everything, good, poor)
    assert ratio.distance is not None
    assert truth.tokens is not None
    held = {"in_range": 0, "distance": 0, "covered": 0, "tokens": 0, "expense": 0, "ratio": 0}
    for _ in range(150):
        chosen = [str(i) for i in draw.choice(3000, 60, replace=False)]
        sample = {name: everything[name] for name in chosen}
        score = estimator_score(sample, {name: good[name] for name in chosen})
        other = compare_estimators(sample, good, poor)
        for name in ("in_range", "distance", "covered", "tokens", "expense"):
            held[name] += _holds(getattr(score, name), getattr(truth, name).value)
        held["ratio"] += _holds(other.distance, ratio.distance.value)
    assert min(held.values()) >= 135, held


def _holds(found: IntervalEstimate | None, truth: float) -> bool:
    assert found is not None
    assert found.interval is not None
    return found.interval.low <= truth <= found.interval.high
