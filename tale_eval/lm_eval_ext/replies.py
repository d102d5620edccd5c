"""A reply that remembers what it cost. Pure.

lm_eval hands a model's text from hand to hand as a plain string. This string carries
the calls behind it, through lm_eval's clean-up, its filters and its cache (pickle).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, SupportsIndex

from tale_eval.budgets.reading import BudgetReading
from tale_eval.tokens.ledger import Call


class Reply(str):
    """A model's text.

    Attributes:
        calls: The calls that led to it, the answer's own last.
        reading: The budget that was estimated for it; None if none was.
        error: Why there is no text; None if there is one.
        thought: A text stood before it, which was cut off: the model's thinking.
        stopped_at: The text at which it was cut; None where none is known of.
        sent: The prompt that it answers, where a method made it out of the task's.
    """

    calls: tuple[Call, ...]
    reading: BudgetReading | None
    error: str | None
    thought: bool = False
    stopped_at: str | None = None
    sent: Any = None

    def __new__(
        cls,
        text: str,
        calls: Sequence[Call] = (),
        reading: BudgetReading | None = None,
        error: str | None = None,
    ) -> "Reply":
        reply = super().__new__(cls, text)
        reply.calls = tuple(calls)
        reply.reading = reading
        reply.error = error
        return reply

    def _of(self, text: str) -> "Reply":
        part = Reply(text, self.calls, self.reading, self.error)
        part.thought = self.thought
        part.stopped_at, part.sent = self.stopped_at, self.sent
        return part

    # lm_eval cuts a reply at its stop texts with split(), and the thinking off with lstrip()

    def split(self, sep: str | None = None, maxsplit: SupportsIndex = -1) -> list[str]:
        """As of a string; every part keeps the calls."""
        parts = [self._of(part) for part in super().split(sep, maxsplit)]
        for before, part in pairwise(parts):
            part.thought = before.thought or bool(before.strip())
            before.stopped_at = sep
        return list(parts)

    def lstrip(self, chars: str | None = None) -> str:
        """As of a string; the rest keeps the calls."""
        return self._of(super().lstrip(chars))
