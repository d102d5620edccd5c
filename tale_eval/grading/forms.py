"""What an answer's text says: its number, or its words. Pure.

The text is what the model wrote as its answer: "$72$", "72 clips", "\\textbf{72}".
"""

import re
from itertools import islice

from tale_eval.grading.number_words import number_in_words, numbers_in_words
from tale_eval.grading.numbers import normalise, numbers_in, parse_number
from tale_eval.grading.quoting import begins_with_denial
from tale_eval.patterns import pattern

_WRAPPERS = (("[[", "]]"), ("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"), ("$", "$"))
_DECORATION = " \t\r\n*_`\"'“”‘’"
_MAX_ANSWER_CHARS = 2000
_TEXT_COMMAND = pattern(
    r"\\(?:text|mathrm|mathbf|mathit|mathsf|textbf|textit|textrm|textsf|emph|mbox|hbox|operatorname"
    r"|boldsymbol|bm|underline|uline|boxed|fbox|ensuremath|textnormal)\*?\s?\{([^{}]*)\}"
)
_COLOUR = pattern(
    r"\\(?:text)?color\s?(?:\[[^\[\]]{0,20}\])?\{[^{}]{0,40}\}|\\displaystyle(?![a-z])"
)
# what a marker cut in half leaves
_OPEN_MARKER = pattern(r"^(?:\[\[|\\(?:boxed|fbox)\s?\{)")
# "72 (clips)"; "2 (\pi + 1)" is no remark
REMARK = pattern(r"(?<=\s)\((?=[^()]*[^\W\d_]{2})[^()\\^]*(?:\^\{?[23]\}?)?\)$")
# "x = 3 or x = 5" is no 5
_ASSIGNMENTS = pattern(
    r"(?<![A-Za-z\d])[A-Za-z]\s?=[^=,;]{1,40}(?:[,;]|\b(?:or|and)\b)\s?[A-Za-z]\s?="
)
_UNIT = (
    r"(?:[kcmdµ]?(?:m|g|s|l|L|N|J|W|Pa|Hz|V|A|mol)|K|h|hr|min|sec|km|mi|ft)(?![A-Za-z])"
    r"(?:\^?\{?-?[1-4]\}?)?"
)
# "5 kg/m^3" and "5 N·m"
_COMPOUND_UNIT = pattern(
    rf"(?<=\d)\s*(?:{_UNIT}(?:\s?(?:/|·|\\cdot)\s?{_UNIT}){{1,3}}|\\frac\{{{_UNIT}\}}\{{{_UNIT}\}})$"
)
# "72 cm^2"; "72 x^2" is no area
AREA = pattern(
    r"(\d\s*(?:[cdkm]?m|met(?:er|re)s?|in(?:ch(?:es)?)?|f(?:oo|ee)?t|y(?:ar)?ds?|mi(?:les?)?|units?))"
    r"\s?\^\s?\{?[23]\}?$"
)
FORMULA = pattern(r"[\\^*/+()=·⋅×÷√∛∞±∓π≤≥≠∪∩]")
# "x > 4" is more than its number
_RELATION = pattern(
    r"(?<![A-Za-z])[A-Za-z]\s*[<>]|[<>]\s*[A-Za-z](?![A-Za-z])|^\s*[<>]=?\s*[-+$]?\d"
    r"|(?<![A-Za-z])[A-Za-z]\s?-\s?\d|\d\s?-\s?[abijnpqruvwxyz](?![A-Za-z])|‰"
    r"|(?<!no )(?<!not )\b(?:more|less|fewer|greater|larger|smaller) than\s*[-$]?\d"
)
# "x >= 4" does not end in "= 4"
_COMPARISONS = {">=": "≥", "<=": "≤", "!=": "≠"}
_COMPARED = pattern("|".join(_COMPARISONS))
# "log 7" and "1/x" are no 7 and no 1
_FUNCTION_OF = pattern(
    r"(?<![A-Za-z])(?:ln|log(?:_\{?\w{1,3}\}?)?|a?(?:rc)?(?:sin|cos|tan)h?|sec|csc|cot|exp|sqrt)(?![A-Za-z])"
    r"|(?<![A-Za-z])[A-Za-z]\(\s?\d"
    r"|\d\s?/\s?[abinpqruvwxyz](?![A-Za-z])"
)
_ABOUT = pattern(
    r"^(?:about|approximately|around|roughly|exactly|nearly|almost|only|just|≈|~|约|大约)\s*",
    re.IGNORECASE,
)
# "\textbf{(D)}\ 31" names an option as well as its number
_OPTION_BEFORE = pattern(r"^\([A-J]\)\s*(?=[-+\d.$\\])")
_IN_PARENTHESES = pattern(r"^\(([^(),]*)\)$")
# "4:30 p.m." | "4:30pm"
_HALF_DAY = pattern(r"(?<=\d)\s?([ap])\.?\s?m\.?$")
# "So the statement is true"
_SENTENCE = pattern(
    r"^(?:(?:so|therefore|thus|hence|then|and),?\s+)?"
    r"(?:(?:it|that|this|the\s\w{1,30})\s(?:is|was|must be|has to be|will be)\s+)?"
)
_ARTICLE = pattern(r"^(?:the|a|an)\s+(?=\w)")
_VARIABLE = pattern(r"^-?\d+(?:\.\d+)?[abijnpqruvwxyz]$")


