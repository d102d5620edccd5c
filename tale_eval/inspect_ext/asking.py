"""Putting a question to a model the way a method wants it, on any task.

On tale-eval's own tasks the sample's metadata says what is asked and in which
language. On other people's tasks, marked choices go through Inspect's
`multiple_choice`, so that their `choice()` scorer finds its marks, and free answers
end in an "ANSWER: x" line, which their `match()` scorer reads.
"""

from dataclasses import dataclass
from typing import Any, Literal, cast

from inspect_ai.model import ChatMessageSystem, Model, get_model
from inspect_ai.solver import Generate, TaskState, multiple_choice

from tale_eval.asking.prompts import (
    AnswerFormat,
    Kind,
    Language,
    Style,
    cot_prompt,
    direct_prompt,
    with_options,
)
from tale_eval.errors import InvalidValueError
from tale_eval.inspect_ext.record import record_call
from tale_eval.tokens.ledger import Call, Purpose

FormatChoice = Literal["auto", "bracketed", "answer_line", "boxed", "none"]

EPOCH_STRIDE = 1000
"""How far apart the seeds of two epochs lie; a search asks its samples with those between."""


@dataclass(frozen=True)
class Asking:
    """How questions are put.

    Attributes:
        system_prompt: Used where the task brings no system message; empty for none.
        answer_format: "auto" is the paper's [[x]] on our own tasks, an "ANSWER: x"
            line on others.
        style: Whether the format line stands before the reasoning ("paper") or after.
        reasoning: False asks for the answer alone.
    """

    system_prompt: str
    answer_format: FormatChoice
    style: Style = "paper"
    reasoning: bool = True


def question_of(state: TaskState) -> str:
    """The question as the user wrote it, with its options."""
    options = [choice.value for choice in state.choices]
    question = state.user_prompt.text
    return with_options(question, options) if options else question


async def ask(
    state: TaskState,
    generate: Generate,
    asking: Asking,
    *,
    budget: int | None = None,
    purpose: Purpose = "answer",
    seed: int | None = None,
) -> tuple[TaskState, Call]:
    """Ask the question once, and write the call into the ledger.

    Args:
        state: The sample.
        generate: Inspect's generate function.
        asking: How the question is put.
        budget: Tokens that the model is told to stay below; None for no budget.
        purpose: Why it is asked.
        seed: Replaces the run's own seed.
    """
    _add_system_prompt(state, asking.system_prompt)
    if seed is None:
        seed = epoch_seed(state, get_model())
    try:
        state = await _put(state, _seeded(generate, seed), asking, budget)
    except IndexError:
        # Inspect has no message to go on with after a reply without any choice, and the
        # sample fails; the tokens were spent all the same
        if state.output.empty:
            record_call(state, state.output, purpose, budget=budget)
        raise
    return state, record_call(state, state.output, purpose, budget=budget)


def epoch_seed(state: TaskState, model: Model) -> int | None:
    """The seed that the run sets for a model, moved on in every later epoch.

    With one seed for all, a server that obeys it would give the same answer in every epoch.
    """
    # what the model, the task and the command line together say is not public in Inspect
    seed = model._resolve_config(None).seed
    return None if seed is None else seed + EPOCH_STRIDE * (state.epoch - 1)


async def _put(
    state: TaskState, generate: Generate, asking: Asking, budget: int | None
) -> TaskState:
    if state.choices and not _is_ours(state):
        if asking.answer_format in ("bracketed", "boxed"):
            raise InvalidValueError(
                f"answer_format={asking.answer_format!r}: Inspect marks the choice that an "
                "'ANSWER: x' line names; use 'auto'"
            )
        # Inspect fills in the question and its options, and marks the choice
        template = _prompt("{question}\n\n{choices}", "choice", "en", asking, budget)
        return await multiple_choice(template=template)(state, generate)
    kind: Kind = "choice" if state.choices else "cloze"
    language: Language = state.metadata["language"] if _is_ours(state) else "en"
    state.user_prompt.text = _prompt(
        question_of(state), kind, language, asking, budget, ours=_is_ours(state)
    )
    return await generate(state)


def _seeded(generate: Generate, seed: int | None) -> Generate:
    if seed is None:
        return generate

    async def seeded(state: TaskState, *args: Any, **kwargs: Any) -> TaskState:
        return await generate(state, *args, **{**kwargs, "seed": seed})

    return cast(Generate, seeded)


def _prompt(
    question: str,
    kind: Kind,
    language: Language,
    asking: Asking,
    budget: int | None,
    ours: bool = False,
) -> str:
    answer_format: AnswerFormat
    if asking.answer_format == "auto":
        answer_format = "bracketed" if ours else "answer_line"
    else:
        answer_format = asking.answer_format
    if not asking.reasoning:
        return direct_prompt(question, kind, language, answer_format)
    return cot_prompt(question, kind, language, answer_format, budget=budget, style=asking.style)


def _is_ours(state: TaskState) -> bool:
    return {"benchmark", "kind", "language"} <= state.metadata.keys()


def _add_system_prompt(state: TaskState, system_prompt: str) -> None:
    if system_prompt and not any(m.role == "system" for m in state.messages):
        state.messages.insert(0, ChatMessageSystem(content=system_prompt))
