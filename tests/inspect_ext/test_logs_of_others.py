"""Logs that other harnesses and older versions of Inspect left: read, every run once.

tests/fixtures/inspect_0_3_41 holds a log of that version: four sums asked of its mock model. What
NeMo Evaluator exports is built here as its exporter builds it (version 0.3.0), and so are the
tasks that lighteval hands to Inspect (version 0.13.0).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from evaluation import at
from inspect_ai import Epochs, Task, eval, task
from inspect_ai.dataset import Sample
from inspect_ai.log import (
    EvalConfig,
    EvalDataset,
    EvalLog,
    EvalPlan,
    EvalPlanStep,
    EvalResults,
    EvalSample,
    EvalSpec,
    EvalStats,
    write_eval_log,
)
from inspect_ai.model import ChatCompletionChoice, ChatMessageAssistant, ModelOutput, ModelUsage
from inspect_ai.scorer import Score, exact
from inspect_ai.solver import Solver, generate, prompt_template
from server import Reply, chat_server

from tale_eval.analysis.leaderboard import LeaderboardRow, leaderboard
from tale_eval.logs import ReadLogs, read_records

OLD = Path(__file__).parent.parent / "fixtures" / "inspect_0_3_41"


def rows(read: ReadLogs) -> list[LeaderboardRow]:
    return leaderboard(read.records)


# --- Inspect 0.3.41 ---


def test_a_log_of_inspect_0_3_41_has_its_usage_in_the_outputs_alone() -> None:
    read = read_records([str(OLD)])
    assert read.problems == []
    assert [r.correct for r in read.records] == [1, 0, 1, 0]
    tokens = [(r.costs["input_tokens"], r.costs["output_tokens"]) for r in read.records]
    assert tokens == [(10, 3), (11, 4), (12, 5), (13, 6)]
    assert [r.costs["calls"] for r in read.records] == [1, 1, 1, 1]
    assert {r.scorer for r in read.records} == {"match"}
    (run,) = read.settings
    assert run.values["versions"]["inspect_ai"] == "0.3.41"


# --- NeMo Evaluator ---


def nemo_sample(number: int, reward: float, tokens: int, model: str, **scores: float) -> EvalSample:
    usage = ModelUsage(input_tokens=0, output_tokens=tokens, total_tokens=tokens)
    message = ChatMessageAssistant(content=f"It is {number}")
    return EvalSample(
        id=number,
        epoch=1,
        input=f"What is {number}?",
        target=str(number),
        output=ModelOutput(
            model=model,
            choices=[ChatCompletionChoice(message=message, stop_reason="stop")],
            completion=f"It is {number}",
            usage=usage,
            time=1.5,
        ),
        scores={"default": Score(value=reward), **{k: Score(value=v) for k, v in scores.items()}},
        metadata={},
        model_usage={model: usage} if tokens else {},
    )


def nemo_log(model: str, run: str, samples: Iterable[EvalSample], day: int = 1) -> EvalLog:
    """A log with the benchmark's name in place of the run's own id, as the exporter has it."""
    found = list(samples)
    created = f"2026-11-{day:02}T10:00:00+00:00"
    return EvalLog(
        version=2,
        status="success",
        eval=EvalSpec(
            eval_id=run,
            run_id=run,
            created=created,
            task="gsm8k",
            task_id="gsm8k",
            task_version=0,
            model=model,
            dataset=EvalDataset(name="gsm8k", samples=len(found)),
            config=EvalConfig(),
            packages={"nemo_evaluator": "0.3.0"},
        ),
        plan=EvalPlan(name="nel", steps=[EvalPlanStep(solver="chat")]),
        results=EvalResults(total_samples=len(found), completed_samples=len(found)),
        stats=EvalStats(started_at=created, completed_at=created),
        samples=found,
    )


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """Two models' logs in the exporter's two formats, and a third run of the first model."""
    runs: list[tuple[str, str, str, int]] = [
        ("nvidia/a", "run-1", "first/gsm8k_inspect.eval", 100),
        ("nvidia/b", "run-2", "second/gsm8k_inspect.json", 50),
        ("nvidia/a", "run-3", "third/gsm8k_inspect.eval", 0),
    ]
    for day, (model, run, name, tokens) in enumerate(runs, 1):
        samples = [nemo_sample(n, float(n % 2), tokens, model) for n in range(4)]
        path = tmp_path / name
        path.parent.mkdir()
        form: Any = path.suffix.removeprefix(".")
        write_eval_log(nemo_log(model, run, samples, day), str(path), format=form)
    return tmp_path


def test_every_run_that_nemo_evaluator_exported_counts(exported: Path) -> None:
    """All of them have one task id, by which Inspect's retries are known."""
    read = read_records([str(exported)])
    assert read.problems == []
    assert len(read.records) == 12
    assert [(row.model, row.task, row.accuracy) for row in rows(read)] == [
        ("nvidia/a", "gsm8k (nemo-evaluator)", 0.5),
        ("nvidia/b", "gsm8k (nemo-evaluator)", 0.5),
    ]


