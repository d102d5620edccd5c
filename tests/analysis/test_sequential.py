"""Looked at after every question, the verdict is wrong as seldom as it says."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tale_eval.analysis.sequential import SequentialVerdict
from tale_eval.errors import InvalidValueError


def first_verdicts(
    wins: float, losses: float, margin: float, questions: int, runs: int
) -> list[SequentialVerdict]:
    draw = np.random.default_rng([runs, questions])
    chances = [losses, 1 - wins - losses, wins]
    found = []
    for _ in range(runs):
        looked = SequentialVerdict(margin)
        looked.add(draw.choice([-1.0, 0.0, 1.0], size=questions, p=chances))
        found.append(looked)
    return found


def test_a_method_that_never_differs_is_found_harmless_after_as_many_questions() -> None:
    looked = SequentialVerdict(margin=0.02)
    looked.add([0.0] * 1000)
    assert looked.verdict == "not worse"
    # the largest of twelve bets alone gains 0.98 * 0.02 / 0.98 a question, and has a twelfth
    # of the stake: the others bring less
    most = math.log(12 * 40) / math.log1p(0.98 * 0.02 / 0.98)
    fewest = math.log(40) / math.log1p(0.98 * 0.02 / 0.98)
    assert looked.decided_at is not None
    assert fewest < looked.decided_at < most


def test_a_method_that_always_loses_is_found_worse_at_once() -> None:
    looked = SequentialVerdict(margin=0.02)
    looked.add([-1.0] * 12)
    assert looked.verdict == "worse"


def test_a_verdict_once_given_stays() -> None:
    looked = SequentialVerdict(margin=0.1)
    assert looked.add([-1.0] * 20) == "worse"
    decided = looked.decided_at
    assert looked.add([1.0] * 500) == "worse"
    assert (looked.decided_at, looked.questions) == (decided, 520)


@given(st.lists(st.floats(-1, 1), max_size=60), st.integers(0, 60))
def test_blocks_change_nothing(differences: list[float], cut: int) -> None:
    one, other = SequentialVerdict(0.05), SequentialVerdict(0.05)
    one.add(differences)
    other.add(differences[:cut])
    other.add(differences[cut:])
    assert (one.verdict, one.decided_at) == (other.verdict, other.decided_at)


@pytest.mark.parametrize("difference", [1.5, -2, float("nan")])
def test_what_is_no_difference_of_scores(difference: float) -> None:
    with pytest.raises(InvalidValueError, match="from -1 to 1"):
        SequentialVerdict(0.02).add([difference])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wins", "losses", "wrong"),
    [
        # the true loss is the margin: either verdict is wrong
        (0.0, 0.05, "not worse"),
        (0.1, 0.15, "not worse"),
        (0.0, 0.05, "worse"),
        (0.1, 0.15, "worse"),
    ],
)
def test_over_two_thousand_runs_it_is_wrong_in_a_fortieth_at_most(
    wins: float, losses: float, wrong: str
) -> None:
    found = first_verdicts(wins, losses, margin=0.05, questions=1000, runs=2000)
    share = sum(each.verdict == wrong for each in found) / len(found)
    # three standard errors of 2,000 runs
    assert share <= 0.025 + 3 * math.sqrt(0.025 * 0.975 / 2000)


@pytest.mark.slow
def test_equal_methods_are_found_harmless_before_all_is_asked() -> None:
    found = first_verdicts(0.02, 0.02, margin=0.05, questions=1319, runs=300)
    decided = [each.decided_at for each in found if each.verdict == "not worse"]
    assert len(decided) >= 0.95 * len(found)
    assert float(np.median([at for at in decided if at is not None])) < 400
