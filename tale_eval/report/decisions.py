"""The tables of `tale-eval gate` and `tale-eval plan`."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from tale_eval.analysis.gate import Gated
from tale_eval.analysis.plans import RunPlan
from tale_eval.analysis.power import MOST_QUESTIONS
from tale_eval.analysis.statistics import Interval
from tale_eval.report.terminal import NOTHING, plain_table
from tale_eval.shown.names import visible


def gate_table(gated: Sequence[Gated]) -> Table:
    """A line for each method: what was asked of it, and whether it passes."""
    table = plain_table(
        "model", "task", "method", numbers=("accuracy\npoints", "token\nratio", "gate")
    )
    for each in gated:
        names = (escape(visible(name)) for name in (each.model, each.task, each.method))
        accuracy = _ranged(each.difference, each.interval, 100, "{:+.1f}")
        tokens = _ranged(each.ratio, each.ratio_interval, 1, "{:.2f}")
        words = f"{accuracy} {each.accuracy}", f"{tokens} {each.tokens or ''}".rstrip()
        table.add_row(*names, *map(escape, words), each.outcome)
    return table


def plan_table(plans: Sequence[RunPlan]) -> Table:
    """A line for each method: what the pilot saw, what it can show, and what it would take."""
    table = plain_table(
        "model",
        "task",
        "method",
        numbers=(
            "pilot\nquestions",
            "one alone\nright",
            "chance of a\nverdict now",
            "questions\nneeded",
            "finds a\nloss of",
            "proves a\nmargin of",
        ),
    )
    for plan in plans:
        table.add_row(
            *(escape(visible(name)) for name in (plan.model, plan.task, plan.method)),
            f"{plan.seen.questions:,}",
            f"{100 * plan.seen.share:.1f} %",
            f"{100 * plan.now.not_worse:.0f} %",
            _questions(plan.needed, plan.needed_upper),
            _points(plan.detectable),
            _points(plan.provable),
        )
    return table


def _questions(least: int | None, most: int | None) -> str:
    if least is None:
        return f"over {MOST_QUESTIONS:,}"
    return f"{least:,} to {f'over {MOST_QUESTIONS:,}' if most is None else f'{most:,}'}"


def _points(share: float | None) -> str:
    return NOTHING if share is None else f"{100 * share:.1f}"


def _ranged(number: float | None, ends: Interval | None, scale: float, written: str) -> str:
    if number is None:
        return NOTHING
    shown = written.format(scale * number)
    if ends is None:
        return shown
    return f"{shown} [{written.format(scale * ends.low)}, {written.format(scale * ends.high)}]"
