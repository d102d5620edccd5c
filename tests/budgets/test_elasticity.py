"""Elasticity, ideal ranges and estimator quality on tables worked by hand."""

from math import isclose, sqrt

import pytest
from hypothesis import given, strategies as st

from tale_eval.budgets.elasticity import (
    COMPARABLE_TRIALS,
    IdealRange,
    QuestionTrials,
    Share,
    curve,
    estimator_quality,
    first_rebound,
    ideal_range,
    median_rebound_fraction,
    monotonic,
    monotonic_share,
    rebound_share,
)
from tale_eval.budgets.search import Attempt, Trial
from tale_eval.errors import InvalidValueError, UnknownNameError


def question(*rows: tuple[int | None, int, bool], id: str = "q") -> QuestionTrials:
    """From rows of (budget, actual output tokens, correct)."""
    return QuestionTrials(
        id, tuple(Trial(budget, (Attempt(tokens, right, ""),)) for budget, tokens, right in rows)
    )


# Costs fall to 40 at budget 25 and rise again at 12; the answer breaks at 6.
REBOUND = question(
    (None, 100, True), (50, 60, True), (25, 40, True), (12, 70, True), (6, 90, False), id="rebound"
)
# Costs obey the budget all the way; the answer breaks at 10 and is right again at 5.
OBEDIENT = question(
    (None, 80, True), (40, 40, True), (20, 20, True), (10, 10, False), (5, 5, True), id="obedient"
)
# Half the budget already costs more than vanilla CoT.
STUBBORN = question((None, 64, True), (32, 65, True), id="stubborn")
# Vanilla CoT was wrong, so nothing was searched.
UNSOLVED = question((None, 300, False), id="unsolved")
ALL = [REBOUND, OBEDIENT, STUBBORN, UNSOLVED]


# --- questions and shares --------------------------------------------------------


def test_trials_are_ordered_from_vanilla_cot_down_whatever_their_order() -> None:
    shuffled = question((12, 1, True), (None, 5, True), (200, 1, True), (50, 1, True))
    assert [trial.budget for trial in shuffled.loosest_first] == [None, 200, 50, 12]


@pytest.mark.parametrize(
    "rows",
    [
        [(50, 60, True)],
        [(None, 100, True), (None, 90, True)],
        [(None, 100, True), (50, 60, True), (50, 61, True)],
    ],
)
def test_a_question_needs_one_vanilla_trial_and_distinct_budgets(
    rows: list[tuple[int | None, int, bool]],
) -> None:
    with pytest.raises(InvalidValueError, match="'q' has trials under the budgets"):
        question(*rows)


def test_a_share_keeps_its_denominator_and_has_no_value_without_one() -> None:
    assert Share.of([True, False, True, True]) == Share(3, 4)
    assert (Share(3, 4).value, Share(0, 4).value, Share(0, 0).value) == (0.75, 0, None)


# --- the curve ---------------------------------------------------------------------


def test_the_curve_by_fraction_of_cot() -> None:
    # REBOUND  (CoT 100): 50 -> 0.5   25 -> 0.25   12 -> 0.12   6 -> 0.06
    # OBEDIENT (CoT  80): 40 -> 0.5   20 -> 0.25   10 -> 0.125  5 -> 0.0625
    # STUBBORN (CoT  64): 32 -> 0.5
    # 1/2: costs 60, 40, 65; 1/4: 40, 20; 1/8: 70, 10; 1/16: 90, 5
    points = curve(ALL, by="fraction")
    assert [point.at for point in points] == [1 / 16, 1 / 8, 1 / 4, 1 / 2]
    assert [point.n for point in points] == [2, 2, 2, 3]
    assert [point.mean for point in points] == [47.5, 40, 30, 55]
    assert [point.accuracy for point in points] == [
        Share(1, 2),
        Share(1, 2),
        Share(2, 2),
        Share(3, 3),
    ]


def test_a_points_spread_is_that_of_its_actual_tokens() -> None:
    # sorted 40, 60, 65: quartiles by linear interpolation 50, 60, 62.5;
    # deviations from 55: -15, 5, 10; sum of squares 350, over n - 1 = 2: 175
    half = curve(ALL, by="fraction")[-1]
    assert (half.q25, half.median, half.q75) == (50, 60, 62.5)
    assert half.stdev is not None
    assert isclose(half.stdev, sqrt(175))


def test_a_point_of_one_trial_has_no_standard_deviation() -> None:
    (point,) = curve([STUBBORN])
    assert (point.n, point.mean, point.stdev) == (1, 65, None)
    assert (point.q25, point.median, point.q75) == (65, 65, 65)


