"""Which of the scores of a log says right or wrong. Pure.

A log may hold several: another scorer's, one of a dictionary's values, a grade from 0 to 10.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tale_eval.errors import UnknownNameError
from tale_eval.grading.credit import credit

Scores = Mapping[str, object]
"""What was given to one answer, by scorer or metric: a value, or a dictionary of values."""

_RIGHT = "correct"
"""The key of a dictionary that says right or wrong."""


def value_of(scores: Scores, name: str) -> object:
    """A score's value; of a dictionary the key "correct", or the one after the name and a point.

    None if there is no such value.
    """
    if name in scores:
        value = scores[name]
        return value.get(_RIGHT) if isinstance(value, Mapping) else value
    for scorer, value in scores.items():
        key = name.removeprefix(f"{scorer}.")
        if isinstance(value, Mapping) and key != name and key in value:
            return value[key]
    return None


def names_of(scores: Iterable[Scores]) -> list[str]:
    """Every name that `value_of` takes for any of these answers."""
    names: dict[str, None] = {}
    for given in scores:
        for scorer, value in given.items():
            if not isinstance(value, Mapping) or _RIGHT in value:
                names[scorer] = None
            if isinstance(value, Mapping):
                names |= dict.fromkeys(f"{scorer}.{key}" for key in value if key != _RIGHT)
    return list(names)


def is_unread(value: object) -> bool:
    """Whether there is a value, and it says neither right nor wrong: 7 of 10, "maybe"."""
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return not missing and credit(value) is None


def is_scale(values: Iterable[object]) -> bool:
    """Whether one of these is a number beyond 0 to 1: then a 1 among them is no right answer."""
    return any(isinstance(v, int | float) and math.isfinite(v) and not 0 <= v <= 1 for v in values)


class Deciding(NamedTuple):
    """The score that decides in a log.

    Attributes:
        name: As `value_of` takes it; None for all that a sample was given.
        scale: It is a scale beyond 0 to 1: no value of it says right or wrong, 0 and 1 neither.
    """

    name: str | None
    scale: bool = False

    def read(self, scores: Scores) -> tuple[float | None, bool]:
        """The credit of an answer, None if it has none; and whether its score cannot be read."""
        value = value_of(scores, self.name) if self.name else scores or None
        if self.scale and isinstance(value, int | float) and not math.isnan(value):
            return None, True
        return credit(value), is_unread(value)


@dataclass
class ScoreChoice:
    """The score that a user wants, and whether any log has it.

    Attributes:
        wanted: Its name, as `value_of` takes it; None for the first that can be read.
        offered: The names that were there to choose from.
        found: Whether one of them was it.
    """

    wanted: str | None = None
    offered: dict[str, None] = field(default_factory=dict)
    found: bool = False

    def of_log(self, scores: Sequence[Scores]) -> tuple[str | None, list[str]]:
        """The name of the score that decides in a log, and the others that could.

        One for all of its answers: from one to the next the same is asked of a model. None
        where there are only dictionaries of several values, of which none is called "correct".
        """
        names = names_of(scores)
        self.offered |= dict.fromkeys(names)
        scorers = [name for name in names if any(name in given for given in scores)]
        readable = (name for name in scorers if _is_readable([value_of(s, name) for s in scores]))
        alone = names if len(names) == 1 else []
        first = next(iter([*readable, *scorers, *alone]), None)
        if self.wanted in names:
            self.found, first = True, self.wanted
        return first, [name for name in scorers or names if name != first]

    def deciding(self, scores: Sequence[Scores]) -> tuple[Deciding, list[str]]:
        """The same, and whether the score that decides is a scale."""
        name, others = self.of_log(scores)
        values = [value_of(given, name) for given in scores] if name else []
        return Deciding(name, is_scale(values)), others

    def check(self) -> None:
        """Raise UnknownNameError if a score is wanted and no log had it."""
        if self.wanted is not None and not self.found:
            raise UnknownNameError("score", self.wanted, self.offered or ["none in these logs"])


def _is_readable(values: Sequence[object]) -> bool:
    """Whether some answer's value says right or wrong, and no other's that it is a scale."""
    return any(credit(value) is not None for value in values) and not is_scale(values)
