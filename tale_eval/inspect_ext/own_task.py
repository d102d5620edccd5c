"""The task that a sample belongs to: its own solver's steps, and what its scorers read.

Inspect hands a solver no task: with ``--solver`` the method stands in the place of the
task's own solver, whose template, examples and tools would be lost. Three things of
Inspect's are relied on, each pinned by a test:

- `Task` keeps `solver`, `scorer` and `dataset` (public), and is alive while it runs, so it
  is found among the living objects. Creating the task once more would load its data a
  second time, and could not be done for a task made in Python.
- The running sample's scorers are in a context variable of `inspect_ai.scorer._score`; the
  task whose `scorer` is that very list is the sample's. Without scorers (``--no-score``) the
  task is the one whose dataset has the very sample.
- Solvers and scorers carry their registered name and arguments
  (`inspect_ai._util.registry`).

Where any of them fails, the task is unknown, which is said, and nothing is assumed.
"""

import gc
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast
from weakref import WeakSet

from inspect_ai import Task
from inspect_ai._util.registry import (
    is_registry_object,
    registry_info,
    registry_lookup,
    registry_params,
)
from inspect_ai.dataset import Sample
from inspect_ai.scorer import AnswerPattern, Scorer, Target
from inspect_ai.scorer._score import _scorers
from inspect_ai.solver import Plan, Solver, TaskState

from tale_eval.asking.stated import Form, obedient_reply, stated_forms

Kind = Literal["form", "letters", "alone", "anything", "unknown"]


@dataclass(frozen=True)
class Reads:
    """What a task's scorers read in a reply.

    Attributes:
        kind: "form": an answer in `form`, wherever the reasoning stands; "letters": the marked
            options; "alone": the whole reply, which must be the answer alone; "anything": a
            model grades it; "unknown": somebody's own scorer.
        found: What it was taken from, for a reader.
        form: The form.
    """

    kind: Kind
    found: str
    form: Form | None = None


@dataclass(frozen=True)
class OwnTask:
    """What is known of the task that a sample belongs to.

    Attributes:
        steps: Its own solver's, in order; empty if it is not known, or has the method in it.
        reads: What its scorers read.
        several: More than one option may be right.
        cap: What its own settings cap a reply at, in tokens, where that leaves little room.
        run: Tells one running task from another.
    """

    steps: tuple[Solver, ...] = ()
    reads: Reads = field(default_factory=lambda: Reads("unknown", "the task is not known"))
    several: bool = False
    cap: int | None = None
    run: int = 0

    @property
    def agent(self) -> str | None:
        """The step that asks the model in a loop of its own; None if none does."""
        return next((name_of(step) for step in self.steps if _loops(step)), None)

    @property
    def writes_itself(self) -> bool:
        """Whether a step of somebody's own may have written on the format of an answer."""
        return any(name_of(step) not in _PLAIN for step in self.steps)

    @property
    def asks_by_itself(self) -> bool:
        """Whether there is anything in its own solver beside asking."""
        return any(name_of(step) != "generate" for step in self.steps)


_PLAIN = {
    "generate", "multiple_choice", "prompt_template", "chain_of_thought", "use_tools",
    "system_message", "user_message", "assistant_message",
}  # fmt: skip


def own_task(state: TaskState) -> OwnTask:
    """What is known of the task that this sample belongs to."""
    task = _task_of(state)
    if task is None:
        scorers = _running_scorers() or []
        found = _reads(scorers, [state.target]) if scorers else OwnTask().reads
        return OwnTask(reads=found, several=len(letters_of(state.target)) > 1)
    known = _KNOWN.get(id(task))
    if known is None or known[0] is not task:
        _KNOWN.clear()  # a process that runs many tasks keeps only the last one's
        known = _KNOWN[id(task)] = (task, _read(task))
    return known[1]


def name_of(step: object) -> str:
    """A solver's or scorer's registered name, without Inspect's own package."""
    if not is_registry_object(step):
        return getattr(step, "__name__", type(step).__name__)
    return registry_info(step).name.removeprefix("inspect_ai/")


def arguments_of(step: object) -> dict[str, Any]:
    """The arguments that a registered solver or scorer was made with."""
    return dict(registry_params(step)) if is_registry_object(step) else {}


