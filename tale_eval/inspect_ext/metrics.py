"""Metrics over the scorers' values.

Token metrics read every epoch's score ("unreduced"): a reducer such as pass_at_2,
which suits right and wrong, would make nonsense of a token count.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from inspect_ai.scorer import Metric, SampleScore, metric

JUDGED = "correct"
"""The key of a score that has metrics of its own, accuracy and its error."""

_ONLY_WHERE_ANY = ("_tokens", "_dollars", "_calls", "cut_in_reasoning")


@metric(scores="unreduced")
def known_means() -> Metric:
    """The mean of each of a score's numbers, over the samples and epochs that know it.

    Inspect's display has a line for each, by its name. A number that no sample knows, because
    it does not apply to the method or nobody can say, has none; nor have tokens and calls that
    were never spent, such as the estimator's where there is no estimator, and answers cut off in
    their reasoning where there are none. Where only some of the samples know a number,
    NAME_known says how many.
    """

    def compute(scores: list[SampleScore]) -> dict[str, float]:
        rows = [s.score.value for s in scores if isinstance(s.score.value, Mapping)]
        shown: dict[str, float] = {}
        for key in dict.fromkeys(key for row in rows for key in row if key != JUDGED):
            known = _known([row.get(key) for row in rows])
            if not known or (key.endswith(_ONLY_WHERE_ANY) and not any(known)):
                continue
            if key == "counted_tokens" and not any(row.get("uncounted_calls") for row in rows):
                continue  # all are: output_tokens says it
            shown[key] = math.fsum(known) / len(known)
            if len(known) < len(rows):
                shown[f"{key}_known"] = len(known)
        return shown

    return compute


def _known(values: Sequence[object]) -> list[float]:
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    return [number for number in numbers if not math.isnan(number)]


@metric(name="mean", scores="unreduced")
def unreduced_mean() -> Metric:
    """Mean over the samples and epochs whose value is known: of logs that version 0.1.0 wrote.

    Scoring such a log again asks for its metrics by name. Inspect leaves NaN values out
    beforehand and counts them: the log's `scored_samples` is the denominator,
    `unscored_samples` the rest.
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
