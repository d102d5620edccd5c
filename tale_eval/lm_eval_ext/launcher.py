"""``tale-eval lm-eval``: lm_eval's own command line with our models and tasks."""

import sys
from collections.abc import Iterable, Sequence

from tale_eval.errors import InvalidValueError
from tale_eval.lm_eval_ext import register
from tale_eval.lm_eval_ext.task_files import task_folder


def run_lm_eval(arguments: Sequence[str]) -> None:
    """Run lm_eval's command line with these arguments; ``--path`` prints our task folder.

    Raises:
        InvalidValueError: Worked examples for a task of ours, which has none.
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
    command_line.execute(options)


def _check_examples(tasks: Iterable[str], wanted: int | None) -> None:
    """lm_eval would only note that it leaves the examples out, in a line among hundreds."""
    ours = [task for task in tasks if task == "tale" or task.startswith("tale_")]
    if wanted and ours:
        raise InvalidValueError(
            f"--num_fewshot {wanted}: {ours[0]} asks without worked examples, as the paper does; "
            "leave it out, or run other tasks in a call of their own"
        )