_KNOWN: dict[int, tuple[Task, OwnTask]] = {}
_SEEN: WeakSet[Task] = WeakSet()


def _read(task: Task) -> OwnTask:
    steps = tuple(_unrolled(task.solver))
    if any(_is_method(step) for step in steps):
        steps = ()
    targets = [Target(sample.target) for sample in task.dataset]
    reads = _reads(task.scorer or [], targets[:_EXAMPLES])
    several = any(
        name_of(step) == "multiple_choice" and arguments_of(step).get("multiple_correct")
        for step in steps
    )
    if reads.kind == "letters" and not several:
        several = any(len(letters_of(target)) > 1 for target in targets)
    cap = task.config.max_tokens
    little = cap if cap is not None and cap < _LITTLE_ROOM else None
    return OwnTask(steps, reads, several, little, id(task))


_LITTLE_ROOM = 1024
"""Tokens; a chain of thought may need more."""


_EXAMPLES = 20
"""How many targets are tried on a scorer's pattern."""


def letters_of(target: Target) -> list[str]:
    """The letters of a choice's target, read as Inspect's scorer reads them."""
    tokens = [token for value in target for token in value.replace(",", " ").split()]
    return [mark for token in tokens for mark in ([token] if token.isnumeric() else token)]


def targets_beside(state: TaskState) -> list[Target]:
    """The targets of the task's first samples, beside this one's."""
    task = _task_of(state)
    samples = task.dataset[:_EXAMPLES] if task is not None else []
    return [Target(sample.target) for sample in samples if sample.input != state.input]


# --- Finding the task ---


def _task_of(state: TaskState) -> Task | None:
    scorers = _running_scorers()
    if scorers is not None:
        return next(_alive(lambda task: task.scorer is scorers), None)
    # the very sample where its input can be recognised; a conversation is copied on its way
    return next(_alive(lambda task: _has(task, state, _is_input)), None) or _only(
        list(_alive(lambda task: _has(task, state, _equals_input)))
    )


def _running_scorers() -> list[Scorer] | None:
    try:
        return _scorers.get()
    except LookupError:
        return None


def _alive(is_it: Callable[[Task], bool]) -> Iterator[Task]:
    """The living tasks of which this is true; those that were found before come first."""
    known = list(_SEEN)
    yield from (task for task in known if is_it(task))
    for task in [o for o in gc.get_objects() if issubclass(type(o), Task)]:
        if is_it(task) and not any(task is one for one in known):
            _SEEN.add(task)
            yield task


def _has(task: Task, state: TaskState, same: Callable[[Sample, TaskState], bool]) -> bool:
    return any(sample.id == state.sample_id and same(sample, state) for sample in task.dataset)


def _is_input(sample: Sample, state: TaskState) -> bool:
    return isinstance(sample.input, str) and sample.input is state.input


def _equals_input(sample: Sample, state: TaskState) -> bool:
    return sample.input == state.input


def _only(tasks: list[Task]) -> Task | None:
    return tasks[0] if len(tasks) == 1 else None


# --- Its solver ---


def _unrolled(solver: object) -> Iterable[Solver]:
    if isinstance(solver, Plan):
        yield from _unrolled(solver.steps)
    elif isinstance(solver, Sequence):
        for step in solver:
            yield from _unrolled(step)
    else:
        yield cast(Solver, solver)


def _is_method(step: Solver) -> bool:
    """Whether a step is a method of ours, or of somebody's who made it as we do."""
    factory = registry_lookup("solver", registry_info(step).name) if _registered(step) else None
    return hasattr(factory, "tale_eval_method")


def _registered(step: object) -> bool:
    return is_registry_object(step)


def _loops(step: Solver) -> bool:
    """Whether a solver asks the model itself, as agents do, not through `generate`."""
    # Inspect makes a solver of an agent there, whatever name it is registered under
    made_in = str(getattr(step, "__module__", ""))
    return made_in.startswith("inspect_ai.agent") or name_of(step) in _LOOPS


_LOOPS = {"basic_agent", "basic_agent_loop", "bridge", "human_agent"}


# --- Its scorers ---


