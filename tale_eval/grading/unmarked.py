"""The answer of a reply that marks none: its last number, if it was not cut off. Pure.

Formulas, "48 m^2" and "7 250" are read as a whole; remarks in parentheses, denied numbers and
what follows "because" are not the answer; a refusal has none.
"""

import re

from tale_eval.grading.choices import TAIL_CHARS
from tale_eval.grading.leanings import same_number
from tale_eval.grading.number_words import numbers_in_words
from tale_eval.grading.numbers import normalise, numbers_in
from tale_eval.grading.quoting import blanked, is_denied

_WORD = re.compile(r"(?<![\\A-Za-z])[^\W\d_]{2}")
_MATHS = re.compile(
    r"\$\$([^$]{1,2000})\$\$|(?<![\\$])\$(?=[^\s$])([^$\n]{1,300})(?<=[^\s$\\])\$(?![\d$])"
    r"|\\\(((?:(?!\\[()]).){1,500})\\\)|\\\[((?:(?!\\[\[\]]).){1,1000})\\\]",
    re.DOTALL,
)
# a formula as people type it: "2x + 3", "25π", "(1+√5)/2"; "5 - a lot" is none
_ATOM = r"(?:\d++(?:\.\d++)?+|(?:a(?!\s)|[b-zA-HJ-Zπ])(?![A-Za-z])|\^\{?-?\w{1,5}\}?+|[√∛()])"
_TYPED = re.compile(
    rf"(?<![\w$\\.,])(?:[-+±]\s?)?+{_ATOM}(?:{_ATOM}|\s?[-+*/·×±]\s?{_ATOM})*+", re.ASCII
)
_VARIABLE = r"[abijnpqruvwxyz]"
_HAS_VARIABLE = re.compile(
    rf"[π√∛]|\d{_VARIABLE}(?![A-Za-z])|(?<![A-Za-z]){_VARIABLE}\s?[-+*/^]|[-+*/]\s?{_VARIABLE}(?![A-Za-z])"
)
_SAYS_SOMETHING = re.compile(r"\d|\\(?!text|mathrm|quad)[a-zA-Z]{2}")
_HAS_QUANTITY = re.compile(r"[\dπ√]")
_POWER_OF_UNIT = re.compile(r"(?<=[A-Za-z}])\s?\^\s?\{?[23]\}?|\\circ")
# "(used about 40 tokens)", "(12 + 19)"
_PARENTHESES = re.compile(r"[(（\[][^()（）\[\]\n]{0,200}[)）\]]")
_TOKENS = re.compile(
    r"(?:^|(?<=[.!?。\n]))[^\w\n.]*(?:(?:I|we)\s+)?(?:have\s+)?(?:used|using|tokens?\b"
    r"|token count|total tokens|this "
    r"(?:took|used)|budget|within|under)[^.\n]{0,60}\d[^\n.]{0,60}(?:tokens?)?[^\n.]{0,20}",
    re.IGNORECASE,
)
_REASON = re.compile(r"\b(?:because|since)\b[^\n.]*|因为[^\n。]*")
# "as asked in Question 2"
_REFERENCE = re.compile(
    r"\b(?i:in|from|of|see|by|for|to|per)\s(?:Step|Question|Problem|Part|Equation|Figure|Table|Example"
    r"|Exercise|Section|Case)s?\s#?\d{1,3}\b"
)
# "Step 3: add them"
_HEADING = re.compile(
    r"^[^\w\n]{0,9}(?:(?:Step|Question|Problem|Part|Schritt|Frage|Teil|Étape|Paso|Шаг|Вопрос|ステップ"
    r"|步骤)\s?#?\d{1,3}\b|第\s?\d{1,3}\s?[步题問])",
    re.IGNORECASE | re.MULTILINE,
)
_ITEM = re.compile(r"^[^\w\n]{0,9}(\d{1,2})[.)](?=[ \t])", re.MULTILINE)
# "12 or 13" names no single one
_OR = re.compile(r"\s*(?:\b(?:or|oder|ou|или)\b|或者?|または)\s*")
_SENTENCE_END = re.compile(r"[.!?](?=\s|$|[\"'”’)*])|[。！？…]|\n")
_CLOSED = re.compile(r"[.!?。！？…](?:[\s\"'”’)\]*_`$}]|\\[)\]])*$")
_DECORATION_END = re.compile(r"(?:[\s*_`\"'”’)\]}$]|\\[)\]])+$")
# "45 *" has another factor, "**45**" has none
_ANOTHER_FACTOR = re.compile(r"(?<!\*)[\d)]\s\*$")
_LEFT_OPEN = re.compile(
    r"(?:[,，、:：;；=+×*/(（\[{<–—-]|\\(?:times|cdot|frac|sqrt|text)?|(?<![A-Za-z])(?:(?-i:a|i)|an|the|and|or|of|to|in|on|at|by|for"
    r"|from|with|as|is|are|was|were|be|been|has|have|had|will|would|can|could|should|must|that|which|who|whether"
    r"|if|when|where|while|because|since|so|then|than|but|we|she|he|it|they|you|her|his|their|our|my|its|each|per"
    r"|every|this|these|those|there|let|need|needs|get|gets|gives|makes|first|next|now|also|not|do|does|how"
    r"|what|into|about|between|after|before|equals|plus|minus|times)|[的是和为在有与或把将被因所如则但而从每共])$",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"\b(?:can(?:not|['’]t| not)|could ?n[o'’]t|unable to|impossible to)\s+(?:be\s+)?(?:solved?"
    r"|determined?|answer(?:ed)?"
    r"|calculated?|computed?|found|find|known?|tell|say|decide|help|work(?:ed)? out)\b"
    r"|\b(?:not|n['’]t) (?:enough|sufficient|given|specified|provided|known)\b|\binsufficient\b"
    r"|\bmissing information\b"
    r"|\b(?:do not|don['’]t) know\b|无法(?:确定|计算|回答|求|解|得)|不能(?:确定|计算|回答|求)"
    r"|条件不足|信息不足|不知道|(?:没有|未)给出"
    r"|\b(?:impossible (?:de|à)|unmöglich|imposible|невозможно|нельзя)\b"
    r"|\bne (?:peut|peuvent|sont) pas\b|\bnicht (?:bestimm|lös|berechen|gegeben|bekannt|möglich)"
    r"|\bno se (?:puede|pueden|sabe|conoce)\b|\bno es posible\b|\b(?:insuffisant|insuficiente)"
    r"|\bmanque\w? de données|\bfaltan datos|недостаточно"
    r"|(?:わかり|分かり|求められ|でき)ません",
    re.IGNORECASE,
)
_MAX_TRAILING_WORDS = 6
_MAX_TRAILING_CHARS = 60


