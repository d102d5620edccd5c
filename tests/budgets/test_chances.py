"""The chance to be right: monotone in the budget, and right as often as it says."""

from typing import Any

import numpy as np
import pytest
from needs import need, question, searched, searches, texts

from tale_eval.budgets.allocation import allocate
from tale_eval.budgets.chances import Chances, grid
from tale_eval.budgets.estimators import make_estimator
from tale_eval.budgets.learning import out_of_fold
from tale_eval.budgets.needs import Search


def fitted(taught: list[Search], name: str = "ridge") -> Chances:
    made: Any = make_estimator(name, {})
    estimates = out_of_fold(make_estimator(name, {}), taught)  # type: ignore[arg-type]
    return Chances.fit(made.fit(taught), taught, estimates)[0]


HOPELESS = [f"Prove that {word} has no end." for word in ("space", "time", "love", "pi")]
TAUGHT = [
    *searches("by topic", 150),
    *(
        searched("by topic", f"{text} Is it {n} apples?", solved=False)
        for text in HOPELESS
        for n in range(12)
    ),
]


def test_the_grid_goes_up_by_a_quarter_at_a_time() -> None:
    assert grid(1) == [1]
    assert grid(20) == [1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20]


def test_a_larger_budget_is_never_less_likely_to_be_enough() -> None:
    found = fitted(TAUGHT).at([question(text) for text in texts("by topic", 50, 3)], grid(5000))
    assert (np.diff(found, axis=1) >= 0).all()
    assert found.min() >= 0
    assert found.max() <= 1


def test_a_question_that_is_like_those_nobody_solved_is_not_worth_a_budget() -> None:
    chances = fitted(TAUGHT)
    hopeless = question("Prove that music has no end. Is it 99 apples?")
    solvable = question(texts("by topic", 1, seed=4)[0])
    bad, good = chances.at([hopeless, solvable], [5000])[:, 0]
    assert bad < 0.2
    assert good > 0.9


def test_predictions_come_true_as_often_as_they_say() -> None:
    """On fresh questions, all budgets together."""
    chances = fitted(list(searches("by topic", 300)))
    fresh = texts("by topic", 300, seed=5)
    budgets = grid(1000)
    said = chances.at([question(text) for text in fresh], budgets)
    right = np.array([[b >= need("by topic", text) for b in budgets] for text in fresh])
    assert float(said.mean()) == pytest.approx(float(right.mean()), abs=0.03)
    assert float(((said - right) ** 2).mean()) < 0.06


@pytest.mark.parametrize("shape", ["by topic", "linear in numbers"])
def test_a_divided_total_beats_the_same_total_spread_evenly(shape: str) -> None:
    chances = fitted(list(searches(shape, 300)))
    fresh = texts(shape, 200, seed=6)
    questions = [question(text) for text in fresh]
    needs = [need(shape, text) for text in fresh]
    total = sum(needs) // 3
    budgets = grid(total)
    plan = allocate(chances.at(questions, budgets), budgets, total)
    got = sum(b >= n for b, n in zip(plan.budgets, needs, strict=True))
    even = sum(total // 200 >= n for n in needs)
    assert sum(plan.budgets) <= total
    assert got > even + 10
