"""The efficiency metrics, worked by hand on four questions."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from tale_eval.analysis.efficiency import e3, oaa_auc, ock_score, tokens_per_correct
from tale_eval.errors import InvalidValueError

CORRECT = [True, True, False, True]
TOKENS = [10, 30, 60, 100]


def test_tokens_per_correct_counts_the_tokens_of_wrong_answers_too() -> None:
    assert tokens_per_correct(CORRECT, TOKENS) == pytest.approx(200 / 3)


def test_tokens_per_correct_of_nothing_right_is_unknown() -> None:
    assert tokens_per_correct([False], [10]) is None


def test_e3() -> None:
    assert e3(0.75, 50) == pytest.approx(0.01125)
    assert e3(0, 50) == 0
    assert e3(1, 0) is None


def test_ock_score() -> None:
    assert ock_score(0.75, 0) == 75
    assert ock_score(0.75, 10_000) == pytest.approx(75 - 10 * math.log(2))
    assert ock_score(0.75, 10_000 * (math.e - 1)) == pytest.approx(65)


def test_oaa_auc() -> None:
    # (190 + 170 + 100) / (4 x 200): the right answers count from one token more on
    assert oaa_auc(CORRECT, TOKENS, 200) == pytest.approx(0.575)
    # the third right answer is beyond the limit
    assert oaa_auc(CORRECT, TOKENS, 50) == pytest.approx((40 + 20) / 200)
    assert oaa_auc([True], [0], 10) == 1
    assert oaa_auc([False], [0], 10) == 0


ANSWERS = st.lists(st.tuples(st.booleans(), st.integers(0, 500)), min_size=1, max_size=20)


@given(ANSWERS, st.integers(1, 300))
def test_oaa_auc_is_the_mean_of_the_overthinking_adjusted_accuracies(
    answers: list[tuple[bool, int]], limit: int
) -> None:
    correct, tokens = [c for c, _ in answers], [t for _, t in answers]
    adjusted = [sum(c and n < t for c, n in answers) / len(answers) for t in range(1, limit + 1)]
    assert oaa_auc(correct, tokens, limit) == pytest.approx(sum(adjusted) / limit)


@pytest.mark.parametrize(
    "metric",
    [
        tokens_per_correct,
        lambda correct, tokens: oaa_auc(correct, tokens, 10),
    ],
)
@pytest.mark.parametrize(("correct", "tokens"), [([], []), ([True], []), ([True], [1, 2])])
def test_each_question_needs_its_tokens(
    metric: Callable[[list[bool], list[int]], float], correct: list[bool], tokens: list[int]
) -> None:
    with pytest.raises(InvalidValueError, match=f"{len(correct)} answers, {len(tokens)} counts"):
        metric(correct, tokens)


def test_the_area_needs_a_limit() -> None:
    with pytest.raises(InvalidValueError, match="at least 1, not 0"):
        oaa_auc([True], [1], 0)
