"""Reading a token budget out of what an estimator wrote. Pure.

A number that cannot be a budget is never turned into one: the reading says why,
the method then falls back to plain chain of thought, and the sample is counted.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice
from string import ascii_letters
from typing import Final, Literal

from tale_eval.asking.prompts import ESTIMATOR_EXAMPLE
from tale_eval.errors import InvalidValueError
from tale_eval.grading.answers import without_thinking
from tale_eval.grading.numbers import normalise

ReadingStatus = Literal["read", "range", "several", "clamped", "missing", "not_positive", "absurd"]
"""How a reading went.

read: one number. range: "50-80", the second is taken. several: more than one
bracket, the last is taken. clamped: moved to the nearest allowed value.
missing: no number, or none that stands out. not_positive: zero or less. absurd: more
than nine digits.
The last three carry no budget.
"""

WITHOUT_BUDGET: Final[tuple[ReadingStatus, ...]] = ("missing", "not_positive", "absurd")
"""The statuses without a budget."""

_SCALE = {"": 1, "k": 1_000, "thousand": 1_000, "million": 1_000_000}
_MAX_DIGITS = 9
_FLAGS = re.IGNORECASE | re.ASCII  # a Chinese character is no part of a number's word
# 50 | 1,200 | 1.5k | 2 million; not part of a word, a list or a longer number
_NUMBER = (
    r"(?<![\w.])(?<!\d,)(-?\d++(?:,\d{3})*+(?:\.\d+)?+(?:\s?(?:k|thousand|million)\b)?+)"
    r"(?!\w*\d|[.,]\d)"
)
_SAID = re.compile(r"budget|token", _FLAGS)
# what makes the number after it the budget; lazy, so that a minus sign stays the number's
_LABEL = (
    r"\bbudget(?:[^\w\n]|is|of|be|should|would|about|around){0,20}?"
    r"|\btokens?\)?\s?[:=][^\w\n]{0,5}?"
)
# every step but the label's is possessive: a text of spaces takes linear time
_UNIT = r"\s*+(?:-\s*+)?tokens?\b"
# a range, whose second number counts, or one number
_ITEM = re.compile(
    rf"(?P<label>{_LABEL})?"
    rf"(?:\bbetween\s++{_NUMBER}(?:\s*+tokens)?+\s++and\s++{_NUMBER}"
    rf"|{_NUMBER}(?:(?:\s*+tokens)?+\s*+(?:[-—~〜]|\bto\b)\s*+{_NUMBER})?+)"
    rf"(?:(?={_UNIT})(?P<unit>)|)",
    _FLAGS,
)
_BRACKET = re.compile(r"\[\[([^\[\]]{0,200})\]\]|(?<!\[)\[([^\[\]]{0,200})\](?!\])")
# a model that answers the question, "Answer: [[42]]", has not estimated anything
_ANSWER = re.compile(
    r"\b(?:answer|choice)[\s*]{0,4}(?:is\b|[:=])[\s*:=]{0,12}+"
    rf"\[{{0,2}}{_NUMBER}\]{{0,2}}+(?!{_UNIT})",
    _FLAGS,
)


@dataclass(frozen=True)
class BudgetReading:
    """What was read from an estimate.

    Attributes:
        budget: Tokens, from 1 up; None if no budget could be read.
        status: How the reading went.
        echoed: The estimate is the number of the prompt's own example.
    """

    budget: int | None
    status: ReadingStatus
    echoed: bool = False


def read_budget(text: str, minimum: int = 1, maximum: int | None = None) -> BudgetReading:
    """Read the budget from an estimator's reply.

    The last bracket counts; without brackets the last number labelled "budget" or
    "tokens:", then the last one followed by "tokens", then the only number of the
    reply. Several bare numbers are ambiguous and read as missing. Neither "Answer: 42"
    nor what stands in a <think> block counts.

    Args:
        text: The estimator's reply.
        minimum: Smallest budget to ask for, in tokens.
        maximum: Largest budget to ask for, in tokens; None sets no bound.

    Raises:
        InvalidValueError: If the bounds are not 1 <= minimum <= maximum.
    """
    reading = _read(normalise(without_thinking(text)[0]))
    echoed = reading.budget == ESTIMATOR_EXAMPLE
    return bounded(replace(reading, echoed=echoed), minimum, maximum)


def bounded(reading: BudgetReading, minimum: int = 1, maximum: int | None = None) -> BudgetReading:
    """The reading with its budget moved to the nearest allowed value, and marked as clamped.

    Raises:
        InvalidValueError: If the bounds are not 1 <= minimum <= maximum.
    """
    check_bounds(minimum, maximum)
    if reading.budget is None:
        return reading
    clamped = max(minimum, reading.budget)
    clamped = clamped if maximum is None else min(maximum, clamped)
    if clamped == reading.budget:
        return reading
    return replace(reading, budget=clamped, status="clamped")


def check_bounds(minimum: int, maximum: int | None) -> None:
    """Raise InvalidValueError unless 1 <= minimum <= maximum."""
    if minimum < 1:
        raise InvalidValueError(f"the smallest budget must be at least 1 token, not {minimum}")
    if maximum is not None and maximum < minimum:
        raise InvalidValueError(f"the budget bounds are reversed: {minimum} > {maximum}")


def _read(text: str) -> BudgetReading:
    text = _ANSWER.sub("", text)
    brackets = [m.group(1) or m.group(2) or "" for m in _BRACKET.finditer(text)]
    brackets = [b for b in brackets if any(c.isdigit() for c in b)]
    if brackets:
        reading = _only_of(_ITEM.finditer(brackets[-1]))
        several = len(brackets) > 1 and reading.status == "read"
        return BudgetReading(reading.budget, "several") if several else reading
    if not _SAID.search(text):
        return _only_of(_ITEM.finditer(text))
    # a reply can hold a million numbers: none is kept that the next one replaces
    labelled = with_unit = None
    for item in _ITEM.finditer(text):
        if item["label"] is not None:
            labelled = item
        if item["unit"] is not None:
            with_unit = item
    standing_out = labelled or with_unit
    return _reading_of(standing_out) if standing_out else _only_of(_ITEM.finditer(text))


def _only_of(items: Iterator[re.Match[str]]) -> BudgetReading:
    match list(islice(items, 2)):
        case [item]:
            return _reading_of(item)
        case _:
            return BudgetReading(None, "missing")


def _reading_of(item: re.Match[str]) -> BudgetReading:
    _, *numbers, _ = item.groups()
    *first, number = [text for text in numbers if text is not None]
    tokens = _tokens(number)
    if tokens is None:
        return BudgetReading(None, "absurd")
    if tokens < 1:
        return BudgetReading(None, "not_positive")
    return BudgetReading(tokens, "range" if first else "read")


def _tokens(number: str) -> int | None:
    """The whole tokens that a number stands for; None from ten digits on."""
    digits = number.rstrip(ascii_letters + " ").replace(",", "")
    if len(digits.lstrip("-").partition(".")[0]) > _MAX_DIGITS:
        return None
    scale = number.lstrip("-.,0123456789").strip().lower()
    tokens = int(Decimal(digits) * _SCALE[scale])
    return tokens if tokens < 10**_MAX_DIGITS else None
