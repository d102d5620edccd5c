"""What a usage record stands for, whichever way its provider counts."""

import pytest
from hypothesis import given
from hypothesis.strategies import integers

from tale_eval.tokens.usage import reasoning_used, tokens_used

COUNTS = integers(0, 10_000)


@pytest.mark.parametrize(
    ("read", "written", "reasoning", "total", "used"),
    [
        pytest.param(40, 60, 25, 100, (40, 60), id="the reasoning is in the output"),
        pytest.param(40, 15, 70, 125, (40, 85), id="beside it, and in the total"),
        pytest.param(40, 90, 30, 160, (40, 120), id="beside it, though it is the smaller part"),
        pytest.param(40, 15, None, 125, (40, 85), id="in the total alone"),
        pytest.param(40, 15, 70, None, (40, 85), id="beside it, and no total"),
        pytest.param(40, 15, 70, 0, (40, 85), id="beside it, and a total of 0"),
        pytest.param(40, 15, 5, 30, (40, 15), id="a total below its parts says nothing"),
        pytest.param(0, 0, None, 0, (None, None), id="nothing but zeros"),
        pytest.param(40, 0, 0, 40, (40, None), id="no output, and yet a reply"),
        pytest.param(40, 0, 70, 110, (40, 70), id="no output beside the reasoning"),
        pytest.param(40, 12, 400, 52, (40, 412), id="beside it, and not in the total"),
        pytest.param(0, 12, None, 52, (40, 12), id="no input, which the total has"),
    ],
)
def test_the_tokens_of_a_reply_by_its_usage_record(
    read: int,
    written: int,
    reasoning: int | None,
    total: int | None,
    used: tuple[int | None, int | None],
) -> None:
    assert tokens_used(read, written, reasoning=reasoning, total=total, replied=True) == used


@pytest.mark.parametrize(
    ("read", "cached", "reasoning", "total", "used"),
    [
        pytest.param(40, 300, 0, 352, (340, 12), id="more than was read, so beside it"),
        pytest.param(40, 300, None, None, (340, 12), id="the same, and no total"),
        pytest.param(400, 300, 0, 712, (700, 12), id="the total is larger by as much"),
        pytest.param(400, 300, 300, 712, (400, 312), id="but that is the reasoning"),
        pytest.param(340, 300, 0, 352, (340, 12), id="within the input"),
        pytest.param(340, 300, 70, 422, (340, 82), id="within it, and the reasoning beside"),
    ],
)
def test_cached_tokens_were_read_and_not_written(
    read: int, cached: int, reasoning: int | None, total: int | None, used: tuple[int, int]
) -> None:
    kwargs = {"reasoning": reasoning, "total": total, "replied": True, "cached": cached}
    assert tokens_used(read, 12, **kwargs) == used


def test_a_filtered_reply_has_no_tokens_and_that_is_known() -> None:
    assert tokens_used(40, 0, reasoning=None, total=40, replied=False) == (40, 0)


@given(COUNTS, COUNTS, COUNTS)
def test_both_ways_to_report_one_reply_come_to_the_same(read: int, said: int, thought: int) -> None:
    total = read + said + thought
    within = tokens_used(read, said + thought, reasoning=thought, total=total, replied=False)
    beside = tokens_used(read, said, reasoning=thought, total=total, replied=False)
    assert within == beside == (read, said + thought)


@pytest.mark.parametrize(
    ("reported", "thought", "used"),
    [
        pytest.param(0, True, None, id="its thoughts came, and were not counted"),
        pytest.param(0, False, 0, id="it did not reason"),
        pytest.param(60, True, 60, id="counted"),
        pytest.param(60, False, 60, id="counted and kept to itself"),
        pytest.param(None, True, None, id="nothing is said"),
    ],
)
def test_reasoning_that_came_was_not_free(
    reported: int | None, thought: bool, used: int | None
) -> None:
    assert reasoning_used(reported, thought=thought) == used
