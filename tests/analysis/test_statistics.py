"""Intervals and tests against worked numbers and scipy."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from intervals import ends, one_epoch, questions
from scipy import stats

from tale_eval.analysis.statistics import (
    Interval,
    McNemar,
    accuracy_interval,
    clustered_error,
    mcnemar,
    mean_interval,
    paired_difference,
    token_ratio,
    verdict,
    wilson,
)
from tale_eval.errors import InvalidValueError


@pytest.mark.parametrize(("right", "n"), [(0, 5), (5, 5), (1, 1), (28, 30), (1073, 1319)])
def test_wilson_is_scipys(right: int, n: int) -> None:
    expected = stats.binomtest(right, n).proportion_ci(method="wilson")
    assert ends(wilson(right, n)) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_clustered_error_worked_by_hand() -> None:
    # mean 1/2; the deviations of a question sum to 1, 0 and -1;
    # 3/2 · (1 + 0 + 1) / 6² = 1/12
    values = questions([1, 1], [1, 0], [0, 0])
    assert clustered_error(values) == pytest.approx(math.sqrt(1 / 12))
    # t with 2 degrees of freedom has the 97.5 % quantile 4.302653
    half = 4.302653 * math.sqrt(1 / 12)
    assert ends(mean_interval(values)) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-6)


def test_clustered_error_of_clusters_of_unequal_size() -> None:
    # mean 4 over 4 values; the sums are -2 - 1 = -3 (of 2, 3), 1 (of 5) and 2 (of 6);
    # 3/2 · (9 + 1 + 4) / 4²
    values = questions([2, 3], [5], [6])
    assert clustered_error(values) == pytest.approx(math.sqrt(1.5 * 14 / 16))


@given(st.lists(st.floats(0, 1000), min_size=2, max_size=30))
def test_with_one_epoch_the_clustered_error_is_the_usual_one(values: list[float]) -> None:
    assert clustered_error(one_epoch(values)) == pytest.approx(stats.sem(values), abs=1e-9)


@given(st.lists(st.floats(0, 1000), min_size=2, max_size=30), st.integers(2, 5))
def test_epochs_that_repeat_each_other_narrow_nothing(values: list[float], epochs: int) -> None:
    repeated = questions(*([value] * epochs for value in values))
    once = ends(mean_interval(one_epoch(values)))
    assert ends(mean_interval(repeated)) == pytest.approx(once, abs=1e-6)


def test_accuracy_of_one_epoch_has_wilsons_interval() -> None:
    assert accuracy_interval(one_epoch([1, 1, 0, 1])) == wilson(3, 4)


def test_accuracy_over_epochs_that_repeat_each_other_counts_questions() -> None:
    repeated = questions([1, 1, 1], [1, 1, 1], [1, 1, 1], [0, 0, 0])
    t = float(stats.t.ppf(0.975, 3))
    assert ends(accuracy_interval(repeated)) == pytest.approx(ends(wilson(3, 4, t)))


def test_accuracy_of_all_right_over_epochs_keeps_a_width_and_stays_below_one() -> None:
    interval = accuracy_interval(questions(*[[1.0, 1.0, 1.0]] * 20))
    t = float(stats.t.ppf(0.975, 19))
    # Wilson's lower end of n right out of n is n / (n + z²)
    assert ends(interval) == pytest.approx((20 / (20 + t * t), 1))


def test_a_single_question_says_nothing_about_others() -> None:
    single = questions([1, 0, 1])
    assert mean_interval(single) is None
    assert accuracy_interval(single) is None
    for estimate in (paired_difference(single, single), token_ratio(single, single)):
        assert estimate is not None
        assert (estimate.interval, estimate.questions) == (None, 1)


def test_paired_difference_is_agresti_and_mins() -> None:
    # approval of a prime minister, asked twice: both 794, first only 150, second only 86
    first = one_epoch([1] * 794 + [1] * 150 + [0] * 86 + [0] * 570)
    second = one_epoch([1] * 794 + [0] * 150 + [1] * 86 + [0] * 570)
    estimate = paired_difference(first, second)
    assert estimate is not None
    assert estimate.questions == 1600
    assert estimate.value == pytest.approx(0.04)
    # half an answer more in each cell: (150.5 - 86.5) / 1602 and 237 discordant ones;
    # t with 1599 degrees of freedom: 1.961442
    centre = 64 / 1602
    half = 1.961442 * math.sqrt((237 / 1602 - centre**2) / 1602)
    assert ends(estimate.interval) == pytest.approx((centre - half, centre + half), abs=1e-6)
    assert ends(estimate.interval) == pytest.approx((0.0212, 0.0587), abs=1e-4)


def test_paired_difference_over_epochs_is_one_of_question_means() -> None:
    a = questions([1, 1, 0], [1, 1, 1], [0], [1, 0])
    b = questions([0, 0, 0], [1, 1, 1], [0, 1], [1, 1, 1, 0]) | {"only b": [0.0]}
    estimate = paired_difference(a, b)
    assert estimate is not None
    # 2/3 - 0, 1 - 1, 0 - 1/2, 1/2 - 3/4
    differences = [2 / 3, 0, -1 / 2, -1 / 4]
    assert estimate.questions == 4
    assert estimate.value == pytest.approx(sum(differences) / 4)
    squares = sum(d * d for d in differences)
    centre = sum(differences) / 6
    variance = ((squares + squares / 3) / 6 - centre**2) / 6
    half = 3.182446 * math.sqrt(variance)
    assert ends(estimate.interval) == pytest.approx((centre - half, centre + half), abs=1e-6)


def test_methods_that_never_differ_still_have_an_interval() -> None:
    alike = one_epoch([1.0] * 50)
    estimate = paired_difference(alike, alike)
    assert estimate is not None
    half = float(stats.t.ppf(0.975, 49)) / 52
    assert estimate.value == 0
    assert ends(estimate.interval) == pytest.approx((-half, half))


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=2, max_size=40))
def test_swapping_the_methods_mirrors_the_difference(answers: list[tuple[int, int]]) -> None:
    a, b = one_epoch([x for x, _ in answers]), one_epoch([y for _, y in answers])
    forth, back = paired_difference(a, b), paired_difference(b, a)
    assert forth is not None
    assert back is not None
    low, high = ends(forth.interval)
    assert ends(back.interval) == pytest.approx((-high, -low))
    assert -1 <= low <= forth.value <= high <= 1


def test_nothing_is_compared_without_a_common_question() -> None:
    a, b = {"1": [1.0]}, {"2": [1.0]}
    assert paired_difference(a, b) is None
    assert token_ratio(a, b) is None


def test_token_ratio_of_proportional_counts_is_exact() -> None:
    tokens = [10.0 * n for n in range(1, 31)]
    estimate = token_ratio(one_epoch([t / 4 for t in tokens]), one_epoch(tokens))
    assert estimate is not None
    assert (estimate.value, *ends(estimate.interval)) == pytest.approx((0.25, 0.25, 0.25))


def test_token_ratio_to_a_constant_has_an_interval_as_wide_as_a_means() -> None:
    tokens = [float(x) for x in np.random.default_rng(3).normal(200, 40, size=20)]
    estimate = token_ratio(one_epoch(tokens), one_epoch([100.0] * 20), resamples=20_000)
    assert estimate is not None
    low, high = ends(estimate.interval)
    mean_low, mean_high = ends(mean_interval(one_epoch(tokens)))
    # the plain percentile interval is narrower by 0.044
    assert high - low == pytest.approx((mean_high - mean_low) / 100, abs=0.01)
    assert low < estimate.value < high


def test_token_ratio_compares_question_means_on_the_questions_of_both() -> None:
    a = questions([10, 30], [60]) | {"only a": [9999.0]}
    b = questions([100], [200, 400, 600])
    estimate = token_ratio(a, b)
    assert estimate is not None
    # (20 + 60) / (100 + 400)
    assert (estimate.value, estimate.questions) == (0.16, 2)


def test_token_ratio_is_the_same_for_the_same_seed_in_whatever_order() -> None:
    random = np.random.default_rng(5)
    a, b = (one_epoch([float(x) for x in random.integers(5, 500, size=60)]) for _ in range(2))
    backwards = dict(reversed(a.items()))
    assert token_ratio(a, b) == token_ratio(backwards, b) == token_ratio(a, b, seed=1024)
    assert token_ratio(a, b) != token_ratio(a, b, seed=1)


def test_token_ratio_of_a_baseline_that_may_write_nothing() -> None:
    some = one_epoch([5.0, 5.0, 5.0])
    assert token_ratio(some, one_epoch([0.0, 0.0, 0.0])) is None
    rarely = token_ratio(some, one_epoch([0.0, 0.0, 9.0]))
    assert rarely is not None
    assert rarely.value == pytest.approx(15 / 9)
    assert rarely.interval is None


@pytest.mark.parametrize(
    ("both", "only_a", "only_b", "neither"),
    [(794, 150, 86, 570), (10, 0, 6, 1), (3, 4, 4, 2), (0, 1, 0, 0), (5, 0, 0, 5)],
)
def test_mcnemar_is_the_binomial_test_of_the_discordant_questions(
    both: int, only_a: int, only_b: int, neither: int
) -> None:
    pairs = [(1, 1)] * both + [(1, 0)] * only_a + [(0, 1)] * only_b + [(0, 0)] * neither
    discordant = only_a + only_b
    p = stats.binomtest(only_a, discordant).pvalue if discordant else 1.0
    found = mcnemar(pairs)
    assert (found.both, found.only_a, found.only_b) == (both, only_a, only_b)
    assert found.neither == neither
    assert found.p == pytest.approx(p)


def test_mcnemar_by_hand_takes_partial_credit_for_wrong() -> None:
    # 1 against 5: 2 · (1 + 6) / 2⁶
    pairs = [(1, 0.5)] + [(0, 1)] * 4 + [(0.5, 1)] + [(0.5, 0.5)]
    assert mcnemar(pairs) == McNemar(both=0, only_a=1, only_b=5, neither=1, p=0.21875)


@pytest.mark.parametrize(
    ("low", "high", "margin", "expected"),
    [
        (-0.01, 0.03, 0.02, "not worse"),
        (-0.015, -0.005, 0.02, "not worse"),  # lower, and by less than the margin
        (-0.05, -0.03, 0.02, "worse"),
        (-0.05, -0.005, 0.02, "undecided"),  # lower, by more or by less than the margin
        (-0.05, 0.04, 0.02, "undecided"),
        (-0.02, 0.01, 0.02, "undecided"),
        (0.001, 0.01, 0.0, "not worse"),
    ],
)
def test_verdict(low: float, high: float, margin: float, expected: str) -> None:
    assert verdict(Interval(low, high), margin) == expected


def test_without_an_interval_the_verdict_is_open() -> None:
    assert verdict(None, 0.02) == "undecided"


@pytest.mark.parametrize("margin", [2, 1, -0.02, math.nan])
def test_a_margin_in_percent_is_refused(margin: float) -> None:
    with pytest.raises(InvalidValueError, match=r"0\.02 is two points in 100"):
        verdict(Interval(0, 0), margin)
