"""Tables for the terminal; plain text in a pipe."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from tale_eval.analysis import measures
from tale_eval.analysis.averages import MacroAverage, macro_average
from tale_eval.analysis.control_measures import CONTROL_MEASURES, CONTROL_NOTES, sweep_notes
from tale_eval.analysis.curves import CURVE_NOTES, Curve
from tale_eval.analysis.elasticity import ElasticityReport
from tale_eval.analysis.estimators import EstimatorScore, interval_text
from tale_eval.analysis.family import correction_notes
from tale_eval.analysis.following import Following
from tale_eval.analysis.frontiers import Frontier, PassFrontier
from tale_eval.analysis.leaderboard import LeaderboardRow
from tale_eval.analysis.measures import Unit, Value
from tale_eval.analysis.obedience import ControlledRow
from tale_eval.analysis.reference import ReferenceRow
from tale_eval.analysis.results import shown_method
from tale_eval.analysis.seeds import Seeds
from tale_eval.analysis.sweeps import Sweep
from tale_eval.budgets.elasticity import COMPARABLE_TRIALS, CurvePoint, Share
from tale_eval.report.trained import (
    FOLLOWING_NOTES,
    SEED_NOTES,
    following_columns,
    seed_columns,
)
from tale_eval.shown.names import visible

NOTHING = "–"
_TOO_FEW = re.compile(r"\(too few to tell: [^)]*\)")


def leaderboard_tables(
    rows: Sequence[LeaderboardRow], reference: Sequence[ReferenceRow] = ()
) -> Group:
    """A table for each model and task: accuracy beside tokens and dollars.

    The averages over a model's tasks and a paper's printed rows follow in tables of their own.
    """
    groups = groupby(rows, key=lambda row: (row.model, row.task))
    tables: list[RenderableType] = [_leaderboard(*names, list(group)) for names, group in groups]
    for (model, tasks), lines in groupby(macro_average(rows), lambda a: (a.model, a.tasks)):
        tables += [_heading(f"{model} · average over {', '.join(tasks)}"), _average_table(lines)]
    for task, printed in groupby(reference, key=lambda row: row.task):
        tables += [_heading(f"{task} · as printed in the paper"), _printed_table(printed)]
    return Group(*tables, *_legends(rows), *map(_plain_line, correction_notes(rows)))


def control_tables(rows: Sequence[ControlledRow], swept: Sequence[Sweep]) -> Group:
    """What each control asked for and what came, and what the levels of each sweep did."""
    tables: list[RenderableType] = []
    for names, group in groupby(rows, key=lambda row: (row.model, row.task)):
        tables.append(_controls(*names, list(group)))
    tables += [escape(note) for note in CONTROL_NOTES] if rows else []
    for (model, task), sweeps in groupby(swept, key=lambda sweep: (sweep.model, sweep.task)):
        told = [f"{sweep.label}: {said}" for sweep in sweeps for said in sweep.sentences]
        tables += ["", _heading(f"{model} · {task} · what moved"), *map(_plain_line, told)]
    return Group(*tables, *map(escape, sweep_notes(swept)))


def curve_tables(
    curves: Sequence[Curve], frontiers: Sequence[Frontier], passes: Sequence[PassFrontier]
) -> Group:
    """What is said of curves and frontiers by tokens and dollars, of the tasks with a curve."""
    told: dict[tuple[str, str], list[str]] = {}
    for curve in curves:
        said = [curve.said(area) for area in curve.areas if area.cost == "tokens"]
        told.setdefault((curve.model, curve.task), []).extend(said)
    for frontier in frontiers:
        if frontier.cost != "seconds":
            told.setdefault((frontier.model, frontier.task), []).extend(frontier.sentences)
    for passed in passes:
        told.setdefault((passed.model, passed.task), []).append(passed.sentence)
    tasks = {curve.task for curve in curves}
    lines: list[RenderableType] = []
    for (model, task), sentences in told.items():
        if task in tasks:
            lines += ["", _heading(f"{model} · {task} · curves and frontiers")]
            lines += map(_plain_line, sentences)
    return Group(*lines, *(escape(note) for note in CURVE_NOTES if lines))


def seed_tables(rows: Sequence[Seeds]) -> Group:
    """What the training seeds of each joined row came to, and intervals for further seeds."""
    tables: list[RenderableType] = []
    for (model, task), group in groupby(rows, key=lambda row: (row.model, row.task)):
        lines = list(group)
        columns = [_Column(title, _brief(each)) for title, each in seed_columns(lines).items()]
        names = [shown_method(line.label) for line in lines]
        tables += [_FittedTable(f"{model} · {task} · over training seeds", names, columns)]
    return Group(*tables, *(escape(note) for note in SEED_NOTES if rows))


def following_tables(rows: Sequence[Following]) -> Group:
    """Asked against actual tokens of each method that ran under several budgets."""
    tables: list[RenderableType] = []
    for (model, task), group in groupby(rows, key=lambda row: (row.model, row.task)):
        lines = list(group)
        found = following_columns(lines)
        columns = [_Column(title, _brief(each)) for title, each in found.items()]
        names = [shown_method(line.label) for line in lines]
        tables += [_FittedTable(f"{model} · {task} · asked against actual", names, columns)]
    return Group(*tables, *(escape(note) for note in FOLLOWING_NOTES if rows))


def _brief(cells: Iterable[str]) -> list[str]:
    """The cells without what too few is of, which the page and Markdown have room for."""
    return [_TOO_FEW.sub("(too few)", cell) for cell in cells]


def _controls(model: str, task: str, rows: Sequence[ControlledRow]) -> "_FittedTable":
    columns = [_Column("control", [row.control for row in rows])]
    columns += [
        _Column((m.short or m.title).lower(), [_cell(m.unit, m.of(row)) for row in rows])
        for m in CONTROL_MEASURES
        if m.shown
    ]
    known = [column for column in columns if any(cell != NOTHING for cell in column.cells)]
    labels = [shown_method(row.label) for row in rows]
    # a row with several controls is named once
    names = [
        "" if name == above else name
        for name, above in zip(labels, ["", *labels[:-1]], strict=True)
    ]
    return _FittedTable(f"{model} · {task} · controls: asked and came", names, known)


def _plain_line(text: str) -> Text:
    return Text(visible(text))


# characters: a longer method name is folded, and one with its setting where there is no room for
# either of these; more than any table needs
_METHOD = 18
_SETTING = 30
_LABEL = 60
_UNLIMITED = 10_000


@dataclass(frozen=True)
class _FittedTable:
    """Rows by their names, with as many columns as there is room for: the first ones."""

    heading: str
    names: Sequence[str]
    columns: Sequence["_Column"]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        columns = list(self.columns)
        left_out: list[str] = []
        unlimited = options.update(max_width=_UNLIMITED)

        def too_wide(table: Table) -> bool:
            return Measurement.get(console, unlimited, table).maximum > options.max_width

        folded, settings = self._folded(), any(" · " in name for name in self.names)
        table = self._table(columns, _LABEL if settings else _METHOD)
        if too_wide(table):
            table = self._table(columns, folded)
        while columns and too_wide(table):
            left_out.insert(0, columns.pop().title.replace("\n", " "))
            table = self._table(columns, folded)
        yield _heading(self.heading)
        yield table
        if left_out:
            yield f"no room here for: {', '.join(left_out)}"

    def _folded(self) -> int:
        """The least width of the methods' column: no short setting is cut in two."""
        settings = (name.partition(" · ")[2] for name in self.names)
        longest = max((len(word) for setting in settings for word in setting.split()), default=0)
        return max(_METHOD, min(longest, _SETTING))

    def _table(self, columns: Sequence["_Column"], width: int) -> Table:
        titles = [column.title for column in columns]
        table = plain_table("method", numbers=titles, max_width=width)
        for number, name in enumerate(self.names):
            cells = (column.cells[number] for column in columns)
            table.add_row(escape(visible(name)), *cells)
        return table


