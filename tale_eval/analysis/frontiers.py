"""The best that any method does for its cost: frontiers over all rows of a task. Pure.

Everything here depends on which rows are shown. Oracles are left out, which nobody could deploy,
and failures are wrong answers where there are many, as in the Pareto set.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tale_eval.analysis import efficiency
from tale_eval.analysis.curves import amount
from tale_eval.analysis.leaderboard import LeaderboardRow
from tale_eval.analysis.results import Point, is_oracle, scored
from tale_eval.analysis.tradeoffs import COSTS, CostName
from tale_eval.errors import InvalidValueError

ALL_MODELS = "all models"
"""The scope of a frontier over the rows of several models."""

WITHIN = 0.01
"""Accuracy that a cheaper setting may lose, as a share."""


@dataclass(frozen=True)
class Place:
    """Where a row stands."""

    model: str
    label: str
    accuracy: float
    cost: float

    @property
    def point(self) -> Point:
        """The same without its names."""
        return Point(self.accuracy, self.cost)


@dataclass(frozen=True)
class Frontier:
    """The rows that no other beats, in one kind of cost.

    Attributes:
        model: Whose rows; `ALL_MODELS` for those of every model.
        task, cost: The task, and one of `COSTS`.
        places: The rows of the frontier, from the cheapest to the dearest.
        hypervolume: The share of the box from (cost 0, accuracy 1) to the reference point that
            the frontier dominates.
        reference: The cost at the reference point, that of the dearest row of the task; its
            accuracy is 0.
        best: The most accurate row; of equals the cheapest.
        cheapest: The cheapest row that is at most `within` less accurate than that, by the point
            estimates.
        within: Accuracy that it may lose, as a share.
    """

    model: str
    task: str
    cost: CostName
    places: tuple[Place, ...]
    hypervolume: float
    reference: float
    best: Place
    cheapest: Place
    within: float

    @property
    def sentences(self) -> list[str]:
        """The frontier and its volume, and which setting is the cheapest that does."""
        frontier = ", ".join(self.name_of(place) for place in self.places)
        reference = amount(self.reference, self.cost)
        return [
            f"frontier by {self.cost}: {frontier}; hypervolume {self.hypervolume:.3f} of the box "
            f"to {reference} and accuracy 0",
            f"cheapest within {points(self.within)} of the best by {self.cost}: "
            f"{self._said(self.cheapest)}; the best: {self._said(self.best)}",
        ]

    def name_of(self, place: Place) -> str:
        """A row's label, and its model where there are several; oracles are not among them."""
        return f"{place.label} ({place.model})" if self.model == ALL_MODELS else place.label

    def _said(self, place: Place) -> str:
        spent = amount(place.cost, self.cost)
        return f"{self.name_of(place)} ({100 * place.accuracy:.1f} %, {spent})"


@dataclass(frozen=True)
class PassFrontier:
    """What a right answer costs if each question goes to the row that gets it right most cheaply.

    Attributes:
        model, task: As in `Frontier`.
        questions: How many there are.
        unsolved: Those that no row got right: a right answer has no price there.
        dollars: The mean over the others; None without any.
    """

    model: str
    task: str
    questions: int
    unsolved: int
    dollars: float | None

    @property
    def sentence(self) -> str:
        """The same in words."""
        left = f"; no row got {self.unsolved} of {self.questions} right" if self.unsolved else ""
        price = "nothing was right" if self.dollars is None else amount(self.dollars, "dollars")
        return f"cost-of-pass frontier: {price} a right answer{left}"


def points(share: float) -> str:
    """A difference of shares, in points."""
    return "1 point" if share == 0.01 else f"{100 * share:g} points"


def frontiers(rows: Iterable[LeaderboardRow], within: float = WITHIN) -> list[Frontier]:
    """The frontier of each task, model and cost, and over all models where there are several.

    Args:
        rows: A leaderboard.
        within: Accuracy that the cheapest setting may lose against the best, as a share.

    Raises:
        InvalidValueError: If that is no such share.
    """
    if not 0 <= within < 1:
        raise InvalidValueError(f"within={within:g}: a share from 0 up to 1, such as 0.01")
    found = []
    for task, scopes in _scopes(rows).items():
        for cost in COSTS:
            places = {scope: _places(members, cost) for scope, members in scopes.items()}
            dearest = max((p.cost for each in places.values() for p in each), default=0)
            found += [
                frontier_of(scope, task, cost, known, dearest, within)
                for scope, known in places.items()
                if known and dearest > 0
            ]
    return found


def frontier_of(
    model: str,
    task: str,
    cost: CostName,
    places: Sequence[Place],
    reference: float,
    within: float = WITHIN,
) -> Frontier:
    """The frontier of these rows, of which there is at least one."""
    unbeaten = [p for p in places if not any(other.point.beats(p.point) for other in places)]
    ordered = tuple(sorted(unbeaten, key=lambda p: (p.cost, p.model, p.label)))
    best = min(places, key=lambda p: (-p.accuracy, p.cost))
    # shares of so many questions are no decimal fractions
    near = [p for p in places if p.accuracy >= best.accuracy - within - 1e-9]
    return Frontier(
        model=model,
        task=task,
        cost=cost,
        places=ordered,
        hypervolume=hypervolume([place.point for place in ordered], reference),
        reference=reference,
        best=best,
        cheapest=min(near, key=lambda p: (p.cost, -p.accuracy)),
        within=within,
    )


