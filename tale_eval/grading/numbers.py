"""Numbers as people and models write them, read exactly. Pure.

Everything becomes a Fraction: "2,125" is 2125, "0.10" is 1/10, and numbers of
thirteen digits differ when their last digit does.
"""

import re
import unicodedata
from collections import deque
from collections.abc import Iterator
from fractions import Fraction

from tale_eval.grading.number_words import SCALES, number_in_words
from tale_eval.patterns import pattern

_MAX_CHARS = 400
_MAX_EXPONENT = 1000
_MAX_FOLD = 4
_TAIL_CHARS = 10_000

# 2,125 | 2125 | .5, with an optional fraction part
_UNSIGNED = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_POWER_OF_TEN = r"10\s*(?:\^|\*\*)\s*\{?([-+]?\d{1,6})\}?"
_DECIMAL = pattern(rf"([-+]?)({_UNSIGNED})(?:[eE]([-+]?\d{{1,6}}))?")
_POWER = pattern(rf"([-+]?)(?:({_UNSIGNED})\s*(?:\\times|\\cdot|×|·|\*|x)\s*)?{_POWER_OF_TEN}")
_RATIO = pattern(rf"([-+]?)({_UNSIGNED})\s*/\s*([-+]?)({_UNSIGNED})")
# \frac{3}{8} and \frac38
_FRACTION = (
    rf"\\[dtc]?frac\s*(?:\{{\s*([-+]?)({_UNSIGNED})\s*\}}|(\d))"
    rf"\s*(?:\{{\s*([-+]?)({_UNSIGNED})\s*\}}|(\d))"
)
_LATEX_RATIO = pattern(rf"([-+]?){_FRACTION}")
_MIXED = pattern(
    r"([-+]?)(\d{1,9})\s*(?:\s(?:and\s+)?(\d{1,9})\s*/\s*(\d{1,9})"
    r"|(?:and\s+)?\\[dtc]?frac\s*(?:\{(\d{1,9})\}|(\d))\s*(?:\{(\d{1,9})\}|(\d)))"
)
# 0.\overline{6} | 0.1\dot{6} | 0.(6)
_REPEATING = pattern(
    r"([-+]?)(\d{1,50})\.(\d{0,50})(?:\\(?:overline|bar|dot)\s*\{?(\d{1,50})\}?|\((\d{1,50})\))"
)
# 0.\dot{1}4\dot{2} repeats 142
_TWO_DOTS = pattern(r"\\dot\s*\{?(\d)\}?(\d{0,50})\\dot\s*\{?(\d)\}?$")
_OVERLINED = pattern(r"(?:\d[\u0304\u0305])+")
_FOREIGN_SCALE = {
    "Tausend": 10**3, "тысяча": 10**3, "тысячи": 10**3, "тысяч": 10**3,
    "Millionen": 10**6, "Million": 10**6, "Mio": 10**6, "millions": 10**6, "millones": 10**6,
    "миллиона": 10**6, "миллионов": 10**6, "миллион": 10**6,
    "Milliarden": 10**9, "Milliarde": 10**9, "Mrd": 10**9, "milliards": 10**9, "milliard": 10**9,
    "billions": 10**9, "миллиарда": 10**9, "миллиардов": 10**9, "миллиард": 10**9,
}  # fmt: skip
_SCALE = {
    **SCALES,
    **_FOREIGN_SCALE,
    "k": 10**3,
    "K": 10**3,
    "万": 10**4,
    "亿": 10**8,
    "百万": 10**6,
    "千万": 10**7,
    "千": 10**3,
}
_MONEY_SCALE = {"M": 10**6, "m": 10**6, "mn": 10**6, "B": 10**9, "b": 10**9, "bn": 10**9}
_SCALED = pattern(rf"([-+]?)({_UNSIGNED})\s?({'|'.join([*_MONEY_SCALE, *_SCALE])})")
# what groups digits beside the comma: 7 250 | 7'250 | 7~250 | 2.450.000 | 1,00,000 | 1.234,5
_GROUPED = pattern(
    r"([-+]?[$€£¥₹]?\s?)(?:(\d{1,3}([ '’~])\d{3}(?:\3\d{3}){0,9}|\d{1,3}(?:\.\d{3}){2,9}"
    r"|\d{1,2}(?:,\d{2}){1,9},\d{3})([.,]\d+)?|(\d{1,3}(?:\.\d{3})+)(,\d+))"
    r"(?=$|\s?[^\d\s.,/])"
)
_MINUS_WORD = pattern(r"^(?:negative|minus|负)\s*(?=[\d.$€£¥₹\\])", re.IGNORECASE)
_FOREIGN_END = rf"\s?(?:{'|'.join(_FOREIGN_SCALE)})(?![A-Za-zа-я])"
# a number inside running text: not part of a word, a date, a list, an exponent or a longer
# number; 3 1/2 | 2\frac{1}{2} | 3 \times 10^{4} | 7 250 | 2,125.5 | 1e3 | 1/2 | 4 million | 20%
_IN_TEXT = pattern(
    r"(?<![\w./^])(?<!\d,)(?<![\^_]\{)[-+]?\\?[$€£¥₹]?"
    r"(?:(?=\d{1,15}[:.,]\d)(?:\d{1,9}(?::\d{1,9}){1,3}"
    r"|\d{1,3}(?:(?:\.\d{3})+,\d+|(?:\.\d{3}){2,}(?!\d))"
    rf"|(?<![(\[{{])\d{{1,15}},\d{{1,2}}(?![\d)\]}}])(?:{_FOREIGN_END})?)"
    r"|\d{1,9} (?:and )?\d{1,9}/\d{1,9}"
    rf"|(?:\d{{1,9}}\s?)?\\[dtc]?frac\s?(?:\{{(?:{_UNSIGNED})\}}|\d)\s?(?:\{{(?:{_UNSIGNED})\}}|\d)"
    rf"|(?:(?:{_UNSIGNED})\s?(?:\\times|×|\*)\s?)?10(?:\^|\*\*)\{{?-?\d{{1,6}}\}}?"
    rf"|(?:\d{{1,3}}(?:[ '’~]\d{{3}}){{1,9}}+(?:[.]\d+)?(?![ '’~]?\d)|{_UNSIGNED})"
    rf"(?:[eE][-+]?\d+)?(?:\s*/\s*(?:{_UNSIGNED}))?"
    rf"(?:[kK]\b|\s?(?:{'|'.join(SCALES)})\b|{_FOREIGN_END}|\s?(?:[万亿]|百万|千(?![克米瓦卡帕焦伏赫吨])))?)"
    r"(?![\d_^]|[.,/]\d|[eE][-+]?\d)"
    r"(?:\s?\\?%|\s(?i:percent|per cent|prozent|pour cent|por ciento)\b)?",
    re.ASCII,  # a Chinese character is no part of a number's word
)

