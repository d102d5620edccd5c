"""Whether several replies agree, and which answer most of them give. Pure.

Which answers are the same, `tale_eval.grading.same` says.
"""

from collections.abc import Hashable, Sequence
from typing import TypeVar

Reply = TypeVar("Reply", bound=str)


def voted(replies: Sequence[Reply], answers: Sequence[Hashable | None]) -> Reply:
    """The first reply with the answer that most replies give; of several, the one reached first.

    A reply without an answer votes for none. If none has one, the first reply.

    Args:
        replies: At least one, in the order in which they were asked.
        answers: Of each, as `tale_eval.grading.same.answer_in` reads it.
    """
    counts: dict[Hashable, int] = {}
    for answer in answers:
        if answer is not None:
            counts[answer] = counts.get(answer, 0) + 1
    if not counts:
        return replies[0]
    # the dictionary's order is that of first appearance, and max() takes the first of equals
    winner = max(counts, key=lambda answer: counts[answer])
    return replies[list(answers).index(winner)]


def agreed(answers: Sequence[Hashable | None]) -> bool:
    """Whether all give one and the same answer."""
    return None not in answers and len(set(answers)) == 1
