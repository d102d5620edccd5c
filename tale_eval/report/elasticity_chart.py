"""The elasticity curve."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tale_eval.analysis.elasticity import ElasticityReport
from tale_eval.errors import InvalidValueError
from tale_eval.report.charts import load_altair

if TYPE_CHECKING:
    import altair


def elasticity_chart(reports: Sequence[ElasticityReport]) -> "altair.LayerChart":
    """Actual tokens against the prompted budget, with quartiles, and the line y = x.

    A point below the line stayed within its budget; where the curve rises to the
    left, the cost rebounds.
    """
    alt = load_altair()
    rows = [
        {
            "search": f"{report.model}, {report.task}, {report.label}",
            "budget": point.at,
            "tokens": point.mean,
            "q25": point.q25,
            "q75": point.q75,
            "answers": point.n,
            "right": point.accuracy.numerator,
        }
        for report in reports
        for point in report.by_budget
    ]
    if not rows:
        raise InvalidValueError("no trial under a budget: there is no elasticity to draw")
    log = alt.Scale(type="log", base=2, nice=False)
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("budget:Q", scale=log, title="prompted budget (tokens, log scale)"),
        color=alt.Color(
            "search:N", legend=alt.Legend(orient="bottom", columns=1, labelLimit=600), title=None
        ),
    )
    means = base.mark_line(point=True).encode(
        y=alt.Y("tokens:Q", title="actual output tokens (mean; band: quartiles)"),
        tooltip=[
            "search:N",
            "budget:Q",
            alt.Tooltip("tokens:Q", format=".1f"),
            "answers:Q",
            "right:Q",
        ],
    )
    spread = base.mark_area(opacity=0.15).encode(y="q25:Q", y2="q75:Q")
    budgets = [point.at for report in reports for point in report.by_budget]
    diagonal = (
        alt.Chart(
            alt.Data(values=[{"budget": budget} for budget in _between(min(budgets), max(budgets))])
        )
        .mark_line(strokeDash=[4, 4], color="grey")
        .encode(x=alt.X("budget:Q", scale=log), y="budget:Q")
    )
    layered: altair.LayerChart = alt.layer(spread, means, diagonal).properties(
        width=560, height=340, title="Token elasticity"
    )
    return layered


def _between(low: float, high: float, steps: int = 48) -> list[float]:
    """Values from low to high in equal ratios: y = x is no straight line on a log axis."""
    return [low * (high / low) ** (step / steps) for step in range(steps + 1)]
