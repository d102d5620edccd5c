"""Whose tokens: the method's own, or those of whoever graded it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from evaluation import values
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.event import Event, SpanBeginEvent, SpanEndEvent, StepEvent
from inspect_ai.log import EvalLog, EvalSample, read_eval_log, write_eval_log
from inspect_ai.model import (
    ChatMessage,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.scorer import Score, Scorer, Target, accuracy, match, scorer
from inspect_ai.solver import Generate, Solver, TaskState, chain, generate, solver

from tale_eval.analysis.frontiers import frontiers
from tale_eval.analysis.leaderboard import leaderboard
from tale_eval.analysis.problems import problems
from tale_eval.inspect_ext.record import scorer_calls
from tale_eval.inspect_ext.scorers import token_cost
from tale_eval.logs import read_records
from tale_eval.solvers.cot import cot

# output tokens by what a prompt begins with; each call reads 100 tokens
WRITTEN = {"Q:": 40, "Question": 31, "Critique": 17, "Revise": 23, "Grade": 5, "Verbose": 500}


def scripted(
    messages: list[ChatMessage], tools: Any, tool_choice: Any, config: GenerateConfig
) -> ModelOutput:
    """Says what it was asked, in the tokens that the word stands for."""
    word = messages[-1].text.split()[0]
    output = ModelOutput.from_content("mockllm/m", f"{word} ANSWER: 4")
    written = WRITTEN[word]
    output.usage = ModelUsage(input_tokens=100, output_tokens=written, total_tokens=100 + written)
    return output


def model(name: str = "m") -> Model:
    return get_model(f"mockllm/{name}", custom_outputs=scripted, memoize=False)


async def say(word: str, to: Model) -> ModelOutput:
    return await to.generate([ChatMessageUser(content=f"{word} please")])


@solver
def critic(role: str | None) -> Solver:
    """Answers, has the answer criticised under a role, and revises it."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        state = await generate(state)
        await say("Critique", get_model(role=role))
        state.messages.append(ChatMessageUser(content="Revise it"))
        return await generate(state)

    return solve


@scorer(metrics=[accuracy()])
def judge(other: str | None, role: str | None = None) -> Scorer:
    """Asks a model whether the answer is right: the task's own, another one, or a role's."""

    async def score(state: TaskState, target: Target) -> Score:
        await say("Grade", model(other) if other else get_model(role=role))
        return Score(value="C")

    return score


def run(folder: Path, solving: Solver, scoring: Any, **options: Any) -> EvalLog:
    task = Task(dataset=[Sample("Question 1", target="4")], solver=solving, scorer=scoring)
    (log,) = eval(task, model=model(), log_dir=str(folder), display="none", **options)
    assert log.status == "success", log.error
    return log


def costs_of(log: EvalLog) -> dict[str, float | None]:
    (record,) = read_records([log.location]).records
    return record.costs


JUDGES = pytest.mark.parametrize(
    ("other", "role"), [(None, None), ("judge", None), (None, "grader"), (None, "referee")]
)


@JUDGES
def test_a_graders_tokens_are_not_the_methods_whatever_it_is_called(
    other: str | None, role: str | None, tmp_path: Path
) -> None:
    roles = {"model_roles": {role: model("judge")}} if role else {}
    log = run(tmp_path, generate(), [judge(other, role), token_cost()], **roles)
    (sample,) = log.samples or []
    for costs in (values(sample, "token_cost"), costs_of(log)):
        assert (costs["answer_tokens"], costs["output_tokens"]) == (31, 31)
        assert (costs["helper_tokens"], costs["scorer_tokens"]) == (0, 5)
        assert (costs["input_tokens"], costs["calls"]) == (100, 1)