def _reads(scorers: Sequence[Scorer], targets: Sequence[Target]) -> Reads:
    """What all of a task's scorers can read.

    A scorer that reads a reply whole decides; then one that reads one form; a grading model
    reads them all.
    """
    each = [
        _read_by(scorer, targets) for scorer in scorers if name_of(scorer) != "tale_eval/token_cost"
    ]
    if not each:
        return Reads("unknown", "the task has no scorer")
    order: tuple[Kind, ...] = ("letters", "alone", "form", "unknown", "anything")
    first = min(each, key=lambda reads: order.index(reads.kind))
    if first.kind == "form":
        others = {reads.form for reads in each if reads.kind == "form"}
        if len(others) > 1:
            names = ", ".join(reads.found for reads in each)
            return Reads(
                "form", f"{first.found}, while the task's scorers differ: {names}", first.form
            )
    return first


def _read_by(scorer: Scorer, targets: Sequence[Target]) -> Reads:
    name, given = name_of(scorer), arguments_of(scorer)
    said = f"scorer {name}()"
    if name == "choice":
        return Reads("letters", said)
    if name == "match":
        where = given.get("location", "end")
        if where in ("begin", "exact"):
            return Reads("alone", f"scorer match(location={where})")
        return Reads("form", said, "answer_line")
    if name in ("includes", "answer", "tale_eval/tale"):
        return Reads("form", said, "answer_line")
    if name == "math":
        return Reads("form", said, "boxed")
    if name in ("exact", "f1"):
        if "answer_fn" not in given:
            return Reads("alone", said)
        extract = inspect.getclosurevars(cast(Any, scorer)).nonlocals.get("answer_fn")
        return _tried(said, targets, extract) if callable(extract) else Reads("unknown", said)
    if name == "pattern":
        return _tried(said, targets, _by_pattern(given))
    if name.startswith("model_graded"):
        return Reads("anything", said)
    form = _form_in_code(scorer)
    return Reads("form", f"the code of scorer {name}()", form) if form else Reads("unknown", said)


_FORMS: tuple[Form, ...] = (
    "answer_line", "boxed", "bracketed", "hashes", "answer_is", "final_answer", "tag", "alone",
)  # fmt: skip
_PROMPTS: dict[Form, str] = {
    "answer_line": '"ANSWER: x"', "boxed": "\\boxed{}", "bracketed": "[[x]]", "hashes": "####",
    "answer_is": '"The answer is x"', "final_answer": '"Final answer: x"', "tag": "<answer>",
    "alone": "nothing else",
}  # fmt: skip


def _tried(said: str, targets: Sequence[Target], extract: Callable[[str], object]) -> Reads:
    """The first form of which a scorer's own function or pattern gets the answer out."""
    for form in _FORMS:
        answers = [target[0] for target in targets if len(target)]
        if answers and all(_gets_out(extract, form, answer) for answer in answers):
            return Reads("alone" if form == "alone" else "form", said, form)
    return Reads("unknown", said)


def _gets_out(extract: Callable[[str], object], form: Form, answer: str) -> bool:
    reply = obedient_reply(_PROMPTS[form], answer, "First this, and then that.")
    try:
        return str(extract(reply)).strip().casefold() == answer.strip().casefold()
    except Exception:  # noqa: BLE001 - somebody's own function may fail in any way on such a text
        return False


def _by_pattern(given: dict[str, Any]) -> Callable[[str], object]:
    pattern = given.get("pattern", "")
    pattern = pattern.value if isinstance(pattern, AnswerPattern) else str(pattern)
    flags = re.IGNORECASE if given.get("ignore_case", True) else 0

    def extract(reply: str) -> object:
        found = re.search(pattern, reply, flags)
        if found is None:
            return None
        groups = [group for group in found.groups() if isinstance(group, str)]
        return groups[0] if groups else found.group(0)

    return extract


def _form_in_code(scorer: Scorer) -> Form | None:
    """The form that somebody's own scorer looks for, if its code names just one."""
    forms = {form for form in stated_forms(_code_of(scorer)) if form in ("boxed", "hashes", "tag")}
    return forms.pop() if len(forms) == 1 else None


def _code_of(scorer: Scorer) -> str:
    factory = registry_lookup("scorer", registry_info(scorer).name) if _registered(scorer) else None
    try:
        return inspect.getsource(inspect.unwrap(cast(Any, factory or scorer)))
    except (OSError, TypeError):
        return ""
