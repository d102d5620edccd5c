"""What a scorer's value says, of every shape that Inspect's scorers give."""

import math

import pytest

from tale_eval.grading.credit import credit


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("C", 1),
        ("I", 0),
        ("P", 0.5),
        ("N", 0),
        (True, 1),
        (False, 0),
        (1, 1),
        (0.25, 0.25),
        ("yes", 1),
        ("False", 0),
        ("1", 1),
        ("maybe", None),
        ("c", None),
        (42, None),
        (-1, None),
        (math.nan, None),
        (math.inf, None),
        (None, None),
        ([1, 0], None),
        ({"correct": 1}, None),
    ],
)
def test_a_value_is_credit_from_0_to_1_or_says_nothing(
    value: object, expected: float | None
) -> None:
    assert credit(value) == expected