@dataclass(frozen=True)
class _Column:
    title: str
    cells: list[str]


def _leaderboard(model: str, task: str, rows: Sequence[LeaderboardRow]) -> _FittedTable:
    names = [shown_method(row.label) for row in rows]
    return _FittedTable(f"{model} · {task}", names, _known_columns(rows))


def _known_columns(rows: Sequence[LeaderboardRow]) -> list[_Column]:
    """The terminal's measures by rank; what nobody knows needs no column."""
    ranked = [(m.rank, m) for m in measures.MEASURES if m.rank is not None]
    columns = [
        _Column(m.short or m.title, [_cell(m.unit, row.value_of(m)) for row in rows])
        for _, m in sorted(ranked, key=lambda pair: pair[0])
    ]
    return [column for column in columns if any(cell != NOTHING for cell in column.cells)]


def _legends(rows: Sequence[LeaderboardRow]) -> list[str]:
    return [
        escape(measure.legend)
        for measure in measures.MEASURES
        if measure.legend
        and any(_cell(measure.unit, row.value_of(measure)) != NOTHING for row in rows)
    ]


def _heading(title: str) -> Text:
    return Text(visible(title), style="bold")


def _average_table(lines: Iterable[MacroAverage]) -> Table:
    table = plain_table("method", numbers=("accuracy", "total\ntokens"))
    for line in lines:
        numbers = (
            _cell("share", Value(line.accuracy)),
            _cell("tokens", Value(line.output_tokens)),
        )
        table.add_row(escape(visible(shown_method(line.label))), *numbers)
    return table


