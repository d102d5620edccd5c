"""Asking one prompt several times, and the answer that comes of it. Pure."""

from collections.abc import Callable, Generator, Hashable, Iterable, Sequence
from typing import Any

from tale_eval.asking.question import Question
from tale_eval.budgets.plan import MOST_SAMPLES, Ask, ReplyText
from tale_eval.errors import InvalidValueError
from tale_eval.grading.vote import agreed, voted

TEMPERATURE = 0.7
"""Of samples, as self-consistency (arXiv 2203.11171) and ESC (2401.10480) are published."""

Sampling = Generator[tuple[Ask, ...], Any, ReplyText]
"""Asks group after group; returns the reply that is the answer."""


def draws(
    words: Callable[[Question], str], count: int, temperature: float | None, first: int = 0
) -> tuple[Ask, ...]:
    """Several asks of one prompt, each a sample of its own.

    Args:
        words: The prompt, given the question.
        count: How many.
        temperature: Of each; None leaves the run's own.
        first: Number of the first one, from 0.
    """
    return tuple(
        Ask(words, sample=sample, temperature=temperature) for sample in range(first, first + count)
    )


def sampled(
    question: Question,
    groups: Iterable[tuple[Ask, ...]],
    max_total_tokens: int | None = None,
    enough: Callable[[Sequence[Hashable | None]], bool] = lambda answers: False,
) -> Sampling:
    """Ask groups of samples, and elect the answer that most of them give.

    Args:
        question: What is asked.
        groups: What is asked at once, in order.
        max_total_tokens: Output tokens of all samples together: no group is asked that would
            go beyond it if each of its replies were as long as the longest so far.
        enough: Whether the answers of one group settle it: then its first reply is the answer.

    Raises:
        InvalidValueError: The first group alone goes beyond that, or nobody counts the tokens.
    """
    replies: list[ReplyText] = []
    answers: list[Hashable | None] = []
    for group in groups:
        if replies and max_total_tokens is not None:
            longest = max(_tokens(reply, max_total_tokens) for reply in replies)
            if _spent(replies, max_total_tokens) + longest * len(group) > max_total_tokens:
                break
        said: tuple[ReplyText, ...] = yield group
        if not replies and max_total_tokens is not None:
            _check_room(said, max_total_tokens)
        read = [answer_of(reply, question) for reply in said]
        if enough(read):
            return said[0]
        replies += said
        answers += read
    return voted(replies, answers)


def answer_of(reply: ReplyText, question: Question) -> Hashable | None:
    """The answer in a reply, as `tale_eval.grading.same` reads it."""
    # the grader's readers are heavy, and most methods need none
    from tale_eval.grading.same import answer_in

    return answer_in(reply, question, truncated=reply.truncated is True)


def agreeing(replies: Sequence[ReplyText], question: Question) -> bool:
    """Whether all replies give one and the same answer."""
    return agreed([answer_of(reply, question) for reply in replies])


def check_samples(name: str, samples: int, temperature: float | None, least: int = 1) -> None:
    """Refuse a number of samples, or a temperature, that makes no sense.

    Raises:
        InvalidValueError: Too few or too many; a temperature at which all would be equal.
    """
    if not least <= samples <= MOST_SAMPLES:
        raise InvalidValueError(
            f"{name}={samples}: must be a whole number from {least} to {MOST_SAMPLES}"
        )
    if temperature is not None and not temperature > 0:
        raise InvalidValueError(
            f"temperature={temperature:g}: samples of one prompt differ above 0 alone; give such "
            f"as {TEMPERATURE:g}, or none for the run's own"
        )


def check_total(max_total_tokens: int | None) -> None:
    """Refuse a cap on all samples that holds nothing.

    Raises:
        InvalidValueError: Below 1.
    """
    if max_total_tokens is not None and max_total_tokens < 1:
        raise InvalidValueError(
            f"max_total_tokens={max_total_tokens}: must be a whole number from 1 up, and hold one "
            "answer at least"
        )


def _check_room(replies: Sequence[ReplyText], cap: int) -> None:
    spent = _spent(replies, cap)
    if spent > cap:
        what = "the first answer" if len(replies) == 1 else f"the first {len(replies)} answers"
        raise InvalidValueError(
            f"max_total_tokens={cap}: {what} alone took {spent} tokens; allow at least so many, "
            "or leave max_total_tokens out"
        )


def _spent(replies: Sequence[ReplyText], cap: int) -> int:
    return sum(_tokens(reply, cap) for reply in replies)


def _tokens(reply: ReplyText, cap: int) -> int:
    if reply.output_tokens is None:
        raise InvalidValueError(
            f"max_total_tokens={cap}: nobody counted the tokens of a reply; make the server "
            "report its usage, or leave max_total_tokens out"
        )
    return reply.output_tokens
