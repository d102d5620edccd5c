"""`tale-eval compare`."""

import sys
from typing import Annotated

import typer

from tale_eval.cli.check import check_first
from tale_eval.cli.output import note


def compare(
    tasks: Annotated[
        list[str],
        typer.Argument(
            metavar="TASK... [INSPECT OPTION]...",
            help="gsm8k, mathbench/college, chain_sum:size=50, inspect_evals/gsm8k, …",
        ),
    ],
    method: Annotated[list[str], typer.Option(help="direct, cot, budget:tokens=50, tale_ep, …")],
    model: Annotated[list[str], typer.Option(help="An Inspect model")],
    log_dir: Annotated[str, typer.Option(help="Where the logs go: a folder or s3://…")] = "logs",
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Do not try other people's tasks first")
    ] = False,
) -> None:
    """Run models x tasks x methods; a second call runs only what is missing.

    Other people's tasks are tried first, as `tale-eval check` does.
    Every option of `inspect eval-set` is passed on, such as --limit 100 --epochs 3.
    """
    from tale_eval.matrix import combinations, run_matrix

    first = next((i for i, word in enumerate(tasks) if word.startswith("-")), len(tasks))
    found = combinations(tasks[:first], method, model)
    if not no_check:
        check_first(tasks[:first], method, tasks[first:])
    failed = run_matrix(found, log_dir, options=tasks[first:])
    for combination in failed:
        note([f"failed: {combination}"])
    print(f"{len(found) - len(failed)} of {len(found)} done. Next: tale-eval report {log_dir}")
    if failed:
        sys.exit(1)
