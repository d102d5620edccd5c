"""One total of tokens, divided over questions where it helps most. Pure.

A step from one budget to a larger one has a gain in expected right answers and a cost in
tokens. On the concave envelope of a question's chances the steps' gains per token fall, so
taking the best step first, over all questions, is the best division of what it has spent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tale_eval.budgets.features import Floats
from tale_eval.errors import InvalidValueError


@dataclass(frozen=True)
class Allocation:
    """A total, divided.

    Attributes:
        budgets: Tokens of each question, from 1 up.
        total: What there was.
        expected: Expected right answers.
    """

    budgets: list[int]
    total: int
    expected: float

    @property
    def left(self) -> int:
        """Tokens that no question would have gained by, or that were too few for a step."""
        return self.total - sum(self.budgets)


@dataclass(frozen=True, order=True)
class _Step:
    """From one budget of a question to a larger one, both as places in the grid."""

    loss: float  # expected right answers per token, negative: the best step comes first
    cost: int
    question: int
    start: int
    end: int


def allocate(chances: Floats, grid: Sequence[int], total: int) -> Allocation:
    """Divide a total by greedy marginal gain; the budgets never sum to more than it.

    What it misses of the best division is less than the gain of the first step that the rest
    of the total was too small for: less than one right answer.

    Args:
        chances: The chance to be right of each question under each budget of the grid, which
            never falls along it. Shape (questions, budgets).
        grid: Budgets in tokens, ascending, from 1.
        total: Tokens, at least one a question.

    Raises:
        InvalidValueError: The total is less than one token a question.
    """
    count = len(chances)
    if total < count or not count:
        raise InvalidValueError(
            f"total={total}: {count} questions need at least one token each; give a larger total, "
            "or ask fewer questions with --limit"
        )
    place = [0] * count
    left = total - grid[0] * count
    steps = sorted(
        step for question, row in enumerate(chances) for step in _envelope(question, row, grid)
    )
    for step in steps:
        if place[step.question] == step.start and step.cost <= left:
            place[step.question] = step.end
            left -= step.cost
    left = _fill(place, chances, grid, left)
    budgets = [grid[at] for at in place]
    expected = sum(float(row[at]) for row, at in zip(chances, place, strict=True))
    return Allocation(budgets, total, expected)


def _envelope(question: int, row: Floats, grid: Sequence[int]) -> list[_Step]:
    """The steps between the corners of the concave envelope of a question's chances."""
    corners = [0]
    for at in range(1, len(grid)):
        while len(corners) > 1 and _slope(row, grid, corners[-2], corners[-1]) <= _slope(
            row, grid, corners[-1], at
        ):
            corners.pop()
        corners.append(at)
    steps = [
        _Step(-_slope(row, grid, a, b), grid[b] - grid[a], question, a, b)
        for a, b in pairwise(corners)
    ]
    return [step for step in steps if step.loss < 0]


def _slope(row: Floats, grid: Sequence[int], start: int, end: int) -> float:
    return float(row[end] - row[start]) / (grid[end] - grid[start])


def _fill(place: list[int], chances: Floats, grid: Sequence[int], left: int) -> int:
    """Spend what is too small for a whole step on budgets between the corners; what remains."""
    costs = np.array(grid)
    gains = [float(row[-1] - row[at]) for row, at in zip(chances, place, strict=True)]
    for question in sorted(range(len(place)), key=lambda q: -gains[q]):
        row, at = chances[question], place[question]
        within = np.flatnonzero((costs - costs[at] <= left) & (row > row[at]))
        if len(within):
            # the smallest budget with the largest chance that can be had
            best = int(within[np.argmax(row[within])])
            left -= int(costs[best] - costs[at])
            place[question] = best
    return left
