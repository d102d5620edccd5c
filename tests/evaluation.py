"""Running a task in this process against the scripted server, and reading its log."""

import math
from pathlib import Path
from typing import Any

from inspect_ai import Task, eval
from inspect_ai.log import EvalLog, EvalSample, EvalScore
from inspect_ai.model import Model, get_model
from questions import asks_for_budget, number_in
from server import ChatServer, Reply

LOOP = "openai-api/loop/m"
GPT_4O_MINI = "openai/gpt-4o-mini"


def at(server: ChatServer, name: str = LOOP) -> Model:
    return get_model(name, base_url=server.base_url, api_key="none", memoize=False)


def run(
    server: ChatServer, task: Task, folder: Path, model: str = LOOP, **settings: Any
) -> EvalLog:
    # the retries are bounded; a bound of seconds could fail on a busy machine
    limits: dict[str, Any] = {"max_retries": 1, "display": "none"}
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


def metric(log: EvalLog, key: str, name: str, **which: str) -> float:
    return result(log, key, **which).metrics[name].value


def means(log: EvalLog, scorer: str = "tale") -> dict[str, float]:
    """The means that the log shows, by their names."""
    return {name: found.value for name, found in result(log, scorer).metrics.items()}


def right(prompt: str, request: dict[str, Any]) -> Reply:
    """Right answers, and a budget of 30 tokens."""
    if asks_for_budget(prompt):
        return Reply("Budget: [[30]]", output_tokens=6)
    return Reply(f"So [[{2 * number_in(prompt)}]]", output_tokens=25, input_tokens=80)
