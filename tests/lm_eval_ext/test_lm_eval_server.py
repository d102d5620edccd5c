"""The lm-eval door against a real HTTP server: every token that the server reports, once."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from command import lm_eval, lm_eval_on_server, lm_eval_results, lm_eval_samples
from faulty_server import Fault
from questions import asks_for_budget, gsm8k_file, number_in
from server import Reply, chat_server, send

from tale_eval.analysis.leaderboard import leaderboard
from tale_eval.lm_eval_ext.documents import plans
from tale_eval.logs import read_records


def answer(prompt: str, request: dict[str, Any]) -> Reply:
    """Different usage for each question, so that a mix-up shows."""
    if asks_for_budget(prompt):
        return Reply("Budget: [[30]]", output_tokens=5, input_tokens=60)
    n = number_in(prompt)
    return Reply(
        f"So [[{2 * n}]]",
        output_tokens=20 + n % 15,
        input_tokens=80 + n,
        cached_tokens=16,
        reasoning_tokens=4,
    )


@pytest.mark.slow
def test_500_questions_cost_what_the_server_counted(tmp_path: Path) -> None:
    with chat_server(answer) as server:
        lm_eval_on_server(server, tmp_path, "tale_gsm8k_tale_ep", size=500)
    rows = lm_eval_samples(tmp_path, "tale_gsm8k_tale_ep")
    assert len(rows) == 500
    assert len(server.replies) == 1000
    assert sum(row["output_tokens"] for row in rows) == server.total("output_tokens")
    assert sum(row["input_tokens"] for row in rows) == server.total("input_tokens")
    assert sum(row["estimator_tokens"] for row in rows) == 500 * 5
    calls = [call for row in rows for call in row["calls"]]
    assert sum(call.get("cache_read_tokens", 0) for call in calls) == server.total("cached_tokens")
    assert sum(call["reasoning_tokens"] for call in calls) == server.total("reasoning_tokens")
    for n, row in enumerate(rows):
        assert (row["answer_tokens"], row["correct"], row["budget"]) == (20 + n % 15, 1, 30)


def test_what_lm_eval_prints_are_the_means(tmp_path: Path) -> None:
    with chat_server(answer) as server:
        printed = lm_eval_on_server(server, tmp_path, "tale_gsm8k_tale_ep").stdout
    results = lm_eval_results(tmp_path, "tale_gsm8k_tale_ep")
    assert results["correct"] == 1
    assert results["output_tokens"] == server.total("output_tokens") / 20
    assert results["answer_tokens"] == results["output_tokens"] - 5
    assert results["budget_missing"] == 0
    # 20 + n % 15 <= 30 for n from 0 to 10 and from 15 to 19
    assert results["within_budget"] == 16 / 20
    assert results["budget_status"] == "read 20"
    assert "provider 40" in printed


def test_every_method_answers_and_is_counted(tmp_path: Path) -> None:
    tasks = [f"tale_gsm8k_{name}" for name in plans()]
    with chat_server(answer) as server:
        lm_eval_on_server(server, tmp_path, ",".join(tasks), size=2)
    rows = [row for task in tasks for row in lm_eval_samples(tmp_path, task)]
    assert [row["correct"] for row in rows] == [1] * 2 * len(tasks)
    assert sum(row["output_tokens"] for row in rows) == server.total("output_tokens")


def test_estimates_come_as_one_batch_before_the_answers(tmp_path: Path) -> None:
    with chat_server(answer) as server:
        lm_eval_on_server(server, tmp_path, "tale_gsm8k_tale_ep,tale_gsm8k_cot")
    asked = ["budget" if asks_for_budget(p) else "answer" for p in server.prompts()]
    assert asked == ["budget"] * 20 + ["answer"] * 40
    budgeted = [p for p in server.prompts() if "use less than 30 tokens" in p]
    assert len(budgeted) == 20


def test_the_server_is_asked_what_inspect_asks(tmp_path: Path) -> None:
    with chat_server(answer) as server:
        lm_eval_on_server(server, tmp_path, "tale_gsm8k_tale_ep", size=1)
    estimate, final = server.requests
    assert [m["role"] for m in final["messages"]] == ["system", "user"]
    assert final["messages"][0]["content"] == "You are a helpful assistant."
    assert (final["temperature"], final["max_tokens"]) == (0.1, 1024)
    assert "stop" not in final
    assert estimate["max_tokens"] == 1024


@pytest.mark.parametrize("model", ["openai-chat-completions", "local-chat-completions"])
def test_no_empty_stop_is_sent(model: str, tmp_path: Path) -> None:
    with chat_server(answer) as server:
        lm_eval_on_server(server, tmp_path, "tale_gsm8k_direct", size=2, model=model)
    assert ["stop" in request for request in server.requests] == [False, False]


def test_without_sampling_the_server_is_asked_at_temperature_0(tmp_path: Path) -> None:
    greedy = ("--gen_kwargs", "do_sample=false,until=STOP")
    renamed = "num_concurrent=4,cap=max_completion_tokens"
    with chat_server(answer) as server:
        lm_eval_on_server(
            server, tmp_path, "tale_gsm8k_tale_ep", *greedy, size=1, arguments=renamed
        )
    for request, cap in zip(server.requests, (1024, 1024), strict=True):
        assert (request["temperature"], request["stop"]) == (0, ["STOP"])
        assert (request["max_completion_tokens"], "max_tokens" in request) == (cap, False)


@pytest.mark.parametrize("arguments", ["num_concurrent=1", "num_concurrent=4"])
def test_the_servers_reason_and_what_helps_stand_in_the_error(
    arguments: str, tmp_path: Path
) -> None:
    def refuse(request: dict[str, Any]) -> Fault:
        body = {"error": {"message": "'temperature' is not\n supported: use 1", "code": "x"}}
        return Fault("400", lambda handler, _: send(handler, 400, json.dumps(body).encode()))

    with chat_server(answer, fault_of=refuse) as server:
        lm_eval_on_server(server, tmp_path, "tale_gsm8k_cot", size=2, arguments=arguments)
    assert {row["error"] for row in lm_eval_samples(tmp_path, "tale_gsm8k_cot")} == {
        "HTTP 400: 'temperature' is not supported: use 1 [--gen_kwargs temperature=1]"
    }


def test_worked_examples_are_refused_in_one_line(tmp_path: Path) -> None:
    done = lm_eval(
        *("run", "--model", "local-chat-completions", "--apply_chat_template"),
        *("--tasks", "tale_gsm8k_direct", "--num_fewshot", 3),
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert "--num_fewshot 3: tale_gsm8k_direct asks without worked examples" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_cached_replies_keep_their_counts(tmp_path: Path) -> None:
    cacheable = ["--use_cache", tmp_path / "cache", "--gen_kwargs", "do_sample=false"]
    with chat_server(answer) as server:
        lm_eval_on_server(server, tmp_path / "", "tale_gsm8k_tale_ep", *cacheable)
        asked = len(server.requests)
        first = lm_eval_samples(tmp_path, "tale_gsm8k_tale_ep")
        for file in (tmp_path / "out").rglob("*_2*"):
            file.unlink()
        lm_eval_on_server(server, tmp_path, "tale_gsm8k_tale_ep", *cacheable)
        assert len(server.requests) == asked
    second = lm_eval_samples(tmp_path, "tale_gsm8k_tale_ep")
    assert [row["calls"] for row in second] == [row["calls"] for row in first]
    assert [row["output_tokens"] for row in second] == [row["output_tokens"] for row in first]


def test_the_report_shows_these_runs_marked_with_the_harness(tmp_path: Path) -> None:
    with chat_server(answer) as server:
        lm_eval_on_server(server, tmp_path, "tale_gsm8k_tale_ep", model="openai-chat-completions")
    reading = read_records([str(tmp_path / "out")])
    assert reading.problems == []
    assert {record.model for record in reading.records} == {"openai/gpt-4o-mini (lm-eval)"}
    assert {(r.task, r.method) for r in reading.records} == {("gsm8k", "tale_ep")}
    (first, *_) = reading.records
    # 60 + 80 read of which 16 cached, 5 + 20 written; 0.15, 0.075, 0.6 dollars a million
    assert first.costs["dollars"] == pytest.approx((124 * 0.15 + 16 * 0.075 + 25 * 0.6) / 1e6)
    assert (first.correct, first.costs["budget"], first.costs["estimator_tokens"]) == (1, 30, 5)


def test_replies_without_text_or_usage_are_counted_as_such(tmp_path: Path) -> None:
    def odd(prompt: str, request: dict[str, Any]) -> Reply:
        kinds = {
            0: Reply(None, output_tokens=7),
            1: Reply("So [[2]]", usage=False),
            2: Reply("Well, that is", output_tokens=1024, finish_reason="length"),
        }
        return kinds[number_in(prompt)]

    with chat_server(odd) as server:
        lm_eval_on_server(server, tmp_path, "tale_gsm8k_cot", size=3)
    empty, uncounted, cut = lm_eval_samples(tmp_path, "tale_gsm8k_cot")
    assert (empty["no_answer"], empty["output_tokens"]) == (1, 7)
    assert (uncounted["correct"], uncounted["output_tokens"]) == (1, None)
    assert uncounted["calls"][0]["counted_by"] == "nobody"
    assert (cut["truncated"], cut["output_tokens"]) == (1, 1024)


def test_two_caps_are_two_rows_and_reasoning_that_ate_one_is_counted(tmp_path: Path) -> None:
    """The model thinks 100 tokens and answers in 12; at 64 nothing of an answer is there."""

    def thinker(prompt: str, request: dict[str, Any]) -> Reply:
        if request["max_tokens"] < 100:
            return Reply("", 64, finish_reason="length", reasoning_text="Two and")
        return Reply("So [[0]]", 112, reasoning_tokens=100, reasoning_text="Two and two.")

    with chat_server(thinker) as server:
        for cap in (64, 512):
            options = ("--gen_kwargs", f"max_gen_toks={cap}")
            lm_eval_on_server(server, tmp_path, "tale_gsm8k_cot", *options, size=3)
    reading = read_records([str(tmp_path / "out")])
    assert reading.problems == []
    capped, free = leaderboard(reading.records)
    assert (capped.label, free.label) == ("cot · max_tokens=64", "cot · max_tokens=512")
    assert (capped.n, capped.means["output_tokens"], capped.means["cut_in_reasoning"]) == (3, 64, 1)
    assert (free.n, free.means["output_tokens"], free.means["cut_in_reasoning"]) == (3, 112, 0)


def test_usage_is_counted_whichever_way_a_server_reports_it(tmp_path: Path) -> None:
    """Estimates of 9 tokens and 46 of reasoning beside them; answers by the question's number."""

    def odd(prompt: str, request: dict[str, Any]) -> Reply:
        if asks_for_budget(prompt):
            cut = number_in(prompt) == 1
            beside = {"total_tokens": 20 + 9 + 46}
            return Reply(
                "" if cut else "Budget: [[30]]",
                output_tokens=9,
                reasoning_tokens=46,
                reported=beside,
                finish_reason="length" if cut else "stop",
            )
        kinds = {
            0: Reply("[[0]]", 12, reasoning_tokens=45, reported={"total_tokens": 20 + 12 + 45}),
            1: Reply("[[2]]", output_tokens=0, input_tokens=0),
            2: Reply("[[4]]", output_tokens=50, reasoning_text="Two and two is four."),
            3: Reply("[[6]]", output_tokens=6),
        }
        return kinds[number_in(prompt)]

    with chat_server(odd) as server:
        lm_eval_on_server(server, tmp_path, "tale_gsm8k_tale_ep", size=4)
    rows = lm_eval_samples(tmp_path, "tale_gsm8k_tale_ep")
    assert [row["correct"] for row in rows] == [1, 1, 1, 1]
    assert [row["estimator_tokens"] for row in rows] == [55, 55, 55, 55]
    assert [row["answer_tokens"] for row in rows] == [57, None, 50, 6]
    assert [row["output_tokens"] for row in rows] == [112, None, 105, 61]
    assert [row["estimate_cut_off"] for row in rows] == [0, 1, 0, 0]
    # only the last one answered without any reasoning, in sight or out of it
    assert [row["bare_answer"] for row in rows] == [0, 1, 0, 1]
    assert all(datetime.fromisoformat(c["at"]).tzinfo for row in rows for c in row["calls"])
    assert [row["calls"][0]["max_tokens"] for row in rows] == [1024] * 4


