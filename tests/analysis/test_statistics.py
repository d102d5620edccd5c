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
    Values,
    accuracy_interval,
    chance_negative,
    mcnemar,
    mean_estimate,
    mean_interval,
    median_estimate,
    paired_difference,
    rank_correlation,
    share_at_cap,
    swapped_p,
    token_ratio,
    verdict,
)
from tale_eval.errors import InvalidValueError


def test_the_chance_of_a_weighted_sum_of_gamma_variables_worked_by_hand() -> None:
    # E1 < 3 E2 in 3 of 4 cases; E1 + E2 < 2 E3: twice E3 outlasts E1 + E2, (2/3)²
    one = chance_negative(np.array([[1.0, -3.0], [-1.0, 3.0]]), np.ones(2))
    assert one == pytest.approx([0.75, 0.25], abs=2e-6)
    assert chance_negative(np.array([1.0, -2.0]), np.array([2.0, 1.0])) == pytest.approx(
        4 / 9, abs=2e-6
    )
    assert chance_negative(np.array([1.0, 0.0]), np.array([5.0, 2.0])) < 2e-6


@given(
    st.lists(st.floats(-1, 1).filter(lambda x: abs(x) > 0.01), min_size=2, max_size=6),
    st.data(),
)
def test_terms_of_equal_coefficients_are_one_with_their_shapes_added(
    coefficients: list[float], data: st.DataObject
) -> None:
    times = data.draw(st.lists(st.integers(1, 4), min_size=6, max_size=6))[: len(coefficients)]
    apart = np.repeat(coefficients, times)
    together = chance_negative(np.array(coefficients), np.array(times, dtype=float))
    assert chance_negative(apart, np.ones(len(apart))) == pytest.approx(together, abs=1e-6)


@pytest.mark.parametrize(
    ("right", "n"), [(0, 5), (5, 5), (1, 1), (2, 3), (28, 30), (1073, 1319), (1319, 1319)]
)
def test_the_accuracy_of_one_epoch_has_clopper_and_pearsons_interval(right: int, n: int) -> None:
    expected = stats.binomtest(right, n).proportion_ci(method="exact")
    found = accuracy_interval(one_epoch([1.0] * right + [0.0] * (n - right)))
    assert ends(found) == pytest.approx((expected.low, expected.high), abs=2e-6)


def test_accuracy_over_epochs_that_repeat_each_other_counts_questions() -> None:
    repeated = questions([1, 1, 1], [1, 1, 1], [1, 1, 1], [0, 0, 0])
    once = accuracy_interval(one_epoch([1, 1, 1, 0]))
    assert ends(accuracy_interval(repeated)) == pytest.approx(ends(once))


def test_accuracy_of_all_right_over_epochs_keeps_a_width_and_stays_below_one() -> None:
    interval = accuracy_interval(questions(*[[1.0, 1.0, 1.0]] * 20))
    # Clopper and Pearson's lower end of n right out of n is the n-th root of 2.5 %
    assert ends(interval) == pytest.approx((0.025 ** (1 / 20), 1), abs=2e-6)


@given(st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=4), min_size=2, max_size=20))
def test_wrong_answers_have_the_mirrored_interval_of_right_ones(answers: list[list[int]]) -> None:
    low, high = ends(accuracy_interval(questions(*answers)))
    wrong = questions(*([1 - answer for answer in per_epoch] for per_epoch in answers))
    assert ends(accuracy_interval(wrong)) == pytest.approx((1 - high, 1 - low), abs=1e-6)
    every = [answer for per_epoch in answers for answer in per_epoch]
    assert 0 <= low <= sum(every) / len(every) <= high <= 1


def test_a_single_question_says_nothing_about_others() -> None:
    single = questions([1, 0, 1])
    assert mean_interval(single) is None
    assert accuracy_interval(single) is None
    for estimate in (paired_difference(single, single), token_ratio(single, single)):
        assert estimate is not None
        assert (estimate.interval, estimate.questions) == (None, 1)
        assert estimate.reason is not None
    assert share_at_cap(single, 1).reason == "one question says nothing about others"


