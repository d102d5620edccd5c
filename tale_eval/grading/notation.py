"""Formulas as people type them, rewritten as the LaTeX that math-verify reads. Pure.

"3√5", "y² + 4", "y**2 + 4" and "ln(3)" are "3\\sqrt{5}", "y^{2} + 4" and "\\ln(3)"; decimals
become fractions, since math-verify would round them.
"""

import re

from tale_eval.grading.forms import AREA, FORMULA, REMARK, unwrap
from tale_eval.grading.numbers import folded
from tale_eval.patterns import pattern

_SYMBOLS = {
    "∞": r"\infty ", "±": r"\pm ", "∓": r"\mp ", "π": r"\pi ", "θ": r"\theta ", "α": r"\alpha ",
    "β": r"\beta ", "γ": r"\gamma ", "λ": r"\lambda ", "μ": r"\mu ", "ω": r"\omega ", "φ": r"\phi ",
    "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "÷": r"\div ", "≤": r"\le ", "≥": r"\ge ",
    "⩽": r"\le ", "⩾": r"\ge ", "≠": r"\ne ", "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ",
    ">=": r"\ge ", "<=": r"\le ", "!=": r"\ne ",
    "∅": r"\emptyset ", "ℝ": r"\mathbb{R}", "√": r"\sqrt", "∛": r"\sqrt[3]", "∜": r"\sqrt[4]",
}  # fmt: skip
_SYMBOL = pattern("|".join(_SYMBOLS))
_SUPERSCRIPT = pattern(r"[⁺⁻⁰¹²³⁴-⁹ⁿ]+")
_SUBSCRIPT = pattern(r"[₊₋₀-₉]+")
_FUNCTION = pattern(
    r"(?<![\\A-Za-z])(ln|log|sin|cos|tan|sec|csc|cot|exp|arcsin|arccos|arctan|sinh|cosh|tanh|sqrt|pi|"
    r"infinity|infty)(?![A-Za-z])"
)
_CHOOSE = pattern(r"(?<![A-Za-z])C\(\s?(\d{1,4}),\s?(\d{1,4})\)")
_ROOT = pattern(r"\\sqrt(\[\d\])?\s*(\(|\d+(?:\.\d+)?|[A-Za-z])")
_EXPONENT = pattern(r"\^\s*(?:\(([^()]{1,100})\)|([-+]?\d{2,}|[-+]\d|[-+][A-Za-z]))")
_DECIMAL = pattern(r"(?<![\d.])(\d{0,100})\.(\d{1,100})(?![\d.])")
_QUANTITY = pattern(r"[\dπ√∞]")
_SIZE = pattern(r"\\(?:left|right|big|Big|bigg|Bigg|bigl|bigr|displaystyle)(?![A-Za-z])\s*")
_PERCENT_END = pattern(r"\s*\\?%$")
# "10\pi cm", "10\pi square units"; "x^2" has no unit
_UNIT_WORDS = pattern(
    r"(?<=[\d})\]A-Za-z])\s+(?!(?:and|or|if|when|for|where|to)\b)[A-Za-z]{2,}(?:\s+[A-Za-z]{2,}){0,3}"
    r"(?:\s*\^\s*\{?[23]\}?)?\.?$"
)
_ATTACHED_UNIT = pattern(r"(?<=[\d}])\s?(?:[cdkm]m|k?g|km/h|m/s)(?:\s*\^\s*\{?[23]\}?)?$")
_PI_UNIT = pattern(r"(?<=\\pi)\s+[mgsLhN](?:\s*\^\s*\{?[23]\}?)?$")
_WORD = pattern(r"(?<![\\A-Za-z])[^\W\d_]{2}")
_LOOSE_SIGN = pattern(r"[-,<>\[\]:|!{}]|\d[A-Za-z]$|^[A-Za-z]$")
# spaces do not tell formulas apart, nor do the ways to say one thing
_SPACE = pattern(r"\s+|\\[,;:! ]|~")
_SAME = pattern(r"\\[dt](?=frac)")
_LONE_BRACES = pattern(r"(?<=[\^_])\{(\w)\}")


def latex(text: str) -> str:
    """An answer as LaTeX for math-verify."""
    body = unwrap(REMARK.sub("", unwrap(text)))
    body = _SUPERSCRIPT.sub(lambda m: f"^{{{folded(m.group(0))}}}", body)
    body = _SUBSCRIPT.sub(lambda m: f"_{{{folded(m.group(0))}}}", body)
    body = folded(_SYMBOL.sub(lambda m: _SYMBOLS[m.group(0)], body))
    body = _SIZE.sub("", body).replace("**", "^")
    body = _CHOOSE.sub(r"\\binom{\1}{\2}", body)
    body = _FUNCTION.sub(_named, body)
    body = _roots(body)
    body = _EXPONENT.sub(lambda m: f"^{{{m.group(1) or m.group(2)}}}", body)
    body = _PERCENT_END.sub("", _without_unit(body))
    return _DECIMAL.sub(_fraction, body).strip()


def same_signs(one: str, other: str) -> bool:
    """Whether two formulas are written alike but for spaces: "(1, 3)" and "(1,3)"."""
    return signs(one) == signs(other)


def signs(text: str) -> str:
    """A formula without its spaces, and with one way to write what has several."""
    return _LONE_BRACES.sub(r"\1", _SAME.sub(r"\\", _SPACE.sub("", text)))


def is_formula(text: str) -> bool:
    """Whether a text is mathematics rather than words.

    math-verify would multiply the letters of words, and "dog" is "god".
    """
    if FORMULA.search(text):
        return True
    return _LOOSE_SIGN.search(text) is not None and _WORD.search(text) is None


def is_plain_formula(text: str) -> bool:
    """Whether a text is mathematics with numbers in it and no word: "2√3", "(3, 4)"."""
    if _QUANTITY.search(text) is None or not is_formula(text):
        return False
    return _WORD.search(_FUNCTION.sub("", text)) is None


def _named(found: re.Match[str]) -> str:
    name = "infty" if found.group(1) == "infinity" else found.group(1)
    return f"\\{name} " if name in ("pi", "infty") else f"\\{name}"


def _roots(text: str) -> str:
    """Give roots their braces: \\sqrt(x+1), \\sqrt5."""
    parts, end = [], 0
    for found in _ROOT.finditer(text):
        if found.start() < end:
            continue
        stop = found.end()
        inside = found.group(2)
        if inside == "(":
            stop = _closing(text, stop)
            inside = text[found.end() : stop - 1]
        parts += [text[end : found.start()], f"\\sqrt{found.group(1) or ''}{{{inside}}}"]
        end = stop
    return "".join([*parts, text[end:]])


def _closing(text: str, start: int) -> int:
    """Behind the parenthesis that closes the one before start; the end if none does."""
    depth = 1
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place + 1
    return len(text) + 1


def _without_unit(text: str) -> str:
    if AREA.search(text):
        text = AREA.sub(r"\1", text)
    return _PI_UNIT.sub("", _ATTACHED_UNIT.sub("", _UNIT_WORDS.sub("", text)))


def _fraction(found: re.Match[str]) -> str:
    whole, part = found.groups()
    return rf"\frac{{{int(whole + part)}}}{{{10 ** len(part)}}}"
