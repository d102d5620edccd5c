"""Numbers as people and models write them, read exactly. Pure.

Everything becomes a Fraction: "2,125" is 2125, "0.10" is 1/10, and numbers of
thirteen digits differ when their last digit does.
"""

import re
import unicodedata
from collections import deque
from collections.abc import Iterator
from fractions import Fraction

_MAX_CHARS = 400
_MAX_EXPONENT = 1000
_MAX_FOLD = 4
_TAIL_CHARS = 10_000

# 2,125 | 2125 | .5, with an optional fraction part
_UNSIGNED = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_DECIMAL = re.compile(rf"([-+]?)({_UNSIGNED})(?:[eE]([-+]?\d{{1,6}}))?")
_POWER = re.compile(
    rf"([-+]?)({_UNSIGNED})\s*(?:\\times|\\cdot|×|\*|x)\s*10\s*\^\s*\{{?([-+]?\d{{1,6}})\}}?"
)
_RATIO = re.compile(rf"([-+]?)({_UNSIGNED})\s*/\s*([-+]?)({_UNSIGNED})")
_LATEX_RATIO = re.compile(
    rf"([-+]?)\\[dt]?frac\s*\{{\s*([-+]?)({_UNSIGNED})\s*\}}\s*\{{\s*([-+]?)({_UNSIGNED})\s*\}}"
)
_MIXED = re.compile(
    r"([-+]?)(\d{1,9})\s*(?:\s(\d{1,9})\s*/\s*(\d{1,9})|\\[dt]?frac\{(\d{1,9})\}\{(\d{1,9})\})"
)
# a number inside running text: not part of a word, a date, a list or a longer number
_IN_TEXT = re.compile(
    r"(?<![\w./])(?<!\d,)[-+]?\\?[$€£¥₹]?"
    r"(?:\d{1,9} \d{1,9}/\d{1,9}"
    rf"|(?:{_UNSIGNED})(?:[eE][-+]?\d+)?(?:\s*/\s*(?:{_UNSIGNED}))?)"
    r"(?![\d_]|[.,/]\d|[eE][-+]?\d)",
    re.ASCII,  # a Chinese character is no part of a number's word
)

_NO_NUMBER = re.compile(r"[^\d\s,./eE+\-\\$€£¥₹]", re.ASCII)

_SIGNS = str.maketrans("−﹣–‐‑⁄∕", "-----//")
_SUPERSCRIPT = re.compile(r"(?<=[\d)])([⁺⁻]?[⁰¹²³⁴-⁹]+)")
_VULGAR = re.compile(r"(?<=\d)(?=[¼-¾⅐-⅞])")
_LATEX_SPACING = re.compile(r"\{,\}|\\[,!;: ]|(?<=\d)\\text\{,\}")
_CURRENCY = re.compile(r"(?<!\d)\\?[$€£¥₹]|\\?[$€£¥₹](?!\d)|\bUSD\b|元$")
_SPACED_SIGN = re.compile(r"^([-+])\s+(?=[\d.\\])")
_TRAILING = re.compile(r"(?:\\?%|°|\^\\circ|\^\{\\circ\})$")


class _Folds(dict[int, str]):
    """The plain form of each character, worked out when it first turns up.

    One by one: normalising a whole text takes quadratic time on runs of accents.
    """

    def __missing__(self, code: int) -> str:
        plain = unicodedata.normalize("NFKC", chr(code)).translate(_SIGNS)
        # one Arabic ligature stands for eighteen letters: texts must not grow so much
        plain = plain if len(plain) <= _MAX_FOLD else chr(code)
        digit = unicodedata.decimal(plain, None) if len(plain) == 1 else None
        self[code] = plain if digit is None else str(digit)
        return self[code]


_FOLDS = _Folds()


def normalise(text: str) -> str:
    """Fold full-width and other decimal digits, signs and LaTeX spacing to ASCII."""
    if not text.isascii():
        # every second part is a superscript; sub() would take twice as long
        parts = _SUPERSCRIPT.split(_VULGAR.sub(" ", text))
        parts[1::2] = [f"^{{{power}}}" for power in parts[1::2]]
        text = "".join(parts).translate(_FOLDS)
    return _LATEX_SPACING.sub(lambda m: "," if "{" in m.group(0) else "", text)


def parse_number(text: str) -> Fraction | None:
    """The number that the whole text is, or None if it is not exactly one number.

    Reads signs, thousands commas, currency signs, a percent or degree sign (the
    number before it is meant: "50%" is 50), decimals, fractions, mixed numbers,
    scientific notation, and their LaTeX forms. Texts over 400 characters and
    exponents over 1,000 are not read.
    """
    if len(text) > _MAX_CHARS:
        return None
    body = _TRAILING.sub("", _CURRENCY.sub("", normalise(text)).strip().rstrip(".")).strip()
    body = _SPACED_SIGN.sub(r"\1", body)
    if found := _DECIMAL.fullmatch(body):
        return _decimal(*found.groups())
    if found := _POWER.fullmatch(body):
        return _decimal(*found.groups())
    if found := _RATIO.fullmatch(body):
        sign, top, sign_below, below = found.groups()
        return _ratio(sign + sign_below, top, below)
    if found := _LATEX_RATIO.fullmatch(body):
        sign, sign_top, top, sign_below, below = found.groups()
        return _ratio(sign + sign_top + sign_below, top, below)
    if found := _MIXED.fullmatch(body):
        sign, whole, top, below = (group for group in found.groups() if group is not None)
        part = _ratio("", top, below)
        return None if part is None else _signed(sign, int(whole) + part)
    return None


def numbers_in(text: str) -> Iterator[re.Match[str]]:
    """Where numbers stand in a normalised text, in their order."""
    return _IN_TEXT.finditer(text)


def last_number_in(text: str) -> re.Match[str] | None:
    """Where the last number of a normalised text stands."""
    # a reply can hold a million numbers, and none goes on across such a character
    border = _NO_NUMBER.search(text, max(0, len(text) - _TAIL_CHARS))
    for start in (border.start() if border else 0, 0):
        if found := deque(_IN_TEXT.finditer(text, start), maxlen=1):
            return found[0]
    return None


def _signed(signs: str, value: Fraction) -> Fraction:
    return -value if signs.count("-") % 2 else value


def _decimal(sign: str, digits: str, exponent: str | None) -> Fraction | None:
    power = int(exponent or 0)
    if abs(power) > _MAX_EXPONENT:
        return None
    return _signed(sign, Fraction(f"{digits.replace(',', '')}e{power}"))


def _ratio(signs: str, top: str, below: str) -> Fraction | None:
    denominator = Fraction(below.replace(",", ""))
    if denominator == 0:
        return None
    return _signed(signs, Fraction(top.replace(",", "")) / denominator)
