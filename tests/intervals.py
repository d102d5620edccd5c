"""Values by question, and the ends of an interval, for the tests of statistics."""

from collections.abc import Sequence

from tale_eval.analysis.statistics import Interval


def questions(*values: list[float]) -> dict[str, list[float]]:
    """The values of questions 0, 1, 2, …"""
    return {f"{number:05}": per_epoch for number, per_epoch in enumerate(values)}


def one_epoch(values: Sequence[float]) -> dict[str, list[float]]:
    return questions(*([value] for value in values))


def ends(interval: Interval | None) -> tuple[float, float]:
    assert interval is not None
    return interval.low, interval.high
