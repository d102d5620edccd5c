"""A flaky API: every question is scored or flagged, none twice, and every reply is counted once.

TALE_EVAL_FAULTS says how many questions are asked through a tenth of faults; 200 by default.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from command import (
    HANGING_SECONDS,
    inspect,
    lm_eval,
    lm_eval_on_server,
    lm_eval_results,
    lm_eval_samples,
    start_inspect,
    tale_eval,
)
from evaluation import right, values
from faulty_server import (
    INVALID_JSON,
    PATIENCE_SECONDS,
    SENT_TWICE,
    STALL,
    TRANSIENT,
    Fault,
    Faults,
    error,
)
from inspect_ai.event import ModelEvent
from inspect_ai.log import EvalLog, EvalSample, list_eval_logs, read_eval_log
from questions import asks_for_budget, gsm8k_file, number_in
from server import ChatServer, Reply, chat_server, last_user_text

from tale_eval.settings import MAX_RETRIES

pytestmark = pytest.mark.slow

CONNECTIONS = 64
QUESTIONS = int(os.environ.get("TALE_EVAL_FAULTS", "200"))
SEARCHED = QUESTIONS // 2
"""Questions whose budget is searched, in up to seven calls each."""

# --- Inspect ---


def run(
    server: ChatServer, folder: Path, method: str, size: int, *options: object
) -> tuple[EvalLog, str]:
    """Run the method on questions 0 to size - 1 to the end: its log, and what was printed."""
    connections = ("--max-connections", CONNECTIONS, "--max-samples", CONNECTIONS)
    done = inspect(
        *("eval", "tale_eval/gsm8k", "-T", f"source={gsm8k_file(folder, size)}"),
        *("-T", f"method={method}", "--model", "openai-api/loop/m", "--display", "plain"),
        *("--log-dir", "logs", "--attempt-timeout", PATIENCE_SECONDS),
        *(*connections, *options),
        cwd=folder,
        variables=server.variables,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (info,) = list_eval_logs(str(folder / "logs"))
    # long texts are kept apart from the events
    return read_eval_log(info, resolve_attachments=True), done.stdout


def accounted(log: EvalLog, size: int) -> tuple[list[EvalSample], list[EvalSample]]:
    """The scored and the failed samples; every question is among them once."""
    samples = log.samples or []
    asked = Counter(number_in(str(s.input)) for s in samples)
    assert asked == Counter(range(size))
    failed = [sample for sample in samples if sample.error]
    scored = [sample for sample in samples if sample.scores]
    assert len(failed) + len(scored) == size
    return scored, failed


def ledger(samples: list[EvalSample]) -> Counter[tuple[int, str, int | None]]:
    """(question, purpose, output tokens) of every call."""
    return Counter(
        (number_in(str(s.input)), call["purpose"], call.get("output_tokens"))
        for s in samples
        for call in s.store.get("TaleRecord:calls", [])
    )


def served(
    server: ChatServer, purpose_of: Callable[[str], str], log: EvalLog | None = None
) -> Counter[tuple[int, str, int | None]]:
    """Every reply that the client took, by the server's record, in the ledger's form."""
    late = timed_out(log) - stalled(server) if log else None
    taken = [(last_user_text(e.request), e.reply) for e in server.taken(late) if e.reply]
    return Counter(
        (number_in(prompt), purpose_of(prompt), reply.output_tokens if reply.usage else None)
        for prompt, reply in taken
    )


def timed_out(log: EvalLog) -> Counter[str]:
    """The prompts that Inspect says it gave up, whatever we count ourselves."""
    events = [e for s in log.samples or [] for e in s.events if isinstance(e, ModelEvent)]
    return Counter(e.input[-1].text for e in events if "attempt_timeout" in (e.error or ""))


def stalled(server: ChatServer) -> Counter[str]:
    """The prompts that had to be given up: without a busy machine there are no others."""
    return Counter(last_user_text(e.request) for e in server.exchanges if e.fault is STALL)


def by_tale_ep(prompt: str) -> str:
    return "estimate" if asks_for_budget(prompt) else "answer"


def by_search(prompt: str) -> str:
    return "search" if "use less than" in prompt else "vanilla"


def replied(server: ChatServer) -> list[tuple[int, str | None]]:
    """(question, text) of every reply."""
    replies = zip(server.prompts(), server.replies, strict=True)
    return [(number_in(prompt), reply.text) for prompt, reply in replies]


def without_choice(server: ChatServer) -> set[int]:
    """The questions of which a reply came without any choice."""
    return {number for number, text in replied(server) if text is None}


def reported(folder: Path, where: str) -> tuple[dict[str, Any], str]:
    """The one row of the report on these logs, and its notes."""
    done = tale_eval("report", where, "--json", "report.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads((folder / "report.json").read_text())["rows"]
    return row, done.stderr


def test_questions_by_tale_ep_with_a_tenth_of_faults(tmp_path: Path) -> None:
    faults = Faults(share=0.1, seed=7)
    with chat_server(faults.odd(right), fault_of=faults.draw) as server:
        log, _ = run(server, tmp_path, "tale_ep", QUESTIONS)
    scored, failed = accounted(log, QUESTIONS)
    assert ledger(scored + failed) == served(server, by_tale_ep, log)

    kinds = Counter(fault.name for fault in server.faults)
    assert len(kinds) == len(faults.ways), kinds
    # only what no client asks again for fails a question
    assert len(failed) <= kinds["invalid JSON"] + len(without_choice(server))
    for sample in scored:
        costs = values(sample)
        assert costs["correct"] or costs["no_answer"] or costs["truncated"]

    row, notes = reported(tmp_path, "logs")
    assert (row["n"], row["errors"]) == (len(scored), len(failed))
    assert f"{len(failed)} of {QUESTIONS} samples failed" in notes


def test_a_budget_search_with_a_tenth_of_faults(tmp_path: Path) -> None:
    def scripted(prompt: str, request: dict[str, Any]) -> Reply:
        found = re.search(r"use less than (\d+) tokens", prompt)
        budget = int(found[1]) if found else 64
        n = number_in(prompt)
        return Reply(f"[[{2 * n if budget >= n % 64 else -1}]]", output_tokens=budget)

    # a search without the tokens of the vanilla answer says so, and ends
    faults = Faults(share=0.1, seed=3, odd_replies=["empty choices", "content filter", "length"])
    with chat_server(faults.odd(scripted), fault_of=faults.draw) as server:
        log, _ = run(server, tmp_path, "budget_search", SEARCHED)
    scored, failed = accounted(log, SEARCHED)
    assert ledger(scored + failed) == served(server, by_search, log)
    kinds = Counter(fault.name for fault in server.faults)
    assert len(failed) <= kinds["invalid JSON"] + len(without_choice(server))
    # what met no odd reply is searched to its end
    odd = {n for n, text in replied(server) if not str(text).startswith("[[")}
    searched = [s for s in scored if number_in(str(s.input)) not in odd]
    assert len(searched) > SEARCHED / 3
    for sample in searched:
        assert sample.store["TaleRecord:budget"] == smallest(number_in(str(sample.input)) % 64)


def smallest(right_from: int) -> int | None:
    """The smallest half of 64 that is enough."""
    enough = [budget for budget in (32, 16, 8, 4, 2, 1) if budget >= right_from]
    return min(enough, default=None)


REFUSED = "retry 1 (retrying in"
"""What Inspect's trace says once a call has failed with all of the openai package's tries."""


def test_a_server_that_is_not_up_yet_is_waited_for(tmp_path: Path) -> None:
    trace = tmp_path / "trace.log"
    with chat_server(right, started=False) as server:
        process = start_inspect(
            *("eval", "tale_eval/gsm8k", "-T", f"source={gsm8k_file(tmp_path, 5)}"),
            *("--model", "openai-api/loop/m", "--display", "plain", "--log-dir", "logs"),
            cwd=tmp_path,
            variables=server.variables | {"INSPECT_TRACE_FILE": str(trace)},
        )
        while not (trace.exists() and REFUSED in trace.read_text()):
            assert process.poll() is None
            sleep(0.1)
        server.start()
        out, err = process.communicate(timeout=HANGING_SECONDS)
    assert process.returncode == 0, out + err
    (info,) = list_eval_logs(str(tmp_path / "logs"))
    scored, failed = accounted(read_eval_log(info), 5)
    assert not failed
    assert len(server.replies) == len(scored) == 5
    assert "HTTP retries: 0" not in [line for line in out.splitlines() if "HTTP" in line][-1]


def test_what_always_fails_is_asked_a_bounded_number_of_times(tmp_path: Path) -> None:
    overload = Fault("503", error(503))

    def at_one(request: dict[str, Any]) -> Fault | None:
        return overload if number_in(last_user_text(request)) == 1 else None

    with chat_server(right, fault_of=at_one) as server:
        log, _ = run(server, tmp_path, "cot", 3, "--max-retries", 1)
    scored, failed = accounted(log, 3)
    assert (len(scored), len(failed), log.status) == (2, 1, "error")
    # Inspect calls twice, and the openai package sends a call three times
    assert len(server.faults) == 2 * 3
    row, notes = reported(tmp_path, "logs")
    assert (row["n"], row["errors"], row["accuracy"]) == (2, 1, 1)
    assert "1 of 3 samples failed" in notes


def test_without_a_word_of_the_users_retries_are_bounded(tmp_path: Path) -> None:
    with chat_server(right) as server:
        log, _ = run(server, tmp_path, "cot", 1)
    assert log.plan.config.max_retries == MAX_RETRIES == 10


# --- lm_eval ---


CLIENT = f"timeout={PATIENCE_SECONDS},num_concurrent={CONNECTIONS}"


def lm_eval_ledger(rows: list[dict[str, Any]]) -> Counter[tuple[int, str, int | None]]:
    return Counter(
        (number_in(row["doc"]["question"]), call["purpose"], call.get("output_tokens"))
        for row in rows
        for call in row["calls"]
    )


def test_questions_by_lm_eval_with_a_tenth_of_faults(tmp_path: Path) -> None:
    # whatever fails is asked for again here, broken JSON too, so every question is answered
    refused = replace(SENT_TWICE, delivers=False)
    ways = [refused if way is SENT_TWICE else way for way in (*TRANSIENT, INVALID_JSON)]
    faults = Faults(share=0.1, seed=5, ways=ways)
    with chat_server(faults.odd(right), fault_of=faults.draw) as server:
        lm_eval_on_server(server, tmp_path, "tale_gsm8k_tale_ep", size=QUESTIONS, arguments=CLIENT)
    rows = lm_eval_samples(tmp_path, "tale_gsm8k_tale_ep")
    assert Counter(number_in(row["doc"]["question"]) for row in rows) == Counter(range(QUESTIONS))
    assert lm_eval_ledger(rows) == served(server, by_tale_ep)
    assert not [row["error"] for row in rows if row["failed"]]
    assert all(row["correct"] or row["no_answer"] or row["truncated"] for row in rows)
    assert len({fault.name for fault in server.faults}) == len(faults.ways)


def test_a_request_that_always_fails_costs_lm_eval_one_question(tmp_path: Path) -> None:
    refused = Fault("400", error(400))
    overload = Fault("503", error(503))

    def at(request: dict[str, Any]) -> Fault | None:
        prompt = last_user_text(request)
        if number_in(prompt) == 1 and asks_for_budget(prompt):
            return refused
        return overload if number_in(prompt) == 2 and not asks_for_budget(prompt) else None

    cached = ("--use_cache", tmp_path / "cache", "--gen_kwargs", "do_sample=false")
    with chat_server(right, fault_of=at) as server:
        twice = f"{CLIENT},max_retries=2"
        lm_eval_on_server(server, tmp_path, "tale_gsm8k_tale_ep", *cached, size=4, arguments=twice)
        # a status that the same request would meet again is not asked for twice
        assert [fault.name for fault in server.faults].count("400") == 1
        assert [fault.name for fault in server.faults].count("503") == 2
    _, estimate, answer, _ = rows = lm_eval_samples(tmp_path, "tale_gsm8k_tale_ep")
    assert [row["failed"] for row in rows] == [0, 1, 1, 0]
    assert estimate["error"].startswith("HTTP 400: ")
    assert answer["error"].startswith("HTTP 503: ")
    # the estimate of the question that failed was paid for
    assert lm_eval_ledger(rows) == served(server, by_tale_ep)
    results = lm_eval_results(tmp_path, "tale_gsm8k_tale_ep")
    assert (results["correct"], results["failed"]) == (1, 0.5)
    row, notes = reported(tmp_path, "out")
    assert (row["n"], row["errors"], row["accuracy"]) == (2, 2, 1)
    assert "2 of 4 samples failed" in notes

    # a second run asks only what failed
    for file in (tmp_path / "out").rglob("*_2*"):
        file.unlink()
    with chat_server(right) as server:
        lm_eval_on_server(server, tmp_path, "tale_gsm8k_tale_ep", *cached, size=4, arguments=CLIENT)
    assert sorted((n, by_tale_ep(p)) for n, p in numbered(server)) == [
        (1, "answer"),
        (1, "estimate"),
        (2, "answer"),
    ]
    assert [row["failed"] for row in lm_eval_samples(tmp_path, "tale_gsm8k_tale_ep")] == [0] * 4


def numbered(server: ChatServer) -> list[tuple[int, str]]:
    return [(number_in(prompt), prompt) for prompt in server.prompts()]


def test_one_request_at_a_time_fails_alone_too(tmp_path: Path) -> None:
    def at_one(request: dict[str, Any]) -> Fault | None:
        return INVALID_JSON if number_in(last_user_text(request)) == 1 else None

    with chat_server(right, fault_of=at_one) as server:
        one_by_one = f"timeout={PATIENCE_SECONDS},max_retries=2,num_concurrent=1"
        lm_eval_on_server(server, tmp_path, "tale_gsm8k_cot", size=3, arguments=one_by_one)
    assert len(server.faults) == 2
    rows = lm_eval_samples(tmp_path, "tale_gsm8k_cot")
    assert [row["failed"] for row in rows] == [0, 1, 0]
    assert lm_eval_ledger(rows) == served(server, by_tale_ep)


def test_a_wrong_key_ends_the_run_at_once_with_a_word(tmp_path: Path) -> None:
    with chat_server(right, fault_of=lambda request: Fault("401", error(401))) as server:
        done = lm_eval(
            *("run", "--model", "local-chat-completions", "--apply_chat_template"),
            *("--model_args", f"model=m,base_url={server.base_url}/chat/completions"),
            *("--tasks", "tale_gsm8k_cot"),
            *("--metadata", f"tale_source={gsm8k_file(tmp_path, 20)}"),
            cwd=tmp_path,
        )
    assert done.returncode == 2
    assert "error: the server answers 401: the server does not know this key" in done.stderr
    assert len(server.faults) == 1