def _printed_table(lines: Iterable[ReferenceRow]) -> Table:
    """A paper's own numbers; the estimator's tokens are not in them."""
    table = plain_table("model", "method", "printed", numbers=("accuracy", "answer\ntokens"))
    for line in lines:
        numbers = (
            _cell("share", Value(line.accuracy)),
            _cell("tokens", Value(line.output_tokens)),
        )
        table.add_row(line.model, line.method, line.table, *numbers)
    return table


def plain_table(*names: str, numbers: Iterable[str], max_width: int | None = None) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in names:
        table.add_column(name, overflow="fold", max_width=max_width)
    for title in numbers:
        table.add_column(title, justify="right", no_wrap=True)
    return table


_Writer = Callable[[Value], str]
"""From a known value to the markup of its cell; empty where there is nothing to say."""


def _ranged(point: str, ends: str = "", scale: float = 1) -> _Writer:
    """A number of this format, and its interval's ends in brackets."""

    def write(value: Value) -> str:
        number = f"{scale * value.number:{point}}"
        if value.interval is None:
            return f"{number} [dim](too few)[/]" if value.detail else number
        low, high = (f"{scale * end:{ends}}" for end in (value.interval.low, value.interval.high))
        return f"{number} [{low}, {high}]"

    return write


def _amount(number: float) -> str:
    return f"{number:,.0f}" if number >= 1000 else f"{number:.1f}"


def _parts(value: Value) -> str:
    return " + ".join(_amount(number) for number in (value.number, *value.beside))


def _dollars(value: Value) -> str:
    return f"{value.number:.3g}" if value.number < 100 else f"{value.number:,.0f}"


def _with_count(value: Value) -> str:
    (more,) = value.beside
    return f"{value.number:.0f} ({more:.0f})"


def _discordant(value: Value) -> str:
    ours, theirs = value.beside
    return f"{ours:.0f} : {theirs:.0f} (p = {value.number:.2g})"


_COLOURS = {"not worse": "green", "worse": "red"}


def _word(value: Value) -> str:
    word = escape(visible(str(value.value)))
    colour = _COLOURS.get(word)
    return f"[{colour}]{word}[/]" if colour else word


WRITERS: Mapping[Unit, _Writer] = {
    "count": lambda value: f"{value.number:,.0f}",
    "share": _ranged(".1f", ".0f", scale=100),
    "percent": lambda value: f"{100 * value.number:.0f} %",
    "points": _ranged("+.1f", "+.1f", scale=100),
    "ratio": _ranged(".2f", ".2f"),
    # the page has the room for their intervals
    "tokens": lambda value: _amount(value.number),
    "seconds": lambda value: _amount(value.number),
    "dollars": _dollars,
    "plain": _ranged(".3g", ".3g"),
    "word": _word,
    "mark": lambda value: "●" if value.value else "",
    "scored": _with_count,
    "parts": _parts,
    "pairs": _with_count,
    "discordant": _discordant,
}