_NO_NUMBER = pattern(r"[^\d\s,./eE+\-\\$€£¥₹]", re.ASCII)

_SIGNS = str.maketrans("−﹣–‐‑⁄∕∶", "-----//:")
_SUPERSCRIPT = pattern(r"(?<=[\d)])([⁺⁻]?[⁰¹²³⁴-⁹]+)")
_VULGAR = pattern(r"(?<=\d)(?=[¼-¾⅐-⅞])")
# "\\ " ends a matrix's row
_LATEX_SPACING = pattern(r"\{,\}|(?<!\\)\\[,!;: ]|(?<=\d)\\text\{,\}")
_SPACES = {"\\;": " ", "\\:": " ", "\\ ": " ", "\\,": "", "\\!": ""}
_CURRENCY = pattern(
    r"(?<!\d)\\?[$€£¥₹]|\\?[$€£¥₹](?!\d)|\bUSD\b|元$"
    r"|\b(?:dollars?|euros?|pounds?|yuan|rupees?|francs?)$"
)
_SPACED_SIGN = pattern(r"^([-+])\s+(?=[\d.\\])")
_PERCENT_SIGN = (
    r"(?:\\?%|(?<=[\d\s])(?:(?i:percent|per cent|prozent|pour cent|por ciento)|процент(?:а|ов)?))"
)
_PERCENT = pattern(rf"{_PERCENT_SIGN}$|^百分之")
_TRAILING = pattern(
    rf"^百分之|(?:{_PERCENT_SIGN}|(?:°|\^\s*(?:\\circ|\{{\s*\\circ\s*\}}))\s*[CFK]?)$"
)


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
        text = folded("".join(parts))
    if "\\" not in text and "{" not in text:
        return text
    return _LATEX_SPACING.sub(lambda m: _SPACES.get(m.group(0), ","), text)


