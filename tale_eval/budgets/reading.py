"""Reading a token budget out of what an estimator wrote. Pure.

A number that cannot be a budget is never turned into one: the reading says why,
the method then falls back to plain chain of thought, and the sample is counted.
"""

import re
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, Decimal
from itertools import islice
from typing import Final, Literal

from tale_eval.asking.prompts import ESTIMATOR_EXAMPLE
from tale_eval.errors import InvalidValueError
from tale_eval.grading.number_words import words_as_digits
from tale_eval.grading.numbers import normalise
from tale_eval.grading.quoting import blanked, is_denied, is_quoted, without_struck
from tale_eval.grading.thinking import answer_tags, without_thinking
from tale_eval.patterns import pattern

ReadingStatus = Literal[
    "read", "range", "several", "clamped", "outside", "missing", "not_positive", "absurd"
]
"""How a reading went.

read: one number. range: "50-80", the second is taken. several: more than one
bracket, the last is taken. clamped: moved to the nearest allowed value. outside: a
fitted estimator's, of a question unlike those that it was fitted on, moved or not.
missing: no number, or none that stands out. not_positive: less than one. absurd: more
than nine digits.
The last three carry no budget.
"""

WITHOUT_BUDGET: Final[tuple[ReadingStatus, ...]] = ("missing", "not_positive", "absurd")
"""The statuses without a budget."""

_SCALE = {"": 1, "k": 1_000, "thousand": 1_000, "million": 1_000_000}
_MAX_DIGITS = 9
_FLAGS = re.IGNORECASE | re.ASCII  # a Chinese character is no part of a number's word
# 50 | 1,200 | 2e2 | 1.5k | 2 million; not part of a word, a list or a longer number
_NUMBER = (
    r"(?<![\w.])(?<!\d,)(-?\d++(?:,\d{3})*+(?:\.\d+)?+(?:e\d{1,2}(?!\d)|\s?(?:k|thousand|million)\b)?+)"
    r"(?!\w*\d|[.,]\d)"
)
_GROUPED = pattern(
    r"\d(?<![\w.,]\d)(?<!\d[ ']\d)\d{0,2}(?:[ '’~]\d{3}){1,5}+(?![ '’~]?\w?\d|[.,/]\d)"
)
# "budget" and "token" as other languages have them
_BUDGET = (
    r"(?:(?<![^\W_])budget|预算|預算|予算|[Бб]юджет|\bpresupuesto|\bor[çc]amento|예산"
    r"|\b(?:estimate|estimation)(?=\s*[:=]))"
)
_TOKENS_WORD = r"(?:tokens?\b|[Тт]окен(?:ов|а|ы)?(?![а-я])|トークン|토큰|词元|詞元)"
_SAID = pattern(rf"{_BUDGET}|{_TOKENS_WORD}|token", _FLAGS)
# what makes the number after it the budget; lazy, so that a minus sign stays the number's
_LABEL = (
    rf"(?:{_BUDGET}(?:[^\w\n$€£¥А-я]|is|of|be|should|would|about|around|около|примерно){{0,20}}?"
    r"|(?:\btokens?(?:\s(?:count|number|limit|estimate|usage))?|トークン数?)\)?\s?[:=][^\w\n]{0,5}?)"
)
# "15 + 25 = 40": what a sum comes to
_SUM = r"(?:\d[\d.,+*x× ()-]{0,80}=\s?)?"
# every step but the label's is possessive: a text of spaces takes linear time
_UNIT = rf"\s*+(?:[-个個]\s*+)?{_TOKENS_WORD}"
_MONEY = r"\s?(?:dollars?|euros?|pounds?|cents?|yuan|USD|EUR|元|美元|€|%)"
# a range, whose second number counts, or one number
_ITEM = pattern(
    rf"(?P<label>{_LABEL}{_SUM})?"
    rf"(?:\bbetween\s++{_NUMBER}(?:\s*+tokens)?+\s++and\s++{_NUMBER}"
    rf"|{_NUMBER}(?:(?:\s*+tokens)?+\s*+(?:[-—~〜]|\bto\b)\s*+{_NUMBER})?+)"
    rf"(?:(?={_UNIT})(?P<unit>)|(?={_MONEY})(?P<money>)|)",
    _FLAGS,
)
_BRACKET = pattern(
    r"\[\[([^\[\]]{0,200})\]\]|(?<!\[)\[([^\[\]]{0,200})\](?!\])|\\boxed\{([^{}]{0,200})\}"
)
_LABELLED = pattern(
    rf"(?:{_BUDGET}|\btokens?)(?:[^\w\n]|is|of|be|should|would|about|around){{0,20}}$", _FLAGS
)
# "Budget: [[30]]? Rather [[50]]"
_RATHER = pattern(
    r"\b(?:no|rather|wait|actually|better|instead|correction|or)\b[^\w\n]{0,5}$", _FLAGS
)
_RESULT = pattern(r".*=\s*", re.DOTALL)
# a model that answers the question, "Answer: [[42]]", has not estimated anything
_ANSWER = pattern(
    r"\b(?:answer|choice)[\s*]{0,4}(?:is\b|[:=])[\s*:=]{0,12}+"
    rf"(?:\[{{0,2}}|\$?\\boxed\{{){_NUMBER}[\]}}]{{0,2}}+(?!{_UNIT})",
    _FLAGS,
)
# what may stand around the one number of a reply that says nothing but the number
_AROUND = pattern(
    r"(?:\b(?:about|approximately|approx|around|roughly|nearly|almost|at|least|most|only|just|maybe|perhaps|probably"
    r"|i|would|i'd|we|you|it|this|that|think|guess|estimate|estimated|say|needs?|needed|takes?|required?|requires|is|be|are"
    r"|should|will|do|the|my|a|an|minimum|maximum|min|max|number|of|total|result|tokens?|budget|answer|so|for|from|between|to|and|more|than|up|no"
    r"|fewer|less|under|enough|sufficient)\b"
    r"|大约|大概|约|需要|左右|估计|至少|最多|一共|我|认为|是|个|为|около|примерно|нужно|требуется|достаточно|etwa|ungefähr|environ|unos|aproximadamente"
    r"|約|およそ|程度|です|약|정도|\W)*+",
    re.IGNORECASE,
)
_MAX_BRACKETS = 1000


