"""From a benchmark's questions to lm-eval documents, each with the prompt to send.

A document is a flat dictionary; lm_eval writes it into its sample files, where
`tale_eval.lm_eval_ext.samples` and `tale_eval.lm_eval_ext.estimates` find it again. What is
asked is the plan of the method that the document names, the same as in Inspect.
"""

import inspect
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from inspect_ai.dataset import Sample

from tale_eval import __version__
from tale_eval.asking.method import Method
from tale_eval.asking.prompts import PROMPT_VERSION
from tale_eval.asking.question import Question
from tale_eval.budgets.plan import Ask, Plan, ReplyText, asks_of, told
from tale_eval.budgets.reading import BudgetReading
from tale_eval.datasets.examples import offer, question_text, shots_for
from tale_eval.errors import InvalidValueError, check_name
from tale_eval.inspect_ext.method import Definition
from tale_eval.lm_eval_ext.estimates import NO_ESTIMATE, EstimatedBudget, read_estimates
from tale_eval.lm_eval_ext.labels import task_label
from tale_eval.solvers import methods
from tale_eval.tasks import benchmarks

_LOGGER = logging.getLogger(__name__)

Document = Mapping[str, Any]

PREFIX = "tale_"
"""How our own keys of ``--metadata`` begin: the model's arguments stand there too."""

ESTIMATE = "estimate"
"""The task that asks TALE-EP's estimator alone; no method of its own."""

ESTIMATES = "estimates"
"""Our key for the sample file of such a task."""

ONE_RUN = "models_of_tale_eval"
"""Metadata that says that our models answer, which follow a plan of several asks in one run."""

_ROTATIONS = "circular"
"""The loader's argument for rotated options: no metric of lm_eval's joins the rotations."""


@dataclass(frozen=True)
class _Asked:
    """What one task asks: a method with its arguments, or TALE-EP's estimate alone."""

    name: str
    definition: Definition
    arguments: Mapping[str, Any]

    @property
    def label(self) -> str:
        if self.name == ESTIMATE:
            return ESTIMATE
        return str(self.definition.method(self.arguments))

    @property
    def plan(self) -> Plan:
        return self.definition.plan(self.arguments)


def documents(tale: Mapping[str, Any], **metadata: Any) -> dict[str, Any]:
    """The questions of one task: lm-eval's ``custom_dataset``.

    Args:
        tale: What the task's YAML fixes: "benchmark", "method", and arguments of the
            benchmark's loader; "version" where tale-eval wrote the file.
        metadata: lm_eval's metadata. Keys that begin with "tale_" are ours: arguments of the
            benchmark's loader and of the method, such as ``tale_source=DIR``,
            ``tale_tokens=100`` or ``tale_style=answer_last``, and ``tale_estimates=FILE``; the
            others are not looked at. Nor are those of other methods: a group of tasks has one
            metadata.

    Returns:
        One split, "test", as a `datasets.Dataset`.

    Raises:
        UnknownNameError: A "tale_" key that neither the benchmark nor any method has.
        InvalidValueError: No estimates for a method that needs them, or estimates that do
            not fit; an argument that makes no sense; rotated options; a task file that
            another version wrote.
        SourceError: The data, or the file of estimates, is not there.
    """
    from datasets import Dataset

    fixed = dict(tale)
    _check_version(fixed.pop("version", None))
    if new_name := fixed.pop("renamed", None):
        _LOGGER.warning("this task is called %s now; the old name goes soon", new_name)
    benchmark, written = fixed.pop("benchmark"), Method.parse(fixed.pop("method"))
    name = "tale_ep" if written.name == ESTIMATE else written.name
    definition = methods()[name]
    options = _options(benchmark, written.name, fixed, metadata)
    file = options.pop(ESTIMATES, None)
    loader = inspect.signature(benchmarks()[benchmark].load).parameters
    given = {key: value for key, value in options.items() if key not in loader}
    chosen = {key: value for key, value in options.items() if key in loader}
    asked = _asked(written, definition, given, file)
    samples = benchmarks()[benchmark].samples(**fixed, **chosen)
    offer(samples, benchmarks()[benchmark].training_split(**fixed, **chosen))
    estimates = read_estimates(str(file), [str(s.id) for s in samples]) if file is not None else {}
    heading = ""
    if asked.name != ESTIMATE and not metadata.get(ONE_RUN):
        _check_one_ask(asked, samples[0], estimates)
    elif file is None and _begins_like_another(asked.plan, samples[0]):
        # lm_eval's cache goes by the prompt, and the first one of a plan of several may be
        # another method's only one; the words that are sent are put in its place
        heading = f"{asked.label}\n\n"
    common = {
        # as Inspect calls it, which knows somebody else's by the package too
        "task": task_label(benchmarks()[benchmark].task.removeprefix("tale_eval/"), fixed | chosen),
        "method": asked.label,
        "prompt_version": PROMPT_VERSION,
        "system_prompt": asked.plan.way.system_prompt,
        # lm_eval passes the model's arguments along: who counts where nobody else does
        "tokenizer": metadata.get("tokenizer") or metadata.get("pretrained"),
        "estimates": file and str(file),
    }
    rows = [common | _document(sample, asked, file, estimates, heading) for sample in samples]
    return {"test": Dataset.from_list(rows)}


