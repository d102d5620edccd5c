"""What the ledger says against the record of the server that answered."""

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from command import inspect
from inspect_ai import Epochs, Task, eval, score
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, EvalSample, EvalScore, read_eval_log
from inspect_ai.model import Model, get_model
from inspect_ai.scorer import match, model_graded_qa
from inspect_ai.solver import generate
from questions import asks_for_budget, gsm8k_file, number_in
from server import ChatServer, Reply, chat_server

from tale_eval.logs import read_records
from tale_eval.scorers import token_cost
from tale_eval.solvers import tale_ep
from tale_eval.tasks import gsm8k, mathbench

LOOP = "openai-api/loop/m"
GPT_4O_MINI = "openai/gpt-4o-mini"


def at(server: ChatServer, name: str = LOOP) -> Model:
    return get_model(name, base_url=server.base_url, api_key="none", memoize=False)


def run(
    server: ChatServer, task: Task, folder: Path, model: str = LOOP, **settings: Any
) -> EvalLog:
    limits: dict[str, Any] = {"max_retries": 1, "timeout": 30, "display": "none"}
    (log,) = eval(task, at(server, model), log_dir=str(folder), **limits, **settings)
    return log


def samples(log: EvalLog) -> list[EvalSample]:
    assert log.status == "success", log.error
    return log.samples or []


def values(sample: EvalSample, scorer: str = "tale") -> dict[str, Any]:
    value = (sample.scores or {})[scorer].value
    assert isinstance(value, dict)
    return value


def known(values: dict[str, Any], *but: str) -> dict[str, Any]:
    """The values that are known: NaN equals nothing, not even itself."""
    return {k: v for k, v in values.items() if k not in but and not math.isnan(v)}


def result(log: EvalLog, key: str, reducer: str | None = None) -> EvalScore:
    """What the log shows of one key of the score."""
    assert log.results is not None
    (found,) = (s for s in log.results.scores if (s.name, s.reducer) == (key, reducer))
    return found


def metric(log: EvalLog, key: str, name: str = "tale_eval/mean", **which: str) -> float:
    return result(log, key, **which).metrics[name].value


def right(prompt: str, request: dict[str, Any]) -> Reply:
    """Right answers, and a budget of 30 tokens."""
    if asks_for_budget(prompt):
        return Reply("Budget: [[30]]", output_tokens=6)
    return Reply(f"So [[{2 * number_in(prompt)}]]", output_tokens=25, input_tokens=80)


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
        assert metric(log, count) == pytest.approx(server.total(count) / 200)
    assert metric(log, "dollars") == pytest.approx(price(server.replies) / 200, nan_ok=True)


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
        assert (costs["answer_tokens"], costs["helper_tokens"]) == (40, 7)
        assert (costs["output_tokens"], costs["input_tokens"], costs["calls"]) == (47, 320, 2)


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
    asked: Counter[int] = Counter()

    def answer(prompt: str, request: dict[str, Any]) -> Reply:
        n = number_in(prompt)
        asked[n] += 1
        wrong = asked[n] > n
        return Reply(f"So [[{2 * n + wrong}]]", output_tokens=10 * asked[n])

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
    assert metric(log, "output_tokens") == 20
    known_of = {key: result(log, key) for key in ("output_tokens", "dollars")}
    assert {k: (r.scored_samples, r.unscored_samples) for k, r in known_of.items()} == {
        "output_tokens": (12, 0),
        "dollars": (0, 12),
    }


# --- Replies that are not as they should be ---

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
    ],
)
def test_an_odd_reply_is_flagged_and_harms_no_other(
    reply: Reply, expected: dict[str, float], tmp_path: Path
) -> None:
    task = gsm8k(method="cot", source=str(gsm8k_file(tmp_path, 3)))
    with chat_server(lambda p, r: right(p, r) if number_in(p) else reply) as server:
        log = run(server, task, tmp_path)
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