def test_paired_difference_of_a_large_survey() -> None:
    # approval of a prime minister, asked twice: both 794, first only 150, second only 86
    first = one_epoch([1] * 794 + [1] * 150 + [0] * 86 + [0] * 570)
    second = one_epoch([1] * 794 + [0] * 150 + [1] * 86 + [0] * 570)
    estimate = paired_difference(first, second)
    assert estimate is not None
    assert estimate.questions == 1600
    assert estimate.value == pytest.approx(0.04)
    # the weights of 150 and of 86 + 1 questions among 1601: 63 / 1601, and the standard
    # deviation of their difference, √((237 / 1601 - (63 / 1601)²) / 1602), times 1.959964
    centre = 63 / 1601
    half = 1.959964 * math.sqrt((237 / 1601 - centre**2) / 1602)
    low, high = ends(estimate.interval)
    assert low == pytest.approx(centre - half, abs=2e-4)
    centre = 65 / 1601
    half = 1.959964 * math.sqrt((237 / 1601 - centre**2) / 1602)
    assert high == pytest.approx(centre + half, abs=2e-4)


@pytest.mark.parametrize("n", [10, 50, 183, 184, 1319])
def test_methods_that_never_differ_may_have_lost_what_the_sample_missed(n: int) -> None:
    # a loss of a share q of the questions leaves no trace in (1 - q)^n of the samples
    alike = one_epoch([1.0] * n)
    estimate = paired_difference(alike, alike)
    assert estimate is not None
    unseen = 1 - 0.025 ** (1 / n)
    assert estimate.value == 0
    assert ends(estimate.interval) == pytest.approx((-unseen, unseen), abs=2e-6)


def test_two_points_in_a_hundred_cannot_be_excluded_by_fewer_than_183_questions() -> None:
    # 0.98^182 = 2.53 %, 0.98^183 = 2.48 %
    def judged(n: int) -> str:
        alike = one_epoch([1.0] * n)
        estimate = paired_difference(alike, alike)
        assert estimate is not None
        return verdict(estimate.interval, 0.02)

    assert [judged(n) for n in (98, 182, 183)] == ["undecided", "undecided", "not worse"]


def test_paired_difference_over_epochs_is_one_of_question_means() -> None:
    a = questions([1, 1, 0], [1, 1, 1], [0], [1, 0])
    b = questions([0, 0, 0], [1, 1, 1], [0, 1], [1, 1, 1, 0]) | {"only b": [0.0]}
    estimate = paired_difference(a, b)
    assert estimate is not None
    # 2/3 - 0, 1 - 1, 0 - 1/2, 1/2 - 3/4
    differences = np.array([2 / 3, 0, -1 / 2, -1 / 4])
    assert estimate.questions == 4
    assert estimate.value == pytest.approx(differences.sum() / 4)
    # the definition itself: a uniform draw of weights, one of them for a question lost (won)
    weights = np.random.default_rng(1).dirichlet(np.ones(5), size=400_000)
    low = np.quantile(weights @ np.append(differences, -1), 0.025)
    high = np.quantile(weights @ np.append(differences, 1), 0.975)
    assert ends(estimate.interval) == pytest.approx((low, high), abs=0.005)


def test_partial_credit_and_epochs_with_the_same_means_have_the_same_difference() -> None:
    a, b = questions([0.5], [1], [0.25], [1]), questions([1], [1], [0], [0.75])
    over_epochs = questions([1, 0], [1, 1], [0, 0, 0, 1], [1])
    assert paired_difference(over_epochs, b) == paired_difference(a, b)


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


@given(
    st.lists(st.integers(50, 150), min_size=20, max_size=60).filter(lambda x: len(set(x)) > 5),
    st.integers(2, 4),
)
def test_epochs_that_repeat_each_other_narrow_nothing(values: list[int], epochs: int) -> None:
    repeated = questions(*([float(value)] * epochs for value in values))
    once = mean_estimate(one_epoch([float(value) for value in values]))
    again = mean_estimate(repeated)
    assert (again.value, again.reason) == (pytest.approx(once.value), once.reason)
    if once.interval:
        assert ends(again.interval) == pytest.approx(ends(once.interval), rel=1e-6)


@pytest.mark.parametrize(("n", "further"), [(30, 2), (80, 1)])
def test_the_mean_of_tokens_allows_for_further_questions_as_extreme_as_the_most(
    n: int, further: int
) -> None:
    tokens = np.random.default_rng(4).lognormal(5, 0.5, size=n)
    weights = np.random.default_rng(1).dirichlet(np.ones(n + further), size=100_000)
    low = np.quantile(weights @ np.append(tokens, [tokens.min()] * further), 0.025)
    high = np.quantile(weights @ np.append(tokens, [tokens.max()] * further), 0.975)
    found = ends(mean_interval(one_epoch(tokens.tolist())))
    assert found == pytest.approx((low, high), rel=0.005)
    # wider than the t interval, and further above the mean than below it
    t_low, t_high = stats.t.interval(0.95, n - 1, tokens.mean(), stats.sem(tokens))
    assert found[1] - found[0] > t_high - t_low
    assert found[1] - tokens.mean() > tokens.mean() - found[0]