def prompt(document: Document) -> str:
    """What is sent: lm-eval's ``doc_to_text``, called for the questions of this run alone.

    Raises:
        InvalidValueError: The file of estimates ends before this question.
    """
    if document["prompt"] is None:
        raise InvalidValueError(
            f"{document['estimates']} holds no estimate for question {document['id']}: run the "
            "..._estimate task with the --limit of this run, or without one"
        )
    return str(document["prompt"])


@cache
def plan_of(label: str) -> Plan:
    """The plan of a document's method."""
    method = Method.parse(label)
    return methods()[method.name].plan(method.arguments)


def question_of(document: Document, plan: Plan) -> Question:
    """What a document asks, in the way of a plan."""
    return Question(
        document["question"],
        document["kind"],
        document["language"],
        plan.way.format_for(plan.way.own_format),
        shots_for(document["question"], plan.way.shots, document["benchmark"], document["subset"]),
    )


def _asked(
    written: Method, definition: Definition, given: Mapping[str, Any], file: object
) -> _Asked:
    """The method with the arguments of file and metadata; what they say wrongly is named."""
    cap = f"{PREFIX}estimator_max_tokens"
    if file is not None and cap.removeprefix(PREFIX) in given:
        raise InvalidValueError(
            f"{cap}: the estimates of {file} are there already; leave out this key or "
            f"{PREFIX}{ESTIMATES}"
        )
    for key, value in given.items():
        _check_whole(key, value, definition.parameters[key].annotation)
    arguments = {**definition.example, **written.arguments, **given}
    try:
        # created, so that a value that makes no sense is found before the data is loaded
        definition.method(arguments)
    except InvalidValueError as error:
        if str(error).partition("=")[0] in given:
            raise InvalidValueError(f"{PREFIX}{error}") from error
        raise
    return _Asked(written.name, definition, arguments)


def _check_whole(key: str, value: object, annotation: Any) -> None:
    # lm_eval reads 12.5, 50.0 and true off its command line as they look
    if annotation is int and (isinstance(value, bool) or not isinstance(value, int)):
        raise InvalidValueError(f"{PREFIX}{key}={value!r}: must be a whole number from 1 up")


def _check_version(version: object) -> None:
    if version not in (None, __version__):
        raise InvalidValueError(
            f"this task file was written by tale-eval {version}, and {__version__} is installed: "
            'give --include_path "$(tale-eval lm-eval --path)" anew'
        )


def _document(
    sample: Sample,
    asked: _Asked,
    file: object,
    estimates: Mapping[str, EstimatedBudget],
    heading: str,
) -> dict[str, Any]:
    metadata = sample.metadata or {}
    estimate = estimates.get(str(sample.id), NO_ESTIMATE)
    document = {
        "id": str(sample.id),
        "benchmark": metadata["benchmark"],
        "subset": metadata["subset"],
        "kind": metadata["kind"],
        "language": metadata["language"],
        "question": question_text(sample),
        "options": sample.choices,
        "gold": str(sample.target),
        "replies": [] if estimate.reply is None else [estimate.reply],
        "estimate_calls": [call.model_dump_json() for call in estimate.calls],
    }
    plan = asked.plan
    question = question_of(document, plan)
    ask = _next_ask(plan, question, document["replies"])
    reading = ask.reading or BudgetReading(None, "missing")
    return document | {
        "budget": ask.budget,
        "budget_status": ask.reading and reading.status,
        "budget_echoed": reading.echoed,
        "prompt": None
        if file is not None and not ask.answers
        else f"{heading}{ask.words(question)}",
    }


