"""``tale-eval lm-eval``: lm_eval's own command line with our models and tasks."""

import sys
from collections.abc import Sequence

from tale_eval.lm_eval_ext import register
from tale_eval.lm_eval_ext.task_files import task_folder


def run_lm_eval(arguments: Sequence[str]) -> None:
    """Run lm_eval's command line with these arguments; ``--path`` prints our task folder."""
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
    register_tasks(asked=getattr(options, "tasks", None) or ())
    command_line.execute(options)
