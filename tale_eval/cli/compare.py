"""`tale-eval compare`."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tale_eval.cli.check import check_first
from tale_eval.cli.output import note, say, write_json
from tale_eval.cli.progress import Progress
from tale_eval.errors import InvalidValueError

if TYPE_CHECKING:
    from tale_eval.inspect_ext.command_line import Options
    from tale_eval.matrix.decided import Standing
    from tale_eval.matrix.running import Cell


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
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=V1,V2",
            help="A run for each value: reasoning_effort=low,high, budget.tokens=50,100",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Runs of API models at once; by default two a core, 8 at most"),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N", help="Ask the I-th of N even shares of the questions; I-J/N for several"
        ),
    ] = None,
    fast: Annotated[
        bool,
        typer.Option(
            "--fast",
            help="Half the CPU time of a call; no live view, and kill -9 loses what is not in the "
            "log yet, which --cache true answers again",
        ),
    ] = False,
    prices: Annotated[
        Path | None, typer.Option(help="Your prices, for the cost to come: a JSON file")
    ] = None,
    until_decided: Annotated[
        bool,
        typer.Option(
            "--until-decided", help="Ask in blocks, and no more once a method's verdict is settled"
        ),
    ] = False,
    baseline: Annotated[
        str, typer.Option(help="With --until-decided: the method to compare with")
    ] = "cot",
    margin: Annotated[
        float,
        typer.Option(help="With --until-decided: the loss of accuracy that would not matter"),
    ] = 0.02,
    block: Annotated[
        int, typer.Option(min=1, help="With --until-decided: questions between two looks")
    ] = 100,
    correction: Annotated[
        str, typer.Option(help="With --until-decided: of several verdicts, holm or none")
    ] = "holm",
    score: Annotated[
        str | None,
        typer.Option(help="With --until-decided: the score that says what is right, NAME[.KEY]"),
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Say what would run and cost, and stop")] = False,
    json: Annotated[
        Path | None,
        typer.Option(
            help="With --dry-run: write what it says as JSON; - is standard output, alone"
        ),
    ] = None,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Do not try other people's tasks first")
    ] = False,
    emit: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT",
            help="Run nothing; print a file that runs it elsewhere: slurm:shards=8, flow, "
            "hawk:package=ADDRESS",
        ),
    ] = None,
) -> None:
    """Run models x tasks x methods x settings; a second call runs only what is missing.

    Other people's tasks are tried first, as `tale-eval check` does.
    Every option of `inspect eval-set` is passed on, such as --limit 100 --epochs 3.
    """
    from tale_eval.analysis.family import check_correction
    from tale_eval.cli.totals import with_totals_divided
    from tale_eval.inspect_ext.command_line import read_options
    from tale_eval.matrix.combination import combinations
    from tale_eval.matrix.decided import (
        ask_until_decided,
        asking_of,
        check_folders,
        check_undivided,
        pairs_of,
    )
    from tale_eval.matrix.dividing import by_shards
    from tale_eval.matrix.emit import Asked, emitted
    from tale_eval.matrix.plan import limits_of, plan_of
    from tale_eval.matrix.running import cells_of, fast as sped_up, run_cells, usual_jobs
    from tale_eval.matrix.share import Shard
    from tale_eval.tokens.pricing import priced_by, read_prices

    if json is not None and not dry_run:
        raise InvalidValueError(f"--json {json} writes what --dry-run says: add --dry-run")
    tell: Callable[[str], None] = print if json != Path("-") else lambda line: None
    first = next((i for i, word in enumerate(tasks) if word.startswith("-")), len(tasks))
    options = read_options(tasks[first:])
    limits_of(options)
    matrix = combinations(tasks[:first], method, model, sweep or [], options)
    if emit is not None:
        alone = {"--dry-run": dry_run, "--until-decided": until_decided, "--prices": prices}
        beside = [name for name, value in (alone | {"--shard": shard}).items() if value]
        named = (tuple(tasks[:first]), tuple(method), tuple(model), tuple(sweep or ()))
        asked = Asked(*named, tuple(matrix), log_dir, options, jobs, fast, no_check)
        print(emitted(emit, asked, beside), end="")
        return
    matrix = with_totals_divided(matrix, log_dir, options)
    at_once = jobs or usual_jobs(options)
    if until_decided:
        check_undivided(shard)
        cells = cells_of(matrix, log_dir, options, at_once)
    else:
        divide = by_shards(Shard.read(shard) if shard else None, options)
        cells = cells_of(matrix, log_dir, options, at_once, divide)
    cells = [sped_up(cell) for cell in cells] if fast else cells
    note(_said_of_jobs(cells, jobs, options))
    asking = None
    if until_decided:
        asking = asking_of(
            options,
            baseline=baseline,
            margin=margin,
            correction=check_correction(correction),
            block=block,
            score=score,
        )
        pairs_of(cells, baseline)
        tell(f"asks in blocks of {block} until each verdict is settled, and at most:")
    check_folders(cells, asking)
    own_prices = read_prices(prices) if prices else None
    plan = plan_of(cells, log_dir, options, own_prices)
    for line in plan.lines():
        tell(line)
    sources = f"{'yours, else ' if own_prices else ''}{priced_by()}"
    if plan.forecast.dollars is not None:
        tell(f"prices: {sources}")
    if dry_run:
        for cell in cells:
            tell(f"  {cell}  ->  {cell.folder}")
        if json is not None:
            write_json({"prices": sources} | plan.values(), json)
        return
    if "://" in log_dir and not log_dir.startswith("file://"):
        note([f"{log_dir} has no locks: do not start a second compare into it at once"])
    if not no_check:
        # a sweep changes no method's words but the budget: one of each is enough
        first_of = {each.method.partition(":")[0]: each.method for each in reversed(matrix)}
        check_first(tasks[:first], [*first_of.values()], tasks[first:])
    if asking is not None:
        standing, broken = ask_until_decided(cells, asking, at_once, Progress(None), _tell_standing)
        failed = {cell.folder for cell in broken}
        print(f"verdicts within {100 * margin:g} points of {baseline}:")
        for line in map(_settled, standing):
            print(f"  {line}")
    else:
        failed = run_cells(cells, at_once, Progress(len(cells)))
    note(f"failed: {cell}" for cell in cells if cell.folder in failed)
    share = f", of shard {shard}" if shard else ""
    done = f"{len(cells) - len(failed)} of {len(cells)} done{share}"
    if len(failed) == len(cells):
        print(f"{done}. Once that is mended, the same command runs what is missing")
    else:
        print(f"{done}. Next: tale-eval report {log_dir}")
    if failed:
        sys.exit(1)


def _said_of_jobs(cells: "Sequence[Cell]", jobs: int | None, options: "Options") -> Iterator[str]:
    """What of a user's bounds comes to less than he wrote."""
    from tale_eval.matrix.running import MOST_IN_PROCESS, bound_in_process

    if jobs is not None and jobs > len(cells):
        runs = "is 1 run" if len(cells) == 1 else f"are {len(cells)} runs"
        yield (
            f"--jobs {jobs}: there {runs}, and no more can go on at once; --shard 1-{jobs}/{jobs} "
            "divides the questions of each"
        )
    bound = bound_in_process(cells, options)
    if bound is not None:
        yield (
            f"--max-connections {bound}: {MOST_IN_PROCESS} for models in this process, where each "
            "connection that waits holds up the others"
        )


def _tell_standing(standing: "Sequence[Standing]") -> None:
    """A line for every look: what is settled, and what is asked on."""
    settled = sum(each.verdict != "undecided" for each in standing)
    most = max((each.questions for each in standing), default=0)
    say(f"after {most:,} questions: {settled} of {len(standing)} verdicts settled")


def _settled(standing: "Standing") -> str:
    """Where a pair stands at the end."""
    asked = f"{standing.questions:,}"
    asked = f"{asked} of {standing.of:,}" if standing.of is not None else asked
    after = f"after {asked} questions"
    return f"{standing.pair.cell.combination}: {standing.verdict} {after}"