def test_the_mean_over_all_answers_counts_a_question_as_often_as_it_was_answered() -> None:
    values = questions([2, 3], *[[5.0]] * 20, [6])
    estimate = mean_estimate(values)
    assert (estimate.value, estimate.questions) == (pytest.approx(111 / 23), 22)


def test_token_ratio_to_a_constant_is_that_of_the_means() -> None:
    tokens = [float(x) for x in np.random.default_rng(3).normal(200, 40, size=20)]
    estimate = token_ratio(one_epoch(tokens), one_epoch([100.0] * 20))
    assert estimate is not None
    low, high = ends(mean_interval(one_epoch(tokens)))
    assert ends(estimate.interval) == pytest.approx((low / 100, high / 100))
    assert low / 100 < estimate.value < high / 100


def test_swapping_the_methods_inverts_the_token_ratio() -> None:
    a, b = (one_epoch(x.tolist()) for x in np.random.default_rng(6).lognormal(5, 0.6, (2, 60)))
    forth, back = token_ratio(a, b), token_ratio(b, a)
    assert forth is not None
    assert back is not None
    low, high = ends(forth.interval)
    assert (back.value, *ends(back.interval)) == pytest.approx(
        (1 / forth.value, 1 / high, 1 / low), rel=1e-5
    )


def test_token_ratio_compares_question_means_on_the_questions_of_both() -> None:
    a = questions([10, 30], [60]) | {"only a": [9999.0]}
    b = questions([100], [200, 400, 600])
    estimate = token_ratio(a, b)
    assert estimate is not None
    # (20 + 60) / (100 + 400)
    assert (estimate.value, estimate.questions) == (0.16, 2)


def test_token_ratio_is_the_same_in_whatever_order() -> None:
    random = np.random.default_rng(5)
    a, b = (one_epoch([float(x) for x in random.integers(5, 500, size=60)]) for _ in range(2))
    backwards = dict(reversed(a.items()))
    assert token_ratio(a, b) == token_ratio(backwards, b)


def test_token_ratio_of_a_baseline_that_may_write_nothing() -> None:
    some = one_epoch([5.0] * 30)
    assert token_ratio(some, one_epoch([0.0] * 30)) is None
    often = token_ratio(some, one_epoch([9.0] * 20 + [0.0] * 10))
    assert often is not None
    assert often.value == pytest.approx(150 / 180)
    low, high = ends(often.interval)
    assert low < often.value < high < math.inf


def test_few_questions_say_too_little_about_tokens() -> None:
    tokens = [float(x) for x in range(100, 119)]
    few = mean_estimate(one_epoch(tokens))
    assert (few.value, few.interval) == (109, None)
    assert few.reason == "too few to tell: 19 questions, and token counts need 20"
    enough = mean_estimate(one_epoch([*tokens, 119.0]))
    assert enough.interval is not None
    assert enough.reason is None


def test_one_runaway_among_24_questions_leaves_too_few_to_tell() -> None:
    usual = [float(x) for x in range(100, 124)]
    baseline, runaway = one_epoch([300.0] * 24), one_epoch([*usual[:-1], 4000.0])
    for estimate in (token_ratio(runaway, baseline), mean_estimate(runaway)):
        assert estimate is not None
        assert estimate.interval is None
        # its residual is 24 / 23 of that from the others' mean: far above all of theirs
        assert estimate.reason == "too few to tell: one of 24 questions makes 96 % of the spread"
    without = token_ratio(one_epoch(usual), baseline)
    assert without is not None
    assert without.interval is not None


def test_the_median_has_the_interval_of_order_statistics() -> None:
    # of 10 questions 0 or 1 lie below the median in 11 of 1024 cases (1.1 %), up to 2 in 56
    values = questions(*([float(x), float(x + 2)] for x in (9, 3, 1, 7, 5, 2, 8, 4, 6, 10)))
    estimate = median_estimate(values)
    assert (estimate.value, ends(estimate.interval)) == (6.5, (3, 10))
    odd = median_estimate(one_epoch([5, 1, 9, 3, 7]))
    assert (odd.value, odd.interval) == (5, None)
    assert odd.reason == "too few to tell: 5 questions, and a median needs 6"
    # 2 / 2⁶ = 3.1 % for all six on one side
    assert ends(median_estimate(one_epoch([1, 2, 3, 4, 5, 6])).interval) == (1, 6)


