"""The gate: what passes, what fails, and what more questions would have to say."""

import pytest
from records import answer

from tale_eval.analysis.gate import Outcome, gated, together
from tale_eval.analysis.leaderboard import LeaderboardRow, leaderboard
from tale_eval.analysis.plans import run_plans
from tale_eval.errors import InvalidValueError
from tale_eval.records import Record


def answers(method: str, right: int, of: int, tokens: int) -> list[Record]:
    """The first are right; tokens vary by a fifth from question to question."""
    return [
        answer(method, f"q{i}", float(i < right), tokens * (9 + i % 3) // 10) for i in range(of)
    ]


def rows(right: int, tokens: int, of: int = 400) -> list[LeaderboardRow]:
    records = answers("cot", 300, of, 100) + answers("short", right, of, tokens)
    return leaderboard(records, "cot", 0.02)


@pytest.mark.parametrize(
    ("right", "tokens", "accuracy", "cheap", "outcome"),
    [
        (300, 40, "pass", "pass", "pass"),
        # 60 of 400 lost: far more than two points
        (240, 40, "fail", "pass", "fail"),
        # 4 of 400 lost are one point, whose interval holds two
        (296, 40, "undecided", "pass", "undecided"),
        (300, 80, "pass", "fail", "fail"),
        (296, 80, "undecided", "fail", "fail"),
    ],
)
def test_what_passes(
    right: int, tokens: int, accuracy: Outcome, cheap: Outcome, outcome: Outcome
) -> None:
    (found,) = gated(rows(right, tokens), "cot", 0.6)
    assert (found.accuracy, found.tokens, found.outcome) == (accuracy, cheap, outcome)
    assert (found.reason is not None) == ("undecided" in (accuracy, cheap))


def failing(of: int, failed: int) -> list[LeaderboardRow]:
    """Right wherever it answers, as its baseline is; the last ones fail."""
    records = answers("cot", of, of, 100) + answers("short", of, of - failed, 40)
    records += [answer("short", f"q{i}", None, None) for i in range(of - failed, of)]
    return leaderboard(records, "cot", 0.02)


def test_the_difference_shown_is_the_one_that_the_verdict_rests_on() -> None:
    """100 of 200 failed: of what was answered nothing is lost, of all of it a half."""
    (found,) = gated(failing(200, 100), "cot", None)
    assert found.failures_count
    assert (found.accuracy, found.difference, found.paired) == ("fail", -0.5, 200)
    assert found.interval is not None
    assert found.interval.high < -0.02


def test_a_few_failures_are_left_out_of_the_difference() -> None:
    (found,) = gated(failing(400, 4), "cot", None)
    assert not found.failures_count
    assert (found.accuracy, found.difference, found.paired) == ("pass", 0, 396)


def test_a_plan_counts_failures_as_its_verdict_will() -> None:
    (found,) = run_plans(failing(200, 100), "cot", 0.02, 0.8)
    assert (found.seen.questions, found.seen.share) == (200, 0.5)


def test_one_question_is_undecided_for_another_reason_than_its_interval() -> None:
    (found,) = gated(
        leaderboard(answers("cot", 1, 1, 9) + answers("short", 1, 1, 9), "cot", 0.02), "cot", None
    )
    assert (found.accuracy, found.interval) == ("undecided", None)
    assert found.reason == "one question in common has no interval: ask more questions"


def test_without_a_limit_tokens_are_not_judged() -> None:
    (found,) = gated(rows(300, 500), "cot", None)
    assert (found.tokens, found.outcome) == (None, "pass")


def test_too_few_questions_for_a_token_ratio_are_undecided_with_the_reason() -> None:
    records = answers("cot", 10, 12, 100) + answers("short", 10, 12, 50)
    (found,) = gated(leaderboard(records, "cot", 0.5), "cot", 0.6)
    assert found.tokens == "undecided"
    assert "12 questions, and token counts need 20" in str(found.reason)


def test_a_failure_counts_before_what_is_undecided() -> None:
    assert together(["pass", "undecided", "fail"]) == "fail"
    assert together(["pass", "undecided"]) == "undecided"
    assert together(["pass", "pass"]) == "pass"


def test_an_oracle_is_no_candidate() -> None:
    records = answers("cot", 30, 40, 100) + answers("budget_search", 40, 40, 10)
    with pytest.raises(InvalidValueError, match="baseline 'cot': no model and task has it and"):
        gated(leaderboard(records, "cot", 0.02), "cot", None)


def test_logs_without_the_baseline_say_what_they_hold() -> None:
    board = leaderboard(answers("direct", 3, 4, 9) + answers("short", 3, 4, 9), "cot", 0.02)
    with pytest.raises(InvalidValueError, match="the logs hold direct, short"):
        gated(board, "cot", None)


@pytest.mark.parametrize("ratio", [0, -1, float("nan")])
def test_a_ratio_that_makes_no_sense(ratio: float) -> None:
    with pytest.raises(InvalidValueError, match="a number above 0"):
        gated(rows(300, 40), "cot", ratio)


def test_a_plan_from_a_pilot_by_hand() -> None:
    # of 400 questions cot alone has 4 right, and short none
    (plan,) = run_plans(rows(296, 40), "cot", 0.02, 0.8)
    assert (plan.seen.wins, plan.seen.losses, plan.seen.questions) == (0, 0.01, 400)
    assert plan.needed is not None
    assert plan.needed_upper is not None
    # 86 % on 400 questions, were both equal; a pilot of 400 leaves open that more tell them apart
    assert plan.now.not_worse == pytest.approx(0.864, abs=0.001)
    assert plan.needed < 400 < plan.needed_upper


@pytest.mark.parametrize(("margin", "chance"), [(0, 0.8), (1, 0.8), (0.02, 0), (0.02, 1)])
def test_a_plan_that_makes_no_sense(margin: float, chance: float) -> None:
    with pytest.raises(InvalidValueError):
        run_plans(rows(296, 40), "cot", margin, chance)
