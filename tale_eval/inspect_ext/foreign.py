"""Putting a question of somebody else's task, so that its own scorer can read the answer.

The task's own solver runs as it is, but for the moment in which it asks the model: there
the method puts its words around what the task has prepared. So the task's system
messages, examples, templates and tools are kept, and whatever its solver does with a
reply. What is asked for is what the scorers read (`own_task`), unless the question itself
says how to answer. What was chosen, and from where, stands in each sample's store, and is
said once a run.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from inspect_ai.model import ChatMessageSystem
from inspect_ai.solver import (
    Generate,
    Solver,
    TaskState,
    chain,
    generate as generating,
    multiple_choice,
    prompt_template,
)
from inspect_ai.util import StoreModel, resource
from pydantic import Field

from tale_eval.asking.prompts import AnswerFormat, QuestionKind, with_options
from tale_eval.asking.question import Question, Way
from tale_eval.asking.stated import (
    LETTERS_SENTENCE,
    SENTENCE,
    Form,
    answer_alone,
    stated_forms,
    without_format,
    without_plain_format,
    without_reasoning,
)
from tale_eval.asking.turns import language_of
from tale_eval.budgets.plan import Ask
from tale_eval.datasets.examples import shots_for
from tale_eval.errors import InvalidValueError
from tale_eval.inspect_ext.own_task import OwnTask, Reads, arguments_of, name_of, own_task

_LOGGER = logging.getLogger("tale_eval")

Cut = Literal["nothing", "reasoning", "format"]
"""What is left out of the task's own template: nothing, sentences that say how much to
reason, or also those that say how to answer."""

REPLY = "tale_eval_reply"
"""Where an output's metadata holds the whole reply, if the scorer is shown less."""

_QUESTION_AND_OPTIONS = "{question}\n\n{choices}"


class AskedFor(StoreModel):
    """How a sample of somebody else's task was put; kept in its store and so in the log.

    Attributes:
        answer_format: The form of answer that was asked for; "none" where the task's own
            words say it.
        found: What it was taken from.
        kept: The steps of the task's own solver that ran.
        left_out: Sentences of its template that gave way to the method's.
        alone: The scorer is shown what stands in the ANSWER line, without the reasoning.
        tools: The task brought tools, or a loop of its own.
    """

    answer_format: str = "none"
    found: str = ""
    kept: list[str] = Field(default_factory=list)
    left_out: list[str] = Field(default_factory=list)
    alone: bool = False
    tools: bool = False


@dataclass(frozen=True)
class Choice:
    """What is asked of the model beside the question.

    Attributes:
        format: The answer format, in the method's words.
        found: What it was taken from.
        cut: What is left out of the task's own template.
        sentence: Our sentence for a form that methods have no words for.
        alone: Whether the scorer is shown the answer alone.
        open: Nothing was found before the task's own solver has written the prompt.
    """

    format: AnswerFormat
    found: str
    cut: Cut = "format"
    sentence: str = ""
    alone: bool = False
    open: bool = False

    @property
    def shown(self) -> str:
        """The format, for a reader."""
        if self.sentence:
            return self.sentence
        return "the task's own words" if self.format == "none" else self.format


def foreign_question(state: TaskState, way: Way) -> Question:
    """The question as the user wrote it, with its options."""
    options = [choice.value for choice in state.choices]
    text = _user_text(state)
    return Question(
        text=with_options(text, options) if options else text,
        kind="choice" if options else "cloze",
        language=language_of(text),
        answer_format=way.format_for("answer_line"),
        shots=shots_for(text, way.shots, "", ""),
    )


def _asked_of(state: TaskState) -> str:
    """The question as its sample has it, with its options: what examples are told from."""
    options = [choice.value for choice in state.choices]
    text = state.input_text
    return with_options(text, options) if options else text


