"""Metrics over the scorers' values.

Token metrics read every epoch's score ("unreduced"): a reducer such as pass_at_2,
which suits right and wrong, would make nonsense of a token count.
"""

import math
from collections import defaultdict

from inspect_ai.scorer import Metric, SampleScore, metric


@metric(name="mean", scores="unreduced")
def unreduced_mean() -> Metric:
    """Mean over the samples and epochs whose value is known.

    Inspect leaves NaN values out beforehand and counts them: the log's
    `scored_samples` is the denominator, `unscored_samples` the rest.
    """

    def compute(scores: list[SampleScore]) -> float:
        if not scores:
            return math.nan
        return math.fsum(s.score.as_float() for s in scores) / len(scores)

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
