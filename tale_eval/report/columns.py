"""The cells of the page and of Markdown: how a value of each unit is written, and sorted. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tale_eval.analysis import measures
from tale_eval.analysis.averages import MacroAverage
from tale_eval.analysis.control_measures import CONTROL_MEASURES, ControlMeasure
from tale_eval.analysis.leaderboard import LeaderboardRow
from tale_eval.analysis.measures import Measure, Unit, Value
from tale_eval.analysis.obedience import ControlledRow
from tale_eval.analysis.reference import ReferenceRow
from tale_eval.records import Record


@dataclass(frozen=True)
class Cell:
    """A cell of the table.

    Attributes:
        text: What is read; empty where nothing is known.
        detail: Its interval, or how many it rests on.
        value: What the column sorts by; None sorts last.
        badge: The text is one of a few words, which the page colours.
    """

    text: str = ""
    detail: str = ""
    value: float | None = None
    badge: bool = False


def known_measures(rows: Sequence[LeaderboardRow]) -> list[Measure]:
    """The measures of the page that have something to say of at least one row."""
    return [
        measure
        for measure in measures.MEASURES
        if measure.main is not None and any(row_cell(measure, row).text for row in rows)
    ]


def row_cell(measure: Measure, row: LeaderboardRow) -> Cell:
    """What a measure says of a measured row."""
    return _cell(measure.unit, row.value_of(measure))


def printed_cell(measure: Measure, row: ReferenceRow) -> Cell:
    """What a measure says of a row printed in a paper."""
    value = measure.printed(row) if measure.printed else Value()
    return _cell(measure.unit, value, _PRINTED)


def control_cell(measure: ControlMeasure, row: ControlledRow) -> Cell:
    """What a measure says of a control."""
    cell = _cell(measure.unit, measure.of(row))
    return replace(cell, badge=False)


def known_control_measures(rows: Sequence[ControlledRow]) -> list[ControlMeasure]:
    """The measures of controls that have something to say of at least one row."""
    return [m for m in CONTROL_MEASURES if m.shown and any(control_cell(m, r).text for r in rows)]


@dataclass(frozen=True)
class AnswerColumn:
    """A column of single answers.

    Attributes:
        key: One of `tale_eval.tokens.costs.COST_KEYS`.
        title, note: Its heading, and what it means in a sentence.
        unit: How it is written.
    """

    key: str
    title: str
    note: str
    unit: Unit


ANSWER_COLUMNS = (
    AnswerColumn("output_tokens", "Tokens", "Output tokens of all calls of the method", "count"),
    AnswerColumn("answer_tokens", "Answer", "Output tokens of the answer's call", "count"),
    AnswerColumn("reasoning_tokens", "Reasoning", "Tokens of hidden reasoning", "count"),
    AnswerColumn("estimator_tokens", "Estimator", "Output tokens of the estimator", "count"),
    AnswerColumn("budget", "Budget", "The answer's budget in tokens", "count"),
    AnswerColumn("dollars", "Dollars", "What the method's calls cost", "dollars"),
    AnswerColumn(
        "seconds",
        "Seconds",
        "From sending to having read the replies; a busy process reads late",
        "seconds",
    ),
)
"""What is shown of single answers, where it is known."""


def answer_cell(column: AnswerColumn, record: Record) -> Cell:
    """What an answer cost."""
    value = record.costs[column.key]
    # a log has 20, the file made of it 20.0
    return Cell() if value is None else _cell(column.unit, Value(float(value)))


def average_cells(average: MacroAverage) -> tuple[Cell, Cell]:
    """Accuracy and tokens of an average over tasks."""
    return _cell("share", Value(average.accuracy)), _cell("tokens", Value(average.output_tokens))


_Writer = Callable[[Value], tuple[str, str]]
"""From a known value to the text and the detail of its cell."""


def _number(written: Callable[[float], str], sign: str = "") -> _Writer:
    def write(value: Value) -> tuple[str, str]:
        ends = value.interval
        detail = f"{written(ends.low)} to {written(ends.high)}" if ends else ""
        return written(value.number) + sign, value.detail or detail

    return write


def _percent(digits: int) -> _Writer:
    return _number(lambda share: f"{100 * share:.{digits}f}", " %")


def _points(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "\N{MINUS SIGN}")


def _amount(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.1f}"


def _dollars(number: float) -> str:
    return f"{number:,.3f}" if number == 0 or number >= 0.001 else f"{number:.1g}"


def _count(number: float) -> str:
    return f"{number:,.0f}"


def _with_count(what: str) -> _Writer:
    """A count, and below it how many more there are, if any."""

    def write(value: Value) -> tuple[str, str]:
        (more,) = value.beside
        return _count(value.number), f"{_count(more)} {what}" if more else ""

    return write


def _discordant(value: Value) -> tuple[str, str]:
    ours, theirs = value.beside
    return f"{ours:.0f} : {theirs:.0f}", f"p = {value.number:.2g}"


WRITERS: Mapping[Unit, _Writer] = {
    "count": _number(_count),
    "share": _percent(digits=1),
    "percent": _percent(digits=0),
    "points": _number(_points),
    "ratio": _number("{:.2f}".format, " ×"),
    "tokens": _number(_amount),
    "seconds": _number(_amount),
    "dollars": _number(_dollars),
    "plain": _number("{:.3g}".format),
    "word": lambda value: (str(value.value), value.detail),
    "mark": lambda value: ("●" if value.value else "", value.detail),
    "scored": _with_count("without score"),
    "parts": _number(_amount),
    "pairs": _with_count("unpaired"),
    "discordant": _discordant,
}
# papers print shares to the hundredth of a percent
_PRINTED = {**WRITERS, "share": _percent(digits=2)}


def _cell(unit: Unit, value: Value, writers: Mapping[Unit, _Writer] = WRITERS) -> Cell:
    known = value.value is not None
    text, detail = writers[unit](value) if known else (value.detail, "")
    return Cell(text, detail, value.sorted_by, badge=unit == "word" and bool(text))
