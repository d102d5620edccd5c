"""The curves that papers print: accuracy against tokens, dollars or seconds, and right within k."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tale_eval.analysis.curves import Curve, CurvePoint
from tale_eval.analysis.efficiency import MOST_STEPS as MOST_STEPS
from tale_eval.analysis.frontiers import ALL_MODELS, Frontier
from tale_eval.analysis.leaderboard import LeaderboardRow
from tale_eval.analysis.results import shown_method
from tale_eval.analysis.statistics import Interval
from tale_eval.analysis.tradeoffs import COSTS, CostName, Spent
from tale_eval.errors import InvalidValueError
from tale_eval.report.charts import (
    load_altair,
    method_color,
    model_panel,
    stacked_panels,
    value_scale,
    wide_legend,
)

if TYPE_CHECKING:
    import altair

_TITLES = {
    "tokens": "output tokens per question",
    "dollars": "dollars per question",
    "seconds": "seconds per question",
}
_FORMATS = {"tokens": ",.1f", "dollars": ".3g", "seconds": ",.1f"}
_LEGEND = "shown"


def curves_chart(
    rows: Sequence[LeaderboardRow], curves: Sequence[Curve], frontiers: Sequence[Frontier]
) -> "altair.VConcatChart":
    """The panels of all tasks and costs below each other.

    Raises:
        InvalidValueError: If there is no curve.
    """
    panels = curve_panels(rows, curves, frontiers)
    if not panels:
        raise InvalidValueError(
            "no method was run at several budgets or settings: nothing to join to a curve; "
            "tale-eval compare --sweep KEY=V1,V2 runs some"
        )
    return stacked_panels({f"{task}: {cost}": panel for (task, cost), panel in panels.items()})


def curve_panels(
    rows: Sequence[LeaderboardRow], curves: Sequence[Curve], frontiers: Sequence[Frontier]
) -> "dict[tuple[str, CostName], altair.LayerChart]":
    """For each task with a curve, and each cost that is known: curves, other rows, frontier."""
    alone = list(_alone(rows, curves))
    series = sorted({curve.name for curve in curves} | {shown_method(r.label) for r in rows})
    panels = {}
    for task in sorted({curve.task for curve in curves}):
        for cost in COSTS:
            values = [v for curve in curves if curve.task == task for v in _line(curve, cost)]
            if values:
                values += _others([each for each in alone if each[0].task == task], cost)
                values += _frontier([f for f in frontiers if f.task == task and f.cost == cost])
                drawn = [name for name in series if any(v["method"] == name for v in values)]
                panels[task, cost] = _panel(values, drawn, cost)
    return panels


def within_panels(rows: Sequence[LeaderboardRow]) -> "dict[str, altair.LayerChart]":
    """For each task how many answers are right with at most k tokens, over k."""
    values = [value for row in rows for value in _steps(row)]
    methods = sorted({value["method"] for value in values})
    return {
        task: _within([value for value in values if value["task"] == task], methods)
        for task in sorted({value["task"] for value in values})
    }


def _line(curve: Curve, cost: CostName) -> Iterator[dict[str, Any]]:
    names = {"task": curve.task, "model": curve.model, "method": curve.name}
    for place, point in enumerate(curve.points):
        if cost in point.costs:
            yield {**names, "kind": "curve", "place": place, **_at(point, point.costs[cost], cost)}


def _alone(
    rows: Iterable[LeaderboardRow], curves: Sequence[Curve]
) -> Iterator[tuple[LeaderboardRow, CurvePoint]]:
    """The rows that are on no curve, and where they stand."""
    joined = {(c.model, c.task, point.label) for c in curves for point in c.points}
    for row in rows:
        if (row.model, row.task, row.label) not in joined and row.accuracy is not None:
            yield row, CurvePoint("", row.label, row.accuracy, row.interval, row.spent)


def _others(
    alone: Iterable[tuple[LeaderboardRow, CurvePoint]], cost: CostName
) -> Iterator[dict[str, Any]]:
    for row, point in alone:
        if cost in point.costs:
            names = {"task": row.task, "model": row.model, "method": shown_method(row.label)}
            yield {**names, "kind": "alone", "place": 0, **_at(point, point.costs[cost], cost)}


def _at(point: CurvePoint, spent: Spent, cost: CostName) -> dict[str, Any]:
    shares = point.interval or Interval(point.accuracy, point.accuracy)
    ends = spent.interval
    mean = format(spent.mean, _FORMATS[cost])
    detail = (
        f" ({format(ends.low, _FORMATS[cost])} to {format(ends.high, _FORMATS[cost])})"
        if ends
        else ""
    )
    return {
        "row": point.label,
        "at": spent.mean,
        "accuracy": point.accuracy,
        "low": shares.low,
        "high": shares.high,
        "accuracy_shown": f"{point.accuracy:.1%} ({shares.low:.1%} to {shares.high:.1%})",
        "cost_shown": mean + detail,
    }


def _frontier(frontiers: Iterable[Frontier]) -> Iterator[dict[str, Any]]:
    for frontier in frontiers:
        if frontier.model != ALL_MODELS:
            for place in frontier.places:
                yield {
                    "task": frontier.task,
                    "model": frontier.model,
                    "method": "",
                    "kind": "frontier",
                    "at": place.cost,
                    "accuracy": place.accuracy,
                }


def _panel(values: list[dict[str, Any]], methods: list[str], cost: CostName) -> "altair.LayerChart":
    alt = load_altair()
    along = value_scale(values, "at", log=True)
    shares = value_scale(values, "accuracy", "low", "high")
    chosen = alt.selection_point(name=_LEGEND, fields=["method"], bind="legend")
    base = alt.Chart().encode(
        x=alt.X("at:Q", title=_TITLES[cost], scale=along, axis=alt.Axis(grid=False)),
        y=alt.Y("accuracy:Q", title="accuracy", axis=alt.Axis(format="%"), scale=shares),
        color=method_color(methods),
    )
    drawn = base.transform_filter("datum.kind !== 'frontier'").encode(
        opacity=alt.condition(chosen, alt.value(1), alt.value(0.12)),
        detail="model:N",
    )
    curve = drawn.transform_filter("datum.kind === 'curve'")
    tooltip = [
        alt.Tooltip("row:N", title="row"),
        alt.Tooltip("model:N"),
        alt.Tooltip("accuracy_shown:N", title="accuracy"),
        alt.Tooltip("cost_shown:N", title=cost),
    ]
    frontier = base.transform_filter("datum.kind === 'frontier'").mark_line(
        interpolate="step-after", strokeDash=[5, 4], strokeWidth=1.5
    )
    shape = alt.Shape("model:N", title="model", legend=wide_legend(symbolFillColor="grey"))
    layers = alt.layer(
        frontier.encode(color=alt.value("#888"), detail="model:N", order="at:Q"),
        curve.mark_area().encode(
            y=alt.Y("low:Q", title="accuracy", scale=shares),
            y2="high:Q",
            opacity=alt.condition(chosen, alt.value(0.15), alt.value(0.03)),
        ),
        curve.mark_line(strokeWidth=2).encode(order="place:Q"),
        drawn.transform_filter("datum.kind === 'alone'")
        .mark_rule()
        .encode(y=alt.Y("low:Q", title="accuracy", scale=shares), y2="high:Q"),
        drawn.mark_point(filled=True, size=80)
        .add_params(chosen)
        .encode(tooltip=tooltip, shape=shape),
    )
    return model_panel(layers.properties(height=300), values)


def _steps(row: LeaderboardRow) -> Iterator[dict[str, Any]]:
    names = {"task": row.task, "model": row.model, "method": shown_method(row.label)}
    # a logarithm has no place for an answer of no token
    for at, share in row.steps:
        yield {**names, "at": max(1, at), "share": share}


def _within(values: list[dict[str, Any]], methods: list[str]) -> "altair.LayerChart":
    alt = load_altair()
    chosen = alt.selection_point(name=_LEGEND, fields=["method"], bind="legend")
    line = (
        alt.Chart()
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=alt.X(
                "at:Q",
                title="k, output tokens",
                scale=value_scale(values, "at", log=True),
                axis=alt.Axis(grid=False),
            ),
            y=alt.Y(
                "share:Q",
                title="right within k",
                axis=alt.Axis(format="%"),
                scale=value_scale(values, "share"),
            ),
            color=method_color(methods),
            detail="model:N",
            opacity=alt.condition(chosen, alt.value(1), alt.value(0.12)),
            tooltip=[
                alt.Tooltip("method:N"),
                alt.Tooltip("model:N"),
                alt.Tooltip("at:Q", title="k", format=",.0f"),
                alt.Tooltip("share:Q", title="right within k", format=".1%"),
            ],
        )
        .add_params(chosen)
    )
    return model_panel(alt.layer(line).properties(height=260), values)
