"""What a search says of a question, worked by hand."""

import pytest
from hypothesis import given, strategies as st
from needs import need, question, searched, searches, texts

from tale_eval.budgets.elasticity import QuestionTrials
from tale_eval.budgets.needs import Search, expense, folds, question_key
from tale_eval.budgets.search import Attempt, Trial


def made(*trials: tuple[int | None, int, bool], budget: int | None = None) -> Search:
    """A search of (prompted budget, output tokens, right)."""
    tried = tuple(Trial(b, (Attempt(tokens, right, ""),)) for b, tokens, right in trials)
    return Search(question("What is 1 plus 1?"), QuestionTrials("q", tried), budget)


FOUND = made((None, 200, True), (100, 90, True), (50, 45, True), (25, 60, False), budget=50)


def test_a_question_needs_its_searched_budget_or_else_its_vanilla_answer() -> None:
    assert FOUND.needed == 50
    assert made((None, 200, True), (100, 90, False)).needed == 200
    assert made((None, 0, True)).needed == 1  # an empty right answer: no budget is below 1
    assert made((None, 200, False)).needed is None


@pytest.mark.parametrize(
    ("budget", "nearest"),
    # midway on the log scale lie 35.4, 70.7 and 141.4
    [(1, 25), (35, 25), (36, 50), (70, 50), (71, 100), (141, 100), (142, None), (9999, None)],
)
def test_the_nearest_trial_speaks_for_a_budget(budget: int, nearest: int | None) -> None:
    assert FOUND.outcome(budget).budget == nearest


@pytest.mark.parametrize(
    ("budget", "chance"),
    # 25 is too little; 50 is enough; between them it grows evenly with the logarithm
    [(1, 0), (25, 0), (50, 1), (51, 1), (200, 1), (5000, 1), (35, pytest.approx(0.4854, abs=1e-4))],
)
def test_a_budget_is_enough_from_the_smallest_that_was(budget: int, chance: float) -> None:
    assert FOUND.right_at(budget) == chance  # log2(35 / 25) = 0.4854


def test_what_the_trials_do_not_say_stays_open() -> None:
    unsolved = made((None, 200, False))
    assert [unsolved.right_at(budget) for budget in (100, 200, 201)] == [0, 0, None]
    never_short = made((None, 200, True), (100, 90, True))
    assert [never_short.right_at(budget) for budget in (99, 100)] == [None, 1]
    both = made((None, 200, True), (100, 90, False), (50, 45, True))
    # 50 was enough and 100 was not: of 70 nothing is known
    assert [both.right_at(budget) for budget in (49, 50, 70, 100, 101)] == [0, 1, None, 0, 1]


def test_a_lost_answer_costs_its_vanilla_answer_or_what_it_is_worth() -> None:
    assert expense(FOUND, 50) == 45
    assert expense(FOUND, 20) == 60 + 200
    assert expense(FOUND, 20, answer_worth=1000) == 1060


def test_the_folds_keep_one_text_together_whatever_the_order() -> None:
    some = [*searches("by topic", 23), *searches("by topic", 5)]
    found = folds(some, count=5)
    assert found[:5] == found[23:]
    assert [min(found), max(found)] == [0, 4]
    backwards = folds(some[::-1], count=5)
    assert backwards[::-1] == found
    assert folds(some, count=5, seed=1) != found


@given(st.text())
def test_a_question_has_one_name_whatever_its_spaces(text: str) -> None:
    again = f"\n {text}\t "
    assert question_key(question(text)) == question_key(question(again))


def test_the_reasoner_is_searched_to_within_a_halving_of_its_need() -> None:
    """What the other tests rest on."""
    for shape in ("linear in numbers", "by topic", "random"):
        for text in texts(shape, 50):
            found = searched(shape, text).needed
            assert found is not None
            assert need(shape, text) <= found < 2 * need(shape, text) + 2