@pytest.mark.parametrize(
    ("budget", "at"),
    # the edges between 16, 32 and 64 are 2**4.5 = 22.6 and 2**5.5 = 45.3
    [(1, 1), (2, 2), (3, 4), (22, 16), (23, 32), (32, 32), (45, 32), (46, 64)],
)
def test_a_budget_belongs_to_the_nearest_power_of_two(budget: int, at: int) -> None:
    (point,) = curve([question((None, 100, True), (budget, 9, True))], by="budget")
    assert point.at == at


@given(st.integers(2, 10_000))
def test_the_halvings_of_one_answer_fall_into_bins_of_their_own(tokens: int) -> None:
    rows = [(tokens >> step, 9, True) for step in range(1, tokens.bit_length())]
    points = curve([question((None, tokens, True), *rows)], by="fraction")
    assert [point.n for point in points] == [1] * len(rows)


def test_vanilla_cot_is_no_point_of_the_curve() -> None:
    assert curve([UNSOLVED]) == []


def test_an_unknown_axis_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown axis 'ratio'; allowed: budget, fraction"):
        curve(ALL, by="ratio")  # type: ignore[arg-type]


def test_a_fraction_of_an_empty_vanilla_answer_is_refused() -> None:
    empty = question((None, 0, True), (32, 9, True))
    assert curve([empty], by="budget")[0].n == 1
    with pytest.raises(InvalidValueError, match="'q': budget 32 is no fraction"):
        curve([empty], by="fraction")


# --- rebound and monotonicity --------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "budget"),
    [(REBOUND, 12), (OBEDIENT, None), (STUBBORN, 32), (UNSOLVED, None)],
)
def test_the_first_rebound_is_at_the_largest_budget_that_cost_more(
    asked: QuestionTrials, budget: int | None
) -> None:
    found = first_rebound(asked)
    assert (found.budget if found else None) == budget


def test_an_equal_cost_is_no_rebound() -> None:
    assert first_rebound(question((None, 100, True), (50, 100, True))) is None


def test_the_rebound_share_counts_questions_with_two_trials() -> None:
    # REBOUND and STUBBORN of REBOUND, OBEDIENT, STUBBORN; UNSOLVED has one trial
    assert rebound_share(ALL) == Share(2, 3)
    assert rebound_share([UNSOLVED]) == Share(0, 0)


def test_the_median_rebound_is_a_fraction_of_cot() -> None:
    # REBOUND at 12 / 100, STUBBORN at 32 / 64: median of 0.12 and 0.5
    assert median_rebound_fraction(ALL) == 0.31
    assert median_rebound_fraction([OBEDIENT, UNSOLVED]) is None


@pytest.mark.parametrize(
    ("grades", "expected"),
    [
        ([True, True, True], True),
        ([True, True, False], True),
        ([True, False, False], True),
        ([True, False, True], False),  # right at 25 although wrong at 50
        ([False, True, True], False),  # right at 50 although vanilla CoT is wrong
        ([False, False, False], True),
    ],
)
def test_monotonic_means_never_right_below_a_wrong_budget(
    grades: list[bool], expected: bool
) -> None:
    rows = zip([None, 50, 25], [100, 50, 25], grades, strict=True)
    assert monotonic(question(*rows)) is expected


def test_the_monotonic_share_counts_questions_with_two_trials() -> None:
    # OBEDIENT is right at 5 although wrong at 10; UNSOLVED has one trial
    assert monotonic_share(ALL) == Share(2, 3)


# --- the ideal range -----------------------------------------------------------


def test_the_ideal_range_is_the_cheapest_window_of_a_third_of_the_right_budgets() -> None:
    # N = 7 right budgets, the wrong 4 not among them; vanilla CoT stands at its own 200.
    # k = 7 // 3 = 2; costs by budget, and each one's sum with the next:
    #   8: 95 (170)   16: 75 (115)   32: 40 (85)   64: 45 (110)
    #   128: 65 (265)   200: 200 (300)   256: 100
    asked = question(
        (None, 200, True),
        (256, 100, True),
        (128, 65, True),
        (64, 45, True),
        (32, 40, True),
        (16, 75, True),
        (8, 95, True),
        (4, 1, False),
    )
    ideal = ideal_range(asked)
    assert ideal == IdealRange((32, 64))
    assert (ideal.low, ideal.high) == (32, 64)