def final_number(text: str) -> tuple[int, str] | None:
    """Where the last number or formula of a reply stands, and what it is."""
    text = normalise(text.strip())
    if _is_one_formula(text):
        return 0, text
    first = max(0, len(text) - TAIL_CHARS)
    tail = text[first:]
    if is_cut(tail) or _breaks_off(tail):
        return None
    found = _last_candidate(_without_remarks(_without_numbering(tail)))
    return None if found is None else (first + found[0], found[1])


def is_cut(text: str) -> bool:
    """Whether a text ends where no sentence does: "Of these, 6 are"."""
    if _CLOSED.search(text[-40:]):
        return False
    if _ANOTHER_FACTOR.search(text[-40:]):
        return True
    return _LEFT_OPEN.search(_DECORATION_END.sub("", text[-80:])) is not None


def _is_one_formula(text: str) -> bool:
    # a reply that is one formula, "\frac{1}{2}", is not its last number
    if "\\" not in text or len(text) > TAIL_CHARS:
        return False
    if "\n" not in text and not _WORD.search(text):
        return True
    only = _MATHS.fullmatch(text)
    return only is not None


def _breaks_off(text: str) -> bool:
    """Whether the last sentence has no end, and goes on for long behind its number."""
    if _CLOSED.search(text[-40:]):
        return False
    ends = [0, *(end.end() for end in _SENTENCE_END.finditer(text[:-1]))]
    last = text[ends[-1] :]
    numbers = list(numbers_in(last))
    if not numbers and not _MATHS.search(last):
        # "Let me check this once more and"; a reply of words alone has no number to hide
        return len(last.split()) > 2 and len(ends) > 1
    trailing = last[numbers[-1].end() :] if numbers else ""
    return len(trailing.split()) > _MAX_TRAILING_WORDS or len(trailing) > _MAX_TRAILING_CHARS


