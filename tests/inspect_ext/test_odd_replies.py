"""Replies that are not as they should be: each is flagged, and harms no other."""

import math
from pathlib import Path
from typing import Any

import pytest
from evaluation import GPT_4O_MINI, right, run, samples, values
from inspect_ai import Task, score
from inspect_ai.dataset import Sample
from inspect_ai.log import read_eval_log
from inspect_ai.scorer import match
from questions import asks_for_budget, gsm8k_file, number_in
from server import Reply, chat_server

from tale_eval.analysis.leaderboard import leaderboard
from tale_eval.analysis.problems import problems
from tale_eval.inspect_ext.scorers import token_cost
from tale_eval.logs import read_records
from tale_eval.solvers.tale_ep import tale_ep
from tale_eval.tasks.gsm8k import gsm8k

UNKNOWN = math.nan


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param(
            Reply("So 7 and", output_tokens=1024, finish_reason="length"),
            {"truncated": 1, "output_tokens": 1024},
            id="cut off",
        ),
        pytest.param(
            Reply("", output_tokens=0, finish_reason="content_filter"),
            {"no_answer": 1, "correct": 0, "truncated": 0, "output_tokens": 0},
            id="filtered",
        ),
        pytest.param(
            Reply("", output_tokens=900, reasoning_tokens=900, finish_reason="length"),
            {"no_answer": 1, "truncated": 1, "output_tokens": 900, "reasoning_tokens": 900},
            id="reasoned out of sight to the cap",
        ),
        pytest.param(
            Reply("So [[0]]", usage=False),
            {"correct": 1, "calls": 1}
            | dict.fromkeys(["answer_tokens", "output_tokens", "input_tokens"], UNKNOWN),
            id="no usage",
        ),
        pytest.param(
            Reply(
                "So [[0]]",
                output_tokens=12,
                reasoning_tokens=45,
                reported={"total_tokens": 20 + 12 + 45},
            ),
            {"output_tokens": 57, "reasoning_tokens": 45, "input_tokens": 20, "bare_answer": 0},
            id="reasoning beside the output tokens",
        ),
        pytest.param(
            Reply("So [[0]]", output_tokens=0, input_tokens=0),
            {"correct": 1, "uncounted_calls": 1}
            | dict.fromkeys(["answer_tokens", "output_tokens", "input_tokens"], UNKNOWN),
            id="a usage of zeros",
        ),
        pytest.param(
            Reply("[[0]]", output_tokens=4, cached_tokens=900),
            {"correct": 1, "output_tokens": 4, "dollars": UNKNOWN, "bare_answer": 1},
            id="more cached tokens than input",
        ),
        pytest.param(
            Reply("[[0]]", output_tokens=80, reasoning_tokens=76),
            {"bare_answer": 0},
            id="reasoned out of sight, and only counted",
        ),
        pytest.param(
            Reply("[[0]]", output_tokens=80, reasoning_text="Zero and zero is zero."),
            {"bare_answer": 0},
            id="reasoned out of sight, and not counted",
        ),
        pytest.param(
            Reply("<think>Zero and zero", output_tokens=80, finish_reason="length"),
            {"bare_answer": 0, "no_answer": 1, "truncated": 1},
            id="cut off inside its thinking",
        ),
    ],
)
def test_an_odd_reply_is_flagged_and_harms_no_other(
    reply: Reply, expected: dict[str, float], tmp_path: Path
) -> None:
    task = gsm8k(method="cot", source=str(gsm8k_file(tmp_path, 3)))
    with chat_server(lambda p, r: right(p, r) if number_in(p) else reply) as server:
        log = run(server, task, tmp_path, GPT_4O_MINI)
    odd, *others = map(values, samples(log))
    assert {key: odd[key] for key in expected} == pytest.approx(expected, nan_ok=True)
    assert [(score["correct"], score["output_tokens"]) for score in others] == [(1, 25), (1, 25)]


