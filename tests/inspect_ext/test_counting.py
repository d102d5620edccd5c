"""What the ledger says against the record of the server that answered."""

import itertools
import json
import math
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from command import inspect
from evaluation import GPT_4O_MINI, LOOP, at, known, means, metric, right, run, samples, values
from inspect_ai import Epochs, Task
from inspect_ai.dataset import Sample
from inspect_ai.event import ModelEvent
from inspect_ai.log import EvalLog, read_eval_log
from inspect_ai.scorer import match, model_graded_qa
from inspect_ai.solver import generate
from questions import gsm8k_file, number_in
from server import ChatServer, Reply, chat_server

from tale_eval.logs import read_records
from tale_eval.tasks.gsm8k import gsm8k
from tale_eval.tasks.mathbench import mathbench


def with_varied_usage(prompt: str, request: dict[str, Any]) -> Reply:
    """Right answers, with a usage drawn from the prompt."""
    draw = Random(prompt).randint
    read, written = draw(30, 300), draw(5, 400)
    usage = {
        "input_tokens": read,
        "cached_tokens": draw(0, read),
        "output_tokens": written,
        "reasoning_tokens": draw(0, written),
    }
    return Reply(right(prompt, request).text, **usage)


# --- 200 questions at once ---


def gpt_4o_mini_dollars(replies: list[Reply]) -> float:
    """By hand: 0.15 $ a million input tokens, 0.075 $ cached ones, 0.60 $ output tokens."""
    return math.fsum(
        (r.input_tokens - r.cached_tokens) * 0.15e-6
        + r.cached_tokens * 0.075e-6
        + r.output_tokens * 0.60e-6
        for r in replies
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "price"), [(GPT_4O_MINI, gpt_4o_mini_dollars), (LOOP, lambda replies: math.nan)]
)
def test_the_ledger_of_200_concurrent_questions_equals_the_servers_record(
    model: str, price: Callable[[list[Reply]], float], tmp_path: Path
) -> None:
    task = gsm8k(method="tale_ep", source=str(gsm8k_file(tmp_path, 200)))
    with chat_server(with_varied_usage, latency=0.05) as server:
        log = run(server, task, tmp_path, model, max_connections=200, max_samples=200)
    replies = defaultdict(list)
    for prompt, reply in zip(server.prompts(), server.replies, strict=True):
        replies[number_in(prompt)].append(reply)
    assert len(samples(log)) == 200
    for sample in samples(log):
        mine = replies[number_in(str(sample.input))]
        score = values(sample)
        assert score["correct"] == 1
        assert score["calls"] == len(mine) == 2
        for count in ("input_tokens", "output_tokens", "reasoning_tokens"):
            assert score[count] == sum(getattr(reply, count) for reply in mine)
        cached = [call["cache_read_tokens"] for call in sample.store["TaleRecord:calls"]]
        assert sum(cached) == sum(reply.cached_tokens for reply in mine)
        assert score["dollars"] == pytest.approx(price(mine), rel=1e-12, nan_ok=True)
    for count in ("input_tokens", "output_tokens", "reasoning_tokens"):
        assert means(log)[count] == pytest.approx(server.total(count) / 200)
    # an unknown price has no line
    dollars = means(log).get("dollars", math.nan)
    assert dollars == pytest.approx(price(server.replies) / 200, nan_ok=True)


# --- What must not change the numbers: a cache, a second scoring, epochs ---


def test_answers_from_inspects_cache_keep_their_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECT_CACHE_DIR", str(tmp_path / "cache"))
    task = gsm8k(method="tale_ep", source=str(gsm8k_file(tmp_path, 5)))
    with chat_server(with_varied_usage) as server:
        first = run(server, task, tmp_path, GPT_4O_MINI, cache=True)
        again = run(server, task, tmp_path, GPT_4O_MINI, cache=True)
    assert len(server.requests) == 10
    for paid, replayed in zip(samples(first), samples(again), strict=True):
        assert known(values(paid), "seconds") == known(values(replayed), "seconds")
        assert values(paid)["seconds"] > 0
        assert math.isnan(values(replayed)["seconds"])
        assert all(call["replayed"] for call in replayed.store["TaleRecord:calls"])


@pytest.mark.slow
def test_scoring_a_log_again_keeps_the_tokens_and_dollars(tmp_path: Path) -> None:
    task = gsm8k(method="tale_ep", source=str(gsm8k_file(tmp_path, 3)))
    with chat_server(with_varied_usage) as server:
        log = run(server, task, tmp_path, GPT_4O_MINI)
    rescored = scored_again(log, server, tmp_path)
    for sample in samples(rescored):
        assert known(values(sample, "token_cost")).items() <= known(values(sample)).items()
        assert values(sample, "token_cost")["dollars"] > 0