def test_a_chat_server_without_chat_template_flag_is_refused_before_any_call(
    tmp_path: Path,
) -> None:
    with chat_server(answer) as server:
        done = lm_eval(
            "run",
            *("--model", "local-chat-completions"),
            *("--model_args", f"model=m,base_url={server.base_url}/chat/completions"),
            *("--tasks", "tale_gsm8k_cot", "--metadata", f"tale_source={gsm8k_file(tmp_path, 2)}"),
            cwd=tmp_path,
        )
        assert server.requests == []
    assert done.returncode == 2
    assert "needs --apply_chat_template" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_two_stages_with_the_plain_lm_eval(tmp_path: Path) -> None:
    path = lm_eval("--path", cwd=tmp_path).stdout.strip()

    def stage(task: str, out: str, *metadata: str) -> Any:
        return lm_eval(
            "run",
            *("--include_path", path, "--tasks", task),
            *("--model", "local-chat-completions", "--apply_chat_template"),
            *("--model_args", f"model=m,base_url={server.base_url}/chat/completions"),
            *("--metadata", f"tale_source={gsm8k_file(tmp_path, 3)}", *metadata),
            *("--output_path", tmp_path / out, "--log_samples"),
            cwd=tmp_path,
            plain=True,
        )

    with chat_server(answer) as server:
        first = stage("tale_gsm8k_estimate", "one")
        assert first.returncode == 0, first.stderr
        (estimates,) = (tmp_path / "one").rglob("samples_*")
        second = stage("tale_gsm8k_tale_ep", "two", f"tale_estimates={estimates}")
        assert second.returncode == 0, second.stderr
    assert sum("use less than 30 tokens" in prompt for prompt in server.prompts()) == 3
    rows = lm_eval_samples(tmp_path / "two", "tale_gsm8k_tale_ep")
    assert [(r["correct"], r["budget"], r["budget_missing"]) for r in rows] == [(1, 30, 0)] * 3
    # nobody told lm_eval by itself what the server counted
    assert [r["output_tokens"] for r in rows] == [None] * 3


@pytest.mark.slow
def test_lm_eval_lists_our_tasks(tmp_path: Path) -> None:
    path = lm_eval("--path", cwd=tmp_path).stdout.strip()
    by_us = lm_eval("ls", "tasks", cwd=tmp_path)
    by_path = lm_eval("ls", "tasks", "--include_path", path, cwd=tmp_path, plain=True)
    for done in (by_us, by_path):
        assert done.returncode == 0, done.stderr
        for name in (
            "tale_gsm8k_cot",
            "tale_mathbench_college_en_tale_ep",
            "tale_mathbench",
            "tale",
        ):
            assert f"|{name} " in done.stdout