@JUDGES
def test_so_it_is_in_a_log_that_no_scorer_of_ours_saw(
    other: str | None, role: str | None, tmp_path: Path
) -> None:
    roles = {"model_roles": {role: model("judge")}} if role else {}
    costs = costs_of(run(tmp_path, generate(), judge(other, role), **roles))
    assert (costs["answer_tokens"], costs["output_tokens"], costs["calls"]) == (31, 31, 1)
    assert (costs["helper_tokens"], costs["scorer_tokens"]) == (0, 5)


@pytest.mark.parametrize("role", [None, "critic", "grader"])
def test_a_solvers_own_helpers_are_the_methods_whatever_their_role(
    role: str | None, tmp_path: Path
) -> None:
    """Also where a solver asks under the role "grader", and its scorer asks nobody."""
    roles = {"model_roles": {role: model("other")}} if role else {}
    costs = costs_of(run(tmp_path, critic(role), match(), **roles))
    assert costs["answer_tokens"] == 23  # the last answer's call
    assert costs["helper_tokens"] == 31 + 17
    assert (costs["output_tokens"], costs["scorer_tokens"], costs["calls"]) == (71, 0, 3)


def test_helpers_and_graders_of_one_sample_stand_apart(tmp_path: Path) -> None:
    costs = costs_of(run(tmp_path, critic(None), [judge("judge"), match()]))
    assert (costs["output_tokens"], costs["scorer_tokens"]) == (71, 5)


def test_a_critique_after_a_method_of_ours_is_the_methods(tmp_path: Path) -> None:
    @solver
    def criticised() -> Solver:
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            await say("Critique", get_model())
            return state

        return solve

    log = run(tmp_path, chain(cot(), criticised()), [judge("judge"), token_cost()])
    costs = costs_of(log)
    assert (costs["answer_tokens"], costs["output_tokens"]) == (40, 40 + 17)
    assert (costs["helper_tokens"], costs["scorer_tokens"], costs["calls"]) == (17, 5, 2)


# --- in what is shown ---


@scorer(metrics=[accuracy()])
def long_judge() -> Scorer:
    """A grader that writes more than the methods do."""

    async def score(state: TaskState, target: Target) -> Score:
        await say("Verbose", model("judge"))
        return Score(value="C")

    return score


def test_a_graders_tokens_move_no_ratio_no_frontier_and_no_measure(tmp_path: Path) -> None:
    """Two methods of 40 and 17 tokens, and a grader that writes 500 for each answer."""

    @solver
    def brief() -> Solver:
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            state.output = await say("Critique", get_model())
            return state

        return solve

    run(tmp_path / "a", cot(), [long_judge(), token_cost()])
    run(tmp_path / "b", brief(), [long_judge(), token_cost()])
    reading = read_records([str(tmp_path)])
    rows = leaderboard(reading.records, "cot")
    base, row = rows
    assert row.comparison is not None
    assert row.comparison.ratio == pytest.approx(17 / 40)
    for name, ours, theirs in (
        ("output_tokens", 17, 40),
        ("tokens_per_correct", 17, 40),
        ("e3", 1 / 17, 1 / 40),
        ("scorer_tokens", 500, 500),
        ("scorer_tokens_total", 500, 500),
        ("pareto", True, False),
    ):
        assert (row.measure(name).value, base.measure(name).value) == (
            pytest.approx(ours),
            pytest.approx(theirs),
        ), name
    (frontier,) = [each for each in frontiers(rows) if each.cost == "tokens"]
    assert (frontier.best.cost, frontier.reference) == (17, 40)
    (note,) = [note for note in problems(rows, "cot") if "graders" in note]
    assert note.endswith(
        "graders wrote 1,000 output tokens beside the methods', which are in no row's tokens"
    )


# --- logs without events, and older ones ---


def stripped(log: EvalLog, change: Callable[[EvalSample], None], folder: Path) -> EvalLog:
    """The same log as somebody else, or an earlier version, left it."""
    whole = read_eval_log(log.location)
    for sample in whole.samples or []:
        change(sample)
    path = folder / "changed.json"
    write_eval_log(whole, str(path))
    return read_eval_log(str(path))