def folded(text: str) -> str:
    """Each character in its plain form: digits and signs of every script in ASCII."""
    return text if text.isascii() else text.translate(_FOLDS)


def parse_number(text: str) -> Fraction | None:
    """The number that the whole text is, or None if it is not exactly one number.

    Reads signs, digits grouped by commas, spaces, apostrophes or several points, currency
    signs, a percent or degree sign (the number before it is meant: "50%" is 50), decimals,
    repeating ones too, fractions, mixed numbers, scientific notation, their LaTeX forms,
    "4 million", and words. Texts over 400 characters and exponents over 1,000 are not read.
    """
    if len(text) > _MAX_CHARS:
        return None
    if text.isdecimal():  # most are just this; in any script's digits
        return Fraction(int(text))
    body = normalise(text)
    money = _CURRENCY.search(body) is not None
    body = _TRAILING.sub("", _CURRENCY.sub("", body).strip().rstrip(".")).strip()
    body = _SPACED_SIGN.sub(r"\1", _MINUS_WORD.sub("-", body))
    if found := _DECIMAL.fullmatch(body):
        return _decimal(*found.groups())
    if body.isalpha() and body.isascii() and len(body) < 3:
        return None
    return _rarer(_GROUPED.sub(_ungrouped, body, count=1), money)


def is_percentage(text: str) -> bool:
    """Whether a number ends with a percent sign."""
    return _PERCENT.search(normalise(text).rstrip(". ")) is not None


def _ungrouped(found: re.Match[str]) -> str:
    before, whole, _, part, points, comma_part = found.groups()
    digits = re.sub(r"\D", "", whole or points)
    return f"{before}{digits}{(part or comma_part or '').replace(',', '.')}"


def _rarer(body: str, money: bool) -> Fraction | None:
    """The number that a text is which is no plain decimal."""
    if found := _DECIMAL.fullmatch(body):
        return _decimal(*found.groups())
    if found := _POWER.fullmatch(body):
        sign, digits, exponent = found.groups()
        return _decimal(sign, digits or "1", exponent)
    if found := _RATIO.fullmatch(body):
        sign, top, sign_below, below = found.groups()
        return _ratio(sign + sign_below, top, below)
    if found := _LATEX_RATIO.fullmatch(body):
        sign, sign_top, top, digit, sign_below, below, digit_below = found.groups()
        signs = sign + (sign_top or "") + (sign_below or "")
        return _ratio(signs, top or digit, below or digit_below)
    if found := _MIXED.fullmatch(body):
        sign, whole, top, below = (group for group in found.groups() if group is not None)
        part = _ratio("", top, below)
        return None if part is None else _signed(sign, int(whole) + part)
    if found := _SCALED.fullmatch(body):
        sign, digits, word = found.groups()
        return _scaled(sign, digits, word, money)
    return _repeating(body) or number_in_words(body)


def _scaled(sign: str, digits: str, word: str, money: bool) -> Fraction | None:
    # "5 m" are metres
    scale = _SCALE.get(word, _MONEY_SCALE.get(word) if money else None)
    value = _decimal(sign, digits, None)
    return None if scale is None or value is None else value * scale


def _repeating(body: str) -> Fraction | None:
    body = _OVERLINED.sub(lambda m: f"({re.sub(r'[^0-9]', '', m.group(0))})", body)
    body = _TWO_DOTS.sub(r"(\1\2\3)", body)
    if (found := _REPEATING.fullmatch(body)) is None:
        return None
    sign, whole, part, *periods = found.groups()
    period = periods[0] or periods[1]
    nines = 10 ** len(part) * (10 ** len(period) - 1)
    return _signed(sign, Fraction(f"{whole}.{part}0") + Fraction(int(period), nines))


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
