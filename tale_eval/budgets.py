"""Reading a token budget out of what an estimator wrote. Pure.

A number that cannot be a budget is never turned into one: the reading says why,
the method then falls back to plain chain of thought, and the sample is counted.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

from tale_eval.errors import InvalidValueError
from tale_eval.prompts import ESTIMATOR_EXAMPLE

Status = Literal["read", "range", "several", "clamped", "missing", "not_positive", "absurd"]
"""How a reading went.

read: one number. range: "50-80", the upper end is taken. several: more than one
bracket, the last is taken. clamped: moved to the nearest allowed value.
missing: no number. not_positive: zero or less. absurd: more than nine digits.
The last three carry no budget.
"""

UNREADABLE: Final[tuple[Status, ...]] = ("missing", "not_positive", "absurd")
"""The statuses without a budget."""

_NUMBER = r"[-−]?\d[\d,]*(?:\.\d+)?\s?[kK]?(?![\w.]*\d)"
_BRACKET = re.compile(r"\[\[([^\[\]]{0,200})\]\]|(?<!\[)\[([^\[\]]{0,200})\](?!\])")
_RANGE = re.compile(rf"({_NUMBER})\s*(?:-|–|—|~|to)\s*({_NUMBER})")
_LABELLED = re.compile(rf"\bbudget\b[^\d\n\-−]{{0,20}}({_NUMBER})", re.IGNORECASE)
_WITH_UNIT = re.compile(rf"({_NUMBER})\s*-?\s*tokens?\b", re.IGNORECASE)
_ANY = re.compile(rf"(?<![\w.])({_NUMBER})")
_MAX_DIGITS = 9


@dataclass(frozen=True)
class BudgetReading:
    """What was read from an estimate.

    Attributes:
        budget: Tokens, from 1 up; None if no budget could be read.
        status: How the reading went.
        echoed: The estimate is the number of the prompt's own example.
    """

    budget: int | None
    status: Status
    echoed: bool = False


def read_budget(text: str, minimum: int = 1, maximum: int | None = None) -> BudgetReading:
    """Read the budget from an estimator's reply.

    The last bracket counts; without brackets a number labelled "budget", then one
    followed by "tokens", then the only number of the reply. Several bare numbers
    without a label are ambiguous and read as missing.

    Args:
        text: The estimator's reply.
        minimum: Smallest budget to ask for, in tokens.
        maximum: Largest budget to ask for, in tokens; None sets no bound.

    Raises:
        InvalidValueError: If the bounds are not 1 <= minimum <= maximum.
    """
    check_bounds(minimum, maximum)
    reading = _read(unicodedata.normalize("NFKC", text))
    if reading.budget is None:
        return reading
    clamped = max(minimum, reading.budget)
    clamped = clamped if maximum is None else min(maximum, clamped)
    status = reading.status if clamped == reading.budget else "clamped"
    return BudgetReading(clamped, status, echoed=reading.budget == ESTIMATOR_EXAMPLE)


def check_bounds(minimum: int, maximum: int | None) -> None:
    """Raise InvalidValueError unless 1 <= minimum <= maximum."""
    if minimum < 1:
        raise InvalidValueError(f"the smallest budget must be at least 1 token, not {minimum}")
    if maximum is not None and maximum < minimum:
        raise InvalidValueError(f"the budget bounds are reversed: {minimum} > {maximum}")


def _read(text: str) -> BudgetReading:
    brackets = [m.group(1) or m.group(2) or "" for m in _BRACKET.finditer(text)]
    brackets = [b for b in brackets if any(c.isdigit() for c in b)]
    if brackets:
        reading = _read_phrase(brackets[-1])
        several = len(brackets) > 1 and reading.status == "read"
        return BudgetReading(reading.budget, "several") if several else reading
    for pattern in (_LABELLED, _WITH_UNIT):
        found = list(pattern.finditer(text))
        if found:
            # a range may begin before the number with the unit: "50-80 tokens"
            last = found[-1]
            spans = [m for m in _RANGE.finditer(text) if m.start() <= last.start(1) < m.end()]
            return _read_phrase(spans[-1].group(0) if spans else last.group(1))
    return _read_phrase(text)


def _read_phrase(text: str) -> BudgetReading:
    """Read a phrase that holds one number or one range."""
    span = _RANGE.search(text)
    if span:
        return _reading_of(span.group(2), status="range")
    numbers = _ANY.findall(text)
    return _reading_of(numbers[0]) if len(numbers) == 1 else BudgetReading(None, "missing")


def _reading_of(number: str, status: Status = "read") -> BudgetReading:
    thousands = number[-1] in "kK"
    digits = number.rstrip("kK ").replace(",", "").replace("−", "-")
    if len(digits.lstrip("-").partition(".")[0]) > _MAX_DIGITS:
        return BudgetReading(None, "absurd")
    tokens = int(float(digits) * (1000 if thousands else 1))
    return BudgetReading(tokens, status) if tokens >= 1 else BudgetReading(None, "not_positive")