async def put_foreign(state: TaskState, generate: Generate, asked: Ask, way: Way) -> TaskState:
    """Ask a question of somebody else's task.

    Args:
        state: The sample, as the task's setup left it.
        generate: Inspect's generate function.
        asked: What is asked.
        way: How it is put.

    Raises:
        InvalidValueError: The task cannot be asked this way; the message says why.
    """
    own = own_task(state)
    if way.answer_format == "none":
        # the way out: the method asks alone, and the task's own solver is left aside
        own = replace(own, steps=())
    if own.agent:
        if way.shots is not None:
            raise InvalidValueError(
                f"the task's own loop, {own.agent}(), asks the model itself, so that worked "
                "examples have no place in it: leave out shots and shots_file"
            )
        return await _put_before_the_loop(state, generate, asked, own)
    steps, letters = _steps(state, own)
    own = replace(own, steps=tuple(steps))
    chosen = _choose(state, own, way, letters)
    edited, left_out = _edited(steps, chosen, own)
    asking = _Asking(generate, asked, way, chosen, own, letters, left_out)
    state = await chain(*edited)(state, cast(Generate, asking))
    if not asking.reached:
        raise _never_asked(steps)
    _hand_over(state, asking.chosen)
    return state


@dataclass
class _Asking:
    """Inspect's generate, which puts the method's words in when it is first called."""

    generate: Generate
    asked: Ask
    way: Way
    chosen: Choice
    own: OwnTask
    letters: bool
    left_out: list[str]
    reached: bool = False

    async def __call__(self, state: TaskState, *args: Any, **kwargs: Any) -> TaskState:
        if not self.reached:
            self.reached = True
            if state.tools:
                _once(state)
            elif kwargs.get("max_tokens") is not None:
                # a cap for answers without reasoning, which the method's is not
                self.left_out.append(f"max_tokens={kwargs.pop('max_tokens')}")
            self._put(state)
        return await self.generate(state, *args, **kwargs)

    def _put(self, state: TaskState) -> None:
        prompt = _user_text(state)
        if self.chosen.cut == "format" and self.own.writes_itself:
            prompt, left_out = without_plain_format(prompt)
            self.left_out += left_out
        if self.chosen.open:
            self.chosen = _settled(self.chosen, _words(state), self.own.reads)
        sentence = self.chosen.sentence
        question = Question(
            text=f"{prompt}\n{sentence}" if sentence else prompt,
            kind="choice" if self.letters else "cloze",
            language=language_of(_asked_of(state)),
            answer_format=self.chosen.format,
            # the task's own steps may have put words around the question by now
            shots=shots_for(_asked_of(state), self.way.shots, "", ""),
        )
        state.user_prompt.text = self.asked.words(question)
        add_system_prompt(state, self.way.system_prompt)
        _record(state, self.chosen, self.own, self.left_out)


def add_system_prompt(state: TaskState, system_prompt: str) -> None:
    """Put a system prompt before a conversation that has none."""
    if system_prompt and not any(m.role == "system" for m in state.messages):
        state.messages.insert(0, ChatMessageSystem(content=system_prompt))


# --- Choosing what is asked for ---


def _choose(state: TaskState, own: OwnTask, way: Way, letters: bool) -> Choice:
    given = way.answer_format
    by_user = f"answer_format={given}"
    if given == "task":
        return Choice("none", by_user, "nothing")
    if given == "none":
        return Choice("none", by_user)
    if letters:
        return _choose_letters(given, own, stated_forms(_words(state)))
    if given == "answer_only":
        return Choice("answer_line", by_user, alone=True)
    if given != "auto":
        return Choice(given, by_user)
    return _found_out(stated_forms(_words(state)), own.reads)


def _choose_letters(given: str, own: OwnTask, stated: Sequence[Form]) -> Choice:
    if given not in ("auto", "answer_line"):
        raise InvalidValueError(
            f"answer_format={given!r}: Inspect marks the choice that an "
            "'ANSWER: x' line names; use 'auto'"
        )
    found = own.reads.found if own.reads.kind == "letters" else "solver multiple_choice()"
    if given == "auto" and "answer_line" in stated:
        return Choice("none", "the question itself states it (answer line)")
    if own.several:
        return Choice("none", f"{found}, several options may be right", sentence=LETTERS_SENTENCE)
    return Choice("answer_line", found)


