"""Which of the scores of a log says right or wrong. Pure.

A log may hold several: another scorer's, one of a dictionary's values, a grade from 0 to 10.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

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
        readable = (n for n in scorers if any(credit(value_of(s, n)) is not None for s in scores))
        alone = names if len(names) == 1 else []
        first = next(iter([*readable, *scorers, *alone]), None)
        if self.wanted in names:
            self.found, first = True, self.wanted
        return first, [name for name in scorers or names if name != first]

    def check(self) -> None:
        """Raise UnknownNameError if a score is wanted and no log had it."""
        if self.wanted is not None and not self.found:
            raise UnknownNameError("score", self.wanted, self.offered or ["none in these logs"])
