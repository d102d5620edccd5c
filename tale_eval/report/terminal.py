"""Tables for the terminal; plain text in a pipe."""

from collections.abc import Sequence

from rich import box
from rich.table import Table

from tale_eval.elasticity import CurvePoint, Share
from tale_eval.report.elasticity import ElasticityReport
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


def elasticity_tables(report: ElasticityReport) -> list[Table]:
    """The numbers of a search, its curve, and the estimators' quality."""
    title = f"{report.model}, {report.task}, {report.method}"
    numbers = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_header=False)
    numbers.add_column(overflow="fold")
    numbers.add_column(overflow="fold")
    for name, value in (
        ("questions solved by vanilla CoT", _share(report.solved)),
        ("of these, with a smaller budget", _share(report.improved)),
        ("mean CoT tokens (solved)", _number(report.vanilla_tokens)),
        ("mean searched tokens (solved)", _number(report.searched_tokens)),
        ("calls per question", _number(report.calls)),
        ("tokens spent per question", _number(report.spent_tokens)),
        ("questions whose cost rebounds", _share(report.rebounds)),
        ("median rebound, as a fraction of CoT", _fraction(report.rebound_at)),
        ("monotonic questions", _share(report.monotonic)),
    ):
        numbers.add_row(name, value)
    for method, quality in report.estimators.items():
        numbers.add_row(f"{method}: estimates in W*", _share(quality.in_range))
        numbers.add_row(
            f"{method}: distance of those outside",
            _number(quality.mean_distance_outside) + " tokens",
        )
        if quality.n_without_estimate:
            numbers.add_row(f"{method}: no estimate", str(quality.n_without_estimate))
    return [numbers, _curve("budget", report.by_budget), _curve("of CoT", report.by_fraction)]


def _curve(axis: str, points: Sequence[CurvePoint]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for title in (axis, "answers", "mean tokens", "sd", "quartiles", "right"):
        table.add_column(title, justify="right")
    for point in points:
        at = f"{point.at:g}" if point.at >= 1 else f"1/{1 / point.at:g}"
        spread = f"{point.q25:g} / {point.median:g} / {point.q75:g}"
        row = (at, str(point.n), _number(point.mean), _number(point.stdev), spread)
        table.add_row(*row, _share(point.accuracy))
    return table


def _share(share: Share) -> str:
    return f"{_percent(share.value)} ({share.numerator}/{share.denominator})"


def _fraction(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
