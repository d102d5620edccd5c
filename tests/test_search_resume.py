"""A budget search killed in the middle and taken up again: nothing finished is asked twice."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from command import inspect, start_inspect
from inspect_ai.log import EvalLog, list_eval_logs, read_eval_log
from questions import gsm8k_file, number_in
from server import ChatServer, Reply, chat_server

pytestmark = pytest.mark.slow

QUESTIONS = 40
IN_FLIGHT = 4
LATENCY = 0.05


def scripted(prompt: str, request: dict[str, Any]) -> Reply:
    """Question n is right from n tokens on; vanilla CoT takes 64."""
    found = re.search(r"use less than (\d+) tokens", prompt)
    budget = int(found[1]) if found else 64
    n = number_in(prompt)
    return Reply(f"[[{2 * n if budget >= n else -1}]]", output_tokens=budget)


@dataclass(frozen=True)
class Run:
    """A run in a folder of its own: logs, caches and Inspect's buffer of samples."""

    server: ChatServer
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

    def eval(self, command: str, *options: str) -> tuple[object, ...]:
        """The arguments of `inspect eval` or `inspect eval-set`."""
        source = gsm8k_file(self.folder, QUESTIONS)
        limits = ("--max-connections", IN_FLIGHT, "--max-samples", IN_FLIGHT)
        task = (command, "tale_eval/gsm8k", "-T", f"source={source}")
        solver = ("--solver", "tale_eval/budget_search", "--model", "openai-api/loop/m")
        return (*task, *solver, *limits, "--log-dir", "logs", "--display", "plain", *options)

    def finish(self, *arguments: object) -> EvalLog:
        """Run to the end; the newest log."""
        done = inspect(*arguments, cwd=self.folder, variables=self.variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return self.logs[0]

    def kill(self, *arguments: object, after: int) -> None:
        """Run, and kill -9 once the server has answered so many calls."""
        process = start_inspect(*arguments, cwd=self.folder, variables=self.variables)
        while len(self.server.requests) < after and process.poll() is None:
            sleep(0.005)
        assert process.poll() is None, "the run ended before it could be killed"
        process.kill()
        process.communicate()


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
    with chat_server(scripted, LATENCY) as server:
        run = Run(server, folder)
        assert len(scores(run.finish(*run.eval("eval")))) == QUESTIONS
    return run


@pytest.mark.parametrize(
    ("command", "cached"), [("eval", True), ("eval", False), ("eval-set", True)]
)
def test_a_killed_search_goes_on_to_the_same_scores(
    command: str, cached: bool, undisturbed: Run, tmp_path: Path
) -> None:
    needed = Counter(undisturbed.server.prompts())
    with chat_server(scripted, LATENCY) as server:
        run = Run(server, tmp_path)
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
