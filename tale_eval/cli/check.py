"""`tale-eval check`, and the same before `tale-eval compare` spends money."""

import re
import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

import typer

from tale_eval.cli.output import console, note
from tale_eval.errors import InvalidValueError

if TYPE_CHECKING:
    from tale_eval.inspect_ext.check import Checked

NOT_TOLD_APART = 1
NOT_KNOWN = 3


def check(
    tasks: Annotated[
        list[str], typer.Argument(metavar="TASK...", help="inspect_evals/boolq, path/to/task.py, …")
    ],
    method: Annotated[list[str], typer.Option(help="direct, cot, budget:tokens=50, tale_ep, …")],
    argument: Annotated[
        list[str] | None, typer.Option("-T", help="An argument of the task: name=value")
    ] = None,
) -> None:
    """Run a scripted right and a scripted wrong answer through tasks; no model is asked.

    Exit status: 0 if every score tells them apart, 1 if one does not, 3 if nothing can be
    said of one (a model grades it, its data or its sandbox cannot be had) and none is known
    not to.
    """
    from rich.table import Table

    found = checked(tasks, method, argument or [])
    table = Table("Task", "Method", "Right answer", "Wrong answer", "Told apart", "Asked for as")
    for one in found:
        table.add_row(*_cells(one))
    console().print(table)
    note(f"{one.task} · {one.method}: {_plain(one.problem)}" for one in found if one.problem)
    note(
        dict.fromkeys(
            f"{one.task} has no argument {', '.join(one.unknown)}: left out"
            for one in found
            if one.unknown
        )
    )
    if any(one.told_apart is False for one in found):
        sys.exit(NOT_TOLD_APART)
    if any(one.told_apart is None for one in found):
        sys.exit(NOT_KNOWN)


def check_first(tasks: Sequence[str], methods: Sequence[str], options: Sequence[str]) -> None:
    """Check the tasks that are not ours; refuse to go on where a score tells nothing apart.

    Args:
        tasks: As a user wrote them.
        methods: Likewise.
        options: What is passed on to Inspect; its -T are the task's arguments.

    Raises:
        InvalidValueError: A right answer scores no better than a wrong one.
    """
    from tale_eval.tasks import named_benchmark

    foreign = [task for task in dict.fromkeys(tasks) if named_benchmark(task) is None]
    found = checked(foreign, methods, _task_options(options))
    note(
        f"{one.task} · {one.method}: not checked: {_plain(one.problem)}"
        for one in found
        if one.problem
    )
    failed = [one for one in found if one.told_apart is False]
    if failed:
        reasons = "; ".join(
            f"{one.task} · {one.method}: the right answer {one.answers[0]!r} scores "
            f"{_scores(one.right)}, the wrong one {one.answers[1]!r} {_scores(one.wrong)}, "
            f"asked for as {one.asked or 'the method does'}"
            for one in failed
        )
        raise InvalidValueError(
            f"the score does not tell right from wrong: {reasons}. Say how to ask with "
            "answer_format= (see docs/any-task.md), or run it all the same with --no-check"
        )


def checked(
    tasks: Iterable[str], methods: Sequence[str], arguments: Iterable[str]
) -> list["Checked"]:
    """Check each task by each method.

    Raises:
        UnknownNameError: A task or method that does not exist.
        InvalidValueError: An argument without a value, or one that makes no sense.
    """
    import yaml

    from tale_eval.inspect_ext.check import check as check_task
    from tale_eval.solvers import method_solver, resolve
    from tale_eval.tasks import task_arguments

    solvers = {str(resolve(method)): method_solver(method) for method in methods}
    found = []
    for task in dict.fromkeys(tasks):
        name, short = task_arguments(task)
        given = {**short, **dict(_argument(written) for written in arguments)}
        values = {key: yaml.safe_load(value) for key, value in given.items()}
        found += check_task(name, solvers, values)
    return found


def _argument(written: str) -> tuple[str, str]:
    name, equals, value = written.partition("=")
    if not (name and equals and value):
        raise InvalidValueError(f"-T {written}: write an argument of the task as -T name=value")
    return name, value


def _task_options(options: Sequence[str]) -> list[str]:
    """The task's arguments among Inspect's options: -T name=value, or -Tname=value."""
    following = [value for word, value in pairwise(options) if word == "-T"]
    return following + [word[2:] for word in options if re.match(r"-T.", word)]


def _cells(one: "Checked") -> tuple[str, ...]:
    verdict = {True: "yes", False: "NO", None: "?"}[one.told_apart]
    right, wrong = (
        f"{a} → {_scores(s)}" if s else ""
        for a, s in zip(one.answers, (one.right, one.wrong), strict=True)
    )
    return (one.task, one.method, right, wrong, verdict, one.asked)


def _scores(scores: object) -> str:
    assert hasattr(scores, "items")
    return ", ".join(f"{name} {value}" for name, value in scores.items())


def _plain(message: str) -> str:
    """An error of Inspect's without the marks that its terminal would show in colour."""
    inner = re.sub(r"^\w+Error\((['\"])(.*)\1\)$", r"\2", message.strip(), flags=re.DOTALL)
    return " ".join(re.sub(r"\[/?[a-z ]+\]", "", inner).split())
