"""``tale-eval lm-eval``: lm_eval's own command line with our models and tasks."""

import argparse
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from difflib import get_close_matches

from tale_eval.errors import InvalidValueError
from tale_eval.lm_eval_ext import register
from tale_eval.lm_eval_ext.task_files import task_folder


def run_lm_eval(arguments: Sequence[str]) -> None:
    """Run lm_eval's command line with these arguments; ``--path`` prints our task folder.

    ``--method`` puts a method around tasks of others; given several times, the tasks are run
    with one after the other, by the same model.

    Raises:
        UnknownNameError: No such method.
        InvalidValueError: Worked examples for a task of ours, which has none; a task that is not
            there.
    """
    if list(arguments) == ["--path"]:
        problems: list[str] = []
        print(task_folder(problems))
        for problem in problems:
            print(f"note: {problem}", file=sys.stderr)
        return
    asked_by, arguments = _methods(arguments)
    register()
    from lm_eval.__main__ import HarnessCLI, setup_logging

    from tale_eval.lm_eval_ext.registration import models_kept, register_tasks

    setup_logging()
    sys.argv = ["lm_eval", *arguments]
    command_line = HarnessCLI()
    options = command_line.parse_args()
    tasks = getattr(options, "tasks", None) or ()
    _check_examples(tasks, getattr(options, "num_fewshot", None))
    if asked_by and options.command != "run":
        raise InvalidValueError(f"--method {asked_by[0]}: belongs to 'tale-eval lm-eval run'")
    labels = _checked(asked_by, tasks)
    _show_cautions()
    with _naming_a_missing_task(), models_kept(len(labels) > 1):
        for label in labels:
            register_tasks(asked=tasks, method=label)
            command_line.execute(deepcopy(options))


def _methods(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The values of every ``--method``, and what is left for lm_eval."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--method", action="append", default=[])
    ours, theirs = parser.parse_known_args(list(arguments))
    return ours.method, theirs


def _checked(asked_by: Sequence[str], tasks: Iterable[str]) -> Sequence[str | None]:
    """The labels of these methods; None, for tasks as they are, where no method is given."""
    if not asked_by:
        return [None]
    from tale_eval.lm_eval_ext.around import checked_method
    from tale_eval.lm_eval_ext.kinds import check_theirs

    check_theirs(tasks, asked_by[0])
    return list(dict.fromkeys(map(checked_method, asked_by)))


def _show_cautions() -> None:
    """What is said of others' tasks, as notes among lm_eval's hundreds of lines."""
    from tale_eval.lm_eval_ext.cautions import LOGGER

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("note: %(message)s"))
    LOGGER.handlers, LOGGER.propagate = [handler], False


@contextmanager
def _naming_a_missing_task() -> Iterator[None]:
    """lm_eval shows a traceback."""
    try:
        yield
    except ValueError as error:
        _, found, names = str(error).partition("Tasks not found: ")
        if not found:
            raise
        name, *_ = names.split(", ")
        ours = [path.stem for path in task_folder().glob("[!_]*.yaml")]
        close = get_close_matches(name, ours, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise InvalidValueError(
            f"--tasks {name}: there is no such task; 'tale-eval lm-eval ls tasks' lists them.{hint}"
        ) from error


def _check_examples(tasks: Iterable[str], wanted: int | None) -> None:
    """lm_eval would only note that it leaves the examples out, in a line among hundreds."""
    from tale_eval.lm_eval_ext.kinds import ours_among

    if wanted and (ours := ours_among(tasks)):
        raise InvalidValueError(
            f"--num_fewshot {wanted}: {ours[0]} asks without worked examples, as the paper does; "
            "leave it out, or run other tasks in a call of their own"
        )
