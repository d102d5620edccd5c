"""Rows of one method at several budgets or settings, joined to curves of accuracy by cost. Pure.

Rows that differ in one setting, or in one argument of their method, whose values have an order
(numbers, levels of effort) are one curve. Costs are the method's own, without its graders'.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tale_eval.analysis.leaderboard import LeaderboardRow
from tale_eval.analysis.results import shown_method
from tale_eval.analysis.statistics import Interval
from tale_eval.analysis.sweeps import NOT_SET, apart, is_ordered, name_of, rank
from tale_eval.analysis.tradeoffs import COSTS, CostName, Spent
from tale_eval.asking.variant import Variant, differing, label

CURVE_NOTES = (
    "Areas, frontiers and hypervolumes depend on which rows are shown: areas run over the cost "
    "that all curves of a task have in common, the reference point is the dearest row's.",
)
"""What stands below what is said of curves and frontiers."""


@dataclass(frozen=True)
class CurvePoint:
    """One row of a curve.

    Attributes:
        level: Its value of the curve's key.
        label: The row's own label.
        accuracy, interval: Share right, and its 95 % interval.
        costs: By their names; those that are known of every answer.
    """

    level: str
    label: str
    accuracy: float
    interval: Interval | None
    costs: Mapping[CostName, Spent]


@dataclass(frozen=True)
class Area:
    """Mean accuracy along a curve, over a range of cost that all curves of its task have.

    Attributes:
        cost: What the range is of.
        low, high: Its ends.
        accuracy: The area under the straight lines between the points, over the range's width;
            None where the curves have no range in common.
    """

    cost: CostName
    low: float
    high: float
    accuracy: float | None

    @property
    def said(self) -> str:
        """The same in words."""
        if self.accuracy is None:
            return f"the curves of this task have no range of {self.cost} in common"
        ends = f"{amount(self.low, self.cost)} to {amount(self.high, self.cost)}"
        return f"mean accuracy {100 * self.accuracy:.1f} % over {ends}"


@dataclass(frozen=True)
class Curve:
    """Rows that differ in one thing.

    Attributes:
        model, task: As in records.
        label: What its rows share, as tables name it.
        key: The setting or argument in which they differ.
        points: From its lowest to its highest level.
        areas: One for each cost that is known at two points or more. They depend on which other
            curves there are.
    """

    model: str
    task: str
    label: str
    key: str
    points: tuple[CurvePoint, ...]
    areas: tuple[Area, ...] = ()

    @property
    def name(self) -> str:
        """What a legend calls it."""
        return f"{shown_method(self.label)} by {self.key}"

    def said(self, area: Area) -> str:
        """Its levels, and the area under it, in words."""
        levels = ", ".join(point.level for point in self.points)
        return f"{self.name} ({levels}): {area.said}"

    def along(self, cost: CostName) -> list[tuple[float, float]]:
        """Cost and accuracy of the points, by rising cost; the mean of those of equal cost."""
        found: dict[float, list[float]] = defaultdict(list)
        for point in self.points:
            if cost in point.costs:
                found[point.costs[cost].mean].append(point.accuracy)
        return [(at, sum(found[at]) / len(found[at])) for at in sorted(found)]


def amount(number: float, cost: CostName) -> str:
    """So much of a cost, with its unit."""
    if cost == "dollars":
        return f"${number:.3g}"
    digits = 0 if number >= 100 else 1
    return f"{number:,.{digits}f} {'tokens' if cost == 'tokens' else 's'}"


def curves(rows: Iterable[LeaderboardRow]) -> list[Curve]:
    """Every curve in a leaderboard, by model, task, key and label."""
    groups: dict[tuple[str, str], list[LeaderboardRow]] = defaultdict(list)
    for row in rows:
        groups[row.model, row.task].append(row)
    found = [curve for names in sorted(groups) for curve in _curves(groups[names])]
    return [
        _with_areas(curve, [each for each in found if each.task == curve.task]) for curve in found
    ]


def area_under(points: Sequence[tuple[float, float]], low: float, high: float) -> float | None:
    """The mean height of the straight lines between these points, from low to high.

    Args:
        points: Places and heights, by rising place.
        low, high: Ends that lie within the points; None where they do not, or have no width.
    """
    if len(points) < 2 or not points[0][0] <= low < high <= points[-1][0]:
        return None
    inside = [(at, height) for at, height in points if low < at < high]
    ends = [(at, _height(points, at)) for at in (low, high)]
    line = [ends[0], *inside, ends[1]]
    area = sum((b - a) * (y + z) / 2 for (a, y), (b, z) in pairwise(line))
    return area / (high - low)


def _height(points: Sequence[tuple[float, float]], at: float) -> float:
    for (a, y), (b, z) in pairwise(points):
        if a <= at <= b:
            return y + (z - y) * (at - a) / (b - a)
    raise AssertionError(f"{at} lies beyond the points")


def _curves(rows: Sequence[LeaderboardRow]) -> list[Curve]:
    """Those of one model and task."""
    by_variant = {row.variant: row for row in rows}
    groups: dict[tuple[str, Variant], dict[str, LeaderboardRow]] = defaultdict(dict)
    for variant, row in by_variant.items():
        for key, (rest, value) in apart(variant, by_variant).items():
            if value != NOT_SET and is_ordered(value):
                groups[key, rest][value] = row
    differ = differing(by_variant)
    found = [
        Curve(
            model=rows[0].model,
            task=rows[0].task,
            label=label(rest, differ - {key}),
            key=name_of(key),
            points=tuple(p for level in sorted(levels, key=rank) if (p := _point(level, levels))),
        )
        for (key, rest), levels in groups.items()
    ]
    return sorted(
        (curve for curve in found if len(curve.points) > 1), key=lambda c: (c.key, c.label)
    )


def _point(level: str, levels: Mapping[str, LeaderboardRow]) -> CurvePoint | None:
    row = levels[level]
    if row.accuracy is None:
        return None
    return CurvePoint(level, row.label, row.accuracy, row.interval, row.spent)


def _with_areas(curve: Curve, others: Sequence[Curve]) -> Curve:
    areas = tuple(a for cost in COSTS if (a := _area(curve, others, cost)))
    return Curve(curve.model, curve.task, curve.label, curve.key, curve.points, areas)


def _area(curve: Curve, others: Sequence[Curve], cost: CostName) -> Area | None:
    """Over the range that all curves of the task have that know this cost."""
    line = curve.along(cost)
    lines = [along for other in others if len(along := other.along(cost)) > 1]
    if len(line) < 2:
        return None
    low, high = max(along[0][0] for along in lines), min(along[-1][0] for along in lines)
    return Area(cost, low, high, area_under(line, low, high))