def _found_out(stated: Sequence[Form], reads: Reads) -> Choice:
    """What is asked for on a task of which the user said nothing."""
    if reads.kind == "alone":
        return Choice("answer_line", f"{reads.found} reads the answer alone", alone=True)
    forms = [form for form in stated if form != "alone"]
    if forms:
        return Choice("none", f"the question itself states it ({_shown(forms[0])})", "reasoning")
    if reads.kind == "form" and reads.form is not None:
        return _in_form(reads.form, reads.found)
    if reads.kind == "anything":
        return Choice("none", f"{reads.found} reads any reply", "reasoning")
    return Choice("none", "", "reasoning", open=True)


def _in_form(form: Form, found: str) -> Choice:
    if form in ("answer_line", "boxed", "bracketed", "hashes"):
        return Choice(form, found)
    return Choice("none", found, sentence=SENTENCE[form])


def _settled(chosen: Choice, words: str, reads: Reads) -> Choice:
    """The choice for a scorer that nobody can read, by the words that the task has written."""
    forms = stated_forms(words)
    if forms == ["alone"]:
        found = f"the task's own words ask for the answer alone ({reads.found})"
        return replace(chosen, format="answer_line", found=found, alone=True, open=False)
    if forms:
        return replace(chosen, found=f"its prompt ({_shown(forms[0])})", open=False)
    return replace(chosen, found=f"nothing found in {reads.found}", open=True)


def _shown(form: Form) -> str:
    return form.replace("_", " ")


# --- The task's own steps ---


def _steps(state: TaskState, own: OwnTask) -> tuple[list[Solver], bool]:
    """The steps that put this question, and whether it is by letters that it is answered."""
    steps = list(own.steps)
    if not steps or (state.choices and not own.asks_by_itself):
        steps = [multiple_choice(template=_QUESTION_AND_OPTIONS) if state.choices else generating()]
    marked = own.reads.kind == "letters" and bool(state.choices)
    return steps, marked or any(name_of(step) == "multiple_choice" for step in steps)


def _edited(
    steps: Sequence[Solver], chosen: Choice, own: OwnTask
) -> tuple[list[Solver], list[str]]:
    """The steps with their templates cut, and what was left out."""
    if chosen.cut == "nothing":
        return list(steps), []
    edited: list[Solver] = []
    left_out: list[str] = []
    for step in steps:
        name, given = name_of(step), arguments_of(step)
        if name == "chain_of_thought":
            left_out.append("chain_of_thought()")
        elif name == "prompt_template":
            template, sentences = _cut(str(resource(given.pop("template"))), chosen.cut)
            edited.append(prompt_template(template, **given))
            left_out += sentences
        elif name == "multiple_choice":
            edited.append(_multiple_choice(given, chosen, own, left_out))
        else:
            edited.append(step)
    return edited, left_out


def _multiple_choice(
    given: dict[str, Any], chosen: Choice, own: OwnTask, left_out: list[str]
) -> Solver:
    written = given.pop("template", None)
    given.pop("cot", None)
    given["multiple_correct"] = own.several
    # Inspect's own templates say nothing but how to answer
    template = _QUESTION_AND_OPTIONS
    if written is not None:
        template, sentences = _cut(str(resource(written)), "format")
        left_out += sentences
    return multiple_choice(template=template, **given)


def _cut(template: str, cut: Cut) -> tuple[str, list[str]]:
    return without_format(template) if cut == "format" else without_reasoning(template)


def _never_asked(steps: Sequence[Solver]) -> InvalidValueError:
    names = ", ".join(name_of(step) for step in steps)
    return InvalidValueError(
        f"the task's own solver ({names}) asks the model itself, where no method can put its "
        "words in: leave it aside with answer_format=none, which asks the question alone"
    )


