"""A method around somebody else's lm-eval task, which itself stays as it is.

Its prompt, worked examples, filters and metrics are its own. What the method adds goes around
the question of the last turn (`tale_eval.asking.turns`), and what was asked and spent is
written beside the task's own metrics.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from lm_eval.api.instance import Instance

from tale_eval.asking.prompts import PROMPT_VERSION
from tale_eval.asking.question import Question
from tale_eval.asking.turns import (
    Turn,
    as_question,
    asks_not_to_reason,
    asks_to_reason,
    put_around,
    read_turn,
)
from tale_eval.budgets.plan import Ask, Plan
from tale_eval.errors import InvalidValueError, UnknownNameError
from tale_eval.lm_eval_ext import results
from tale_eval.lm_eval_ext.cautions import after_asking
from tale_eval.lm_eval_ext.documents import plan_of, plans
from tale_eval.lm_eval_ext.exchange import exchanged
from tale_eval.lm_eval_ext.labels import OWN_PROMPT
from tale_eval.solvers import methods, resolve

OWN = "own"
"""``--method own``: the task as it is, its tokens counted."""

MARK = "tale_method"
"""The generation setting that names the method: it parts what ``--use_cache`` holds, too."""

_PLACE = "[the question that tale-eval asks]"
"""Stands in a prompt for a text that comes later."""

_TAKE_ALL = ("take_first", "take_first_k", "remove_whitespace", "lowercase", "uppercase")
"""Filters that leave a reply whole."""

_LONG_ANSWER = 60
"""Characters of a worked example's answer from which on it reasons."""


@dataclass(frozen=True)
class Around:
    """A method around one request.

    Attributes:
        method: Its label.
        task: The task's name.
        text: The last user turn, as the task renders it.
        apart: A prompt that holds nothing but `_PLACE`: what helps the method sees no worked
            example.
        asked_to_reason: What in the task's own prompt asks for the reasoning that the method
            asks to leave out; None where they agree.
        without_reasoning: The method asks for an answer alone.
        compares_whole: The task compares all of a reply with the answer.
        caps: The method has a cap of its own in the place of the task's.
    """

    method: str
    task: str
    text: str
    apart: Any
    asked_to_reason: str | None = None
    without_reasoning: bool = False
    compares_whole: bool = False
    caps: bool = False

    @property
    def turn(self) -> Turn:
        """The question and its answer cue."""
        return read_turn(self.text)


def checked_method(text: str) -> str:
    """The label of a method that can be put around any task.

    Raises:
        UnknownNameError: No such method or argument.
        InvalidValueError: One that only Inspect can follow, or an argument that has no place.
    """
    if text == OWN:
        return OWN
    method = resolve(text)
    if method.name not in (usable := plans()):
        # a plan's name, or the reason why this one is none
        methods()[method.name].plan(method.arguments)
        raise UnknownNameError("method", method.name, [*usable, OWN])
    if "system_prompt" in method.arguments:
        raise InvalidValueError(
            f"method {method.name}: system_prompt is lm_eval's own here: leave it out, and give "
            "--system_instruction"
        )
    plan = methods()[method.name].plan(method.arguments)
    if plan.way.answer_format == "answer_only":
        raise InvalidValueError(
            f"method {method.name}: answer_format='answer_only': the task's own filters read the "
            "whole reply here; use 'auto', which leaves the format to the task's own words"
        )
    if getattr(plan.way, "shots", None):
        raise InvalidValueError(
            f"method {method.name}: worked examples are the task's own here: leave out shots, and "
            "give --num_fewshot"
        )
    return str(method)


def put_method_around(tasks: Mapping[str, Any], method: str) -> None:
    """From now on these tasks are asked by a method, and say what it spent.

    Args:
        tasks: lm_eval's, by name, before their requests are built.
        method: A label of `checked_method`'s.
    """
    for task in tasks.values():
        task.build_all_requests = partial(_built, task, method, task.build_all_requests)