def number_text(answer: str) -> str:
    """The part of an answer that is its number, or the answer itself."""
    body = _COMPARED.sub(lambda m: _COMPARISONS[m[0]], normalise(unwrap(answer)))
    if parse_number(body) is not None:
        return body
    if is_several(body):
        return body
    body = _COMPOUND_UNIT.sub("", body)
    body = _OPTION_BEFORE.sub("", _IN_PARENTHESES.sub(r"\1", body))
    tail = unwrap(AREA.sub(r"\1", REMARK.sub("", body)).rpartition("=")[2])
    for part in (tail, _ABOUT.sub("", tail)):
        if parse_number(part) is not None:
            return part
    if begins_with_denial(tail):
        return tail
    return _only_number(tail) or tail


def is_several(text: str) -> bool:
    """Whether a text gives values to two variables: "x = 3, y = 5"."""
    return _ASSIGNMENTS.search(text) is not None


def unwrap(text: str) -> str:
    """Strip what stands around an answer: markers, quotes, mathematics, a full stop."""
    previous = None
    body = text.strip(_DECORATION)
    if body.isalnum():  # nothing stands around most answers
        return body
    while body != previous and len(body) <= _MAX_ANSWER_CHARS:
        previous = body
        if "\\" in body:
            body = _COLOUR.sub("", _TEXT_COMMAND.sub(_commanded, body))
        for opening, closing in _WRAPPERS:
            if len(body) > len(opening) and body.startswith(opening) and body.endswith(closing):
                body = body[len(opening) : len(body) - len(closing)]
        body = _braced(body)
        body = body.strip(_DECORATION).rstrip("。.,;，；").strip(_DECORATION)
    return body


def plain(text: str) -> str:
    """An answer in the form in which words are compared."""
    return _HALF_DAY.sub(r" \1m", unwrap(normalise(text)).lower())


def same_words(answer: str, target: str) -> bool:
    """Whether an answer says the target's words, or begins with them: "Yes, since 11 is"."""
    right = _ARTICLE.sub("", plain(target))
    said = _ARTICLE.sub("", plain(answer))
    if said != right:
        said = _ARTICLE.sub("", _SENTENCE.sub("", plain(answer)))
    if said == right:
        return True
    beginning = re.split(r"[,;:.!。，；：！(]|\s[-–—]", said, maxsplit=1)[0]
    return any(c.isalpha() for c in right) and beginning.strip() == right


def _commanded(found: re.Match[str]) -> str:
    """What a command holds; a word before it stays a word: "72^\\circ\\text{C}"."""
    before = found.string[found.start() - 1] if found.start() else ""
    return f" {found.group(1)}" if before.isalnum() else found.group(1)


def _braced(body: str) -> str:
    if body[:1] == "{" and body[-1:] == "}" and "{" not in body[1:-1]:
        return body[1:-1]
    if body[:1] == "{" and body[-1:] == "}" and body.count("{") == body.count("}"):
        inner = body[1:-1]
        return inner if inner.find("{") < inner.find("}") else body
    if body[:1] == "[" and body[-1:] == "]" and not re.search(r"[\[\],;，；]", body[1:-1]):
        return body[1:-1]
    if body[:1] in ("[", "\\") and (opened := _OPEN_MARKER.match(body)) and body[-1] not in "]}":
        return body[opened.end() :]
    return body


def _only_number(tail: str) -> str | None:
    """The one number in a text whose rest is words: "72 clips", "\\frac{2}{5} of an hour"."""
    if _VARIABLE.match(tail):
        return None
    numbers = list(islice(numbers_in(tail), 2))
    if len(numbers) == 1:
        number = numbers[0]
        rest = (tail[: number.start()] + tail[number.end() :]).replace("/", "")
        return None if _is_more(rest, tail) else number.group()
    if numbers or any(c.isdigit() for c in tail):
        return None
    return _worded(tail)


def _is_more(rest: str, tail: str) -> bool:
    """Whether what stands beside a number makes it another one: "log 7", "> 7", "7 + x"."""
    patterns = ((FORMULA, rest), (_RELATION, tail), (_FUNCTION_OF, tail))
    return any(pattern.search(text) for pattern, text in patterns)


def _worded(tail: str) -> str | None:
    """The number that a text without digits begins with: "thirty-six stamps"."""
    words = [] if len(numbers_in_words(tail)) > 1 else tail.split()[:8]
    for length in range(len(words), 0, -1):
        beginning = " ".join(words[:length])
        if number_in_words(beginning) is not None and beginning.lower() not in ("one", "a"):
            return beginning
    return None