def without_events(sample: EvalSample) -> None:
    sample.events = []


def test_one_call_that_used_all_needs_no_events(tmp_path: Path) -> None:
    log = run(tmp_path / "a", generate(), match())
    costs = costs_of(stripped(log, without_events, tmp_path))
    assert (costs["answer_tokens"], costs["output_tokens"], costs["calls"]) == (31, 31, 1)


def test_without_events_a_role_says_who_graded(tmp_path: Path) -> None:
    roles = {"grader": model("judge")}
    log = run(tmp_path / "a", generate(), judge(None, "grader"), model_roles=roles)
    costs = costs_of(stripped(log, without_events, tmp_path))
    assert (costs["output_tokens"], costs["scorer_tokens"]) == (31, 5)
    assert costs["calls"] is None


def test_a_log_that_has_its_usage_with_the_output_alone_is_counted(tmp_path: Path) -> None:
    """Inspect wrote some without any usage per model."""

    def old(sample: EvalSample) -> None:
        sample.events, sample.model_usage = [], {}

    log = run(tmp_path / "a", generate(), match())
    costs = costs_of(stripped(log, old, tmp_path))
    assert (costs["answer_tokens"], costs["output_tokens"], costs["input_tokens"]) == (31, 31, 100)


UNKNOWN_TO_0_1_0 = {
    "scorer_tokens",
    "scorer_dollars",
    "counted_tokens",
    "uncounted_calls",
    "estimate_cut_off",
}


def as_0_1_0(**changed: float) -> Callable[[EvalSample], None]:
    """The scores as 0.1.0 wrote them, and with these values."""

    def old(sample: EvalSample) -> None:
        for score in (sample.scores or {}).values():
            if isinstance(score.value, dict):
                known = {k: v for k, v in score.value.items() if k not in UNKNOWN_TO_0_1_0}
                score.value = known | changed

    return old


def test_what_0_1_0_counted_of_a_single_call_stands(tmp_path: Path) -> None:
    log = run(tmp_path / "a", generate(), [match(), token_cost()])
    costs = costs_of(stripped(log, as_0_1_0(seconds=1.5), tmp_path))
    assert (costs["output_tokens"], costs["seconds"]) == (31, 1.5)
    assert (costs["scorer_tokens"], costs["counted_tokens"], costs["uncounted_calls"]) == (0, 31, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"helper_tokens": 5, "output_tokens": 36, "calls": 2},
        # a grader without a role was taken for the answer
        {"answer_tokens": 5, "output_tokens": 36, "calls": 2},
    ],
)
def test_where_0_1_0_mixed_in_a_grader_the_events_are_read_again(
    wrong: dict[str, float], tmp_path: Path
) -> None:
    log = run(tmp_path / "a", generate(), [judge("judge"), token_cost()])
    costs = costs_of(stripped(log, as_0_1_0(**wrong), tmp_path))
    assert (costs["answer_tokens"], costs["output_tokens"], costs["calls"]) == (31, 31, 1)
    assert (costs["helper_tokens"], costs["scorer_tokens"]) == (0, 5)


def test_steps_of_earlier_versions_mark_the_scorers_too(tmp_path: Path) -> None:
    log = run(tmp_path, critic(None), judge("judge"))
    (sample,) = read_eval_log(log.location).samples or []
    spans = {e.id: e for e in sample.events if isinstance(e, SpanBeginEvent)}
    events: list[Event] = []
    for event in sample.events:
        if isinstance(event, SpanBeginEvent | SpanEndEvent):
            begun = spans[event.id]
            action: Any = "begin" if event is begun else "end"
            events.append(StepEvent(action=action, type=begun.type, name=begun.name))
        else:
            events.append(event.model_copy(update={"span_id": None}))
    (grader,) = scorer_calls(events)
    assert grader.model == "mockllm/judge"
