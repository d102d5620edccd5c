"""Shares of a budget, by the authors' formulas."""

import pytest
from hypothesis import given, strategies as st

from tale_eval.budgets.shares import LEVELS, SCHEDULES, Schedule, shares

SCHEDULE = st.sampled_from([*SCHEDULES])


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        # 100 in equal thirds; what is left goes to the first of equals
        ("constant", [34, 33, 33]),
        # 3 : 2 : 1 is 50 : 33.3 : 16.7; what is left goes to the largest share
        ("linear", [51, 33, 16]),
        # 9 : 4 : 1 is 64.29 : 28.57 : 7.14
        ("polynomial", [65, 28, 7]),
        # 1 : 0.9 : 0.81 is 36.90 : 33.21 : 29.89; two are left
        ("exponential", [37, 34, 29]),
        # 1.1 : 0.6 : 0.1 is 61.11 : 33.33 : 5.56
        ("cosine", [62, 33, 5]),
    ],
)
def test_equal_weights_shrink_with_their_place(schedule: Schedule, expected: list[int]) -> None:
    assert shares([1, 1, 1], 100, schedule) == expected


def test_weights_count_beside_the_place_in_any_unit() -> None:
    # 60 * 4 to 40 * 1
    assert shares([60, 40], 350, "polynomial") == [300, 50]
    assert shares([0.6, 0.4], 350, "polynomial") == [300, 50]
    assert shares([1], 200, "cosine") == [200]


def test_levels_are_the_authors() -> None:
    assert LEVELS == {1: 200, 2: 250, 3: 350, 4: 450, 5: 600}


@given(
    st.lists(st.floats(0.5, 100), min_size=1, max_size=12),
    st.integers(1, 2000),
    SCHEDULE,
)
def test_shares_are_whole_and_add_up(weights: list[float], total: int, schedule: Schedule) -> None:
    found = shares(weights, total, schedule)
    assert sum(found) == total
    assert min(found) >= 0
    assert len(found) == len(weights)


@given(st.integers(2, 10), st.integers(100, 2000), SCHEDULE)
def test_of_equal_weights_none_has_more_than_one_before_it(
    parts: int, total: int, schedule: Schedule
) -> None:
    found = shares([1.0] * parts, total, schedule)
    assert found == sorted(found, reverse=True)
