"""The efficiency metrics, worked by hand on four questions."""

import math
from collections import Counter
from collections.abc import Callable
from itertools import combinations

import pytest
from hypothesis import given, strategies as st

from tale_eval.analysis.efficiency import (
    accuracies_within,
    accuracy_within,
    aes,
    cost_of_pass,
    e3,
    e3_score,
    maj_at_k,
    oaa_auc,
    ock_score,
    pass_at_k,
    tokens_per_correct,
)
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


SAID = st.tuples(st.sampled_from(["x", "y", "z", None]), st.booleans())


@given(st.lists(SAID, min_size=1, max_size=6), st.data())
def test_maj_at_k_is_the_share_of_all_draws_that_a_vote_gets_right(
    answers: list[tuple[str | None, bool]], data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, len(answers)))
    draws = list(combinations(answers, k))
    assert maj_at_k(answers, k) == pytest.approx(sum(map(_vote, draws)) / len(draws))


def _vote(draw: tuple[tuple[str | None, bool], ...]) -> float:
    """Whether the most frequent answer is right; all right ones are one, and a tie is a lot."""
    votes = Counter("right" if right else said for said, right in draw if right or said)
    best = [said for said, n in votes.items() if n == max(votes.values())]
    return best.count("right") / len(best) if best else 0


@given(st.integers(1, 12), st.data())
def test_pass_at_k_is_the_share_of_draws_with_a_right_answer(
    answers: int, data: st.DataObject
) -> None:
    right, k = data.draw(st.integers(0, answers)), data.draw(st.integers(1, answers))
    draws = list(combinations([1] * right + [0] * (answers - right), k))
    assert pass_at_k(answers, right, k) == pytest.approx(sum(map(any, draws)) / len(draws))


@pytest.mark.parametrize("k", [0, 3])
def test_no_more_are_drawn_than_there_are(k: int) -> None:
    with pytest.raises(InvalidValueError, match=f"k={k}: from 1 to the 2 answers"):
        pass_at_k(2, 1, k)
    with pytest.raises(InvalidValueError, match=f"k={k}: from 1 to the 2 answers"):
        maj_at_k([("x", True), ("y", False)], k)


def test_a_baseline_without_odds_or_a_right_answer_gives_no_score() -> None:
    assert e3_score(0.5, 10, 1, 10) is e3_score(0.5, 10, 0, 10) is None
    assert aes(0.5, 10, 0, 10) is aes(0.5, 10, 0.5, 0) is None
    assert cost_of_pass(0, 1) is None


def test_the_curve_of_accuracies_within_rises_at_each_right_answer() -> None:
    assert accuracies_within(CORRECT, TOKENS) == [(10, 0.25), (30, 0.5), (100, 0.75)]
    assert accuracies_within([True, True], [5, 5]) == [(5, 1)]
    assert accuracy_within(CORRECT, TOKENS, 30) == 0.5
