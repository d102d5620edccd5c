"""Every token is counted once, and what nobody knows stays unknown."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from tale_eval.tokens.costs import COST_KEYS, cost_values
from tale_eval.tokens.ledger import (
    Call,
    Purpose,
    input_tokens,
    mended,
    output_tokens,
    reasoning_tokens,
    with_words,
)
from tale_eval.tokens.pricing import Price


def call(purpose: Purpose, output: int | None, **more: Any) -> Call:
    known: dict[str, Any] = {"model": "openai/m", "input_tokens": 100, "counted_by": "provider"}
    return Call(purpose=purpose, output_tokens=output, **known | more)


ESTIMATE = call("estimate", 5, input_tokens=40, seconds=0.5)
ANSWER = call("answer", 60, reasoning_tokens=20, seconds=2.0, truncated=False)
CRITIC = call("helper", 7, model="openai/critic", input_tokens=90, seconds=1.0)
TALE = [ESTIMATE, ANSWER, CRITIC]
GRADER = call("scorer", 33, model="openai/grader", input_tokens=500, seconds=9.0)
UNCOUNTED = call("answer", None, input_tokens=None, counted_by="nobody")


def test_output_tokens_by_purpose() -> None:
    assert output_tokens(TALE) == 72
    assert output_tokens(TALE, "answer") == 60
    assert output_tokens(TALE, "estimate", "helper") == 12
    assert output_tokens(TALE, "search") == 0
    assert input_tokens(TALE) == 230


def test_reasoning_tokens_are_a_part_of_the_output_and_not_added_to_it() -> None:
    assert reasoning_tokens(TALE) == 20
    assert output_tokens([ANSWER]) == 60


def test_reasoning_that_no_call_reported_is_unknown_and_not_zero() -> None:
    assert reasoning_tokens([ESTIMATE, CRITIC]) is None
    assert reasoning_tokens([call("answer", 60, reasoning_tokens=0)]) == 0
    assert reasoning_tokens([]) is None


def test_a_total_with_an_unknown_part_is_unknown() -> None:
    assert output_tokens([ESTIMATE, UNCOUNTED]) is None
    assert input_tokens([ESTIMATE, UNCOUNTED]) is None
    assert output_tokens([ESTIMATE, UNCOUNTED], "estimate") == 5


def test_a_call_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        ANSWER.output_tokens = 0  # type: ignore[misc]


def test_the_costs_of_one_answer_worked_by_hand() -> None:
    prices = {
        "openai/m": Price.model_validate({"input": "1", "output": "10"}),
        "openai/critic": Price.model_validate({"input": "2", "output": "4"}),
    }
    costs = cost_values(TALE, budget=50, budget_status="read", prices=prices)
    assert costs == {
        "answer_tokens": 60,
        "answer_reasoning_tokens": 20,
        "answer_words": None,
        "estimator_tokens": 5,
        "vanilla_tokens": 0,
        "search_tokens": 0,
        "helper_tokens": 7,
        "scorer_tokens": 0,
        "reasoning_tokens": 20,
        "output_tokens": 72,
        "counted_tokens": 72,
        "input_tokens": 230,
        # (40 + 100) x 1 + (5 + 60) x 10 + 90 x 2 + 7 x 4 millionths
        "dollars": pytest.approx(0.000998),
        "scorer_dollars": 0,
        "calls": 3,
        "uncounted_calls": 0,
        "seconds": 3.5,
        "budget": 50,
        "within_budget": False,
        "truncated": False,
        "cut_in_reasoning": False,
        "budget_missing": False,
        "budget_echoed": False,
        "budget_outside": False,
        "estimate_cut_off": False,
        "unsolved": None,
        "no_smaller_budget": None,
    }
    assert tuple(costs) == COST_KEYS


def test_what_a_grader_used_stands_apart_from_the_methods_cost() -> None:
    prices = {
        f"openai/{name}": Price.model_validate({"input": "1", "output": "10"})
        for name in ("m", "critic", "grader")
    }
    alone = cost_values(TALE, prices=prices)
    graded = cost_values([*TALE, GRADER, GRADER], prices=prices)
    assert (graded["scorer_tokens"], graded["scorer_dollars"]) == (
        66,
        pytest.approx((2 * 500 + 66 * 10) / 1e6),
    )
    apart = {"scorer_tokens", "scorer_dollars"}
    assert {k: v for k, v in graded.items() if k not in apart} == {
        k: v for k, v in alone.items() if k not in apart
    }


def test_a_grader_whom_nobody_counted_leaves_the_methods_cost_known() -> None:
    uncounted = call("scorer", None, counted_by="nobody")
    costs = cost_values([ANSWER, uncounted])
    assert (costs["output_tokens"], costs["uncounted_calls"]) == (60, 0)
    assert (costs["scorer_tokens"], costs["scorer_dollars"]) == (None, None)


def test_the_counted_part_of_an_unknown_total_is_kept() -> None:
    costs = cost_values([ESTIMATE, UNCOUNTED, CRITIC])
    assert costs["output_tokens"] is None
    assert (costs["counted_tokens"], costs["uncounted_calls"]) == (12, 1)


@pytest.mark.parametrize(
    ("truncated", "status", "cut_off"),
    [
        (True, "missing", True),
        (True, "read", False),  # the budget stood in what came before the cut
        (False, "missing", False),
        (None, "missing", False),
    ],
)
def test_an_estimate_that_was_cut_off_before_its_budget_is_counted(
    truncated: bool | None, status: str, cut_off: bool
) -> None:
    estimate = call("estimate", 1024, truncated=truncated)
    costs = cost_values([estimate, ANSWER], budget_status=status)
    assert costs["estimate_cut_off"] is cut_off
    assert cost_values([ANSWER])["estimate_cut_off"] is None


def test_reasoning_that_0_1_0_left_out_is_added_to_its_calls_and_to_no_others() -> None:
    old = call("answer", 15, reasoning_tokens=70)
    assert mended(old).output_tokens == 85
    assert mended(call("answer", 85, reasoning_tokens=70)).output_tokens == 85
    today = call("answer", 15, reasoning_tokens=70, at=datetime(2026, 3, 1, tzinfo=UTC))
    assert mended(today) == today


def test_the_parts_of_the_output_tokens_add_up() -> None:
    purposes: list[Purpose] = ["answer", "estimate", "vanilla", "search", "helper"]
    calls = [call(purpose, 10**power) for power, purpose in enumerate(purposes)]
    costs = cost_values(calls)
    parts = ["answer", "estimator", "vanilla", "search", "helper"]
    assert [costs[f"{part}_tokens"] for part in parts] == [1, 10, 100, 1000, 10000]
    assert costs["output_tokens"] == 11111


def test_the_answer_is_the_last_call_made_to_answer_unless_it_is_named() -> None:
    calls = [
        call("vanilla", 80),
        call("search", 30, truncated=False),
        call("search", 20, truncated=True),
    ]
    assert cost_values(calls)["answer_tokens"] is None
    found = cost_values(calls, answer_call=1, budget=30)
    assert (found["answer_tokens"], found["truncated"], found["within_budget"]) == (30, False, True)
    assert cost_values(calls, answer_call=2)["truncated"] is True
    assert cost_values([call("answer", 9), call("answer", 8)])["answer_tokens"] == 8


def test_without_calls_nothing_is_known() -> None:
    costs = cost_values([])
    known = {key: value for key, value in costs.items() if value}
    assert known == {}
    for key in ("answer_tokens", "output_tokens", "input_tokens", "dollars", "seconds"):
        assert costs[key] is None


def test_an_uncounted_answer_leaves_its_sums_unknown() -> None:
    costs = cost_values([ESTIMATE, UNCOUNTED], budget=50, budget_status="read")
    for key in ("answer_tokens", "output_tokens", "input_tokens", "dollars", "within_budget"):
        assert costs[key] is None
    assert costs["estimator_tokens"] == 5


def test_without_an_estimator_no_budget_can_be_missing() -> None:
    costs = cost_values([ANSWER], budget=50)
    assert (costs["budget_missing"], costs["budget_echoed"]) == (None, None)


@pytest.mark.parametrize(
    ("status", "missing"),
    [
        ("read", False),
        ("range", False),
        ("several", False),
        ("clamped", False),
        ("missing", True),
        ("not_positive", True),
        ("absurd", True),
    ],
)
def test_a_budget_is_missing_where_none_was_read(status: str, missing: bool) -> None:
    assert cost_values(TALE, budget_status=status)["budget_missing"] is missing


def test_an_echoed_budget_is_counted() -> None:
    costs = cost_values(TALE, budget=12, budget_status="read", budget_echoed=True)
    assert costs["budget_echoed"] is True


def test_a_budget_that_is_just_met_is_kept() -> None:
    assert cost_values([ANSWER], budget=60)["within_budget"] is True
    assert cost_values([ANSWER], budget=59)["within_budget"] is False


def test_a_replayed_call_has_tokens_but_no_seconds() -> None:
    replayed = call("answer", 60, seconds=0.001, replayed=True)
    costs = cost_values([ESTIMATE, replayed])
    assert (costs["output_tokens"], costs["seconds"]) == (65, None)


@pytest.mark.parametrize(
    ("status", "unsolved", "no_smaller"),
    [("unsolved", True, False), ("no_smaller_budget", False, True), ("found", False, False)],
)
def test_how_a_search_ended(status: str, unsolved: bool, no_smaller: bool) -> None:
    costs = cost_values([call("vanilla", 80)], search_status=status)
    assert (costs["unsolved"], costs["no_smaller_budget"]) == (unsolved, no_smaller)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("So 2 plus 2 is\n[[4]]", 6),
        ("<think>let me see</think>It is [[4]]", 3),
        ("<think>cut off in the middle of", 0),
        ("答案是 [[4]]", 4),
        ("", 0),
    ],
)
def test_words_are_counted_outside_the_thinking_where_they_were_limited(
    text: str, words: int
) -> None:
    limited = with_words(call("answer", 30, controls={"words": 40}), text)
    assert limited.words == words
    assert cost_values([limited], budget=53)["answer_words"] == words


def test_words_that_nobody_limited_are_not_counted() -> None:
    assert with_words(ANSWER, "It is [[4]]").words is None
    assert cost_values([ANSWER])["answer_words"] is None


def test_the_answers_reasoning_is_told_from_the_estimators() -> None:
    thoughtful = call("estimate", 40, reasoning_tokens=35)
    costs = cost_values([thoughtful, ANSWER])
    assert (costs["reasoning_tokens"], costs["answer_reasoning_tokens"]) == (55, 20)
    silent = call("answer", 60)
    costs = cost_values([thoughtful, silent])
    assert (costs["reasoning_tokens"], costs["answer_reasoning_tokens"]) == (35, None)
