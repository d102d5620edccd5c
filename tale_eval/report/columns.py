"""The columns of the leaderboard page: what stands in a cell, and what it sorts by. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tale_eval.analysis.leaderboard import MacroAverage, Row
from tale_eval.analysis.reference import ReferenceRow
from tale_eval.analysis.statistics import Interval


@dataclass(frozen=True)
class Cell:
    """A cell of the table.

    Attributes:
        text: What is read; empty where nothing is known.
        detail: Its interval, or how many it rests on.
        value: What the column sorts by; None sorts last.
    """

    text: str = ""
    detail: str = ""
    value: float | None = None


@dataclass(frozen=True)
class Column:
    """A column after model, task and method.

    Attributes:
        title, note: Its heading, and what it means in a sentence.
        cell: The cell of a measured row.
        printed: The cell of a row printed in a paper.
        main: Always shown; the others only on request.
    """

    title: str
    note: str
    cell: Callable[[Row], Cell]
    printed: Callable[[ReferenceRow], Cell] = lambda row: Cell()
    main: bool = False


def known_columns(rows: Sequence[Row]) -> list[Column]:
    """The columns in which at least one row has something to say."""
    return [column for column in COLUMNS if any(column.cell(row).text for row in rows)]


def average_cells(average: MacroAverage) -> tuple[Cell, Cell]:
    """Accuracy and tokens of an average over tasks."""
    return _percent(average.accuracy, digits=1), _number(average.output_tokens)


def _percent(value: float | None, interval: Interval | None = None, digits: int = 0) -> Cell:
    return _cell(value, interval, lambda share: f"{100 * share:.{digits}f}", " %")


def _number(value: float | None, interval: Interval | None = None) -> Cell:
    return _cell(value, interval, lambda n: f"{n:,.0f}" if abs(n) >= 1000 else f"{n:.1f}")


def _precise(value: float | None) -> Cell:
    return _cell(value, None, lambda n: f"{n:.3g}")


def _dollars(value: float | None) -> Cell:
    return _cell(value, None, lambda n: f"{n:,.3f}" if n == 0 or n >= 0.001 else f"{n:.1g}")


def _cell(
    value: float | None,
    interval: Interval | None,
    written: Callable[[float], str],
    unit: str = "",
) -> Cell:
    if value is None:
        return Cell()
    detail = f"{written(interval.low)} to {written(interval.high)}" if interval else ""
    return Cell(written(value) + unit, detail, value)


def _difference(row: Row) -> Cell:
    versus = row.comparison
    if versus is None:
        return Cell()
    return _cell(
        versus.difference,
        versus.interval,
        lambda share: f"{100 * share:+.1f}".replace("-", "\N{MINUS SIGN}"),
    )


def _ratio(row: Row) -> Cell:
    versus = row.comparison
    if versus is None:
        return Cell()
    return _cell(versus.ratio, versus.ratio_interval, lambda ratio: f"{ratio:.2f}", " ×")


def _verdict(row: Row) -> Cell:
    if row.is_baseline:
        return Cell("baseline", value=1)
    if row.comparison is None:
        return Cell()
    order = {"not worse": 0, "undecided": 2, "worse": 3}
    return Cell(row.comparison.verdict, value=order[row.comparison.verdict])


def _paired(row: Row) -> Cell:
    versus = row.comparison
    if versus is None:
        return Cell()
    alone = versus.unpaired + versus.unpaired_baseline
    return Cell(f"{versus.paired:,}", f"{alone:,} unpaired" if alone else "", versus.paired)


def _mcnemar(row: Row) -> Cell:
    counts = row.comparison.mcnemar if row.comparison else None
    if counts is None:
        return Cell()
    return Cell(f"{counts.only_a} : {counts.only_b}", f"p = {counts.p:.2g}", counts.p)


def _scored(row: Row) -> Cell:
    return Cell(f"{row.n:,}", f"{row.errors:,} without score" if row.errors else "", row.n)


def _mean(key: str) -> Callable[[Row], Cell]:
    return lambda row: _number(row.means[key])


def _share(key: str) -> Callable[[Row], Cell]:
    return lambda row: _percent(row.means[key])


COLUMNS = (
    Column("Scored", "Answers that were scored, epochs counted separately", _scored, main=True),
    Column(
        "Accuracy",
        "Share of right answers, with its 95 % interval",
        lambda row: _percent(row.accuracy, row.interval, digits=1),
        lambda row: _percent(row.accuracy, digits=2),
        main=True,
    ),
    Column(
        "Tokens",
        "Mean output tokens per question, all calls, with their 95 % interval",
        lambda row: _number(row.means["output_tokens"], row.tokens_interval),
        lambda row: Cell(_number(row.output_tokens).text, "answer only", row.output_tokens),
        main=True,
    ),
    Column(
        "Δ accuracy",
        "Accuracy minus the baseline's on the same questions, in points, with its 95 % interval",
        _difference,
        main=True,
    ),
    Column(
        "Token ratio",
        "Output tokens over the baseline's on the same questions, with its 95 % interval",
        _ratio,
        main=True,
    ),
    Column("Verdict", "Is the accuracy lower than the baseline's?", _verdict, main=True),
    Column(
        "Pareto",
        "No other method of this model and task is as accurate with as few tokens",
        lambda row: Cell("●", value=0) if row.pareto else Cell(),
        main=True,
    ),
    Column(
        "$ / 1,000",
        "Dollars for 1,000 questions",
        lambda row: _dollars(row.dollars_per_1000),
        main=True,
    ),
    Column("Answer tokens", "Mean output tokens of the answer's call", _mean("answer_tokens")),
    Column("Estimator tokens", "Mean output tokens of the estimator", _mean("estimator_tokens")),
    Column(
        "Tokens / correct",
        "Output tokens spent for each right answer",
        lambda row: _number(row.tokens_per_correct),
    ),
    Column("Seconds", "Mean seconds per question, all calls", _mean("seconds")),
    Column("Cut off", "Answers that hit their token cap", _share("truncated")),
    Column("No budget", "Estimates without a readable budget", _share("budget_missing")),
    Column("Within budget", "Answers no longer than their budget", _share("within_budget")),
    Column("Paired", "Questions that the baseline answered too", _paired),
    Column("Only one right", "McNemar: only this method right, only the baseline", _mcnemar),
    Column("E³", "Accuracy squared over mean tokens", lambda row: _precise(row.e3)),
    Column("OckScore", "Accuracy and tokens in one number", lambda row: _precise(row.ock_score)),
    Column(
        "OAA-AUC",
        "Area under accuracy against a rising token limit",
        lambda row: _precise(row.oaa_auc),
    ),
)