# --- Tools ---


async def _put_before_the_loop(
    state: TaskState, generate: Generate, asked: Ask, own: OwnTask
) -> TaskState:
    """Put the method's words into the task that an agent is given; its loop is its own."""
    if settings := asked.settings:
        raise InvalidValueError(
            f"the task's own loop, {own.agent}(), asks the model itself, so that "
            f"{', '.join(settings)} cannot be set for it: say the budget in the prompt"
        )
    _once(state)
    loop = next(index for index, step in enumerate(own.steps) if name_of(step) == own.agent)
    state = await chain(*own.steps[:loop])(state, generate)
    kind: QuestionKind = "choice" if state.choices else "cloze"
    language = language_of(_asked_of(state))
    state.user_prompt.text = asked.words(Question(_user_text(state), kind, language, "none"))
    chosen = Choice("none", f"the task's own loop, {own.agent}(), takes the answer", "nothing")
    _record(state, chosen, own, [])
    return await chain(*own.steps[loop:])(state, generate)


def _once(state: TaskState) -> None:
    """Refuse a second answer where the first may have changed the task's world."""
    if state.store.get(_key("tools")):
        raise InvalidValueError(
            "this method asks more than once for an answer, and the task has tools: what the "
            "first answer did with them would be there for the second; use a method that asks "
            "once, such as cot, budget or tale_ep"
        )
    _write(state, tools=True)


# --- What the scorer is shown, and what is recorded ---


def _hand_over(state: TaskState, chosen: Choice) -> None:
    """Show the scorer the answer alone; a reply without an ANSWER line stays whole."""
    reply = state.output.completion
    answer = answer_alone(reply) if chosen.alone else None
    if answer is None:
        return
    # with the output: a method may ask for several, and take one
    state.output.metadata = {**(state.output.metadata or {}), REPLY: reply}
    state.output.completion = answer
    if state.messages and state.messages[-1].role == "assistant":
        state.messages[-1].text = answer


def _record(state: TaskState, chosen: Choice, own: OwnTask, left_out: list[str]) -> None:
    kept = [name_of(step) for step in own.steps]
    _write(
        state,
        answer_format=chosen.shown,
        found=chosen.found,
        kept=kept,
        left_out=left_out,
        alone=chosen.alone,
    )
    _say(state.store_as(AskedFor), chosen, own)


_SAID: set[tuple[object, ...]] = set()


def _say(said: AskedFor, chosen: Choice, own: OwnTask) -> None:
    """Say once a run how a task is asked, and what to do where nothing was found."""
    parts = [f"answers are asked for as: {chosen.shown} (from {chosen.found})"]
    if said.alone:
        parts.append("the scorer is shown the answer alone")
    if said.kept and said.kept != ["generate"]:
        parts.append(f"kept of the task's own solver: {', '.join(said.kept)}")
    if said.left_out:
        parts.append(f"left out of its words: {' '.join(said.left_out)}")
    if own.cap is not None:
        parts.append(f"the task caps every reply at {own.cap} tokens; --max-tokens says otherwise")
    if chosen.open:
        parts.append("try it with `tale-eval check`, or say answer_format=")
    if (key := (own.run, *parts)) not in _SAID:
        _SAID.add(key)
        _LOGGER.warning("tale-eval: %s", "; ".join(parts))


def _write(state: TaskState, **fields: object) -> None:
    # by the store itself: an assignment to the model would validate all of it, every time
    for name, value in fields.items():
        state.store.set(_key(name), value)


def _key(field: str) -> str:
    return f"{AskedFor.__name__}:{field}"


def _user_text(state: TaskState) -> str:
    if not any(message.role == "user" for message in state.messages):
        raise InvalidValueError("this sample has no user message that a method could put in words")
    return state.user_prompt.text


def _words(state: TaskState) -> str:
    """What the task says to the model beside its examples: system messages and the question."""
    system = [message.text for message in state.messages if message.role == "system"]
    return "\n\n".join([*system, _user_text(state)])