def _cell(unit: Unit, value: Value) -> str:
    known = value.value is not None
    return (WRITERS[unit](value) if known else escape(visible(value.detail))) or NOTHING


def elasticity_tables(report: ElasticityReport) -> list[Table]:
    """The numbers of a search, its curve, and the estimators' quality."""
    title = Text(visible(f"{report.model}, {report.task}, {report.label}"), "table.title")
    numbers = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_header=False)
    numbers.add_column(overflow="fold")
    numbers.add_column(overflow="fold")
    for name, value in (
        ("questions solved by vanilla CoT", _share(report.solved)),
        ("of these, with a smaller budget", _share(report.improved)),
        ("chosen answers dearer than vanilla CoT", str(report.dearer.numerator)),
        ("mean CoT tokens (solved)", _number(report.vanilla_tokens)),
        ("mean searched tokens (solved)", _number(report.searched_tokens)),
        ("calls per question", _number(report.calls)),
        ("tokens spent per question", _number(report.spent_tokens)),
        ("questions whose cost rebounds", _share(report.rebounds)),
        ("median rebound, as a fraction of CoT", _fraction(report.rebound_at)),
        ("monotonic questions", _share(report.monotonic)),
        ("W* that is a single budget", _share(report.single_budget)),
        ("right budgets behind a W* (median)", _amount_or_nothing(report.ideal_trials)),
    ):
        numbers.add_row(name, value)
    for name, quality in report.estimators.items():
        method = escape(visible(name))
        numbers.add_row(f"{method}: estimates in W*", _share(quality.in_range))
        if not quality.comparable:
            numbers.add_row(
                "  not comparable with the paper's 60.61 %",
                f"{quality.median_trials:g} right budgets behind a W*, where below "
                f"{COMPARABLE_TRIALS} it is a single number; search with -S speculative=true",
            )
        numbers.add_row(
            f"{method}: distance of those outside",
            _number(quality.mean_distance_outside) + " tokens",
        )
        if quality.n_without_estimate:
            numbers.add_row(f"{method}: no estimate", str(quality.n_without_estimate))
        if report.unlike.get(name):
            numbers.add_row(
                f"{method}: questions unlike those it was fitted on", str(report.unlike[name])
            )
        if name in report.seconds:
            numbers.add_row(f"{method}: ms an estimate", _number(1000 * report.seconds[name]))
    scores = [estimator_table(report.task, report.scores)] if report.scores else []
    return [
        numbers,
        *scores,
        _curve("budget", report.by_budget),
        _curve("of CoT", report.by_fraction),
    ]


def estimator_table(title: str, scores: Mapping[str, EstimatorScore]) -> Table:
    """Estimators side by side, with 95 % intervals."""
    table = Table(
        title=Text(visible(f"estimators: {title}"), "table.title"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        caption="in W*, need covered, kept right: % of the questions; 95 % intervals",
        caption_justify="left",
    )
    table.add_column("estimator", overflow="fold")
    for heading in (
        "n",
        "in W*",
        "distance\nto W*",
        "mean\nestimate",
        "mean\nneed",
        "need\ncovered",
        "kept\nright",
        "% of CoT's\ntokens",
        "saved",
        "tokens, lost\nones asked again",
    ):
        table.add_column(heading, justify="right")
    for name, score in scores.items():
        table.add_row(
            escape(visible(name)),
            str(score.quality.n_estimated),
            interval_text(score.in_range, 100, 0),
            interval_text(score.distance),
            _number(score.estimated),
            _number(score.needed),
            interval_text(score.covered, 100, 0),
            interval_text(score.right, 100, 0),
            interval_text(score.tokens, 100, 0),
            _number(score.saved),
            interval_text(score.expense),
        )
    return table


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


def _amount_or_nothing(value: float | None) -> str:
    return NOTHING if value is None else f"{value:g}"


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.1f}"


def _share(share: Share) -> str:
    return f"{_cell('percent', Value(share.value))} ({share.numerator}/{share.denominator})"


def _fraction(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}"
