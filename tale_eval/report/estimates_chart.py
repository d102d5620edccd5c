"""Estimated budgets against searched ones."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tale_eval.analysis.elasticity import ElasticityReport
from tale_eval.errors import InvalidValueError
from tale_eval.report.charts import load_altair

if TYPE_CHECKING:
    import altair


def estimates_chart(reports: Sequence[ElasticityReport]) -> "altair.FacetChart":
    """A point for each question, a panel for each estimator, and the line y = x.

    A point below the line was given less than its search found that it needs.
    """
    alt = load_altair()
    points: list[dict[str, Any]] = [
        {
            "estimator": f"{method}: {report.model}, {report.task}",
            "needed": needed,
            "estimated": estimated,
        }
        for report in reports
        for method, pairs in report.pairs.items()
        for estimated, needed in pairs
    ]
    if not points:
        raise InvalidValueError(
            "no estimate of a searched question: give logs of tale_ep on the same questions, or "
            "--estimator FOLDER"
        )
    values = [point[axis] for point in points for axis in ("needed", "estimated")]
    ends = [min(values), max(values)]
    log = alt.Scale(type="log", base=2, nice=False, domain=ends)
    base = alt.Chart(alt.Data(values=points))
    dots = base.mark_circle(opacity=0.4).encode(
        x=alt.X("needed:Q", scale=log, title="searched budget (tokens, log scale)"),
        y=alt.Y("estimated:Q", scale=log, title="estimated budget"),
        tooltip=["needed:Q", "estimated:Q"],
    )
    line = (
        base.transform_calculate(at=f"datum.needed < 0 ? 0 : {ends[0]}", to=f"{ends[1]}")
        .mark_rule(strokeDash=[4, 4], color="grey")
        .encode(x=alt.X("at:Q", scale=log), y=alt.Y("at:Q", scale=log), x2="to:Q", y2="to:Q")
    )
    chart: altair.FacetChart = (
        alt.layer(line, dots)
        .properties(width=260, height=260)
        .facet(alt.Facet("estimator:N", title=None), columns=3)
    )
    return chart
