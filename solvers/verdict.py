"""Right or wrong, as the task's own scorer says."""

import math
from collections.abc import Mapping

from inspect_ai.scorer import Score, Value, score, value_to_float
from inspect_ai.solver import TaskState

from tale_eval.errors import InvalidValueError, UnknownNameError

_WORDS = {"C", "I", "P", "N", "yes", "no", "true", "false"}


async def is_correct(state: TaskState, which: str | None = None) -> bool:
    """Ask the task's scorer about this answer.

    Args:
        state: The question with an answer.
        which: The scorer's name, or the key of its dictionary, where there are several.
            By default the one score there is, or its key "correct".

    Raises:
        InvalidValueError: If the task has no scorer, several, or one that says neither
            right nor wrong.
    """
    try:
        scores = await score(state)
    except RuntimeError as error:
        if "with a scorer" not in str(error):
            raise
        raise InvalidValueError(
            "this task has no scorer: a budget search must know which answers are right"
        ) from error
    return _right(_chosen(scores, which))


def _chosen(scores: list[Score], which: str | None) -> Value:
    """The one value that decides."""
    if not scores:
        raise InvalidValueError("the task's scorer gave no score: nothing says what is right")
    keys = [key for s in scores if isinstance(s.value, Mapping) for key in s.value]
    if which is None and len(scores) > 1:
        raise InvalidValueError(
            f"the task has {len(scores)} scorers; say which decides with score=KEY, "
            f"one of: {', '.join(keys) or 'none of them has named values'}"
        )
    value = scores[0].value
    key = which or "correct"
    for candidate in scores:
        if isinstance(candidate.value, Mapping) and key in candidate.value:
            keyed = candidate.value[key]
            return math.nan if keyed is None else keyed
    if isinstance(value, Mapping):
        raise UnknownNameError("score", key, keys)
    if which is not None:
        raise UnknownNameError("score", which, keys)
    return value


def _right(value: Value) -> bool:
    """Whether a value means right: "C", true, or 1. Partial credit is not right."""
    if isinstance(value, str) and value not in _WORDS:
        raise InvalidValueError(
            f"the task's scorer says {value!r}, which is neither right nor wrong"
        )
    if not isinstance(value, str | int | float) or math.isnan(value_to_float()(value)):
        raise InvalidValueError(f"the task's scorer gives {value!r}, not a right-or-wrong value")
    number = value_to_float()(value)
    if not 0 <= number <= 1:
        raise InvalidValueError(
            f"the task's scorer gives {value!r}: a right-or-wrong value lies between 0 and 1"
        )
    return number == 1
