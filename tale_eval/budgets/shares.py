"""How a budget is shared among the parts of a question (Plan-and-Budget, arXiv 2505.16122). Pure.

The formulas are those of the authors' code: inference/_5_planned_local_weighted_model.py and
utils/utils.py of github.com/junhongmit/P-and-B.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

Schedule = Literal["constant", "linear", "polynomial", "exponential", "cosine"]

LEVELS: Final[Mapping[int, int]] = {1: 200, 2: 250, 3: 350, 4: 450, 5: 600}
"""The budget of a whole question by its level of difficulty."""

_POWER = 2
_BASE = 0.9
# so that the last part has some budget too
_COSINE_FLOOR = 0.1

SCHEDULES: Final[Mapping[Schedule, Callable[[int, int], float]]] = {
    "constant": lambda place, parts: 1.0,
    "linear": lambda place, parts: parts - place,
    "polynomial": lambda place, parts: (parts - place) ** _POWER,
    "exponential": lambda place, parts: _BASE**place,
    "cosine": lambda place, parts: _cosine(place, parts),
}
"""Weight of a part by its place, from 0, among so many."""


def shares(weights: Sequence[float], total: int, schedule: Schedule) -> list[int]:
    """The budget of each part: whole numbers that add up to the total.

    A part's share is its weight times its schedule's; what rounding down leaves goes to the
    largest shares, one each.

    Args:
        weights: Of each part, above 0, in any unit.
        total: The whole budget.
        schedule: How a part's weight changes with its place.
    """
    decay = SCHEDULES[schedule]
    combined = [weight * decay(place, len(weights)) for place, weight in enumerate(weights)]
    exact = [total * one / math.fsum(combined) for one in combined]
    whole = [math.floor(one) for one in exact]
    largest = sorted(range(len(weights)), key=lambda place: -combined[place])
    for place in largest[: total - sum(whole)]:
        whole[place] += 1
    return whole


def _cosine(place: int, parts: int) -> float:
    if parts == 1:
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * place / (parts - 1))) + _COSINE_FLOOR
