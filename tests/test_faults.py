"""A flaky API: every question is scored or flagged, none twice, and every reply is counted once."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from command import inspect, tale_eval
from evaluation import right, values
from faulty_server import Faults
from inspect_ai.log import EvalLog, EvalSample, list_eval_logs, read_eval_log
from questions import asks_for_budget, gsm8k_file, number_in
from server import ChatServer, chat_server

pytestmark = pytest.mark.slow

CONNECTIONS = 64
RETRIES = 10


def run(
    server: ChatServer, folder: Path, method: str, size: int, *options: object, retries: int
) -> EvalLog:
    """Run the method on questions 0 to size - 1 to the end; its log."""
    connections = ("--max-connections", CONNECTIONS, "--max-samples", CONNECTIONS)
    done = inspect(
        *("eval", "tale_eval/gsm8k", "-T", f"source={gsm8k_file(folder, size)}"),
        *("-T", f"method={method}", "--model", "openai-api/loop/m", "--display", "plain"),
        *("--log-dir", "logs", "--max-retries", retries, "--attempt-timeout", 10),
        *(*connections, *options),
        cwd=folder,
        variables=server.variables,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (info,) = list_eval_logs(str(folder / "logs"))
    return read_eval_log(info)


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
        (number_in(str(s.input)), call["purpose"], call["output_tokens"])
        for s in samples
        for call in s.store["TaleRecord:calls"]
    )


def served(server: ChatServer, purpose: str, *, failed: set[int]) -> Counter[Any]:
    """What reached the client, by the server's record, in the ledger's form.

    A question fails with a reply that holds no choice: Inspect raises an error for it, and
    so it is in Inspect's transcript and not in the ledger.
    """
    found: Counter[Any] = Counter()
    for request, reply in zip(server.prompts(), server.replies, strict=True):
        number, estimate = number_in(request), asks_for_budget(request)
        if number in failed and reply.text is None and not estimate:
            continue
        tokens = reply.output_tokens if reply.usage else None
        found[number, "estimate" if estimate else purpose, tokens] += 1
    return found


def test_a_thousand_questions_with_a_tenth_of_faults(tmp_path: Path) -> None:
    faults = Faults(share=0.1, seed=7)
    with chat_server(faults.odd(right), fault_of=faults.draw) as server:
        log = run(server, tmp_path, "tale_ep", 1000, retries=RETRIES)
    scored, failed = accounted(log, 1000)
    numbers = {number_in(str(sample.input)) for sample in failed}
    assert ledger(scored + failed) == served(server, "answer", failed=numbers)

    kinds = Counter(fault.name for fault in server.faults)
    assert len(kinds) == len(faults.ways), kinds
    # only what no client asks again for fails a question
    odd = {
        n
        for r, n in zip(server.replies, map(number_in, server.prompts()), strict=True)
        if r.text is None
    }
    assert len(failed) <= kinds["invalid JSON"] + len(odd)
    for sample in scored:
        costs, number = values(sample), number_in(str(sample.input))
        assert costs["correct"] or costs["no_answer"] or costs["truncated"], number

    reported = tale_eval("report", "logs", "--json", "report.json", cwd=tmp_path)
    assert reported.returncode == 0, reported.stderr
    (row,) = json.loads((tmp_path / "report.json").read_text())
    assert (row["n"], row["errors"]) == (len(scored), len(failed))
    assert f"{len(failed)} of 1000 samples failed" in reported.stderr
