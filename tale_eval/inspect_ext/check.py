"""A first check of a task, before money is spent: a right and a wrong answer, both scripted.

A sample of the task is run twice for each method, once by a model that knows the target
and once by one that gives another sample's. Both answer in the form that the prompt asks
for, so that what is tried is the whole way from the method's words to the task's score.
No provider is asked: a scorer that asks a model gets no grade, and is left out.
"""

import logging
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from inspect_ai import Epochs, Task, eval as run_eval
from inspect_ai.event import SpanBeginEvent
from inspect_ai.log import EvalLog, EvalSample
from inspect_ai.model import (
    ChatMessage,
    GenerateConfig,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.scorer import Target
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.tool import ToolChoice, ToolInfo

from tale_eval.asking.prompts import letter
from tale_eval.asking.stated import asks_to_reason, obedient_reply
from tale_eval.grading.credit import credit
from tale_eval.inspect_ext.foreign import AskedFor
from tale_eval.inspect_ext.own_task import letters_of, targets_beside
from tale_eval.inspect_ext.record import scorer_calls

REASONING = "First this, and then that."
"""What the scripted model says before its answer, where it is to reason."""


@dataclass(frozen=True)
class Checked:
    """What a task made of a right and of a wrong answer by one method.

    Attributes:
        task: The task.
        method: The method.
        right: What each of its scorers gave the right answer, by name; models' grades left out.
        wrong: What they gave the wrong one.
        answers: The two answers.
        asked: How the answer was asked for, and from what that was taken.
        problem: Why nothing can be said; empty if something can.
    """

    task: str
    method: str
    right: Mapping[str, object] = field(default_factory=dict)
    wrong: Mapping[str, object] = field(default_factory=dict)
    answers: tuple[str, str] = ("", "")
    asked: str = ""
    problem: str = ""

    @property
    def told_apart(self) -> bool | None:
        """Whether some scorer gave the right answer full credit and the wrong one less.

        None if nothing can be said.
        """
        if self.problem:
            return None
        return any(
            credit(right) == 1 and (credit(self.wrong.get(name)) or 0) < 1
            for name, right in self.right.items()
        )


def check(
    task: str | Task,
    methods: Mapping[str, Solver],
    arguments: Mapping[str, Any] | None = None,
) -> list[Checked]:
    """Run a right and a wrong answer through one sample of a task, by each method.

    Args:
        task: Inspect's name of it, or a task.
        methods: Solvers by the methods' labels.
        arguments: The task's own.
    """
    name = task if isinstance(task, str) else task.name
    _METHODS.clear()
    _METHODS.update(methods)
    model = get_model("mockllm/model", custom_outputs=_scripted)
    with _no_provider(), _quiet(), tempfile.TemporaryDirectory() as folder:
        try:
            (log,) = run_eval(
                task,
                task_args=dict(arguments or {}),
                model=model,
                solver=_checking(list(methods)),
                limit=1,
                # the task's own reducers may want another number
                epochs=Epochs(2 * len(methods), "mean"),
                max_samples=1,
                fail_on_error=False,
                log_dir=folder,
                display="none",
            )
        # any task may fail to load in any way, and the others are checked all the same
        except Exception as error:  # noqa: BLE001
            problem = f"{type(error).__name__}: {error}"
            return [Checked(name, label, problem=problem) for label in methods]
        # its samples are read when they are asked for, so while the folder is there
        return [
            _checked(name, label, _pair(log, number), log) for number, label in enumerate(methods)
        ]


# --- The two runs of a sample, each an epoch, so that neither sees the other's world ---

_METHODS: dict[str, Solver] = {}
_ANSWER: ContextVar[str | None] = ContextVar("tale_eval_scripted_answer", default=None)


@solver
def _checking(labels: list[str]) -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        number, wrong = divmod(state.epoch - 1, 2)
        answer = _wrong_answer(state) if wrong else _right_answer(state)
        state.store.set("answer", answer)
        token = _ANSWER.set(answer)
        try:
            return await _METHODS[labels[number]](state, generate)
        finally:
            _ANSWER.reset(token)

    return solve


def _right_answer(state: TaskState) -> str:
    if state.choices:
        letters = letters_of(state.target)
        return ", ".join(letters) if letters else state.target.text
    return str(state.target[0]) if len(state.target) else ""


def _wrong_answer(state: TaskState) -> str:
    """Another sample's answer, or one made up, that has nothing of a right one in it."""
    if state.choices:
        right = letters_of(state.target)
        letters = [letter(index) for index in range(len(state.choices))]
        return next((other for other in letters if other not in right), letters[0])
    right_ones = [value.casefold() for value in state.target]
    made_up = (_next_number(state.target), "No" if right_ones == ["yes"] else "Yes", "Lorem ipsum")
    for answer in (*_answers(targets_beside(state)), *(text for text in made_up if text)):
        other = answer.casefold()
        if not any(other in right or right in other for right in right_ones):
            return answer
    return "Lorem ipsum"


def _answers(targets: Iterable[Target]) -> Iterator[str]:
    return (str(target[0]) for target in targets if len(target) and target[0].strip())


def _next_number(target: Target) -> str | None:
    found = re.fullmatch(r"\s*-?\d+\s*", target[0]) if len(target) else None
    return str(int(target[0]) + 1) if found else None


def _scripted(
    messages: list[ChatMessage],
    tools: list[ToolInfo],
    tool_choice: ToolChoice,
    config: GenerateConfig,
) -> ModelOutput:
    """A model that answers as it is told to, with the answer that stands in the context."""
    answer = _ANSWER.get()
    if answer is None:
        output = ModelOutput.from_content("mockllm/model", "GRADE: I")
    elif submit := next((tool for tool in tools if tool.name == "submit"), None):
        (name, *_) = submit.parameters.properties
        output = ModelOutput.for_tool_call("mockllm/model", submit.name, {name: answer})
    else:
        prompt = "\n\n".join(m.text for m in messages if m.role in ("system", "user"))
        reasoning = REASONING if asks_to_reason(prompt) else ""
        asks_for_budget = _ASKS_FOR_BUDGET in prompt
        text = _ESTIMATE if asks_for_budget else obedient_reply(prompt, answer, reasoning)
        output = ModelOutput.from_content("mockllm/model", text)
    output.usage = ModelUsage(input_tokens=10, output_tokens=10, total_tokens=20)
    return output


_ASKS_FOR_BUDGET = "[[budget]]"
_ESTIMATE = "Budget: [[50]]"


@contextmanager
def _no_provider() -> Iterator[None]:
    """Have Inspect refuse every model but the scripted one."""
    before = os.environ.get(_DISABLE)
    os.environ[_DISABLE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_DISABLE]
        else:
            os.environ[_DISABLE] = before


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what a run says to itself: the check's own lines say it."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


_DISABLE = "INSPECT_DISABLE_MODEL_API"


# --- What came of it ---


def _pair(log: EvalLog, number: int) -> list[EvalSample]:
    epochs = (2 * number + 1, 2 * number + 2)
    return sorted((s for s in log.samples or [] if s.epoch in epochs), key=lambda s: s.epoch)


def _checked(task: str, method: str, pair: Sequence[EvalSample], log: EvalLog) -> Checked:
    if len(pair) < 2:
        return Checked(task, method, problem=log.error.message if log.error else "it did not run")
    failed = next((sample.error for sample in pair if sample.error), None)
    if failed is not None:
        return Checked(task, method, problem=failed.message)
    right, wrong = (_scores(sample) for sample in pair)
    answers = (str(pair[0].store.get("answer")), str(pair[1].store.get("answer")))
    problem = _why_nothing_can_be_said(pair, answers, right, wrong)
    return Checked(task, method, right, wrong, answers, _asked(pair[0]), problem)


def _why_nothing_can_be_said(
    pair: Sequence[EvalSample],
    answers: tuple[str, str],
    right: Mapping[str, object],
    wrong: Mapping[str, object],
) -> str:
    if limit := next((sample.limit for sample in pair if sample.limit), None):
        return f"the task's own {limit.type} limit of {limit.limit:g} ended the sample"
    if not right:
        graded = "only a model grades it, and a check asks none"
        return graded if pair[0].scores else "the task has no scorer"
    if not answers[0].strip():
        return "the sample has no target, so that nobody knows a right answer"
    if answers[0] == answers[1]:
        return f"every answer is right: there is none but {answers[0]!r} to choose"
    # an errors' count of 0 is no wrong answer where others are 3
    if all(
        credit(value) is None or credit(wrong.get(name)) is None for name, value in right.items()
    ):
        shown = ", ".join(f"{name} {value} and {wrong.get(name)}" for name, value in right.items())
        return (
            f"its scores of the right and the wrong answer ({shown}) are neither right nor wrong: "
            "such are C and I, true and false, and numbers from 0 to 1"
        )
    return ""


def _scores(sample: EvalSample) -> dict[str, object]:
    """Each scorer's value by name, a dictionary's by its keys too; models' grades left out."""
    graded_by_model = _asking_scorers(sample)
    found: dict[str, object] = {}
    for name, score in (sample.scores or {}).items():
        if name in graded_by_model or f"{name}1" in graded_by_model:
            continue
        if isinstance(score.value, Mapping):
            found |= {f"{name}.{key}": value for key, value in score.value.items()}
        else:
            found[name] = score.value
    return found


def _asking_scorers(sample: EvalSample) -> set[str]:
    spans = {e.id: e for e in sample.events if isinstance(e, SpanBeginEvent)}
    names = set()
    for call in scorer_calls(sample.events):
        span = spans.get(call.span_id or "")
        while span is not None:
            names.add(span.name)
            span = spans.get(span.parent_id or "")
    return names


def _asked(sample: EvalSample) -> str:
    prefix = f"{AskedFor.__name__}:"
    asked = {k.removeprefix(prefix): v for k, v in sample.store.items() if k.startswith(prefix)}
    if not asked:
        return ""
    alone = "; the scorer is shown the answer alone" if asked.get("alone") else ""
    return f"{asked.get('answer_format')} (from {asked.get('found')}){alone}"