def stood_in(request: Instance) -> Instance:
    """A request whose document our models follow; any other as it is."""
    around = getattr(request, "around", None)
    if around is None:
        return request
    stand_in = copy(request)
    context, settings, *rest = request.args
    stand_in.arguments = (context, {k: v for k, v in settings.items() if k != MARK}, *rest)
    question = as_question(around.turn.question)
    stand_in.doc = {
        "prompt_version": PROMPT_VERSION,
        "method": around.method,
        "prompt": around.text,
        "question": question.text,
        "kind": question.kind,
        "language": question.language,
        "benchmark": around.task,
        "subset": None,
        "replies": [],
        "around": around,
    }
    return stand_in


def plan_for(document: Mapping[str, Any]) -> Plan:
    """The plan of a document's method, around its task's own prompt where that is another's."""
    plan = plan_of(document["method"])
    around: Around | None = document.get("around")
    if around is None:
        return plan
    # no second format beside the task's own, unless the user asks for one
    way = replace(plan.way, answer_format=plan.way.format_for("none"))
    return replace(plan, steps=partial(_steps_around, plan, around.turn.cue), way=way)


def placed(request: Instance, ask: Ask) -> tuple[Any, dict[str, Any]]:
    """The prompt in which a request's own text is exchanged for an ask's, and its settings."""
    context, settings, *_ = request.args
    around: Around | None = request.doc.get("around")
    if around is None or ask.answers:
        return context, settings
    # stops are there to end the task's answers
    return exchanged(around.apart, _PLACE, around.text), {**settings, "until": []}


def _steps_around(plan: Plan, cue: str, question: Question) -> Generator[Any, Any, Any]:
    steps = plan.steps(question)
    asked: Any = next(steps)
    while True:
        reply = yield _placed_asks(asked, cue)
        try:
            asked = steps.send(reply)
        except StopIteration as end:
            return end.value


def _placed_asks(asked: Any, cue: str) -> Any:
    if isinstance(asked, tuple):
        return tuple(_placed_asks(ask, cue) for ask in asked)
    if not asked.answers:
        return asked
    words, at = asked.words, asked.at
    return replace(
        asked,
        words=lambda question: put_around(words, question, cue),
        at=at and (lambda budget: _placed_asks(at(budget), cue)),
    )


def _built(task: Any, method: str, build: Callable[..., None], **options: Any) -> None:
    """Build a task's requests, and put the method around each."""
    with _naming_too_few_examples(task):
        build(**options)
    if taken := results.AGGREGATIONS.keys() & task.aggregation().keys():
        raise InvalidValueError(
            f"--tasks {task.task_name}: its metric {min(taken)!r} has the name of one of "
            "tale-eval's counts: give it another name in the task's file"
        )
    apart = _apart(options)
    for request in task.instances:
        if request.request_type != "generate_until":
            raise InvalidValueError(
                f"--tasks {request.task_name}: asks for likelihoods ({request.request_type}), and "
                "a method needs a model that writes"
            )
        if method != OWN:
            _mark(task, method, request, apart)
    _Counted(task, method).take_over()


@contextmanager
def _naming_too_few_examples(task: Any) -> Iterator[None]:
    """lm_eval shows a traceback that names neither the task nor the number."""
    try:
        yield
    except ValueError as error:
        if not str(error).startswith("Sample larger than population"):
            raise
        wanted, there = task.config.num_fewshot, len(list(task.fewshot_docs()))
        raise InvalidValueError(
            f"--num_fewshot {wanted}: {task.task_name} has {there} worked examples, and shows no "
            "question as its own: give a smaller number"
        ) from error


def _mark(task: Any, method: str, request: Any, apart: Any) -> None:
    context, settings, *rest = request.args
    text = task.doc_to_text(request.doc)
    if not isinstance(text, str) or not text.strip():
        raise InvalidValueError(
            f"--tasks {request.task_name}: its question is {text!r}, and a method needs a text"
        )
    whole = exchanged(context, text, text)
    reasons = asks_to_reason(_shown(whole)) or _reasoning_examples(task)
    alone = _asks_for_no_reasoning(method)
    request.around = Around(
        method,
        request.task_name,
        text,
        apart,
        asked_to_reason=reasons if alone else None,
        without_reasoning=alone,
        compares_whole=_compares_whole(task),
        caps="cap" in plan_of(method).control.settings,
    )
    request.arguments = (context, {**settings, MARK: method}, *rest)