def test_what_nemo_evaluator_did_not_count_is_unknown_and_not_nothing(exported: Path) -> None:
    read = read_records([str(exported / "first"), str(exported / "third")])
    # it exports no input tokens, and 0 where the server told it nothing
    assert {r.costs["input_tokens"] for r in read.records} == {None}
    assert {r.costs["output_tokens"] for r in read.records} == {100, None}
    assert {r.costs["dollars"] for r in read.records} == {None}


def test_of_nemo_evaluators_scores_its_own_decides_and_others_are_offered(tmp_path: Path) -> None:
    samples = [nemo_sample(n, 1.0, 5, "m", judge=7.0, match=0.0) for n in range(2)]
    path = tmp_path / "gsm8k_inspect.eval"
    write_eval_log(nemo_log("m", "r", samples), str(path))
    read = read_records([str(path)])
    assert [r.correct for r in read.records] == [1, 1]
    (problem,) = read.problems
    assert problem.endswith(
        "its score default says what is right; it has judge, match too, which --score NAME takes"
    )
    assert [r.correct for r in read_records([str(path)], score="match").records] == [0, 0]


def test_a_retry_of_inspects_own_still_takes_up_the_first_run(tmp_path: Path) -> None:
    """A task that happens to be called as its id is, by another model or run, is another run."""
    samples = [nemo_sample(n, 1.0, 5, "m") for n in range(2)]
    for day, run in enumerate(("first", "again"), 1):
        log = nemo_log("m", run, samples, day)
        log.eval.task_id = "a-real-id"
        write_eval_log(log, str(tmp_path / f"{run}.eval"))
    read = read_records([str(tmp_path)])
    assert len(read.records) == 2
    (problem,) = read.problems
    assert "first.eval: left out, " in problem


# --- lighteval ---


def identity(row: dict[str, Any]) -> dict[str, Any]:
    return row


@dataclass
class LightevalConfig:
    """As far as it goes: an object with functions in it, which Inspect logs by its name."""

    name: str
    prompt_function: Any = identity
    solver: list[Solver] = field(default_factory=lambda: [generate(cache=False)])


@task
def get_inspect_ai_task(
    lighteval_task_config: LightevalConfig, epochs: int = 1, epochs_reducer: str | None = None
) -> Task:
    questions = [Sample(f"What is {n} plus {n}?", target=str(2 * n)) for n in range(4)]
    return Task(
        dataset=questions,
        solver=lighteval_task_config.solver,
        scorer=exact(),
        name=lighteval_task_config.name,
        epochs=Epochs(epochs, epochs_reducer),
    )


def test_lightevals_tasks_go_by_their_own_names_however_often_they_ask(tmp_path: Path) -> None:
    asked = [prompt_template("{prompt} Be brief."), generate()]
    configs = [(LightevalConfig("gsm8k", solver=asked), 2), (LightevalConfig("gsm8k"), 1)]
    with chat_server(lambda prompt, request: Reply("4", output_tokens=3)) as server:
        logs = eval(
            [get_inspect_ai_task(c, epochs=n, epochs_reducer="mean") for c, n in configs],
            at(server),
            log_dir=str(tmp_path),
            display="none",
            max_retries=1,
        )
    assert {log.status for log in logs} == {"success"}
    read = read_records([str(tmp_path)])
    assert read.problems == []
    (row,) = rows(read)
    assert (row.task, row.n, row.accuracy) == ("gsm8k (lighteval)", 12, 0.25)
    assert row.means["output_tokens"] == 3
