"""Tables for the terminal; plain text in a pipe."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from tale_eval.analysis.comparison import Comparison
from tale_eval.analysis.elasticity import ElasticityReport
from tale_eval.analysis.leaderboard import MacroAverage, Row, macro_average
from tale_eval.analysis.reference import ReferenceRow
from tale_eval.budgets.elasticity import CurvePoint, Share
from tale_eval.shown.names import visible

NOTHING = "–"


def leaderboard_tables(rows: Sequence[Row], reference: Sequence[ReferenceRow] = ()) -> Group:
    """A table for each model and task: accuracy beside tokens and dollars.

    The averages over a model's tasks and a paper's printed rows follow in tables of their own.
    """
    groups = groupby(rows, key=lambda row: (row.model, row.task))
    tables: list[RenderableType] = [_FittedTable(*names, list(group)) for names, group in groups]
    for (model, tasks), lines in groupby(macro_average(rows), lambda a: (a.model, a.tasks)):
        tables += [_heading(f"{model} · average over {', '.join(tasks)}"), _average_table(lines)]
    for task, printed in groupby(reference, key=lambda row: row.task):
        tables += [_heading(f"{task} · as printed in the paper"), _printed_table(printed)]
    if any(row.pareto for row in rows):
        tables.append("● in the Pareto set: no other method is as accurate with as few tokens")
    return Group(*tables)


# by importance: where the terminal is too narrow, the last ones are left out
_LEADERBOARD = (
    "n\n(errors)",
    "accuracy\n[95 %]",
    "total\ntokens",
    "Δ accuracy\n[95 %]",
    "token ratio\n[95 %]",
    "verdict",
    "●",
    "$ per\n1,000",
    "tokens/\ncorrect",
    "answer +\nestimator",
    "cut\noff",
    "no\nbudget",
    "within\nbudget",
)

# characters: a longer method name is folded; more than any table needs
_METHOD = 18
_UNLIMITED = 10_000

_COLOURS = {"not worse": "[green]not worse[/]", "worse": "[red]worse[/]"}


@dataclass(frozen=True)
class _FittedTable:
    """The rows of one model and task, with as many columns as there is room for."""

    model: str
    task: str
    rows: list[Row]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        cells = [_leaderboard_cells(row) for row in self.rows]
        # what nobody knows needs no column
        titles = [title for title in _LEADERBOARD if any(line[title] != NOTHING for line in cells)]
        left_out: list[str] = []
        unlimited = options.update(max_width=_UNLIMITED)
        table = self._table(titles, cells)
        while titles and Measurement.get(console, unlimited, table).maximum > options.max_width:
            left_out.insert(0, titles.pop().replace("\n", " "))
            table = self._table(titles, cells)
        yield _heading(f"{self.model} · {self.task}")
        yield table
        if left_out:
            yield f"no room here for: {', '.join(left_out)}"

    def _table(self, titles: Sequence[str], cells: Sequence[Mapping[str, str]]) -> Table:
        table = _plain_table("method", numbers=titles, max_width=_METHOD)
        for row, line in zip(self.rows, cells, strict=True):
            table.add_row(escape(visible(row.method)), *(line[title] for title in titles))
        return table


def _heading(title: str) -> Text:
    return Text(visible(title), style="bold")


def _average_table(lines: Iterable[MacroAverage]) -> Table:
    table = _plain_table("method", numbers=("accuracy", "total\ntokens"))
    for line in lines:
        numbers = (_points(line.accuracy), _tokens(line.output_tokens))
        table.add_row(escape(visible(line.method)), *numbers)
    return table


def _printed_table(lines: Iterable[ReferenceRow]) -> Table:
    """A paper's own numbers; the estimator's tokens are not in them."""
    table = _plain_table("model", "method", "printed", numbers=("accuracy", "answer\ntokens"))
    for line in lines:
        numbers = (_points(line.accuracy), _tokens(line.output_tokens))
        table.add_row(line.model, line.method, line.table, *numbers)
    return table


def _plain_table(*names: str, numbers: Iterable[str], max_width: int | None = None) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in names:
        table.add_column(name, overflow="fold", max_width=max_width)
    for title in numbers:
        table.add_column(title, justify="right", no_wrap=True)
    return table


def _leaderboard_cells(row: Row) -> dict[str, str]:
    versus = row.comparison
    return dict(
        zip(
            _LEADERBOARD,
            (
                f"{row.n} ({row.errors})",
                _accuracy(row),
                _tokens(row.means["output_tokens"]),
                _difference(versus) if versus else NOTHING,
                _ratio(versus) if versus else NOTHING,
                _verdict(row),
                "●" if row.pareto else NOTHING,
                _dollars(row.dollars_per_1000),
                _tokens(row.tokens_per_correct),
                _answer_and_estimator(row),
                _percent(row.means["truncated"]),
                _percent(row.means["budget_missing"]),
                _percent(row.means["within_budget"]),
            ),
            strict=True,
        )
    )


def _accuracy(row: Row) -> str:
    share = _points(row.accuracy)
    if row.interval is None:
        return share
    return f"{share} [{100 * row.interval.low:.0f}, {100 * row.interval.high:.0f}]"


def _verdict(row: Row) -> str:
    if row.is_baseline:
        return "baseline"
    if row.comparison is None:
        return NOTHING
    return _COLOURS.get(row.comparison.verdict, row.comparison.verdict)


def _difference(versus: Comparison) -> str:
    """In points of a hundred."""
    if versus.difference is None:
        return NOTHING
    points = f"{100 * versus.difference:+.1f}"
    if versus.interval is None:
        return points
    return f"{points} [{100 * versus.interval.low:+.1f}, {100 * versus.interval.high:+.1f}]"


def _ratio(versus: Comparison) -> str:
    if versus.ratio is None:
        return NOTHING
    if versus.ratio_interval is None:
        return f"{versus.ratio:.2f}"
    return f"{versus.ratio:.2f} [{versus.ratio_interval.low:.2f}, {versus.ratio_interval.high:.2f}]"


def _tokens(value: float | None) -> str:
    return f"{value:,.0f}" if value is not None and value >= 1000 else _number(value)


def _answer_and_estimator(row: Row) -> str:
    answer, estimator = row.means["answer_tokens"], row.means["estimator_tokens"]
    return f"{_tokens(answer)} + {_tokens(estimator)}" if estimator else _tokens(answer)


def _points(share: float | None) -> str:
    """Of a hundred."""
    return NOTHING if share is None else f"{100 * share:.1f}"


def _dollars(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.1f}"


def _percent(value: float | None) -> str:
    return NOTHING if value is None else f"{100 * value:.0f} %"


def elasticity_tables(report: ElasticityReport) -> list[Table]:
    """The numbers of a search, its curve, and the estimators' quality."""
    title = Text(visible(f"{report.model}, {report.task}, {report.method}"), "table.title")
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
    for name, quality in report.estimators.items():
        method = escape(visible(name))
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
    return NOTHING if value is None else f"{value:.3f}"
