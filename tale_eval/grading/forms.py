"""What an answer's text stands for: a number, or an option. Pure.

The text is what the model wrote as its answer: "$72$", "72 clips", "(B)", "B. 15 cm".
"""

import re
from collections.abc import Mapping, Sequence
from itertools import islice

from tale_eval.asking.prompts import letter
from tale_eval.grading.numbers import normalise, numbers_in, parse_number

_WRAPPERS = (("[[", "]]"), ("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"), ("$", "$"))
_DECORATION = " \t\r\n*_`\"'“”‘’"
_MAX_ANSWER_CHARS = 2000
_TEXT_COMMAND = re.compile(r"\\(?:text|mathrm|mathbf|textbf|boxed|fbox)\{([^{}]*)\}")
# "72 (clips)"; "2 (\pi + 1)" is no remark
_REMARK = re.compile(r"(?<=\s)\((?=[^()]*[^\W\d_]{2})[^()\\^]*(?:\^\{?[23]\}?)?\)$")
# "72 cm^2"; "72 x^2" is no area
_AREA = re.compile(
    r"(\d\s*(?:[cdkm]?m|met(?:er|re)s?|in(?:ch(?:es)?)?|f(?:oo|ee)?t|y(?:ar)?ds?|mi(?:les?)?|units?))"
    r"\^\{?[23]\}?$"
)
_OPTION_WORD = re.compile(
    r"^(?:option|choice|answer|选项|答案)[\s:]*(?=\(?[A-Za-z](?![A-Za-z]))", re.IGNORECASE
)
_LEADING_LETTER = re.compile(r"[(\[【]([A-Za-z])[)\]】]|([A-Za-z])(?:[.):]|(?![A-Za-z\d']))")
_SEPARATOR = re.compile(r"^[ .):,]*(?:- )?")
# "A. and B" names no single option
_ANOTHER = re.compile(r"(?:and|or|和|或|&)?\s*[(\[【]?[A-Z][)\]】]?(?:$|[.):])")
# "B is correct", "B选项"
_SAID_OF_ONE = re.compile(r"is (?:the|correct|right)\b|选?项")
FORMULA = re.compile(r"[\\^*/+()=]")


def choice_letter(answer: str, options: Sequence[str]) -> str | None:
    """The option that an answer names: by its letter, or by the option's whole text."""
    texts = {letter(i): unwrap(normalise(option)) for i, option in enumerate(options)}
    text = unwrap(normalise(answer.replace("**", "")))
    # a capital letter is a letter, even where it is also an option's text
    if text and text not in texts:
        for name, option in texts.items():
            if option == text:
                return name
    return _leading_letter(_OPTION_WORD.sub("", text), texts)


def number_text(answer: str) -> str:
    """The part of an answer that is its number, or the answer itself."""
    body = normalise(unwrap(answer))
    if parse_number(body) is not None:
        return body
    tail = unwrap(_AREA.sub(r"\1", _REMARK.sub("", body)).rpartition("=")[2])
    if parse_number(tail) is not None:
        return tail
    if FORMULA.search(tail.replace("/", "")):
        return tail
    first_two = list(islice(numbers_in(tail), 2))
    return first_two[0].group() if len(first_two) == 1 else tail


def unwrap(text: str) -> str:
    """Strip what stands around an answer: markers, quotes, mathematics, a full stop."""
    previous = None
    body = text.strip(_DECORATION)
    while body != previous and len(body) <= _MAX_ANSWER_CHARS:
        previous = body
        if "\\" in body:
            body = _TEXT_COMMAND.sub(r"\1", body)
        for opening, closing in _WRAPPERS:
            if len(body) > len(opening) and body.startswith(opening) and body.endswith(closing):
                body = body[len(opening) : len(body) - len(closing)]
        body = body.strip(_DECORATION).rstrip("。.,;，；").strip(_DECORATION)
    return body


def plain(text: str) -> str:
    """An answer in the form in which words are compared."""
    return unwrap(normalise(text)).lower()


def _leading_letter(text: str, texts: Mapping[str, str]) -> str | None:
    """The letter that a text begins with, if it names an option and no second one."""
    lead = _LEADING_LETTER.match(text)
    if lead is None:
        return None
    name = (lead.group(1) or lead.group(2)).upper()
    rest = unwrap(_SEPARATOR.sub("", text[lead.end() :]))
    alone = rest in ("", texts.get(name)) or _SAID_OF_ONE.match(rest) is not None
    punctuated = lead.group(0)[-1] in ".):]】" and not _ANOTHER.match(rest)
    return name if name in texts and (alone or punctuated) else None