def _without_numbering(text: str) -> str:
    """The text without the numbers that only count its steps."""
    spans = [found.span() for found in _HEADING.finditer(text)]
    items = list(_ITEM.finditer(text))
    if [item[1] for item in items[:2]] == ["1", "2"]:
        spans += [item.span() for item in items]
    return blanked(text, spans)


def _without_remarks(text: str) -> str:
    """The text without what stands in parentheses or gives a reason, if a number is left."""
    for remark in (_TOKENS, _PARENTHESES, _REASON, _REFERENCE):
        spans = [found.span() for found in remark.finditer(text) if _is_remark(remark, found)]
        less = blanked(text, spans) if spans else text
        if less is not text and next(numbers_in(less), None) is not None:
            text = less
    return text


def _is_remark(pattern: re.Pattern[str], found: re.Match[str]) -> bool:
    if pattern is not _PARENTHESES:
        return True
    before = found.string[max(0, found.start() - 1) : found.start()]
    return before.isspace() or before in ".!?。" or before == ""


def _last_candidate(text: str) -> tuple[int, str] | None:
    """The last number or formula that is neither denied nor part of a refusal."""
    spans = [found.span() for found in _MATHS.finditer(text) if _says_something(found)]
    spans += _typed_formulas(blanked(text, spans))
    candidates = [(found.start(), found.end()) for found in numbers_in(blanked(text, spans))]
    candidates = sorted([*candidates, *spans])
    if not candidates:
        return _in_words(text)
    last = candidates[-50:]
    for n in range(len(last) - 1, -1, -1):
        start, end = last[n]
        if not is_denied(text, start, end):
            unclear = _refuses(text, start) or (n > 0 and _is_either(text, last[n - 1], last[n]))
            return None if unclear else (start, text[start:end])
    return None


def _is_either(text: str, one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether nothing but "or" parts two numbers, which are not the same: "12 or 13"."""
    if not _OR.fullmatch(text, one[1], other[0]):
        return False
    return not same_number(text[slice(*one)], text[slice(*other)])


def _typed_formulas(text: str) -> list[tuple[int, int]]:
    """Where formulas with variables or roots stand outside LaTeX."""
    return [
        found.span()
        for found in _TYPED.finditer(text)
        if _HAS_QUANTITY.search(found[0]) and _HAS_VARIABLE.search(found[0])
    ]


def _says_something(maths: re.Match[str]) -> bool:
    """Whether a formula is more than a variable, or than the unit of the number before it."""
    before = maths.string[max(0, maths.start() - 2) : maths.start()].strip()
    formula = _POWER_OF_UNIT.sub("", maths[0]) if before[-1:].isdigit() else maths[0]
    return _SAYS_SOMETHING.search(formula) is not None


def _refuses(text: str, start: int) -> bool:
    """Whether the sentence of a number, or one behind it, says that there is no answer."""
    ends = [end.end() for end in _SENTENCE_END.finditer(text, 0, start)]
    return _REFUSAL.search(text, ends[-1] if ends else 0) is not None


def _in_words(text: str) -> tuple[int, str] | None:
    """The last number in words, of a text that has none in digits."""
    found = numbers_in_words(text)
    if not found or _refuses(text, found[-1][0]):
        return None
    start, end, _ = found[-1]
    return start, text[start:end]
