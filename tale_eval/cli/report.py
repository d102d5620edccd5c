"""`tale-eval report`."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from tale_eval.cli.output import console, note, progress, write_files
from tale_eval.errors import SourceError, TaleEvalError, check_name


def report(
    logs: Annotated[list[str], typer.Argument(help="Log files and folders, local or s3://")],
    baseline: Annotated[
        str, typer.Option(help="The method to compare with, or a row: 'cot, reasoning_effort=low'")
    ] = "cot",
    margin: Annotated[
        float, typer.Option(help="The loss of accuracy that would not matter, as a share")
    ] = 0.02,
    html: Annotated[Path | None, typer.Option(help="Write one page that opens offline")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write one row per method")] = None,
    json: Annotated[Path | None, typer.Option(help="Write all numbers")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write a table for a README")] = None,
    chart: Annotated[Path | None, typer.Option(help="Draw accuracy against tokens")] = None,
    curve: Annotated[
        Path | None,
        typer.Option(help="Draw accuracy by cost over budgets or settings: .svg, .pdf, .png …"),
    ] = None,
    controls_csv: Annotated[
        Path | None, typer.Option(help="Write what each control asked for, and what came")
    ] = None,
    controls_chart_file: Annotated[
        Path | None, typer.Option("--controls-chart", help="Draw what was asked against what came")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="paper: its printed rows beside ours")
    ] = None,
    project_to: Annotated[
        str | None, typer.Option(help="Price the same tokens on another model")
    ] = None,
    prices: Annotated[Path | None, typer.Option(help="Your prices: a JSON file")] = None,
    correction: Annotated[
        str, typer.Option(help="Of several verdicts of one model and task: holm or none")
    ] = "holm",
    score: Annotated[
        str | None,
        typer.Option(help="The score that says what is right, where a log has several: NAME[.KEY]"),
    ] = None,
) -> None:
    """Show accuracy beside tokens, and each method against the baseline."""
    from tale_eval.analysis.averages import macro_average
    from tale_eval.analysis.control_measures import control_problems, control_rows, sweep_rows
    from tale_eval.analysis.curves import curves
    from tale_eval.analysis.family import check_correction, correction_notes
    from tale_eval.analysis.frontiers import frontiers
    from tale_eval.analysis.measures import MEASURES
    from tale_eval.analysis.money import price_notes
    from tale_eval.analysis.problems import problems, setting_problems
    from tale_eval.analysis.projection import projecting
    from tale_eval.analysis.reference import paper_rows
    from tale_eval.analysis.reported import Read, report_of
    from tale_eval.analysis.seeds import relabelled
    from tale_eval.inspect_ext.collector import FAST, collect_less
    from tale_eval.logs import open_logs
    from tale_eval.report import tables
    from tale_eval.report.charts import check_format, save_chart
    from tale_eval.report.controls_chart import controls_chart
    from tale_eval.report.curves_chart import curves_chart
    from tale_eval.report.leaderboard_charts import scatter_chart
    from tale_eval.report.page import write_page
    from tale_eval.report.terminal import (
        control_tables,
        curve_tables,
        following_tables,
        leaderboard_tables,
        seed_tables,
    )
    from tale_eval.report.trained import markdown_lines, trained_tables
    from tale_eval.shown.masking import masked_text
    from tale_eval.tokens.pricing import read_prices

    collect_less(FAST)
    if reference is not None:
        check_name("reference", reference, ["paper"])
    corrected_by = check_correction(correction)
    for drawn in (chart, curve, controls_chart_file):
        if drawn is not None:
            check_format(drawn)
    own_prices = read_prices(prices) if prices else None
    opened = open_logs(logs, own_prices, score, progress=progress("reading logs"))
    read: Read = opened.of
    projected = []
    if project_to is not None:
        try:
            read = projecting(opened.of, project_to, own_prices)
            projected.append(f"dollars are what the same tokens cost at the prices of {project_to}")
        except TaleEvalError as error:
            projected.append(f"not projected: {error}")
    charts = html is not None or curve is not None
    found = report_of(opened.names, read, baseline, margin, corrected_by, drawn=charts)
    opened.check()
    rows, controls, swept = found.rows, found.controls, found.swept
    if not rows:
        note(opened.problems)
        raise SourceError("no log holds an answer: there is nothing to report")
    settings = relabelled(opened.settings, found.labels)
    spread, followed = found.seeds, found.followings
    printed = paper_rows(row.task for row in rows) if reference else []
    trained = trained_tables(spread, followed)
    joined, best, passes = curves(rows), frontiers(rows), found.passes.frontiers
    notes = [*opened.problems, *projected]
    notes += setting_problems(settings) + problems(rows, baseline)
    notes += control_problems(controls)
    if project_to is None:
        notes += price_notes(rows, settings, list(own_prices or ()))
    if own_prices and not any(row.dollars_known for row in rows):
        notes.append(f"the dollars of no answer are known; {prices} prices {', '.join(own_prices)}")
    notes = [masked_text(note) for note in notes]
    console().print(leaderboard_tables(rows, printed))
    if spread:
        console().print(seed_tables(spread))
    if joined:
        console().print(curve_tables(joined, best, passes))
    if controls or swept:
        console().print(control_tables(controls, swept))
    if followed:
        console().print(following_tables(followed))
    note(notes)
    everything = {
        "rows": rows,
        "verdicts": correction_notes(rows),
        "averages": macro_average(rows),
        "seeds": spread,
        "asked_against_actual": followed,
        "printed": printed,
        "curves": joined,
        "frontiers": best,
        "cost_of_pass_frontiers": passes,
        "controls": list(control_rows(controls)),
        "sweeps": list(sweep_rows(swept)),
        "measures": [
            {
                "name": measure.name,
                "title": measure.title,
                "unit": measure.unit,
                "explained": measure.explained,
                "formula": measure.formula,
                "source": measure.source,
                "needs": measure.needs,
                "depends": measure.depends,
            }
            for measure in MEASURES
        ],
        "notes": notes,
    }
    asked = [*({"table": "controls"} | row for row in control_rows(controls))]
    asked += ({"table": "sweeps"} | row for row in sweep_rows(swept))
    write_files(
        (csv, partial(tables.write_csv, tables.leaderboard_rows(rows, printed))),
        (json, partial(tables.write_json, everything)),
        (
            markdown,
            lambda path: tables.write_markdown(rows, path, printed, markdown_lines(trained)),
        ),
        (controls_csv, partial(tables.write_csv, asked)),
        (controls_chart_file, lambda path: save_chart(controls_chart(controls, swept), path)),
        (chart, lambda path: save_chart(scatter_chart(rows, printed), path)),
        (curve, lambda path: save_chart(curves_chart(rows, joined, best), path)),
        (
            html,
            lambda path: write_page(
                path,
                rows,
                range(found.answers),
                settings,
                notes,
                printed,
                controls=controls,
                swept=swept,
                curves=joined,
                frontiers=best,
                passes=passes,
                trained=trained,
                margin=margin,
            ),
        ),
    )
