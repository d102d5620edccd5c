"""Numbers written in words, English and Chinese. Pure."""

import re
from collections.abc import Sequence
from fractions import Fraction

from tale_eval.patterns import pattern

_UNITS = {
    word: n
    for n, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
_TENS = {
    word: 10 * n
    for n, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
    )
}
SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_PARTS = {
    "half": 2, "halves": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6,
    "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10,
}  # fmt: skip
_WORD = rf"(?:{'|'.join([*_UNITS, *_TENS, *SCALES])})"
# longest first, or "six" would be read of "sixteen"
_RUN = (
    rf"(?<![^\W_])(?:an?\s(?=(?:{'|'.join(SCALES)})\b))?{_WORD}\b"
    rf"(?:(?:[\s-]|\sand\s){_WORD}\b){{0,20}}"
)
_LONE = {"one", *(f"a {scale}" for scale in SCALES)}  # "thanks a million"
_ENGLISH = pattern(_RUN, re.IGNORECASE)
_FRACTION = pattern(
    rf"(?:(?P<whole>{_RUN}|\d{{1,9}})\sand\s)?"
    rf"(?:(?P<top>an?|{_WORD}|\d{{1,9}})[\s-])?(?P<part>{'|'.join(_PARTS)})s?",
    re.IGNORECASE,
)
# a text without any of these holds no number in words, and that is quickly seen
_ROOTS = tuple(dict.fromkeys([*_UNITS, *SCALES, "twen", "thir", "for", "fif", "eigh"]))
_MINUS = pattern(r"^(?:negative|minus)\s+", re.IGNORECASE)

_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_STEPS = {"十": 10, "百": 100, "千": 1000}
_MYRIADS = {"万": 10**4, "亿": 10**8}
_CHINESE = pattern(r"[负零〇一二两三四五六七八九十百千万亿]{1,21}")
# one character is a word of many meanings, and these are no numbers
_NO_CHINESE = {"千万", "万一", "万千", "百万千万", "一一", "十万八千"}


def number_in_words(text: str) -> Fraction | None:
    """The number that the whole text is in words: "thirty-six", "two thirds", "三十六"."""
    body = text.strip().lower()
    if _MINUS.match(body):
        value = number_in_words(_MINUS.sub("", body))
        return None if value is None else -value
    if _ENGLISH.fullmatch(body):
        whole = _english(body)
        return None if whole is None else Fraction(whole)
    if found := _FRACTION.fullmatch(body):
        return _fraction(found)
    if _CHINESE.fullmatch(body):
        whole = _chinese(body)
        return None if whole is None else Fraction(whole)
    return None


def words_as_digits(text: str) -> str:
    """The text with every whole number that is in words written in digits."""
    parts, end = [], 0
    for start, stop, value in numbers_in_words(text):
        parts += [text[end:start], str(value)]
        end = stop
    return "".join([*parts, text[end:]]) if parts else text


def numbers_in_words(text: str) -> list[tuple[int, int, int]]:
    """Where whole numbers stand in words, and their values.

    A lone "one" or "a million", and a lone Chinese character, may be no number and are left out.
    """
    lowered = text.lower()
    found = [
        (*match.span(), _english(match[0].lower()))
        for match in (_ENGLISH.finditer(text) if any(r in lowered for r in _ROOTS) else ())
        if match[0].lower() not in _LONE
    ]
    if not text.isascii():
        found += [
            (*match.span(), _chinese(match[0]))
            for match in _CHINESE.finditer(text)
            if len(match[0]) > 1 and match[0] not in _NO_CHINESE
        ]
    return sorted((start, end, value) for start, end, value in found if value is not None)


def _english(text: str) -> int | None:
    words = [word for word in re.split(r"[\s-]+", text) if word != "and"]
    return _of_english(["one", *words[1:]] if words[0] in ("a", "an") else words)


def _of_english(words: Sequence[str]) -> int | None:
    """The value of the words, or None where they are no number: "five six"."""
    total, current, last_scale = 0, 0, 10**15
    for n, word in enumerate(words):
        if word in _UNITS or word in _TENS:
            value = _UNITS.get(word, _TENS.get(word, 0))
            room = 10 if 0 < value < 10 and current % 100 >= 20 else 100
            if current % room or (value == 0 and len(words) > 1):
                return None
            current += value
        elif word == "hundred" and 1 <= current <= 99:
            current *= 100
        elif (scale := SCALES[word]) < last_scale and current and word != "hundred":
            total, current, last_scale = total + current * scale, 0, scale
        else:
            return None
        if n + 1 == len(words):
            return total + current
    return None


def _fraction(found: re.Match[str]) -> Fraction | None:
    top = found["top"]
    if top is None and (
        found["whole"] is None and found["part"].lower() not in ("half", "quarter")
    ):
        return None  # "third" is a place
    part = Fraction(_count(top or "a"), _PARTS[found["part"].lower()])
    whole = 0 if found["whole"] is None else _whole(found["whole"])
    return None if whole is None else whole + part


def _count(word: str) -> int:
    if word in ("a", "an"):
        return 1
    return int(word) if word.isdigit() else (_of_english([word]) or 0)


def _whole(text: str) -> int | None:
    return int(text) if text.isdigit() else _english(text)


def _chinese(text: str) -> int | None:
    if text.startswith("负"):
        value = _chinese(text[1:])
        return None if value is None else -value
    if "负" in text:
        return None
    total, section, digit = 0, 0, None
    for character in text:
        if character in _DIGITS:
            if digit:  # two digits side by side are a telephone's number, not a number
                return None
            digit = _DIGITS[character]
        elif character in _STEPS:
            section += (1 if digit is None else digit) * _STEPS[character]
            digit = None
        else:
            section += digit or 0
            if section == 0 and total == 0:
                return None
            # 亿 counts all that stands before it, 万 what stands since
            below = total + section if character == "亿" else section
            total = below * _MYRIADS[character] + (0 if character == "亿" else total)
            section, digit = 0, None
    return total + section + (digit or 0)
