"""The command line: tale-eval demo, model, compare, report, elasticity, corpus, train, lm-eval."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tale_eval.cli.training import corpus, train
from tale_eval.errors import OutputError, SourceError, TaleEvalError, check_name

app = typer.Typer(
    help="Token-budget-aware LLM reasoning (TALE): run it, search budgets, compare methods.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(corpus)
app.command()(train)


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr and exit status 2."""
    try:
        app()
    except TaleEvalError as error:
        _say(f"error: {error}", style="red")
        sys.exit(2)


@app.command()
def model(name: Annotated[str, typer.Argument(help="smollm2")] = "smollm2") -> None:
    """Print the local Hugging Face folder of an embedded model, making it if need be."""
    from tale_eval.models.smollm2 import model_folder

    check_name("embedded model", name, ["smollm2"])
    print(model_folder())


@app.command()
def report(
    logs: Annotated[list[str], typer.Argument(help="Log files and folders, local or s3://")],
    baseline: Annotated[str, typer.Option(help="The method to compare with")] = "cot",
    margin: Annotated[
        float, typer.Option(help="The loss of accuracy that would not matter, as a share")
    ] = 0.02,
    html: Annotated[Path | None, typer.Option(help="Write one page that opens offline")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write one row per method")] = None,
    json: Annotated[Path | None, typer.Option(help="Write all numbers")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write a table for a README")] = None,
    chart: Annotated[Path | None, typer.Option(help="Draw accuracy against tokens")] = None,
    reference: Annotated[
        str | None, typer.Option(help="paper: its printed rows beside ours")
    ] = None,
    project_to: Annotated[
        str | None, typer.Option(help="Price the same tokens on another model")
    ] = None,
    prices: Annotated[Path | None, typer.Option(help="Your prices: a JSON file")] = None,
) -> None:
    """Show accuracy beside tokens, and each method against the baseline."""
    from tale_eval.analysis.averages import macro_average
    from tale_eval.analysis.leaderboard import leaderboard
    from tale_eval.analysis.problems import problems, setting_problems
    from tale_eval.analysis.projection import project
    from tale_eval.analysis.reference import paper_rows
    from tale_eval.logs import read_records
    from tale_eval.report import tables as export
    from tale_eval.report.charts import check_format, save_chart
    from tale_eval.report.leaderboard_charts import scatter_chart
    from tale_eval.report.page import write_page
    from tale_eval.report.terminal import leaderboard_tables
    from tale_eval.shown.masking import masked_text
    from tale_eval.tokens.pricing import read_prices

    if reference is not None:
        check_name("reference", reference, ["paper"])
    if chart is not None:
        check_format(chart)
    own_prices = read_prices(prices) if prices else None
    reading = read_records(logs, own_prices)
    records, notes = reading.records, list(reading.problems)
    if not records:
        _note(notes)
        raise SourceError("no log holds an answer: there is nothing to report")
    if project_to is not None:
        try:
            records = project(records, project_to, own_prices)
            notes.append(f"dollars are what the same tokens cost at the prices of {project_to}")
        except TaleEvalError as error:
            notes.append(f"not projected: {error}")
    rows = leaderboard(records, baseline, margin)
    printed = paper_rows(row.task for row in rows) if reference else []
    notes += setting_problems(reading.settings) + problems(rows, baseline)
    if own_prices and not any(row.dollars_known for row in rows):
        notes.append(f"the dollars of no answer are known; {prices} prices {', '.join(own_prices)}")
    notes = [masked_text(note) for note in notes]
    _console().print(leaderboard_tables(rows, printed))
    _note(notes)
    everything = {
        "rows": rows,
        "averages": macro_average(rows),
        "printed": printed,
        "notes": notes,
    }
    _write(
        (csv, partial(export.write_csv, export.leaderboard_rows(rows, printed))),
        (json, partial(export.write_json, everything)),
        (markdown, lambda path: export.write_markdown(rows, path, printed)),
        (chart, lambda path: save_chart(scatter_chart(rows, printed), path)),
        (
            html,
            lambda path: write_page(
                path, rows, records, reading.settings, notes, printed, margin=margin
            ),
        ),
    )


@app.command(context_settings={"ignore_unknown_options": True})
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
) -> None:
    """Run models x tasks x methods; a second call runs only what is missing.

    Every option of `inspect eval-set` is passed on, such as --limit 100 --epochs 3.
    """
    from tale_eval.matrix import combinations, run_matrix

    first = next((i for i, word in enumerate(tasks) if word.startswith("-")), len(tasks))
    found = combinations(tasks[:first], method, model)
    failed = run_matrix(found, log_dir, options=tasks[first:])
    for combination in failed:
        _note([f"failed: {combination}"])
    print(f"{len(found) - len(failed)} of {len(found)} done. Next: tale-eval report {log_dir}")
    if failed:
        sys.exit(1)


@app.command(
    "lm-eval",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    add_help_option=False,
)
def lm_eval(context: typer.Context) -> None:
    """Run lm_eval, every option its own, with our tasks and true token counts.

    --path prints the folder of our tasks, for the plain lm_eval's --include_path.
    """
    from tale_eval.lm_eval_ext.launcher import run_lm_eval

    run_lm_eval(context.args)


@app.command()
def elasticity(
    logs: Annotated[
        list[str],
        typer.Argument(help="Logs of budget_search, and of tale_ep on the same questions"),
    ],
    csv: Annotated[Path | None, typer.Option(help="Write one row per question")] = None,
    json: Annotated[Path | None, typer.Option(help="Write all numbers")] = None,
    chart: Annotated[Path | None, typer.Option(help="Draw the curve: .svg, .png or .html")] = None,
) -> None:
    """Show how the actual tokens answer to the prompted budget, and how estimates fare."""
    from tale_eval.analysis.elasticity import elasticity_reports
    from tale_eval.inspect_ext.logs.searches import read_searches
    from tale_eval.report import tables as export
    from tale_eval.report.charts import check_format, save_chart
    from tale_eval.report.elasticity_chart import elasticity_chart
    from tale_eval.report.terminal import elasticity_tables

    if chart is not None:
        check_format(chart)
    found, problems = read_searches(logs)
    _note(problems)
    reports, mismatches = elasticity_reports(found)
    for report in reports:
        for table in elasticity_tables(report):
            _console().print(table)
    _note(mismatches)
    _write(
        (csv, partial(export.write_csv, export.elasticity_rows(reports))),
        (json, partial(export.write_json, reports)),
        (chart, lambda path: save_chart(elasticity_chart(reports), path)),
    )


def _write(*outputs: tuple[Path | None, Callable[[Path], None]]) -> None:
    """Write the files that were asked for; one that cannot be written costs no other."""
    failed = []
    for path, write in outputs:
        if path is None:
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path)
        except TaleEvalError as error:
            failed.append(f"{path}: {error}")
        except OSError as error:
            failed.append(f"{path}: cannot be written ({error.strerror})")
    if failed:
        raise OutputError("; ".join(failed))