def _begins_like_another(plan: Plan, sample: Sample) -> bool:
    """Whether a plan of several asks may begin with what another method asks and no more.

    An estimate is asked by nobody else.
    """
    question = Question(question_text(sample), "cloze", "en", plan.way.format_for("bracketed"))
    steps = plan.steps(question)
    first = next(steps)
    if asks_of(first)[0].purpose == "estimate":
        return False
    try:
        steps.send(told(first, [ReplyText("", 0, False)] * len(asks_of(first))))
    except StopIteration:
        return len(asks_of(first)) > 1
    return True


def _next_ask(plan: Plan, question: Question, replies: Sequence[str]) -> Ask:
    """What a plan asks after these replies; the first thing, where it asks several at once."""
    steps = plan.steps(question)
    asked = next(steps)
    for reply in replies:
        asked = steps.send(ReplyText(reply))
    return asks_of(asked)[0]


def _options(
    benchmark: str, method: str, fixed: Mapping[str, Any], metadata: Mapping[str, Any]
) -> dict[str, Any]:
    """Our keys of the metadata, as far as they are the benchmark's or this method's."""
    loader = inspect.signature(benchmarks()[benchmark].load).parameters
    of_benchmark = {name for name in loader if name not in fixed}
    options = {
        key.removeprefix(PREFIX): value for key, value in metadata.items() if key.startswith(PREFIX)
    }
    if _ROTATIONS in options.keys() & loader.keys():
        raise InvalidValueError(
            f"{PREFIX}{_ROTATIONS}: lm_eval would count each rotation as a question of its own; "
            f"ask with 'inspect eval tale_eval/{benchmark} -T {_ROTATIONS}=true'"
        )
    if method == ESTIMATE and "estimator_max_tokens" in options:
        raise InvalidValueError(
            f"{PREFIX}estimator_max_tokens: an estimate that is a task of its own is capped with "
            "--gen_kwargs max_gen_toks=…"
        )
    every = {name for definition in plans().values() for name in _keys(definition)}
    allowed = sorted(PREFIX + name for name in of_benchmark | every if name != _ROTATIONS)
    for name in options:
        check_name("--metadata key", PREFIX + name, allowed)
    own = of_benchmark | (set() if method == ESTIMATE else _keys(methods()[method]))
    return {name: value for name, value in options.items() if name in own}


def plans(problems: list[str] | None = None) -> dict[str, Definition]:
    """The methods that lm-eval can follow, by name; why another one cannot be used goes into
    `problems`."""
    problems = [] if problems is None else problems
    found = methods().usable(problems)
    if found.pop(ESTIMATE, None):
        problems.append(
            f"method {ESTIMATE!r} of {methods().origin(ESTIMATE)} has no lm-eval task: in lm-eval "
            "that name is TALE-EP's estimator alone; rename the method"
        )
    return {name: definition for name, definition in found.items() if definition.plans}


def _keys(definition: Definition) -> set[str]:
    # a system prompt is lm_eval's own --system_instruction
    keys = {*definition.parameters} - {"system_prompt"}
    return keys | {ESTIMATES} if "estimator" in keys else keys


def _check_one_ask(asked: _Asked, sample: Sample, estimates: Mapping[str, EstimatedBudget]) -> None:
    """Refuse a plan that asks more than the one thing that lm_eval by itself asks.

    Raises:
        InvalidValueError: It does, beside what the estimates answer already.
    """
    plan = asked.plan
    if plan.control.settings:
        raise InvalidValueError(
            f"control={plan.control}: lm_eval by itself asks all questions with the same settings; "
            "run it by 'tale-eval lm-eval'"
        )
    question = Question(question_text(sample), "cloze", "en", plan.way.format_for("bracketed"))
    steps = plan.steps(question)
    first = next(steps)
    replies = [*filter(None, [estimates.get(str(sample.id), NO_ESTIMATE).reply])]
    for reply in replies:
        first = steps.send(ReplyText(reply))
    ask, *others = asks_of(first)
    if asked.name == "tale_ep" and not ask.answers:
        raise InvalidValueError(
            "TALE-EP needs the estimated budgets: run the benchmark's ..._estimate task with "
            "--log_samples, then this one with --metadata tale_estimates=SAMPLES_FILE; or let "
            "'tale-eval lm-eval' do both in one run"
        )
    try:
        if not others:
            steps.send(ReplyText(""))
    except StopIteration:
        return
    raise InvalidValueError(
        f"method {asked.name} asks several things about each question, and lm_eval by itself asks "
        "one: run it by 'tale-eval lm-eval'"
    )
