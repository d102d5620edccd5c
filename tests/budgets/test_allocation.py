"""One total over several questions: by hand, against every other division, and never over it."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tale_eval.budgets.allocation import allocate
from tale_eval.errors import InvalidValueError

GRID = [1, 10, 20, 40, 80]


def steps(*needs: int) -> np.ndarray:  # type: ignore[type-arg]
    """Chances of questions that are right from so many tokens on, and wrong below."""
    return np.array([[float(budget >= need) for budget in GRID] for need in needs])


def test_the_cheapest_questions_come_first_worked_by_hand() -> None:
    # needs 10, 20, 40, 80 and 80 tokens; 100 tokens: 10 + 20 + 40 and one each for the others
    # are 72, three right; the 28 that are left help nobody. Evenly, 20 each, two are right.
    found = allocate(steps(80, 10, 40, 20, 80), GRID, 100)
    assert found.budgets == [1, 10, 40, 20, 1]
    assert (found.expected, found.left) == (3, 28)


def test_where_there_is_enough_nobody_is_given_more_than_it_needs() -> None:
    found = allocate(steps(80, 10, 40, 20, 80), GRID, 10_000)
    assert found.budgets == [80, 10, 40, 20, 80]
    assert (found.expected, found.left) == (5, 9_770)


def test_a_hopeless_question_gets_the_least() -> None:
    chances = np.array([[0, 0, 0, 0, 0], [0, 0.1, 0.2, 0.4, 0.8]])
    assert allocate(chances, GRID, 81).budgets == [1, 80]


def test_a_step_that_is_dearer_for_its_gain_waits() -> None:
    # a: 0.5 for 9 tokens, then 0.1 for 10 more; b: 0.3 for 9, 0.3 for 10 more
    chances = np.array([[0, 0.5, 0.6, 0.6, 0.6], [0, 0.3, 0.6, 0.6, 0.6]])
    assert allocate(chances, GRID, 11).budgets == [10, 1]
    assert allocate(chances, GRID, 20).budgets == [10, 10]
    assert allocate(chances, GRID, 30).budgets == [10, 20]
    assert allocate(chances, GRID, 40).budgets == [20, 20]


def test_the_envelope_looks_beyond_a_step_that_gains_nothing() -> None:
    # nothing at 10 and 20, all at 40: greedy by single steps would stop before
    chances = np.array([[0, 0, 0, 1, 1], [0, 0.01, 0.02, 0.03, 0.04]])
    assert allocate(chances, GRID, 41).budgets == [40, 1]


@st.composite
def divided(draw: st.DrawFn) -> tuple[np.ndarray, int]:  # type: ignore[type-arg]
    """Chances of a few questions, and a total."""
    share = st.floats(0, 1, allow_nan=False)
    rows = draw(
        st.lists(st.lists(share, min_size=5, max_size=5).map(sorted), min_size=1, max_size=4)
    )
    return np.array(rows), draw(st.integers(len(rows), 400))


@given(divided())
def test_no_division_is_better_by_a_whole_answer_and_none_exceeds_the_total(
    case: tuple[np.ndarray, int],  # type: ignore[type-arg]
) -> None:
    chances, total = case
    found = allocate(chances, GRID, total)
    assert sum(found.budgets) + found.left == total
    assert found.left >= 0
    places = [GRID.index(budget) for budget in found.budgets]
    assert found.expected == pytest.approx(
        sum(row[at] for row, at in zip(chances, places, strict=True))
    )
    best = max(
        sum(row[at] for row, at in zip(chances, choice, strict=True))
        for choice in product(range(5), repeat=len(chances))
        if sum(GRID[at] for at in choice) <= total
    )
    assert best - 1 < found.expected <= best + 1e-9


@given(st.lists(st.sampled_from(GRID[1:]), min_size=100, max_size=100), st.integers(100, 9000))
def test_of_a_hundred_questions_that_need_so_much_the_division_is_the_best(
    needs: list[int], total: int
) -> None:
    """The best by hand: the cheapest first, with one token for each of the others."""
    left, best = total - 100, 0
    for need in sorted(needs):
        if need - 1 <= left:
            left -= need - 1
            best += 1
    assert allocate(steps(*needs), GRID, total).expected == best


def test_a_total_of_less_than_a_token_a_question_is_refused() -> None:
    with pytest.raises(
        InvalidValueError, match="total=4: 5 questions need at least one token each"
    ):
        allocate(steps(80, 10, 40, 20, 80), GRID, 4)
