"""Numbers as people and models write them, read exactly. Pure.

Everything becomes a Fraction: "2,125" is 2125, "0.10" is 1/10, and numbers of
thirteen digits differ when their last digit does.
"""

import re
import unicodedata
from fractions import Fraction

_MAX_CHARS = 400
_MAX_EXPONENT = 1000

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
_MIXED = re.compile(r"([-+]?)(\d{1,9})\s+(\d{1,9})\s*/\s*(\d{1,9})")
# a number inside running text: not part of a word, a date or a longer number
_IN_TEXT = re.compile(
    rf"(?<![\w.,/])[-+]?(?:{_UNSIGNED})(?:\s*/\s*(?:{_UNSIGNED}))?(?![\d/])(?!\.\d)"
)

_SIGNS = str.maketrans({"−": "-", "﹣": "-", "–": "-", "‐": "-", "‑": "-", "⁄": "/", "∕": "/"})
_LATEX_SPACING = re.compile(r"\{,\}|\\[,!;: ]|(?<=\d)\\text\{,\}")
_CURRENCY = re.compile(r"\\?[$€£¥₹]|\bUSD\b|元$")
_TRAILING = re.compile(r"(?:\\?%|°|\^\\circ|\^\{\\circ\})$")


def normalise(text: str) -> str:
    """Fold full-width and other decimal digits, signs and LaTeX spacing to ASCII."""
    folded = unicodedata.normalize("NFKC", text)
    if not folded.isascii():
        folded = "".join(_ascii_digit(c) for c in folded).translate(_SIGNS)
    return _LATEX_SPACING.sub(
        lambda m: "," if "," in m.group(0) and "{" in m.group(0) else "", folded
    )


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
    body = re.sub(r"^([-+])\s+(?=[\d.\\])", r"\1", body)
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
        sign, whole, top, below = found.groups()
        part = _ratio("", top, below)
        return None if part is None else _signed(sign, int(whole) + part)
    return None


def numbers_in(text: str) -> list[str]:
    """The numbers that stand in a text, as written, in their order."""
    return [m.group(0) for m in _IN_TEXT.finditer(_CURRENCY.sub("", normalise(text)))]


def _ascii_digit(char: str) -> str:
    value = unicodedata.decimal(char, None)
    return char if value is None else str(value)


def _signed(signs: str, value: Fraction) -> Fraction:
    return -value if signs.count("-") % 2 else value


def _decimal(sign: str, digits: str, exponent: str | None) -> Fraction | None:
    power = int(exponent or 0)
    if abs(power) > _MAX_EXPONENT:
        return None
    return _signed(sign, Fraction(digits.replace(",", "")) * Fraction(10) ** power)


def _ratio(signs: str, top: str, below: str) -> Fraction | None:
    denominator = Fraction(below.replace(",", ""))
    if denominator == 0:
        return None
    return _signed(signs, Fraction(top.replace(",", "")) / denominator)
