"""Runs killed (-9) and taken up again: nothing is missing, nothing counts twice.

TALE_EVAL_KILLS says how many runs of each sort are killed at random moments; 1 by default.
"""

import json
import os
import random
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from command import inspect, start_inspect, start_tale_eval, tale_eval
from faulty_server import Gate
from inspect_ai.log import EvalLog, list_eval_logs, read_eval_log
from questions import asks_for_budget, gsm8k_file, number_in
from server import ChatServer, Reply, chat_server
from tiny import tiny_model, write_recipe, write_rows

pytestmark = pytest.mark.slow

SEEDS = range(int(os.environ.get("TALE_EVAL_KILLS", "1")))
QUESTIONS = 40
IN_FLIGHT = 4
LATENCY = 0.05


def scripted(prompt: str, request: dict[str, Any]) -> Reply:
    """Question n is right from n tokens on; vanilla CoT takes 64."""
    if asks_for_budget(prompt):
        return Reply(f"Budget: [[{1 + number_in(prompt)}]]", output_tokens=6)
    found = re.search(r"use less than (\d+) tokens", prompt)
    budget = int(found[1]) if found else 64
    n = number_in(prompt)
    return Reply(f"[[{2 * n if budget >= n else -1}]]", output_tokens=budget)


@dataclass(frozen=True)
class Run:
    """A run in a folder of its own: logs, caches and Inspect's buffer of samples."""

    server: ChatServer
    gate: Gate
    folder: Path

    @property
    def logs(self) -> list[EvalLog]:
        """Newest first."""
        return [read_eval_log(info) for info in list_eval_logs(str(self.folder / "logs"))]

    @property
    def variables(self) -> dict[str, str]:
        own = {
            "INSPECT_CACHE_DIR": str(self.folder / "cache"),
            "XDG_DATA_HOME": str(self.folder / "data"),
        }
        return self.server.variables | own

    def eval(
        self, command: str, *options: str, method: str = "budget_search"
    ) -> tuple[object, ...]:
        """The arguments of `inspect eval` or `inspect eval-set`."""
        source = gsm8k_file(self.folder, QUESTIONS)
        limits = ("--max-connections", IN_FLIGHT, "--max-samples", IN_FLIGHT)
        task = (command, "tale_eval/gsm8k", "-T", f"source={source}")
        solver = ("--solver", f"tale_eval/{method}", "--model", "openai-api/loop/m")
        return (*task, *solver, *limits, "--log-dir", "logs", "--display", "plain", *options)

    def finish(self, *arguments: object) -> EvalLog:
        """Run to the end; the newest log."""
        done = inspect(*arguments, cwd=self.folder, variables=self.variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return self.logs[0]

    def kill(self, *arguments: object, after: int) -> None:
        """Run, and kill -9 once the server has answered so many calls.

        It answers no more: on a busy machine the run could otherwise end before the kill.
        """
        self.gate.shut_after(after)
        process = start_inspect(*arguments, cwd=self.folder, variables=self.variables)
        while len(self.server.requests) < after:
            assert process.poll() is None, "the run ended by itself"
            sleep(0.005)
        process.kill()
        process.communicate()
        self.gate.lift()

    def goes_on(self, *arguments: object) -> EvalLog:
        """Retry what was killed, or start anew where nothing was begun; the newest log."""
        logs = [log for log in self.logs if log.status == "started"]
        if logs:
            arguments = ("eval-retry", logs[0].location, "--log-dir", "logs", "--display", "plain")
        return self.finish(*arguments)


def scores(log: EvalLog) -> dict[str | int, dict[str, str]]:
    """Every sample's scores, without the seconds, which are never twice the same."""
    assert log.status == "success"
    found = {}
    for sample in log.samples or []:
        assert sample.scores is not None
        value = sample.scores["tale"].value
        assert isinstance(value, dict)
        found[sample.id] = {k: str(v) for k, v in value.items() if k != "seconds"}
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("undisturbed")
    gate = Gate()
    with chat_server(scripted, LATENCY, gate.fault_of) as server:
        run = Run(server, gate, folder)
        assert len(scores(run.finish(*run.eval("eval")))) == QUESTIONS
    return run


@pytest.mark.parametrize(
    ("command", "cached"), [("eval", True), ("eval", False), ("eval-set", True)]
)
def test_a_killed_search_goes_on_to_the_same_scores(
    command: str, cached: bool, undisturbed: Run, tmp_path: Path
) -> None:
    needed = Counter(undisturbed.server.prompts())
    gate = Gate()
    with chat_server(scripted, LATENCY, gate.fault_of) as server:
        run = Run(server, gate, tmp_path)
        arguments = run.eval(command, *(["--cache", "true"] if cached else []))
        run.kill(*arguments, after=len(needed) // 2)
        (killed,) = run.logs
        assert killed.status == "started"
        if command == "eval":
            arguments = ("eval-retry", killed.location, "--log-dir", "logs", "--display", "plain")
        finished = run.finish(*arguments)

    assert scores(finished) == scores(undisturbed.logs[0])
    repeated = Counter(server.prompts()) - needed
    assert needed <= Counter(server.prompts())
    # a question in flight starts again; its answered calls come from the cache, if there is one
    assert len({number_in(prompt) for prompt in repeated}) <= IN_FLIGHT
    assert set(repeated.values()) <= {1}
    if cached:
        assert repeated.total() <= IN_FLIGHT


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("method", ["budget_search", "tale_ep"])
def test_an_evaluation_killed_at_any_moment(
    method: str, seed: int, undisturbed: Run, tmp_path: Path
) -> None:
    needed = 2 * QUESTIONS if method == "tale_ep" else len(undisturbed.server.requests)
    gate = Gate()
    with chat_server(scripted, LATENCY, gate.fault_of) as server:
        run = Run(server, gate, tmp_path)
        arguments = run.eval("eval", method=method)
        run.kill(*arguments, after=random.Random(f"{method} {seed}").randrange(needed))
        log = run.goes_on(*arguments)
    found = scores(log)
    assert len(found) == len(log.samples or []) == QUESTIONS
    if method == "budget_search":
        assert found == scores(undisturbed.logs[0])
    else:
        # 6 tokens for the estimate; the answer fills its budget
        spent = {n: float(found[i]["output_tokens"]) for i, n in numbers(log).items()}
        assert spent == {n: 6 + 1 + n for n in range(QUESTIONS)}
    # both logs are read, and the one that was killed is left out by name
    report = tale_eval("report", "logs", "--json", "report.json", cwd=tmp_path)
    assert report.returncode == 0, report.stderr
    (row,) = json.loads((tmp_path / "report.json").read_text())["rows"]
    assert (row["n"], row["errors"]) == (QUESTIONS, 0)


def numbers(log: EvalLog) -> dict[str | int, int]:
    """The question behind each sample id."""
    return {sample.id: number_in(str(sample.input)) for sample in log.samples or []}


def kill_after(seconds: float, *arguments: object, cwd: Path) -> None:
    """Run `tale-eval ARGUMENTS`, and kill -9 it and its children after so many seconds."""
    process = start_tale_eval(*arguments, cwd=cwd)
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    process.communicate()


def timed(*arguments: object, cwd: Path) -> float:
    """Seconds that `tale-eval ARGUMENTS` takes when nobody disturbs it."""
    start = monotonic()
    done = tale_eval(*arguments, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return monotonic() - start


def test_a_report_killed_at_any_moment_is_made_again(undisturbed: Run, tmp_path: Path) -> None:
    shutil.copytree(undisturbed.folder / "logs", tmp_path / "logs")
    files = ("--html", "r.html", "--json", "r.json", "--csv", "r.csv", "--markdown", "r.md")
    arguments = ("report", "logs", *files)
    seconds = timed(*arguments, cwd=tmp_path)
    whole = {path.name: path.read_bytes() for path in tmp_path.glob("r.*")}
    assert len(whole) == 4
    for seed in SEEDS:
        kill_after(random.Random(seed).uniform(0, seconds), *arguments, cwd=tmp_path)
        timed(*arguments, cwd=tmp_path)
        assert {path.name: path.read_bytes() for path in tmp_path.glob("r.*")} == whole


def test_a_training_killed_at_any_moment_takes_the_same_steps(
    smollm2_folder: Path, tmp_path: Path
) -> None:
    tiny_model(tmp_path / "base", smollm2_folder)
    write_rows(tmp_path / "data", "sft")
    write_recipe(tmp_path / "r.yaml", "sft", num_train_epochs=6, save_steps=2)
    words = ("train", "sft", "--model", "base", "--data", "data", "--config", "r.yaml", "--out")
    seconds = timed(*words, "whole", cwd=tmp_path)
    for seed in SEEDS:
        out = f"killed-{seed}"
        kill_after(random.Random(seed).uniform(0, seconds), *words, out, cwd=tmp_path)
        if (tmp_path / out / "provenance.json").exists():
            continue  # it had ended before
        resume = ["--resume"] if (tmp_path / out / "run.json").exists() else []
        timed(*words, out, *resume, cwd=tmp_path)
        whole, found = (
            json.loads((tmp_path / name / "provenance.json").read_text())["metrics"]
            for name in ("whole", out)
        )
        assert found["steps"] == whole["steps"] == 18
        assert found["loss"] == pytest.approx(whole["loss"], rel=1e-3)
