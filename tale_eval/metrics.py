"""Metrics over the scorers' values.

Token metrics read every epoch's score ("unreduced"): a reducer such as pass_at_2,
which suits right and wrong, would make nonsense of a token count.
"""

import math
from collections import defaultdict

from inspect_ai.scorer import Metric, SampleScore, metric


@metric(scores="unreduced")
def known_mean() -> Metric:
    """Mean over the samples and epochs whose value is known; NaN if none is."""

    def compute(scores: list[SampleScore]) -> float:
        values = _known(scores)
        return math.fsum(values) / len(values) if values else math.nan

    return compute


@metric(scores="unreduced")
def known() -> Metric:
    """How many samples and epochs have a known value: the mean's denominator."""

    def compute(scores: list[SampleScore]) -> float:
        return len(_known(scores))

    return compute


@metric
def circular_accuracy() -> Metric:
    """Share of questions that are right in every rotation of their options (MathBench).

    Questions that were not rotated count as groups of one.
    """

    def compute(scores: list[SampleScore]) -> float:
        groups: dict[str, list[float]] = defaultdict(list)
        for score in scores:
            group = (score.sample_metadata or {}).get("circular_group", score.sample_id)
            groups[str(group)].append(score.score.as_float())
        if not groups:
            return math.nan
        return sum(min(values) for values in groups.values()) / len(groups)

    return compute


def _known(scores: list[SampleScore]) -> list[float]:
    values = (score.score.as_float() for score in scores)
    return [value for value in values if not math.isnan(value)]
