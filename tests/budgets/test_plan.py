"""Asks under a budget, and what becomes of one that a model cannot take."""

import pytest

from tale_eval.asking.control import control_of
from tale_eval.asking.question import Question, Way
from tale_eval.budgets.plan import Ask, accepted, single, under_budget
from tale_eval.budgets.reading import BudgetReading
from tale_eval.errors import InvalidValueError

SUM = Question("What is 1 plus 1?", "cloze", "en", "none")
PAIR = control_of("prompt+thinking")


def estimated(tokens: int | None) -> Ask:
    reading = BudgetReading(tokens, "missing" if tokens is None else "read")
    return under_budget(PAIR, tokens, "paper", reading=reading)


def test_an_estimate_below_what_is_accepted_is_raised_and_counts_as_clamped() -> None:
    asked = accepted(estimated(30), 1024, "m")
    assert asked.budget == 1024
    assert asked.reading == BudgetReading(1024, "clamped")
    assert asked.controls == {"prompt": 1024, "thinking": 1024}
    assert "less than 1024 tokens" in asked.words(SUM)


@pytest.mark.parametrize("tokens", [1024, 5000, None])
def test_other_estimates_stay_as_they_are(tokens: int | None) -> None:
    asked = estimated(tokens)
    assert accepted(asked, 1024, "m") is asked


def test_a_chosen_budget_below_what_is_accepted_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="50 tokens: m takes thinking budgets from 1024"):
        accepted(under_budget(PAIR, 50, "paper"), 1024, "m")


def test_a_default_where_no_estimate_could_be_read_is_a_chosen_budget() -> None:
    asked = under_budget(PAIR, 50, "paper", reading=BudgetReading(None, "missing"))
    with pytest.raises(InvalidValueError, match="50 tokens"):
        accepted(asked, 1024, "m")


def test_a_plan_that_asks_once_names_its_budget_in_the_prompt() -> None:
    (asked,) = single(lambda question: question.text, Way(""), budget=7).steps(SUM)
    assert asked.controls == {"prompt": 7}
    assert asked.settings == {}