def test_tokens_that_nobody_counted_stay_unknown_in_logs_that_are_read_again(
    tmp_path: Path,
) -> None:
    task = Task(dataset=[Sample("And 2 plus 2?", target="4")], solver=tale_ep(), scorer=match())
    with chat_server(lambda prompt, request: Reply("ANSWER: 4", usage=False)) as server:
        log = run(server, task, tmp_path)
    (record,) = read_records([log.location]).records
    assert (record.correct, record.costs["calls"]) == (1, 2)
    assert record.costs["output_tokens"] is None
    ledger = read_eval_log(log.location).samples[0].store["TaleRecord:calls"]
    assert {call["counted_by"] for call in ledger} == {"nobody"}


def test_a_reply_without_any_choice_fails_its_own_sample_alone(tmp_path: Path) -> None:
    """Inspect raises an IndexError; the log can be scored again all the same."""
    task = gsm8k(method="cot", source=str(gsm8k_file(tmp_path, 3)))
    with chat_server(lambda p, r: right(p, r) if number_in(p) else Reply(None)) as server:
        log = run(server, task, tmp_path, fail_on_error=False)
    failed, *others = samples(log)
    assert failed.error is not None
    assert [values(sample)["correct"] for sample in others] == [1, 1]
    again = score(log, token_cost(), model="none/none", action="append", display="none")
    assert [values(s, "token_cost")["output_tokens"] for s in samples(again)] == [10, 25, 25]


def test_an_estimate_that_was_cut_off_is_told_from_one_without_a_budget(tmp_path: Path) -> None:
    """Questions 0 and 1 are estimated by a model that reasons to its cap, question 2 by none."""

    def answer(prompt: str, request: dict[str, Any]) -> Reply:
        if not asks_for_budget(prompt):
            return right(prompt, request)
        if number_in(prompt) == 2:
            return Reply("That depends.", output_tokens=4)
        assert request["max_tokens"] == 1024
        return Reply("", output_tokens=1024, reasoning_tokens=1024, finish_reason="length")

    task = gsm8k(method="tale_ep", source=str(gsm8k_file(tmp_path, 3)))
    with chat_server(answer) as server:
        log = run(server, task, tmp_path)
    assert [values(s)["estimate_cut_off"] for s in samples(log)] == [1, 1, 0]
    assert [values(s)["budget_missing"] for s in samples(log)] == [1, 1, 1]
    (row,) = leaderboard(read_records([log.location]).records)
    assert (
        f"{row.model}, {row.task}: tale_ep: 2 of 3 estimates hit their token cap before they "
        "named a budget; raise estimator_max_tokens"
    ) in problems([row])


# --- The estimator ---


ESTIMATES: list[tuple[str | None, int | None]] = [
    ("Budget: [[50]]", 50),
    ("I would say 120 tokens.", 120),
    ("Budget: [[30-60]]", 60),
    ("Between [[30]] and [[60]]", 60),
    ("Budget: [[1,000,000]]", 1_000_000),
    ("Budget: [[0]]", None),
    ("Budget: [[-5]]", None),
    ("That depends on the question.", None),
    ("", None),
    (None, None),
]
"""Replies of an estimator (None: a reply without any choice) and the budgets in them."""


def test_the_estimate_is_the_budget_and_without_one_the_prompt_is_plain_chain_of_thought(
    tmp_path: Path,
) -> None:
    def answer(prompt: str, request: dict[str, Any]) -> Reply:
        estimate, _ = ESTIMATES[number_in(prompt)]
        return Reply(estimate, output_tokens=6) if asks_for_budget(prompt) else right(prompt, {})

    task = gsm8k(method="tale_ep", source=str(gsm8k_file(tmp_path, len(ESTIMATES))))
    with chat_server(answer) as server:
        log = run(server, task, tmp_path)
    prompts = {number_in(p): p for p in server.prompts() if not asks_for_budget(p)}
    for n, ((_, budget), sample) in enumerate(zip(ESTIMATES, samples(log), strict=True)):
        costs = values(sample)
        assert costs["budget"] == pytest.approx(budget or UNKNOWN, nan_ok=True)
        assert costs["budget_missing"] == (budget is None)
        assert (costs["correct"], costs["estimator_tokens"], costs["calls"]) == (1, 6, 2)
        limit = f" and use less than {budget} tokens" if budget else ""
        assert prompts[n].endswith(f"Let's think step by step{limit}:\n")