@pytest.mark.slow
def test_the_cost_of_somebody_elses_log_comes_from_its_events(tmp_path: Path) -> None:
    """Here: Inspect's own generate(), graded by a second model under the role "grader"."""

    def answered_or_graded(prompt: str, request: dict[str, Any]) -> Reply:
        if request["model"] == "grader":
            return Reply("GRADE: C", output_tokens=7, input_tokens=300)
        return Reply("ANSWER: 4", output_tokens=40, input_tokens=20, cached_tokens=15)

    task = Task(
        dataset=[Sample("What is 2 plus 2?", target="4"), Sample("And 1 plus 3?", target="4")],
        solver=generate(),
        scorer=[match(), model_graded_qa()],
        name="foreign",
    )
    with chat_server(answered_or_graded) as server:
        roles = {"grader": at(server, "openai-api/loop/grader")}
        log = run(server, task, tmp_path, GPT_4O_MINI, model_roles=roles)
    for sample in samples(scored_again(log, server, tmp_path)):
        costs = values(sample, "token_cost")
        assert (costs["answer_tokens"], costs["scorer_tokens"]) == (40, 7)
        assert (costs["output_tokens"], costs["input_tokens"], costs["calls"]) == (40, 20, 1)
    for record in read_records([log.location]).records:
        assert (record.costs["answer_tokens"], record.costs["scorer_tokens"]) == (40, 7)


def scored_again(log: EvalLog, server: ChatServer, folder: Path) -> EvalLog:
    """What the user's command adds to a log: token_cost beside the scores that it has.

    Inspect loads the log's models, though none of them is asked.
    """
    scorer = ["--scorer", "tale_eval/token_cost", "--action", "append"]
    to = folder / "rescored.eval"
    arguments = ["score", log.location, *scorer, "--output-file", to]
    done = inspect(*arguments, cwd=folder, variables=server.variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return read_eval_log(str(to))


def test_token_metrics_are_means_over_all_epochs_while_reducers_reduce_accuracy(
    tmp_path: Path,
) -> None:
    """Question n is right in its first n epochs of 3, and its k-th answer has 10 k tokens."""
    # the epochs ask at once: whatever their order, each draws another k
    turns = [itertools.count(1) for _ in range(4)]

    def answer(prompt: str, request: dict[str, Any]) -> Reply:
        n = number_in(prompt)
        k = next(turns[n])
        return Reply(f"So [[{2 * n + (k > n)}]]", output_tokens=10 * k)

    reducers = ["mean", "pass_at_2", "at_least_2"]
    with chat_server(answer) as server:
        task = gsm8k(method="cot", source=str(gsm8k_file(tmp_path, 4)))
        log = run(server, task, tmp_path, epochs=Epochs(3, reducers))
    right_answers = [0, 1, 2, 3]
    assert [metric(log, "correct", "accuracy", reducer=name) for name in reducers] == [
        pytest.approx(sum(right_answers) / 12),
        # of the three pairs of answers, all are wrong, two, three or three hold a right one
        pytest.approx((0 + 2 / 3 + 1 + 1) / 4),
        pytest.approx(2 / 4),
    ]
    assert means(log)["output_tokens"] == 20
    # nobody knows the price, and there is no estimator
    assert not {"dollars", "budget", "estimator_tokens"} & means(log).keys()


def test_an_estimator_of_another_model_is_named_and_counted_once(tmp_path: Path) -> None:
    task = gsm8k(method="tale_ep", source=str(gsm8k_file(tmp_path, 2)))
    with chat_server(right) as server:
        roles = {"estimator": at(server, "openai-api/loop/other")}
        log = run(server, task, tmp_path, model_roles=roles)
    assert [request["model"] for request in server.requests].count("other") == 2
    for sample in samples(log):
        estimate, answer = sample.store["TaleRecord:calls"]
        assert (estimate["model"], estimate["role"]) == ("openai-api/loop/other", "estimator")
        assert answer["model"] == LOOP
        # the task's bound does not reach a model under a role by itself
        asked = [event for event in sample.events if isinstance(event, ModelEvent)]
        assert [event.config.max_retries for event in asked] == [10, 1]
        costs = values(sample)
        assert (costs["estimator_tokens"], costs["helper_tokens"]) == (6, 0)
        assert (costs["output_tokens"], costs["calls"]) == (31, 2)


# --- MathBench with rotated options ---


def test_one_wrong_rotation_costs_the_whole_question_in_circular_accuracy(
    tmp_path: Path,
) -> None:
    rows = [
        {"question": f"What is {n} plus {n}?", "answer": "A", "topic": "sums"}
        | {"options": [f"= {2 * n + k}" for k in range(4)]}
        for n in range(2)
    ]
    source = tmp_path / "single_choice_en.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def wrong_if_c_is_right_of_question_0(prompt: str, request: dict[str, Any]) -> Reply:
        n = number_in(prompt)
        (letter,) = re.findall(rf"^([A-D])\. = {2 * n}$", prompt, re.MULTILINE)
        return Reply("[[B]]" if (n, letter) == (0, "C") else f"[[{letter}]]")

    task = mathbench("middle", "en", circular=True, source=str(source))
    with chat_server(wrong_if_c_is_right_of_question_0) as server:
        log = run(server, task, tmp_path)
    assert len(server.requests) == 8
    assert metric(log, "correct", "accuracy", reducer="mean") == 7 / 8
    assert metric(log, "correct", "tale_eval/circular_accuracy", reducer="mean") == 1 / 2
