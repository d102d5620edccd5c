"""The charts of a leaderboard: accuracy against tokens, and where the tokens go."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tale_eval.analysis.labels import label_of, labels
from tale_eval.analysis.leaderboard import LeaderboardRow
from tale_eval.analysis.reference import ReferenceRow
from tale_eval.analysis.results import TokenSpread, shown_method, token_spread
from tale_eval.analysis.statistics import Interval
from tale_eval.errors import InvalidValueError
from tale_eval.records import Record
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


def scatter_chart(
    rows: Sequence[LeaderboardRow], reference: Sequence[ReferenceRow] = ()
) -> "altair.VConcatChart":
    """Accuracy against tokens with intervals and the Pareto line, one panel per task.

    Raises:
        InvalidValueError: If no row knows both its accuracy and its tokens.
    """
    panels = scatter_panels(rows, reference)
    if not panels:
        raise InvalidValueError("no method has both an accuracy and tokens: nothing to draw")
    return stacked_panels(panels)


def scatter_panels(
    rows: Sequence[LeaderboardRow], reference: Sequence[ReferenceRow] = ()
) -> "dict[str, altair.LayerChart]":
    """The panel of each task; colours mean the same method in all of them."""
    points = [_point(row) for row in rows if row.accuracy is not None and _tokens(row) is not None]
    printed = [_printed_point(row) for row in reference]
    methods = sorted({point["method"] for point in [*points, *printed]})
    return {
        task: _scatter([p for p in [*points, *printed] if p["task"] == task], methods)
        for task in sorted({point["task"] for point in points})
    }


def distribution_panels(records: Iterable[Record]) -> "dict[str, altair.LayerChart]":
    """The panel of each task; colours mean the same method in all of them."""
    groups: dict[_Names, list[Record]] = defaultdict(list)
    records = list(records)
    names = labels(records)
    for record in records:
        groups[record.task, record.model, shown_method(label_of(record, names))].append(record)
    return _distributions({key: token_spread(group) for key, group in groups.items()})


def spread_panels(rows: Iterable[LeaderboardRow]) -> "dict[str, altair.LayerChart]":
    """The same, of rows."""
    return _distributions({(r.task, r.model, shown_method(r.label)): r.spread for r in rows})


_Names = tuple[str, str, str]
"""A task, a model and what its row is called."""


def _distributions(
    spreads: Mapping[_Names, TokenSpread | None],
) -> "dict[str, altair.LayerChart]":
    boxes = [_box(*names, spread) for names, spread in sorted(spreads.items()) if spread]
    methods = sorted({box["method"] for box in boxes})
    return {
        task: _distribution([box for box in boxes if box["task"] == task], methods)
        for task in dict.fromkeys(box["task"] for box in boxes)
    }


_TOKENS = "output tokens per question"


def _point(row: LeaderboardRow) -> dict[str, Any]:
    accuracy, tokens = row.accuracy, _tokens(row)
    assert accuracy is not None
    assert tokens is not None
    shares = row.interval or Interval(accuracy, accuracy)
    counts = row.tokens_interval or Interval(tokens, tokens)
    return {
        "task": row.task,
        "model": row.model,
        "method": shown_method(row.label),
        "accuracy": accuracy,
        "accuracy_low": shares.low,
        "accuracy_high": shares.high,
        "accuracy_shown": f"{accuracy:.1%} ({shares.low:.1%} to {shares.high:.1%})",
        "tokens": tokens,
        "tokens_low": counts.low,
        "tokens_high": counts.high,
        "tokens_shown": f"{tokens:,.1f} ({counts.low:,.1f} to {counts.high:,.1f})",
        "pareto": row.measure("pareto").value,
        "origin": f"measured, {row.n:,} scored answers"
        + (f", {row.errors:,} failed" if row.errors else ""),
        "printed": False,
    }


def _printed_point(row: ReferenceRow) -> dict[str, Any]:
    return {
        "task": row.task,
        "model": row.model,
        "method": row.method,
        "accuracy": row.accuracy,
        "accuracy_shown": f"{row.accuracy:.1%}",
        "tokens": row.output_tokens,
        "tokens_shown": f"{row.output_tokens:,.1f}",
        "origin": f"printed, {row.table}",
        "printed": True,
    }


def _tokens(row: LeaderboardRow) -> float | None:
    return row.means["output_tokens"]


def _scatter(points: list[dict[str, Any]], methods: list[str]) -> "altair.LayerChart":
    alt = load_altair()
    tokens = value_scale(points, "tokens", "tokens_low", "tokens_high", log=True)
    accuracy = value_scale(points, "accuracy", "accuracy_low", "accuracy_high")
    base = alt.Chart().encode(
        x=alt.X("tokens:Q", title=_TOKENS, scale=tokens, axis=alt.Axis(grid=False)),
        y=alt.Y("accuracy:Q", title="accuracy", axis=alt.Axis(format="%"), scale=accuracy),
        color=method_color(methods),
        tooltip=[
            alt.Tooltip("method:N"),
            alt.Tooltip("model:N"),
            alt.Tooltip("accuracy_shown:N", title="accuracy"),
            alt.Tooltip("tokens_shown:N", title="tokens"),
            alt.Tooltip("origin:N"),
        ],
    )
    measured = base.transform_filter("!datum.printed")
    line = base.transform_filter("datum.pareto").mark_line(
        interpolate="step-after", strokeDash=[5, 4], strokeWidth=1.5, tooltip=None
    )
    shape = alt.Shape("model:N", title="model", legend=wide_legend(symbolFillColor="grey"))
    return model_panel(
        alt.layer(
            line.encode(color=alt.value("#888"), detail="model:N", order="tokens:Q"),
            measured.mark_rule(opacity=0.6).encode(
                y=alt.Y("accuracy_low:Q", title="accuracy"), y2="accuracy_high:Q"
            ),
            measured.mark_rule(opacity=0.6).encode(x="tokens_low:Q", x2="tokens_high:Q"),
            measured.mark_point(filled=True, size=110, opacity=1).encode(shape=shape),
            base.transform_filter("datum.printed").mark_point(
                shape="diamond", size=110, strokeWidth=1.5
            ),
        ).properties(height=300),
        points,
    )


def _distribution(boxes: list[dict[str, Any]], methods: list[str]) -> "altair.LayerChart":
    alt = load_altair()
    scale = value_scale(boxes, "low", "high", log=True)
    axis = alt.Axis(grid=False)
    base = alt.Chart().encode(
        y=alt.Y(
            "model:N",
            title=None,
            axis=alt.Axis(labelLimit=130, domain=False, ticks=False),
            scale=alt.Scale(paddingInner=0.25),
        ),
        yOffset=alt.YOffset("method:N", scale=alt.Scale(domain=methods, paddingInner=0.3)),
        color=method_color(methods),
        tooltip=[
            alt.Tooltip("method:N"),
            alt.Tooltip("model:N"),
            alt.Tooltip("median:Q", format=",.0f"),
            alt.Tooltip("middle_half:N", title="middle half"),
            alt.Tooltip("middle_90:N", title="middle 90 %"),
            alt.Tooltip("longest:N"),
            alt.Tooltip("answers:Q", format=","),
        ],
    )
    models = len({box["model"] for box in boxes})
    return model_panel(
        alt.layer(
            base.mark_rule().encode(
                x=alt.X("low:Q", title=_TOKENS, scale=scale, axis=axis), x2="high:Q"
            ),
            base.mark_bar(opacity=0.45, cornerRadius=2).encode(x="q25:Q", x2="q75:Q"),
            base.mark_tick(thickness=3).encode(x="median:Q"),
        ).properties(height=max(40, 20 * len(methods)) * models),
        boxes,
    )


def _box(task: str, model: str, method: str, spread: TokenSpread) -> dict[str, Any]:
    low, q25, median, q75, high = spread.quantiles
    return {
        "task": task,
        "model": model,
        "method": method,
        "low": low,
        "q25": q25,
        "median": median,
        "q75": q75,
        "high": high,
        "middle_half": f"{q25:,.0f} to {q75:,.0f}",
        "middle_90": f"{low:,.0f} to {high:,.0f}",
        "longest": f"{spread.longest:,.0f} (sample {spread.sample})",
        "answers": spread.answers,
    }
