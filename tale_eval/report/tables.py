"""Tables as CSV, JSON and Markdown files."""

import csv
import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

from tale_eval.analysis import measures
from tale_eval.analysis.averages import MacroAverage, macro_average
from tale_eval.analysis.elasticity import ElasticityReport
from tale_eval.analysis.family import correction_notes
from tale_eval.analysis.leaderboard import LeaderboardRow
from tale_eval.analysis.reference import ReferenceRow
from tale_eval.analysis.results import is_oracle, shown_method
from tale_eval.asking.setting import Setting
from tale_eval.budgets.elasticity import Share
from tale_eval.report.columns import Cell, average_cells, known_measures, printed_cell, row_cell
from tale_eval.shown.names import in_markdown

# what a spreadsheet would take for a formula
_FORMULA_STARTS = ("=", "+", "-", "@")

# half a surrogate pair, which UTF-8 has no bytes for, becomes \ud800: JSON's own spelling
SURROGATES = "backslashreplace"


def write_json(value: object, path: Path) -> None:
    """Write dataclasses as JSON; shares keep both their numbers, rows have all their measures."""
    text = json.dumps(_plain(value), indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8", errors=SURROGATES)


def write_csv(rows: Iterable[Mapping[str, object]], path: Path) -> None:
    """Write rows of one shape; a text that a spreadsheet would run is quoted."""
    table = list(rows)
    # rows may leave out the columns that do not apply to them
    names = list(dict.fromkeys(name for row in table for name in row))
    with path.open("w", encoding="utf-8", errors=SURROGATES, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(map(_harmless, names))
        for row in table:
            writer.writerow(_harmless(row.get(name, "")) for name in names)


def elasticity_rows(reports: Iterable[ElasticityReport]) -> Iterable[dict[str, object]]:
    """One row per searched question."""
    for report in reports:
        for line in report.questions:
            yield {
                "model": report.model,
                "task": report.task,
                "method": report.method,
                "setting": str(report.setting),
                "label": report.label,
                "question": line.question,
                "status": line.status,
                "vanilla_tokens": line.vanilla_tokens,
                "budget": line.budget,
                "tokens": line.tokens,
                "calls": line.calls,
                "rebound_at": line.rebound_at,
                "ideal_low": line.ideal.low if line.ideal else None,
                "ideal_high": line.ideal.high if line.ideal else None,
                "ideal_trials": line.ideal.trials if line.ideal else None,
                "dearer": line.status == "searched" and line.tokens > line.vanilla_tokens,
            }


def _plain(value: Any) -> Any:
    if isinstance(value, Share):
        return {**asdict(value), "value": value.value}
    if isinstance(value, Setting):
        return str(value)
    if isinstance(value, LeaderboardRow):
        facts = {f.name: getattr(value, f.name) for f in fields(value) if f.name != "group"}
        return _plain({**facts, **_measured(value)})
    if is_dataclass(value) and not isinstance(value, type):
        return {key: _plain(item) for key, item in vars(value).items()}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _harmless(value: object) -> object:
    if not isinstance(value, str):
        return value
    # where the comma is the decimal mark, spreadsheets split at semicolons
    return ";".join(map(_no_formula, value.split(";")))


def _no_formula(cell: str) -> str:
    # spreadsheets skip what cannot be seen, and take full-width signs for the plain ones
    first = next((c for c in cell if c.isprintable() and not c.isspace()), "")
    starts = unicodedata.normalize("NFKC", first).startswith(_FORMULA_STARTS)
    return f"'{cell}" if starts or cell.startswith(("\t", "\r")) else cell


def leaderboard_rows(
    rows: Iterable[LeaderboardRow], reference: Iterable[ReferenceRow] = ()
) -> Iterable[dict[str, object]]:
    """One flat row per model, task, method and setting; the paper's rows say where printed."""
    for row in rows:
        yield {
            "model": row.model,
            "task": row.task,
            "method": row.method,
            "setting": str(row.setting),
            "label": row.label,
            "printed": "",
            **_measured(row),
        }
    for printed in reference:
        yield {
            "model": printed.model,
            "task": printed.task,
            "method": printed.method,
            "setting": "",
            "label": printed.method,
            "printed": printed.table,
            **{m.name: m.printed(printed).value for m in measures.MEASURES if m.printed},
        }


def _measured(row: LeaderboardRow) -> dict[str, object]:
    """Every measure of a row under its name, the ends of its interval beside it."""
    found: dict[str, object] = {}
    for measure in measures.MEASURES:
        value = row.value_of(measure)
        found[measure.name] = value.value
        if measure.interval:
            found[f"{measure.name}_low"] = value.interval.low if value.interval else None
            found[f"{measure.name}_high"] = value.interval.high if value.interval else None
    return found


def write_markdown(
    rows: Sequence[LeaderboardRow],
    path: Path,
    reference: Sequence[ReferenceRow] = (),
    further: Sequence[str] = (),
) -> None:
    """Write the leaderboard as a Markdown table, for a README or an issue; further lines last."""
    columns = [measure for measure in known_measures(rows) if measure.main]
    lines = ["| model | task | method | " + " | ".join(c.title for c in columns) + " |"]
    lines.append("|---" * (3 + len(columns)) + "|")
    for row in rows:
        cells = [row_cell(column, row) for column in columns]
        lines.append(_line(row.model, row.task, shown_method(row.label), cells))
    for printed in reference:
        cells = [printed_cell(column, printed) for column in columns]
        lines.append(
            _line(
                f"{printed.model} ({printed.table}, printed)", printed.task, printed.method, cells
            )
        )
    lines += _average_lines(macro_average(rows))
    if any(is_oracle(row.method) for row in rows):
        lines += ["", measures.ORACLE_LEGEND]
    for words in correction_notes(rows):
        lines += ["", in_markdown(words)]
    lines += further
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors=SURROGATES)


def _average_lines(averages: Sequence[MacroAverage]) -> Iterable[str]:
    if not averages:
        return
    yield from ("", "| model | average over | method | Accuracy | Tokens |", "|---" * 5 + "|")
    for line in averages:
        yield _line(
            line.model, ", ".join(line.tasks), shown_method(line.label), average_cells(line)
        )


def _line(model: str, task: str, method: str, cells: Sequence[Cell]) -> str:
    texts = [model, task, method, *(f"{c.text} {c.detail}".strip() or "–" for c in cells)]
    return "| " + " | ".join(in_markdown(text) for text in texts) + " |"
