"""The leaderboard as a terminal table; plain text in a pipe."""

from collections.abc import Sequence

from rich import box
from rich.table import Table

from tale_eval.report.leaderboard import Row


def leaderboard_table(rows: Sequence[Row]) -> Table:
    """A table of token counts per question and shares of questions."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("model", "task", "method"):
        table.add_column(title, overflow="fold")
    for title in (
        "n",
        "errors",
        "accuracy [95 %]",
        "answer\ntokens",
        "estimator\ntokens",
        "total\ntokens",
        "cut\noff",
        "budget\nmissing",
        "within\nbudget",
        "bare",
    ):
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.model,
            row.task,
            row.method,
            str(row.n),
            str(row.errors),
            _accuracy(row),
            _number(row.means["answer_tokens"]),
            _number(row.means["estimator_tokens"]),
            _number(row.means["output_tokens"]),
            _percent(row.means["truncated"]),
            _percent(row.means["budget_missing"]),
            _percent(row.means["within_budget"]),
            _percent(row.bare),
        )
    return table


def _accuracy(row: Row) -> str:
    if row.accuracy is None or row.interval is None:
        return "–"
    low, high = round(100 * row.interval.low), round(100 * row.interval.high)
    return f"{100 * row.accuracy:.1f} % [{low}, {high}]"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"
