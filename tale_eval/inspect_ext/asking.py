"""Putting a question to a model the way a method wants it, on any task.

On tale-eval's own tasks the sample's metadata says what is asked and in which
language. On other people's tasks, marked choices go through Inspect's
`multiple_choice`, so that their `choice()` scorer finds its marks, and free answers
end in an "ANSWER: x" line, which their `match()` scorer reads.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, cast

from inspect_ai.model import (
    ChatMessage,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    Model,
    get_model,
    model_roles,
)
from inspect_ai.solver import Generate, TaskState, multiple_choice

from tale_eval.asking.prompts import with_options
from tale_eval.asking.question import Question, Way
from tale_eval.budgets.plan import Ask, Plan, accepted
from tale_eval.errors import InvalidValueError
from tale_eval.inspect_ext.plain_errors import naming_what_was_refused
from tale_eval.inspect_ext.providers import request_settings, smallest
from tale_eval.inspect_ext.record import record_call, record_estimate
from tale_eval.settings import MAX_RETRIES
from tale_eval.tokens.ledger import Call

EPOCH_STRIDE = 1000
"""How far apart the seeds of two epochs lie; a search asks its samples with those between."""


async def follow(state: TaskState, generate: Generate, plan: Plan) -> TaskState:
    """Ask what a plan asks, one thing after the other; its last answer is the sample's.

    Each answer is asked for anew: no earlier one stands in what the model is sent.
    """
    messages, choices = deepcopy(state.messages), deepcopy(state.choices)
    # a control that cannot be taken is refused before an estimator is asked
    floor = smallest(get_model(), plan.control)
    steps = plan.steps(_question(state, plan.way))
    asked: Ask | None = next(steps)
    while asked is not None:
        asked = accepted(asked, floor, str(get_model()))
        state.messages, state.choices = deepcopy(messages), deepcopy(choices)
        if asked.reading is not None:
            record_estimate(state, asked.reading)
        if asked.answers:
            state, _ = await ask(state, generate, asked, plan.way)
            reply = state.output.completion
        else:
            reply = await consult(state, asked, plan.way)
        asked = _next(steps.send, reply)
    return state


async def ask(
    state: TaskState, generate: Generate, asked: Ask, way: Way, *, seed: int | None = None
) -> tuple[TaskState, Call]:
    """Ask the question once, and write the call into the ledger.

    Args:
        state: The sample.
        generate: Inspect's generate function.
        asked: What is asked.
        way: How it is put.
        seed: Replaces the run's own seed.
    """
    _add_system_prompt(state, way.system_prompt)
    model = get_model()
    settings = request_settings(model, asked)
    seed = epoch_seed(state, model) if seed is None else seed
    if seed is not None:
        settings["seed"] = seed
    told: dict[str, Any] = {"budget": asked.budget, "controls": asked.controls}
    try:
        with _naming_the_system_prompt(way), naming_what_was_refused(str(model), asked.settings):
            state = await _put(state, _with_settings(generate, settings), asked, way)
    except IndexError:
        # Inspect has no message to go on with after a reply without any choice, and the
        # sample fails; the tokens were spent all the same
        if state.output.empty:
            record_call(state, state.output, asked.purpose, **told)
        raise
    return state, record_call(state, state.output, asked.purpose, **told)


async def consult(state: TaskState, asked: Ask, way: Way) -> str:
    """Ask a model something beside the question, and write the call into the ledger."""
    # an unbound role is the task's model itself: with default=, Inspect would copy it
    # and drop the task's temperature and seed
    bound = asked.role is not None and asked.role in model_roles()
    model = get_model(role=asked.role if bound else None)
    config = GenerateConfig(
        max_tokens=asked.max_tokens, seed=_moved(epoch_seed(state, model), asked)
    )
    if bound and model.config.max_retries is None:
        # the task's settings do not reach it
        config.max_retries = MAX_RETRIES
    messages: list[ChatMessage] = [ChatMessageUser(content=asked.words(_question(state, way)))]
    if way.system_prompt:
        messages.insert(0, ChatMessageSystem(content=way.system_prompt))
    with _naming_the_system_prompt(way):
        output = await model.generate(messages, config=config)
    record_call(
        state, output, asked.purpose, budget=asked.budget, controls=asked.controls, model=model
    )
    return output.completion


def epoch_seed(state: TaskState, model: Model) -> int | None:
    """The seed that the run sets for a model, moved on in every later epoch.

    With one seed for all, a server that obeys it would give the same answer in every epoch.
    """
    # what the model, the task and the command line together say is not public in Inspect
    seed = model._resolve_config(None).seed
    return None if seed is None else seed + EPOCH_STRIDE * (state.epoch - 1)


def _moved(seed: int | None, asked: Ask) -> int | None:
    return None if seed is None else seed + asked.repetition


def _next(send: Any, reply: str) -> Ask | None:
    """What a plan asks after this reply; None if nothing."""
    try:
        return cast(Ask, send(reply))
    except StopIteration:
        return None


def _question(state: TaskState, way: Way) -> Question:
    """The question as the user wrote it, with its options."""
    ours = _is_ours(state)
    options = [choice.value for choice in state.choices]
    text = state.user_prompt.text
    return Question(
        text=with_options(text, options) if options else text,
        kind="choice" if options else "cloze",
        language=state.metadata["language"] if ours else "en",
        answer_format=way.format_for("bracketed" if ours else "answer_line"),
    )


async def _put(state: TaskState, generate: Generate, asked: Ask, way: Way) -> TaskState:
    if state.choices and not _is_ours(state):
        if way.answer_format in ("bracketed", "boxed"):
            raise InvalidValueError(
                f"answer_format={way.answer_format!r}: Inspect marks the choice that an "
                "'ANSWER: x' line names; use 'auto'"
            )
        # Inspect fills in the question and its options, and marks the choice
        slots = Question("{question}\n\n{choices}", "choice", "en", way.format_for("answer_line"))
        return await multiple_choice(template=asked.words(slots))(state, generate)
    state.user_prompt.text = asked.words(_question(state, way))
    return await generate(state)


def _with_settings(generate: Generate, settings: Mapping[str, Any]) -> Generate:
    if not settings:
        return generate

    async def set_so(state: TaskState, *args: Any, **kwargs: Any) -> TaskState:
        return await generate(state, *args, **{**kwargs, **settings})

    return cast(Generate, set_so)


@contextmanager
def _naming_the_system_prompt(way: Way) -> Iterator[None]:
    """Where a chat template has no system role, say how to ask without one."""
    try:
        yield
    except Exception as error:
        # templates word it as they like, and a server hands their words on
        refused = re.search(r"system (role|message|prompt)", str(error), re.IGNORECASE)
        # a template's own refusal; the module is not imported, as other models need none
        from_template = type(error).__name__ == "TemplateError"
        if way.system_prompt and (refused or from_template):
            raise InvalidValueError(
                f"the model takes no system message, or not this prompt ({error}); ask without "
                "one: system_prompt=, as in the method cot:system_prompt="
            ) from error
        raise


def _is_ours(state: TaskState) -> bool:
    return {"benchmark", "kind", "language"} <= state.metadata.keys()


def _add_system_prompt(state: TaskState, system_prompt: str) -> None:
    if system_prompt and not any(m.role == "system" for m in state.messages):
        state.messages.insert(0, ChatMessageSystem(content=system_prompt))
