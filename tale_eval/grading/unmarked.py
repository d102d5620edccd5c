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
from tale_eval.patterns import pattern

_WORD = pattern(r"(?<![\\A-Za-z])[^\W\d_]{2}")
_MATHS = pattern(
    r"\$\$([^$]{1,2000})\$\$|(?<![\\$])\$(?=[^\s$])([^$\n]{1,300})(?<=[^\s$\\])\$(?![\d$])"
    r"|\\\(((?:(?!\\[()]).){1,500})\\\)|\\\[((?:(?!\\[\[\]]).){1,1000})\\\]",
    re.DOTALL,
)
# a formula as people type it: "2x + 3", "25π", "(1+√5)/2"; "5 - a lot" is none
_ATOM = r"(?:\d++(?:\.\d++)?+|(?:a(?!\s)|[b-zA-HJ-Zπ])(?![A-Za-z])|\^\{?-?\w{1,5}\}?+|[√∛()])"
_TYPED = pattern(
    rf"(?<![\w$\\.,])(?:[-+±]\s?)?+{_ATOM}(?:{_ATOM}|\s?[-+*/·×±]\s?{_ATOM})*+", re.ASCII
)
_VARIABLE = r"[abijnpqruvwxyz]"
_HAS_VARIABLE = pattern(
    rf"[π√∛]|\d{_VARIABLE}(?![A-Za-z])|(?<![A-Za-z]){_VARIABLE}\s?[-+*/^]|[-+*/]\s?{_VARIABLE}(?![A-Za-z])"
)
_SAYS_SOMETHING = pattern(r"\d|\\(?!text|mathrm|quad)[a-zA-Z]{2}")
_POWER_OF_UNIT = pattern(r"(?<=[A-Za-z}])\s?\^\s?\{?[23]\}?|\\circ")
# "(used about 40 tokens)", "(12 + 19)"
_PARENTHESES = pattern(r"[(（\[][^()（）\[\]\n]{0,200}[)）\]]")
_TOKENS = pattern(
    r"(?:^|(?<=[.!?。\n]))[^\w\n.]*(?:(?:I|we)\s+)?(?:have\s+)?(?:used|using|tokens?\b"
    r"|token count|total tokens|this "
    r"(?:took|used)|budget|within|under)[^.\n]{0,60}\d[^\n.]{0,60}(?:tokens?)?[^\n.]{0,20}",
    re.IGNORECASE,
)
_REASON = pattern(r"\b(?:because|since)\b[^\n.]*|因为[^\n。]*")
# "as asked in Question 2"
_REFERENCE = pattern(
    r"(?:Step|Question|Problem|Part|Equation|Figure|Table|Example|Exercise|Section|Case)s?"
    r"\s#?\d{1,3}\b"
)
_POINTS_TO = pattern(r"\b(?:in|from|of|see|by|for|to|per)\s$", re.IGNORECASE)
# "Step 3: add them"
_HEADING = pattern(
    r"^[^\w\n]{0,9}(?:(?:Step|Question|Problem|Part|Schritt|Frage|Teil|Étape|Paso|Шаг|Вопрос|ステップ"
    r"|步骤)\s?#?\d{1,3}\b"
    r"|.{0,20}\b(?:solve|answer|consider) (?:problem|question|exercise) #?\d{1,3}\b"
    r"|第\s?\d{1,3}\s?[步题問])",
    re.IGNORECASE | re.MULTILINE,
)
_ITEM = pattern(r"^[^\w\n]{0,9}(\d{1,2})[.)](?=[ \t])", re.MULTILINE)
# "12 or 13" names no single one
# "3-5", "2024-05-12", "x < 5", "log2(8)", "1 in 6", "±5", "x = 3, y = 5": a part of something else
_PART_BEFORE = pattern(
    r"(?:\d[-–]|(?<![A-Za-z])[A-Za-z]\s?(?:[<≤≥≠]=?|(?<!<[A-Za-z])>=?)\s?|!=\s?|\\[gln]eq?\s?"
    r"|(?:±|\\pm|\+/-)\s?|\d(?:\*\*|\s:\s|\s(?:in|out\sof|mod|choose)\s|[ ]{1,3})"
    r"|(?<![A-Za-z])(?:(?:log(?:_?\w)?|ln|sin|cos|tan|sqrt|exp)\s?\(?|[fgC]\())$"
)
_ASSIGNED_BEFORE = pattern(
    r"(?<![A-Za-z\d])([A-Za-z])\s?=([^=,;\n]{1,20}?)\s?(?:[,;]|\b(?:or|and)\b)\s?([A-Za-z])\s?=\s?$"
)
_PART_AFTER = pattern(
    r"\s?[<>≤≥≠]=?\s?[A-Za-z](?![A-Za-z])|\s?‰"
    r"|\s?[?？](?!\W{0,3}(?:yes|correct|right|ja|oui|sí|да|是|对)(?![A-Za-z]))",
    re.IGNORECASE,
)
_MINUS_BEFORE = pattern(r"\b(?:minus|negative)\s$", re.IGNORECASE)
# "COVID-19" is a name
_NAMED = pattern(r"[A-Za-z]-$")
_OPERATOR = pattern(r"[-+*/×÷]\s*\$?$")  # "30 + 160 or 190"
_OR = pattern(
    r"\s*(?:\b(?:or|oder|ou|или|and|und|et)\b|[和或与]者?|または|[;；]|,\s?(?:and|or)\b)\s*"
)
_COMMA = pattern(r"\s*[,，、]\s*")
_LISTS = pattern(r"(?:\b(?:is|are|be)|[:=]|\d,)\s*$")
_SENTENCE_END = pattern(r"[.!?](?=\s|$|[\"'”’)*])|[。！？…]|\n")
_CLOSED = pattern(r"[.!?。！？…](?:[\s\"'”’)\]*_`$}]|\\[)\]])*$")
_DECORATION_END = pattern(r"(?:[\s*_`\"'”’)\]}$]|\\[)\]]|[:;]-?[)DP])+$")
# "45 *" has another factor, "**45**" has none
_ANOTHER_FACTOR = pattern(r"(?<!\*)[\d)]\s\*$")
_LEFT_OPEN = pattern(
    r"(?:[,，、:：;；=+×*/(（\[{<–—-]|\\(?:times|cdot|frac|sqrt|text)?|(?<![A-Za-z])(?:(?-i:a|i)|an|the|and|or|of|to|in|on|at|by|for"
    r"|from|with|as|is|are|was|were|be|been|has|have|had|will|would|can|could|should|must|that|which|who|whether"
    r"|if|when|where|while|because|since|so|then|than|but|we|she|he|it|they|you|her|his|their|our|my|its|each|per"
    r"|every|this|these|those|there|let|need|needs|get|gets|gives|makes|first|next|now|also|not|do|does|how"
    r"|what|into|about|between|after|before|equals|plus|minus|times)|[的是和为在有与或把将被因所如则但而从每共])$",
    re.IGNORECASE,
)
_REFUSAL = pattern(
    r"\b(?:(?:can(?:not|['’]t| not)|could ?n[o'’]t|unable to|impossible to)\s+(?:be\s+)?(?:solved?"
    r"|determined?|answer(?:ed)?"
    r"|calculated?|computed?|found|find|known?|tell|say|decide|help|work(?:ed)? out)\b"
    r"|not (?:enough|sufficient|given|specified|provided|known)\b|insufficient"
    r"|missing information\b|no (?:real |valid )?(?:solutions?|answer)\b|(?:do not|don['’]t) know\b"
    r"|impossible (?:de|à)\b|imposible\b|ne (?:peut|peuvent|sont) pas\b|manque\w? de données"
    r"|nicht (?:bestimm|berechen|gegeben|bekannt)|insuficiente"
    r"|no se (?:puede|pueden|sabe|conoce)\b|no es posible\b|faltan datos)"
    r"|n['’]t (?:given|specified|provided|known)\b",
    re.IGNORECASE,
)
# apart: an English reply need not be searched for these
_FOREIGN_REFUSAL = pattern(
    r"无法(?:确定|计算|回答|求|解|得)|不能(?:确定|计算|回答|求)|条件不足|信息不足|不知道|(?:没有|未)给出"
    r"|(?:わかり|分かり|求められ|でき)ません|невозможно|нельзя|недостаточно"
    r"|\bunmöglich|\bnicht (?:lös|möglich)",
    re.IGNORECASE,
)
_MAX_TRAILING_WORDS = 6
_MAX_TRAILING_CHARS = 60
_FORMULA_CHARS = 80


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
    if pattern is _REFERENCE:
        return (
            _POINTS_TO.search(found.string[max(0, found.start() - 6) : found.start()]) is not None
        )
    if pattern is not _PARENTHESES:
        return True
    before = found.string[max(0, found.start() - 1) : found.start()]
    return before.isspace() or before in ".!?。" or before == ""