def _console() -> Console:
    # a pipe has no width of its own: do not fold a table that goes into a file
    return Console() if sys.stdout.isatty() else Console(width=160)


def _note(problems: list[str]) -> None:
    for problem in problems:
        _say(f"note: {problem}")


def _say(message: str, style: str | None = None) -> None:
    from tale_eval.shown.masking import masked_text
    from tale_eval.shown.names import visible_lines

    # soft: one message is one line, however narrow the terminal
    shown = visible_lines(masked_text(message))
    Console(stderr=True).print(shown, style=style, markup=False, highlight=False, soft_wrap=True)


@app.command()
def demo(
    model: Annotated[
        str | None, typer.Option(help="An Inspect model, such as openai/gpt-4o-mini")
    ] = None,
    size: Annotated[int, typer.Option(min=1, help="Questions for each method")] = 24,
    log_dir: Annotated[Path, typer.Option(help="Where the logs go")] = Path("logs/demo"),
    html: Annotated[Path, typer.Option(help="The page to write")] = Path("report.html"),
) -> None:
    """Run direct answering, vanilla CoT and TALE-EP on generated questions."""
    from tale_eval.cli.demo import run_demo

    run_demo(model, size, str(log_dir))
    report([str(log_dir)], html=html)
    Console(stderr=True).print(f"The same, with charts: {html}", highlight=False)