@dataclass(frozen=True)
class BudgetReading:
    """What was read from an estimate.

    Attributes:
        budget: Tokens, from 1 up; None if no budget could be read.
        status: How the reading went.
        echoed: The estimate is the number of the prompt's own example.
        estimator: The fitted estimator that gave it, and the hash of its content; None of one
            that asks a model.
        seconds: How long that took, where no model was asked.
        embedded: What a server was asked for it, if any; None otherwise.
    """

    budget: int | None
    status: ReadingStatus
    echoed: bool = False
    estimator: str | None = None
    seconds: float | None = field(default=None, compare=False)
    embedded: "Embedded | None" = field(default=None, compare=False)


@dataclass(frozen=True)
class Embedded:
    """What it cost to have a text's vector from a server.

    Attributes:
        model: The model that gave it.
        input_tokens: What it read; None if the server does not say.
    """

    model: str
    input_tokens: int | None


def read_budget(text: str, minimum: int = 1, maximum: int | None = None) -> BudgetReading:
    """Read the budget from an estimator's reply.

    The last bracket that "Budget:" labels counts, or else the last bracket; without brackets
    the last number labelled "budget" or "tokens:", then the last one followed by "tokens",
    then the number of a reply that says nothing else. A sum counts as what it comes to, and
    a fraction of a token as a whole one. No other number is an estimate: not the question's
    own ("A farmer has 24 cows."), not "Answer: 42", nor what the reply thinks, quotes as an
    example or denies.

    Args:
        text: The estimator's reply.
        minimum: Smallest budget to ask for, in tokens.
        maximum: Largest budget to ask for, in tokens; None sets no bound.

    Raises:
        InvalidValueError: If the bounds are not 1 <= minimum <= maximum.
    """
    reading = _read(_plain(text))
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
    status: ReadingStatus = "outside" if reading.status == "outside" else "clamped"
    return replace(reading, budget=clamped, status=status)


def check_bounds(minimum: int, maximum: int | None) -> None:
    """Raise InvalidValueError unless 1 <= minimum <= maximum."""
    if minimum < 1:
        raise InvalidValueError(f"the smallest budget must be at least 1 token, not {minimum}")
    if maximum is not None and maximum < minimum:
        raise InvalidValueError(f"the budget bounds are reversed: {minimum} > {maximum}")


