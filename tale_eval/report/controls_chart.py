"""The charts of controls: what came against what was asked, and what each level of a sweep took."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tale_eval.analysis.obedience import ControlledRow
from tale_eval.analysis.results import shown_method
from tale_eval.analysis.sweeps import Sweep
from tale_eval.errors import InvalidValueError
from tale_eval.report.charts import load_altair, method_color, model_panel, stacked_panels

if TYPE_CHECKING:
    import altair


def controls_chart(rows: Sequence[ControlledRow], swept: Sequence[Sweep]) -> "altair.VConcatChart":
    """Both kinds of panels below each other, each under its task.

    Raises:
        InvalidValueError: If no control asked for a number, and nothing was swept.
    """
    panels = {f"{task}: asked and came": panel for task, panel in asked_panels(rows).items()}
    panels |= {f"{task}: {key}": panel for (task, key), panel in sweep_panels(swept).items()}
    if not panels:
        raise InvalidValueError("no control of any answer that somebody counted: nothing to draw")
    return stacked_panels(panels)


def asked_panels(rows: Sequence[ControlledRow]) -> "dict[str, altair.LayerChart]":
    """For each task what came against what was asked, and the line on which it is as much."""
    points = [point for row in rows for point in _points(row)]
    methods = sorted({point["method"] for point in points})
    return {
        task: _asked([point for point in points if point["task"] == task], methods)
        for task in sorted({point["task"] for point in points})
    }


def sweep_panels(swept: Sequence[Sweep]) -> "dict[tuple[str, str], altair.LayerChart]":
    """For each task, and each setting or argument swept there, the tokens at its levels."""
    panels: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for sweep in swept:
        panels[sweep.task, sweep.key] += _levels(sweep)
    return {names: _swept(points, names[1]) for names, points in sorted(panels.items()) if points}


def _points(row: ControlledRow) -> Iterator[dict[str, Any]]:
    """The quantiles of what came, at each number or power of two that was asked for."""
    for point in row.points:
        yield {
            "task": row.task,
            "model": row.model,
            "method": f"{row.control}: {shown_method(row.label)}",
            **point._asdict(),
        }


def _levels(sweep: Sweep) -> Iterator[dict[str, Any]]:
    for place, spread in enumerate(sweep.spreads):
        if spread.median is not None:
            yield {
                "task": sweep.task,
                "model": sweep.model,
                "method": shown_method(sweep.label),
                "level": spread.value,
                "place": place,
                "median": spread.median,
                "low": spread.low,
                "high": spread.high,
                "answers": spread.answers,
            }


_TITLE = "what came (median; 10th to 90th percentile)"


def _asked(points: list[dict[str, Any]], methods: list[str]) -> "altair.LayerChart":
    alt = load_altair()
    ends = [p[field] for p in points for field in ("asked", "low", "high")]
    # a logarithm has no place for an answer of no token
    kind = "log" if min(ends) > 0 else "linear"
    scale = alt.Scale(type=kind, domain=[min(ends), max(ends)], nice=False, padding=20)
    base = alt.Chart().encode(
        x=alt.X("asked:Q", title="asked", scale=scale, axis=alt.Axis(grid=False)),
        color=method_color(methods),
        detail="model:N",
        tooltip=_tooltips("asked:Q"),
    )
    layers = alt.layer(
        _diagonal(min(ends), max(ends), scale),
        base.mark_rule(opacity=0.6).encode(
            y=alt.Y("low:Q", scale=scale, title=_TITLE), y2="high:Q"
        ),
        base.mark_line(opacity=0.5).encode(y="median:Q"),
        base.mark_point(filled=True, size=90, opacity=1).encode(y="median:Q"),
    )
    return model_panel(layers.properties(height=300), points)


def _diagonal(low: float, high: float, scale: Any) -> Any:
    alt = load_altair()
    ends = alt.Data(values=[{"at": low, "model": ""}, {"at": high, "model": ""}])
    return (
        alt.Chart(ends)
        .mark_line(strokeDash=[5, 4], color="#888", strokeWidth=1.5)
        .encode(x=alt.X("at:Q", scale=scale), y=alt.Y("at:Q", scale=scale))
    )


def _swept(points: list[dict[str, Any]], key: str) -> "altair.LayerChart":
    alt = load_altair()
    methods = sorted({point["method"] for point in points})
    kind = "log" if min(point["low"] for point in points) > 0 else "linear"
    order = [p["level"] for p in sorted(points, key=lambda p: p["place"])]
    base = alt.Chart().encode(
        x=alt.X("level:N", title=key, sort=list(dict.fromkeys(order)), axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("method:N", scale=alt.Scale(domain=methods)),
        color=method_color(methods),
        detail="model:N",
        tooltip=_tooltips("level:N"),
    )
    scale = alt.Scale(type=kind, nice=False, padding=20, zero=False)
    layers = alt.layer(
        base.mark_rule(opacity=0.6).encode(
            y=alt.Y("low:Q", scale=scale, title=_TITLE), y2="high:Q"
        ),
        base.mark_point(filled=True, size=90, opacity=1).encode(y="median:Q"),
    )
    return model_panel(layers.properties(height=260), points)


def _tooltips(at: str) -> list[Any]:
    alt = load_altair()
    return [
        alt.Tooltip("method:N"),
        alt.Tooltip("model:N"),
        alt.Tooltip(at),
        *(alt.Tooltip(f"{name}:Q", format=",.0f") for name in ("low", "median", "high")),
        alt.Tooltip("answers:Q", format=","),
    ]