@pytest.mark.parametrize(
    ("right", "size"), [(1, 1), (2, 1), (3, 1), (5, 1), (6, 2), (8, 2), (9, 3)]
)
def test_the_window_is_a_third_of_the_right_budgets_rounded_down_but_at_least_one(
    right: int, size: int
) -> None:
    # one vanilla trial and right - 1 budgets of 1, 2, 3, ... tokens
    rows = [(budget, budget, True) for budget in range(1, right)]
    ideal = ideal_range(question((None, 100, True), *rows))
    assert ideal is not None
    assert len(ideal.budgets) == size


def test_equal_windows_leave_the_smaller_budgets() -> None:
    assert ideal_range(question((None, 50, True), (20, 30, True), (10, 30, True))) == IdealRange(
        (10,)
    )


def test_vanilla_cot_alone_is_its_own_ideal_range() -> None:
    # 32 is right, but 65 tokens cost more than vanilla CoT's 64
    assert ideal_range(STUBBORN) == IdealRange((64,))


def test_a_question_never_answered_right_has_no_ideal_range() -> None:
    assert ideal_range(UNSOLVED) is None


@pytest.mark.parametrize(
    ("estimate", "tokens"), [(10, 22), (31, 1), (32, 0), (50, 0), (64, 0), (65, 1), (500, 436)]
)
def test_the_distance_is_zero_inside_and_to_the_nearest_end_outside(
    estimate: int, tokens: int
) -> None:
    assert IdealRange((32, 64)).distance(estimate) == tokens


@given(
    st.sets(st.integers(1, 500), min_size=1).map(sorted),
    st.integers(1, 1000),
)
def test_the_distance_is_the_papers_minimum_over_the_budgets(
    budgets: list[int], estimate: int
) -> None:
    ideal = IdealRange(tuple(budgets))
    inside = ideal.low <= estimate <= ideal.high
    nearest = min(abs(estimate - budget) for budget in budgets)
    assert ideal.distance(estimate) == (0 if inside else nearest)


# --- estimators --------------------------------------------------------------------

RANGES = {
    "a": IdealRange((32, 64)),
    "b": IdealRange((10,)),
    "c": IdealRange((20, 40)),
    "d": IdealRange((5, 9)),
    "e": IdealRange((7,)),
}


def test_estimator_quality_over_the_shared_questions() -> None:
    # a: 50 inside; b: 11 is 1 above; c: 10 is 10 below; d: none; e: not estimated;
    # z: no range. Shared a, b, c, d; estimated a, b, c; outside 1 and 10.
    quality = estimator_quality(RANGES, {"a": 50, "b": 11, "c": 10, "d": None, "z": 3})
    assert (quality.n_shared, quality.n_estimated, quality.n_without_estimate) == (4, 3, 1)
    assert quality.in_range == Share(1, 3)
    assert quality.mean_distance_outside == 5.5  # (1 + 10) / 2
    assert quality.mean_distance_all == pytest.approx(11 / 3)


def test_a_perfect_estimator_has_no_distance_outside() -> None:
    quality = estimator_quality(RANGES, {"a": 32, "b": 10})
    assert quality.in_range == Share(2, 2)
    assert (quality.mean_distance_outside, quality.mean_distance_all) == (None, 0)


def test_an_estimator_that_never_answers_has_no_accuracy_and_no_distance() -> None:
    quality = estimator_quality(RANGES, {"a": None, "b": None})
    assert (quality.n_shared, quality.in_range, quality.in_range.value) == (2, Share(0, 0), None)
    assert (quality.mean_distance_outside, quality.mean_distance_all) == (None, None)


def test_estimates_of_other_questions_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="none of 1 estimates belongs to one of 5 ideal"):
        estimator_quality(RANGES, {"z": 3})


@pytest.mark.parametrize(
    ("right", "comparable"),
    [([3, 5, 9], False), ([5, 6], False), ([6, 6], True), ([2, 7, 8], True)],
)
def test_a_figure_compares_with_the_papers_where_ranges_are_ranges(
    right: list[int], comparable: bool
) -> None:
    """The median question has so many right budgets that its W* holds two of them."""
    assert COMPARABLE_TRIALS == 6
    ranges = {}
    for number, count in enumerate(right):
        rows = [(budget, budget, True) for budget in range(1, count)]
        ideal = ideal_range(question((None, 100, True), *rows, (count + 1, 1, False)))
        assert ideal is not None
        assert ideal.trials == count
        ranges[str(number)] = ideal
    quality = estimator_quality(ranges, dict.fromkeys(ranges, 1))
    assert (quality.median_trials, quality.comparable) == (
        sorted(right)[len(right) // 2] if len(right) % 2 else sum(right) / 2,
        comparable,
    )