def _plain(text: str) -> str:
    """What a reply says, its numbers in digits."""
    said = without_struck(without_thinking(text)[0])
    tags = answer_tags(said)
    said = said[slice(*tags[-1])] if tags else said
    return _GROUPED.sub(lambda m: re.sub(r"\D", "", m.group(0)), words_as_digits(normalise(said)))


def _read(text: str) -> BudgetReading:
    text = _ANSWER.sub("", text)
    brackets = [m for m in _BRACKET.finditer(text) if any(c.isdigit() for c in m.group(0))]
    meant = [m for m in brackets[-_MAX_BRACKETS:] if not _means_nothing(text, m)]
    if meant:
        return _of_brackets(text, meant)
    text = blanked(text, [m.span() for m in brackets])
    if not _SAID.search(text):
        return _only_of(text)
    # a reply can hold a million numbers: none is kept that the next one replaces
    labelled = with_unit = None
    for item in _ITEM.finditer(text):
        if item["label"] is not None and item["money"] is None:
            labelled = item
        if item["unit"] is not None:
            with_unit = item
    standing_out = labelled or with_unit
    return _reading_of(standing_out) if standing_out else _only_of(text)


def _means_nothing(text: str, bracket: re.Match[str]) -> bool:
    said = _content(bracket).strip()
    alone = _BRACKET.search(text, 0, bracket.start()) is None
    return is_quoted(text, *bracket.span(), said, alone) or is_denied(text, *bracket.span())


def _of_brackets(text: str, brackets: list[re.Match[str]]) -> BudgetReading:
    """The last of the brackets that a label stands before, or else the last one."""
    chosen = brackets[-1]
    labelled = [b for b in brackets if _stands_behind(_LABELLED, text, b)]
    if labelled and not _stands_behind(_RATHER, text, chosen):
        chosen = labelled[-1]
    content = _RESULT.sub("", _content(chosen))
    items = list(islice(_ITEM.finditer(content), 2))
    reading = _reading_of(items[0]) if len(items) == 1 else BudgetReading(None, "missing")
    several = len(brackets) > 1 and reading.status == "read"
    return BudgetReading(reading.budget, "several") if several else reading


def _stands_behind(words: re.Pattern[str], text: str, bracket: re.Match[str]) -> bool:
    return words.search(text, max(0, bracket.start() - 40), bracket.start()) is not None


def _content(bracket: re.Match[str]) -> str:
    return next((group for group in bracket.groups() if group is not None), "")


def _only_of(text: str) -> BudgetReading:
    """The number of a reply that says nothing else: "About 50, I think."."""
    match list(islice(_ITEM.finditer(text), 2)):
        case [item] if item["money"] is None and _says_nothing_else(text, item):
            return _reading_of(item)
        case _:
            return BudgetReading(None, "missing")


def _says_nothing_else(text: str, item: re.Match[str]) -> bool:
    before, after = text[: item.start()], text[item.end() :]
    if not _AROUND.fullmatch(before):
        return False
    alone = not any(c.isalnum() for c in before) and len(after.split()) == 1  # "50 kg"
    return alone or _AROUND.fullmatch(after) is not None


def _reading_of(item: re.Match[str]) -> BudgetReading:
    *first, number = [text for text in item.groups()[1:5] if text is not None]
    tokens = _tokens(number)
    if tokens is None:
        return BudgetReading(None, "absurd")
    if tokens < 1:
        return BudgetReading(None, "not_positive")
    return BudgetReading(_whole(tokens), "range" if first else "read")


def _tokens(number: str) -> Decimal | None:
    """The tokens that a number stands for; None from ten digits on."""
    found = _PARTS.fullmatch(number.replace(",", ""))
    assert found is not None
    digits, exponent, scale = found.groups()
    if len(digits.lstrip("-").partition(".")[0]) > _MAX_DIGITS:
        return None
    tokens = Decimal(digits) * _SCALE[(scale or "").lower()] * 10 ** int(exponent or 0)
    return tokens if tokens < 10**_MAX_DIGITS else None


_PARTS = pattern(r"(-?\d+(?:\.\d+)?)(?:[eE](\d+)|\s?([a-zA-Z]+))?")


def _whole(tokens: Decimal) -> int:
    """Up: an estimate of 37.4 tokens is not met by 37."""
    return int(tokens.to_integral_value(rounding=ROUND_CEILING))