def test_the_share_at_the_cap_is_an_accuracy() -> None:
    tokens: Values = questions([512, 100], [512, 513], [3, 4], [80, 90])
    at_cap: Values = questions([1, 0], [1, 1], [0, 0], [0, 0])
    estimate = share_at_cap(tokens, 512)
    assert (estimate.value, estimate.questions, estimate.reason) == (3 / 8, 4, None)
    assert estimate.interval == accuracy_interval(at_cap)


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


def test_ratios_that_are_to_hold_together_are_wider() -> None:
    random = np.random.default_rng(3)
    a, b = (one_epoch(random.lognormal(5, 0.5, 60).tolist()) for _ in range(2))
    alone, of_five = token_ratio(a, b), token_ratio(a, b, together=5)
    assert alone is not None
    assert of_five is not None
    assert alone.value == of_five.value
    (low, high), (lower, higher) = ends(alone.interval), ends(of_five.interval)
    assert lower < low < high < higher
    # a normal quantile of 2.58 in place of 1.96 makes it wider by 31 %, a longer tail by more
    assert 1.25 < (higher - lower) / (high - low) < 1.5


def test_the_swaps_of_three_questions_are_eight_by_hand() -> None:
    # differences of 1, 2 and 4 add up to 7; only all of one sign come to as much: 2 of 8 swaps
    p = swapped_p(one_epoch([11, 22, 34]), one_epoch([10, 20, 30]))
    assert p == pytest.approx(2 / 8, abs=0.02)


def test_ten_questions_that_all_went_one_way_are_rarely_chance() -> None:
    # 2 of 1,024 swaps
    p = swapped_p(one_epoch([12.0] * 10), one_epoch([10.0] * 10))
    assert p == pytest.approx(2 / 1024, abs=0.0015)


def test_one_runaway_answer_proves_nothing_whatever_its_length() -> None:
    b = [100.0 + k for k in range(30)]
    a = [*b[:-1], 100_000.0]
    # it is as far from its partner either way
    assert swapped_p(one_epoch(a), one_epoch(b)) == 1.0


def test_answers_that_are_the_same_or_share_no_question_are_told_apart_by_no_swap() -> None:
    same = one_epoch([1, 2, 3])
    assert swapped_p(same, same) == 1.0
    assert swapped_p(same, {}) == 1.0


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=40))
def test_the_swaps_do_not_know_which_is_which(pairs: list[tuple[int, int]]) -> None:
    a, b = (one_epoch([pair[k] for pair in pairs]) for k in (0, 1))
    assert swapped_p(a, b) == pytest.approx(swapped_p(b, a))
    assert 0 < swapped_p(a, b) <= 1


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=3, max_size=30))
def test_the_correlation_of_ranks_is_scipys(pairs: list[tuple[int, int]]) -> None:
    a, b = ([float(pair[k]) for pair in pairs] for k in (0, 1))
    found = rank_correlation(one_epoch(a), one_epoch(b))
    if len(set(a)) == 1 or len(set(b)) == 1:
        assert found is None
    else:
        assert found is not None
        assert found.value == pytest.approx(stats.spearmanr(a, b).statistic)


def test_the_interval_of_a_correlation_by_hand() -> None:
    # 23 questions of which the order is right but for two neighbours: 1 - 6 x 2 / (23 x 528)
    a = [float(k) for k in range(23)]
    b = [1.0, 0.0, *a[2:]]
    found = rank_correlation(one_epoch(a), one_epoch(b))
    assert found is not None
    value = 1 - 12 / (23 * 528)
    assert found.value == pytest.approx(value)
    # (1 + r^2 / 2) / 20 is 0.07495 for the variance of Fisher's z
    spread = 1.959964 * math.sqrt((1 + value**2 / 2) / 20)
    z = math.atanh(value)
    assert ends(found.interval) == pytest.approx((math.tanh(z - spread), math.tanh(z + spread)))


def test_a_correlation_of_few_questions_or_of_one_order_has_no_interval() -> None:
    few = rank_correlation(one_epoch([1, 2, 3, 4]), one_epoch([1, 3, 2, 4]))
    assert few is not None
    assert (few.value, few.interval) == (pytest.approx(0.8), None)
    assert few.reason == "too few to tell: 4 questions, and a correlation needs 20"
    rising = one_epoch([float(k) for k in range(30)])
    same = rank_correlation(rising, rising)
    assert same is not None
    assert (same.interval, same.reason) == (None, "one order is wholly the other")
    assert rank_correlation({}, {}) is None
