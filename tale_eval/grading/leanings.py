"""Decisions about answers that can be read in two ways; docs/grading.md explains each. Pure."""

from fractions import Fraction

from tale_eval.grading.numbers import is_percentage, parse_number
from tale_eval.patterns import pattern

_DECIMAL_COMMA = pattern(
    r"([-+]?\\?[$€£¥₹]?\s?\d{1,15}),(\d{1,15}(?:\s?(?:[$€£%]|[^\W\d_]{2,12}))?)"
)
_PERCENT = Fraction(1, 100)


def same_number(given: str, target: str) -> bool | None:
    """Whether an answer is the target's number; None if either is no number.

    Exactly, but "20%" is 20 as well as 0.2 where the target has no percent sign, and
    "7,25" is 7.25.
    """
    right = parse_number(target)
    if right is None:
        return None
    value = parse_number(given)
    if value is None:
        value = _with_decimal_comma(given)
    if value is None:
        return None
    if value == right:
        return True
    answers_in_percent, asks_for_percent = is_percentage(given), is_percentage(target)
    if answers_in_percent == asks_for_percent:
        return False
    return value * _PERCENT == right if answers_in_percent else right * _PERCENT == value


def _with_decimal_comma(text: str) -> Fraction | None:
    found = _DECIMAL_COMMA.fullmatch(text.strip())
    return parse_number(f"{found.group(1)}.{found.group(2)}") if found else None
