"""Right or wrong, as the task's own scorer says."""

from collections.abc import Mapping

from inspect_ai.event import ScoreEvent
from inspect_ai.log import transcript
from inspect_ai.scorer import Score, score
from inspect_ai.solver import TaskState
from inspect_ai.util import span

from tale_eval.errors import InvalidValueError, UnknownNameError
from tale_eval.grading.credit import credit


async def is_correct(state: TaskState, which: str | None = None) -> bool:
    """Ask the task's scorer about this answer. Partial credit is not right.

    Args:
        state: The question with an answer.
        which: The scorer's name, or a key of its dictionary, where there are several.
            By default the one scorer there is. Of a dictionary, the key "correct".

    Raises:
        InvalidValueError: If the task has no scorer, several, or one that says neither
            right nor wrong.
        UnknownNameError: If there is no such scorer or key.
    """
    try:
        # what its graders ask is the scorer's, also in the middle of a search
        async with span(score.__name__, type="scorer"):
            scores = await score(state)
    except RuntimeError as error:
        if "with a scorer" not in str(error):
            raise
        raise InvalidValueError(
            "this task has no scorer, so nothing says which answers are right: "
            "search budgets on a task with a scorer"
        ) from error
    value = _chosen({_scorer_name(given): given.value for given in scores}, which)
    right = credit(value)
    if right is None:
        raise InvalidValueError(
            f"the task's scorer gives {value!r}, which is neither right nor wrong: a budget "
            "search needs C or I, true or false, or a number from 0 to 1; where the task has "
            "such a value beside this one, name it with score=NAME"
        )
    return right == 1


def _scorer_name(given: Score) -> str:
    """The name under which the log will show this scorer; Inspect's event knows it."""

    def is_its_event(event: object) -> bool:
        return isinstance(event, ScoreEvent) and event.score is given

    event = transcript().history.find_last(is_its_event)
    assert isinstance(event, ScoreEvent)
    assert event.scorer is not None
    return event.scorer


def _chosen(scores: Mapping[str, object], which: str | None) -> object:
    """The one value that decides, of those that the scorers gave by name."""
    keyed = [value for value in scores.values() if isinstance(value, Mapping)]
    names = [*scores, *dict.fromkeys(key for value in keyed for key in value)]
    if not scores:
        raise InvalidValueError(
            "the task's scorer gave no score, so nothing says whether the answer is right"
        )
    if which is None and len(scores) > 1:
        raise InvalidValueError(
            f"the task has {len(scores)} scorers: say which value decides with score=NAME, "
            f"one of {', '.join(names)}"
        )
    which = next(iter(scores)) if which is None else which
    if which in scores:
        return _of_key("correct", scores[which])
    holders = [value for value in keyed if which in value]
    if not holders:
        raise UnknownNameError("score", which, names)
    if len(holders) > 1:
        raise InvalidValueError(
            f"score={which!r}: {len(holders)} scorers give such a value; name one of the "
            f"scorers, {', '.join(scores)}"
        )
    return holders[0][which]


def _of_key(key: str, value: object) -> object:
    """A dictionary's value under this key; any other value as it is."""
    if not isinstance(value, Mapping):
        return value
    if key not in value:
        raise UnknownNameError("score", key, value)
    return value[key]