def hypervolume(points: Iterable[Point], reference: float) -> float:
    """The share of the box of cost 0 to the reference, accuracy 0 to 1, that is dominated.

    A place in it is dominated if some point is at least as accurate for at most its cost.
    """
    area, reached = 0.0, 0.0
    for point in sorted(points, key=lambda p: (p.tokens, -p.accuracy)):
        if point.accuracy > reached and point.tokens < reference:
            area += (point.accuracy - reached) * (reference - point.tokens)
            reached = point.accuracy
    return area / reference


def pass_frontiers(rows: Iterable[LeaderboardRow]) -> list[PassFrontier]:
    """The cost-of-pass frontier of each task and model, where all dollars are known.

    For each question the least mean dollars / share right over the rows, and the mean of that
    (Cost-of-Pass, arXiv 2504.13359). The source's human expert, who solves everything at a price,
    is not among them.
    """
    groups: dict[tuple[str, str], list[LeaderboardRow]] = defaultdict(list)
    for row in rows:
        groups[row.model, row.task].append(row)
    passes = Passes()
    for group in groups.values():
        passes.add(group)
    return passes.frontiers


class Passes:
    """The cost-of-pass frontiers, of rows that are given one model and task after the other."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, PassFrontier | None]] = {}
        self._cheapest: dict[str, _Prices] = {}

    def add(self, rows: Sequence[LeaderboardRow]) -> None:
        """Take the rows of one model and task, of which its answers are wanted now."""
        members = [row for row in rows if not is_oracle(row.method)]
        if not members:
            return
        model, task = members[0].model, members[0].task
        known = all("dollars" in row.mean_costs for row in members)
        prices = _cheapest(map(_prices, members)) if known else {}
        of_task = self._found.setdefault(task, {})
        of_task[model] = _pass_frontier(model, task, prices) if known else None
        _lower(self._cheapest.setdefault(task, {}), prices)

    @property
    def frontiers(self) -> list[PassFrontier]:
        """Of each task and model, and of all models where there are several."""
        return [
            frontier
            for task, of_task in self._found.items()
            for frontier in (*of_task.values(), self._of_all(task))
            if frontier is not None
        ]

    def _of_all(self, task: str) -> PassFrontier | None:
        found = self._found[task].values()
        if len(found) < 2 or None in found:
            return None
        return _pass_frontier(ALL_MODELS, task, self._cheapest[task])


_Prices = dict[str, float | None]
"""What a right answer to each question costs; None where there is none."""


def _cheapest(rows: Iterable[_Prices]) -> _Prices:
    found: _Prices = {}
    for prices in rows:
        _lower(found, prices)
    return found


def _lower(found: _Prices, prices: _Prices) -> None:
    """Put in the prices that are lower, and those of questions that are not there yet."""
    for question, price in prices.items():
        known = [p for p in (price, found.get(question)) if p is not None]
        found[question] = min(known, default=None)


def _pass_frontier(model: str, task: str, cheapest: _Prices) -> PassFrontier:
    solved = [price for price in cheapest.values() if price is not None]
    return PassFrontier(
        model=model,
        task=task,
        questions=len(cheapest),
        unsolved=len(cheapest) - len(solved),
        dollars=sum(solved) / len(solved) if solved else None,
    )


def _prices(row: LeaderboardRow) -> _Prices:
    """What a right answer to each question costs; None where the row has none right."""
    given: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for record in scored(row.records):
        given[record.question].append((record.correct or 0, record.costs["dollars"] or 0))
    return {
        question: efficiency.cost_of_pass(
            sum(right for right, _ in answers) / len(answers),
            sum(paid for _, paid in answers) / len(answers),
        )
        for question, answers in given.items()
    }


def _scopes(rows: Iterable[LeaderboardRow]) -> dict[str, dict[str, list[LeaderboardRow]]]:
    """By task: the rows of each model, and of all where there are several; no oracles."""
    found: dict[str, dict[str, list[LeaderboardRow]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if not is_oracle(row.method):
            found[row.task][row.model].append(row)
    for scopes in found.values():
        if len(scopes) > 1:
            scopes[ALL_MODELS] = [row for members in list(scopes.values()) for row in members]
    return found


def _places(rows: Iterable[LeaderboardRow], cost: CostName) -> list[Place]:
    found = []
    for row in rows:
        accuracy = row.accuracy_with_failures if row.failures_count else row.accuracy
        spent = _spent(row, cost)
        if accuracy is not None and spent is not None:
            found.append(Place(row.model, row.label, accuracy, spent))
    return found


def _spent(row: LeaderboardRow, cost: CostName) -> float | None:
    """What a question took; a failure takes at least the tokens that an answer does."""
    if cost == "tokens":
        return row.rival.tokens if row.rival else None
    return row.mean_costs.get(cost)