def _apart(options: Mapping[str, Any]) -> Any:
    """A prompt without worked examples, with `_PLACE` where the question belongs."""
    system = options.get("system_instruction")
    if not options.get("apply_chat_template"):
        return f"{system}\n\n{_PLACE}" if system else _PLACE
    messages = [{"role": "user", "content": _PLACE}]
    if system:
        messages.insert(0, {"role": "system", "content": system})
    return options["chat_template"](messages)


def _compares_whole(task: Any) -> bool:
    """Whether no filter takes the answer out of a reply that must equal it."""
    config = task.config
    if config.process_results is not None or "exact_match" not in task.aggregation():
        return False
    filters = [step["function"] for one in config.filter_list or () for step in one["filter"]]
    return all(name in _TAKE_ALL for name in filters)


def _shown(context: Any) -> str:
    return context if isinstance(context, str) else str(getattr(context, "prompt", context))


def _reasoning_examples(task: Any) -> str | None:
    """That a task's worked examples reason; None if there are none, or they do not."""
    if not task.config.num_fewshot:
        return None
    example = next(iter(task.fewshot_docs()), None)
    if example is None:
        return None
    configured = getattr(task, "fewshot_cfg", None)
    # only a task of a YAML file has other words for its examples
    answer = task.doc_to_target(example, *([configured.doc_to_target] if configured else []))
    shown = answer[0] if isinstance(answer, list) and answer else answer
    return "its worked examples" if len(str(shown)) >= _LONG_ANSWER else None


@cache
def _asks_for_no_reasoning(method: str) -> bool:
    first: Any = next(plan_of(method).steps(as_question("?")))
    asks = first if isinstance(first, tuple) else (first,)
    return any(ask.answers and asks_not_to_reason(ask.words) for ask in asks)


@dataclass
class _Carried:
    """A filtered response on its way to the task's metrics, with the replies that it is of."""

    request: Any
    filter_name: str
    value: Any

    def given_back(self) -> Any:
        """The response, back in its place, where lm_eval writes it from."""
        self.request.filtered_resps[self.filter_name] = self.value
        return self.value


class _Counted:
    """A task that says beside its metrics what each answer took."""

    def __init__(self, task: Any, method: str) -> None:
        self._task, self._label = task, OWN_PROMPT if method == OWN else method
        self._filter, self._score = task.apply_filters, task.process_results
        self._aggregation, self._direction = task.aggregation, task.higher_is_better

    def take_over(self) -> None:
        """Stand in front of the task's own functions."""
        self._task.apply_filters = self.apply_filters
        self._task.process_results = self.process_results
        self._task.aggregation = lambda: {**results.AGGREGATIONS, **self._aggregation()}
        self._task.higher_is_better = lambda: {**results.HIGHER_IS_BETTER, **self._direction()}

    def apply_filters(self) -> Any:
        filtered = self._filter()
        for request in self._task.instances:
            sent = getattr(request.resps[0], "sent", None)
            if sent is not None:
                # lm_eval writes into its sample files what it holds for the prompt
                request.arguments = (sent, *request.args[1:])
            for name, value in request.filtered_resps.items():
                request.filtered_resps[name] = _Carried(request, name, value)
        replies = [reply for request in self._task.instances for reply in request.resps]
        after_asking(self._task.task_name, self._label, replies)
        return filtered

    def process_results(self, document: Any, carried: Sequence[_Carried]) -> dict[str, Any]:
        requests = [one.request for one in carried]
        values = [one.given_back() for one in carried]
        told = self._told(requests)
        if told["failed"]:
            return told
        return {**self._score(document, values), **told}

    def _told(self, requests: Sequence[Any]) -> dict[str, Any]:
        replies = [reply for request in requests for reply in request.resps]
        told = {"method": self._label}
        around = getattr(requests[0], "around", None)
        if around is not None and around.asked_to_reason:
            told["asked_to_reason"] = around.asked_to_reason
        return told | results.spent(replies)