def _last_candidate(text: str) -> tuple[int, str] | None:
    """The last number or formula that is neither denied nor part of a refusal."""
    spans = [found.span() for found in _MATHS.finditer(text) if _says_something(found)]
    candidates = [(found.start(), found.end()) for found in numbers_in(blanked(text, spans))]
    candidates = sorted([*candidates, *spans])
    if not candidates:
        return _in_words(text)
    last = candidates[-50:]
    for n in range(len(last) - 1, -1, -1):
        start, end = last[n]
        if not is_denied(text, start, end) and not _NAMED.search(text, max(0, start - 2), start):
            either = n > 0 and _is_either(text, last[n - 1], last[n])
            start, end = _typed_around(text, start, end)
            start = _with_minus(text, start)
            unclear = either or _is_part(text, start, end) or _refuses(text, start)
            return None if unclear else (start, text[start:end])
    return None


def _with_minus(text: str, start: int) -> int:
    """Where a number begins, with the word that makes it negative."""
    sign = _MINUS_BEFORE.search(text, max(0, start - 10), start)
    return sign.start() if sign else start


def _is_part(text: str, start: int, end: int) -> bool:
    """Whether a number belongs to a range, a date, a relation or a function."""
    if _PART_BEFORE.search(text, max(0, start - 9), start) or _PART_AFTER.match(text, end):
        return True
    if "=" not in text[max(0, start - 2) : start]:
        return False
    assigned = _ASSIGNED_BEFORE.search(text, max(0, start - 40), start)
    if assigned is None or assigned[1] != assigned[3]:
        return assigned is not None
    return same_number(assigned[2].strip(), text[start:end]) is False  # "Y = 6/3 or Y = 2"


