"""Looked at after every question, the verdict is wrong as seldom as it says."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st
from records import answer

from tale_eval.analysis.leaderboard import leaderboard
from tale_eval.analysis.sequential import (
    SequentialVerdict,
    sequential_chances,
    sequential_difference,
)
from tale_eval.analysis.statistics import LEVEL, paired_difference
from tale_eval.errors import InvalidValueError


def pair(found: list[float]) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Scores of two methods that differ so, question by question."""
    ours = {f"q{i}": [max(each, 0.0)] for i, each in enumerate(found)}
    theirs = {f"q{i}": [max(-each, 0.0)] for i, each in enumerate(found)}
    return ours, theirs


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


@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]), min_size=1, max_size=400))
def test_the_p_values_are_those_of_the_game_however_the_questions_lie(
    found: list[float],
) -> None:
    ours, theirs = pair(found)
    chances = sequential_chances(ours, theirs, 0.05, last=False)
    assert chances is not None
    for order in (found, sorted(found), sorted(found, reverse=True)):
        looked = SequentialVerdict(0.05)
        looked.add(order)
        if min(chances.not_worse, chances.worse) < 2 * LEVEL - 1e-9:
            # whoever wins at the end has won at the latest then; half of the level is the game's
            assert looked.verdict != "undecided"


@given(
    st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]), min_size=1, max_size=300),
    st.sampled_from([0.0, 0.02, 0.1, 0.5]),
    st.booleans(),
)
def test_the_confidence_sequence_holds_the_margins_that_are_not_won_against(
    found: list[float], margin: float, last: bool
) -> None:
    ours, theirs = pair(found)
    chances, difference = (
        sequential_chances(ours, theirs, margin, last=last),
        sequential_difference(ours, theirs, last=last),
    )
    assert chances is not None
    assert difference is not None
    assert difference.interval is not None
    low, high = difference.interval.low, difference.interval.high
    assert -1 <= low <= difference.value <= high <= 1
    if abs(low + margin) > 1e-4:
        assert (low > -margin) == (chances.not_worse < LEVEL)
    if abs(high + margin) > 1e-4:
        assert (high < -margin) == (chances.worse < LEVEL)


def test_the_confidence_sequence_of_a_single_question_is_everything() -> None:
    difference = sequential_difference({"q": [1.0]}, {"q": [1.0]}, last=True)
    assert difference is not None
    assert difference.interval is not None
    # one question multiplies the stake by 2 at most for any bound above -0.5
    assert difference.interval.low < -0.9
    assert difference.interval.high > 0.9
    assert sequential_difference({"q": [1.0]}, {"r": [1.0]}, last=True) is None
    assert sequential_chances({"q": [1.0]}, {"r": [1.0]}, 0.02, last=True) is None


def test_the_last_look_has_half_of_the_level_by_hand() -> None:
    # 0.98^n is the usual p value of n questions that never differ; doubled it is 0.025 at n = 217
    for n, said in ((216, False), (218, True)):
        ours = {f"q{i}": [1.0] for i in range(n)}
        chances = sequential_chances(ours, ours, 0.02, last=True)
        before = sequential_chances(ours, ours, 0.02, last=False)
        assert chances is not None
        assert before is not None
        assert chances.not_worse == pytest.approx(2 * 0.98**n, abs=1e-5)
        assert (chances.not_worse < LEVEL) == said
        assert before.not_worse > LEVEL


def test_a_run_that_was_stopped_by_its_verdicts_is_judged_by_the_sequence() -> None:
    stopped = [
        replace(answer(method, f"q{i}", 1, 60), until_decided=400)
        for method in ("cot", "short")
        for i in range(200)
    ]
    fixed = [replace(record, until_decided=None) for record in stopped]
    (now,) = (row.comparison for row in leaderboard(stopped) if row.comparison)
    (then,) = (row.comparison for row in leaderboard(fixed) if row.comparison)
    # 200 that never differ suffice for a number that was fixed before, and for no gambler
    assert (now.verdict, then.verdict) == ("undecided", "not worse")
    assert now.interval is not None
    assert then.interval is not None
    assert now.interval.low < then.interval.low
    ours = {f"q{i}": [1.0] for i in range(200)}
    game, once = sequential_difference(ours, ours, last=False), paired_difference(ours, ours)
    assert game is not None
    assert once is not None
    assert (now.interval, then.interval) == (game.interval, once.interval)
    assert now.until_decided


@pytest.mark.parametrize(("planned", "verdict"), [(200, "undecided"), (230, "not worse")])
def test_the_last_look_is_after_all_that_was_planned(planned: int, verdict: str) -> None:
    """200 were to be asked, and 30 more were: not the number that was fixed before."""
    records = [
        replace(answer(method, f"q{i}", 1, 60), until_decided=planned)
        for method in ("cot", "short")
        for i in range(230)
    ]
    (found,) = (row.comparison for row in leaderboard(records) if row.comparison)
    assert found.verdict == verdict


def test_a_stopped_run_counts_every_failure_as_wrong() -> None:
    """One of 300 failed: below the share from which a fixed run counts them."""
    records = [answer("cot", f"q{i}", 1, 60) for i in range(300)]
    records += [answer("short", f"q{i}", 1 if i else None, 60) for i in range(300)]
    (then,) = (row.comparison for row in leaderboard(records) if row.comparison)
    stopped = [replace(record, until_decided=400) for record in records]
    (now,) = (row.comparison for row in leaderboard(stopped) if row.comparison)
    assert not then.failures_count
    assert now.failures_count
    assert now.with_failures is not None
    assert now.with_failures.value == pytest.approx(-1 / 300)


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
