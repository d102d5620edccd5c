"""``tale-eval lm-eval``: lm_eval's own command line with our models and tasks."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches

from tale_eval.errors import InvalidValueError
from tale_eval.lm_eval_ext import register
from tale_eval.lm_eval_ext.task_files import task_folder


def run_lm_eval(arguments: Sequence[str]) -> None:
    """Run lm_eval's command line with these arguments; ``--path`` prints our task folder.

    Raises:
        InvalidValueError: Worked examples for a task of ours, which has none; a task that is not
            there.
    """
    if list(arguments) == ["--path"]:
        problems: list[str] = []
        print(task_folder(problems))
        for problem in problems:
            print(f"note: {problem}", file=sys.stderr)
        return
    register()
    from lm_eval.__main__ import HarnessCLI, setup_logging

    from tale_eval.lm_eval_ext.registration import register_tasks

    setup_logging()
    sys.argv = ["lm_eval", *arguments]
    command_line = HarnessCLI()
    options = command_line.parse_args()
    tasks = getattr(options, "tasks", None) or ()
    _check_examples(tasks, getattr(options, "num_fewshot", None))
    register_tasks(asked=tasks)
    with _naming_a_missing_task():
        command_line.execute(options)


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
    ours = [task for task in tasks if task == "tale" or task.startswith("tale_")]
    if wanted and ours:
        raise InvalidValueError(
            f"--num_fewshot {wanted}: {ours[0]} asks without worked examples, as the paper does; "
            "leave it out, or run other tasks in a call of their own"
        )