def _is_either(text: str, one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two numbers, not the same, are a list or a choice: "12 or 13", "is 12, 13"."""
    if _OPERATOR.search(text, max(0, one[0] - 5), one[0]):
        return False
    if _COMMA.fullmatch(text, one[1], other[0]):
        return _LISTS.search(text, max(0, one[0] - 12), one[0]) is not None
    if not _OR.fullmatch(text, one[1], other[0]):
        return False
    return not same_number(text[slice(*one)], text[slice(*other)])


def _typed_around(text: str, start: int, end: int) -> tuple[int, int]:
    """Where the formula with variables or roots lies whose part a number is, or the number."""
    for found in _TYPED.finditer(text, max(0, start - _FORMULA_CHARS), end + _FORMULA_CHARS):
        if found.start() <= start and end <= found.end() and _HAS_VARIABLE.search(found[0]):
            return found.span()
    return start, end


def _says_something(maths: re.Match[str]) -> bool:
    """Whether a formula is more than a variable, or than the unit of the number before it."""
    before = maths.string[max(0, maths.start() - 2) : maths.start()].strip()
    formula = _POWER_OF_UNIT.sub("", maths[0]) if before[-1:].isdigit() else maths[0]
    return _SAYS_SOMETHING.search(formula) is not None


def _refuses(text: str, start: int) -> bool:
    """Whether the sentence of a number, or one behind it, says that there is no answer."""
    ends = [end.end() for end in _SENTENCE_END.finditer(text, 0, start)]
    first = ends[-1] if ends else 0
    if _REFUSAL.search(text, first):
        return True
    return not text.isascii() and _FOREIGN_REFUSAL.search(text, first) is not None


def _in_words(text: str) -> tuple[int, str] | None:
    """The last number in words, of a text that has none in digits."""
    found = numbers_in_words(text)
    if not found or _refuses(text, found[-1][0]):
        return None
    start, end, _ = found[-1]
    start = _with_minus(text, start)
    return start, text[start:end]
