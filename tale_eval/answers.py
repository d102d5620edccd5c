"""The grader: finding the final answer in a reply, and judging it.

One grader serves evaluation, budget search and training. The FINAL answer counts:
a right value that the model mentions and then overrules is wrong. Pure but for
`equivalence.same_expression`, which is asked only about formulas.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tale_eval.equivalence import same_expression
from tale_eval.numbers import normalise, numbers_in, parse_number
from tale_eval.prompts import Kind, letter

Via = Literal["bracketed", "boxed", "labelled", "phrase", "fallback", "none"]
"""Where the answer was found: [[x]]; \\boxed{x}; a line "Answer: x" or "#### x"; "the
answer is x"; the reply's last number or letter; nowhere."""


@dataclass(frozen=True)
class Extraction:
    """The final answer of a reply.

    Attributes:
        answer: The answer as written, without its markers; None if there is none.
        via: Where it was found.
        bare: Nothing but labels stood before it: the model did not reason first.
    """

    answer: str | None
    via: Via
    bare: bool


@dataclass(frozen=True)
class Grade:
    """A judged reply.

    Attributes:
        correct: Whether the final answer is the target.
        extraction: The final answer and where it was found.
        undecided: The formula could not be compared within the time limit; such an
            answer counts as wrong and is marked.
    """

    correct: bool
    extraction: Extraction
    undecided: bool = False


# what the prompts print where the answer belongs, and small models copy
_PLACEHOLDERS = {"answer", "choice", "答案", "选项", "budget", "$answer", "$letter", "x", "..."}
_LABEL = r"(?:final\s+answer|answer|choice|最终答案|答案|选项)"
_BRACKETED = re.compile(r"\[\[([^\[\]]*)\]\]")
_LABELLED = re.compile(rf"[\s*_#>]*{_LABEL}[\s*_]*[:：](.*)", re.IGNORECASE)
_HASHES = re.compile(r"\s*####(.*)")
_PHRASE = re.compile(
    r"(?:answer|choice|option)\s+is\s*:?|答案(?:是|为)\s*[:：]?|(?:选择|故选|应选)\s*[:：]?",
    re.IGNORECASE,
)
_LABEL_WORDS = re.compile(
    rf"\b(?:the|my|final|correct|right|is|option|so|therefore)\b|{_LABEL}|是|为", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"[.。!?！？](?:\s|$)|\n")
_WRAPPERS = (("[[", "]]"), ("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"), ("$", "$"), ("**", "**"),
             ("*", "*"), ("`", "`"), ('"', '"'), ("'", "'"), ("“", "”"))  # fmt: skip
_TEXT_COMMAND = re.compile(r"\\(?:text|mathrm|mathbf|textbf|boxed|fbox)\{([^{}]*)\}")
_LEADING_LETTER = re.compile(r"\(([A-Za-z])\)|([A-Za-z])(?:$|[.):：])")
_SPELLED_LETTER = re.compile(r"(?:option|choice|选项)\s*\(?([A-Za-z])\)?", re.IGNORECASE)
# "A. and B" names no single option
_ANOTHER = re.compile(r"\s*(?:and|or|和|或|,|&)?\s*\(?[A-Z]\)?(?:$|[.):：])")
_FORMULA = re.compile(r"[\\^*/+()=]")


def extract(text: str, kind: Kind, options: int = 0) -> Extraction:
    """Find the final answer of a reply.

    The marker that stands last wins among [[x]], \\boxed{x}, "Answer: x" and "#### x";
    without one, the last "the answer is x"; without that, the last number (cloze) or
    the last lone option letter (choice).

    Args:
        text: The reply, without hidden reasoning.
        kind: What the answer is: free ("cloze") or a letter ("choice").
        options: Number of options of a choice question.
    """
    text, thought = _without_thinking(text)
    found = _marked(text) or _phrased(text, kind, options) or _fallback(text, kind, options)
    if found is None:
        return Extraction(None, "none", bare=False)
    start, answer, via = found
    return Extraction(answer, via, bare=not thought and _is_bare(text[:start]))


def grade(text: str, target: str, kind: Kind, options: Sequence[str] = ()) -> Grade:
    """Judge a reply against the target.

    Args:
        text: The reply.
        target: The right letter, or the right answer.
        kind: Free answer ("cloze") or choice.
        options: The options of a choice question, first is A. Two options with one
            text are both right if either is.
    """
    extraction = extract(text, kind, len(options))
    if extraction.answer is None:
        return Grade(False, extraction)
    if kind == "choice":
        chosen = choice_letter(extraction.answer, options)
        return Grade(_same_option(chosen, target, options), extraction)
    verdict = equivalent(extraction.answer, target)
    return Grade(bool(verdict), extraction, undecided=verdict is None)


def equivalent(answer: str, target: str) -> bool | None:
    """Whether a free answer equals the target; None if it cannot be decided in time.

    Numbers are compared exactly. An answer that is no number but holds exactly one
    ("72 clips"), or ends in "= 72", is that number. Formulas go to math-verify.
    """
    right = parse_number(target)
    given = _as_number_text(answer)
    value = parse_number(given)
    if right is not None and value is not None:
        return value == right
    plain = normalise(answer).strip().strip("$").strip().lower()
    if plain == normalise(target).strip().strip("$").strip().lower():
        return True
    if right is not None and not _FORMULA.search(given):
        return False
    return same_expression(given, target)


def choice_letter(answer: str, options: Sequence[str]) -> str | None:
    """The option that an answer names: by its letter, or by the option's whole text."""
    text = _unwrap(normalise(answer))
    letters = _letters(len(options))
    if (lead := _LEADING_LETTER.match(text)) and not _ANOTHER.match(text, lead.end()):
        named = (lead.group(1) or lead.group(2)).upper()
        if named in letters:
            return named
    for index, option in enumerate(options):
        if _unwrap(normalise(option)) == text:
            return letter(index)
    spelled = _SPELLED_LETTER.fullmatch(text)
    return spelled.group(1).upper() if spelled and spelled.group(1).upper() in letters else None


def _letters(count: int) -> str:
    return "".join(letter(i) for i in range(count))


def _same_option(chosen: str | None, target: str, options: Sequence[str]) -> bool:
    if chosen is None:
        return False
    right = target.strip().upper()
    if chosen == right:
        return True
    texts = {letter(i): option.strip() for i, option in enumerate(options)}
    return right in texts and texts[chosen] == texts[right]


def _without_thinking(text: str) -> tuple[str, bool]:
    """What follows a <think> block, and whether there was one.

    A block that was never closed leaves nothing: the reply was cut off inside it.
    """
    _, closed, after = text.rpartition("</think>")
    if closed:
        return after, True
    if text.lstrip().startswith("<think>"):
        return "", True
    return text, False


def _marked(text: str) -> tuple[int, str, Via] | None:
    """The last of the explicit markers: (position, answer, via)."""
    found: list[tuple[int, str, Via]] = []
    for match in _BRACKETED.finditer(text):
        found.append((match.start(), match.group(1), "bracketed"))
    found.extend(_boxed(text))
    offset = 0
    for line in text.splitlines(keepends=True):
        if label := _LABELLED.match(line) or _HASHES.match(line):
            found.append((offset + label.start(1), label.group(1), "labelled"))
        offset += len(line)
    for start, answer, via in sorted(found, key=lambda f: f[0], reverse=True):
        body = _unwrap(answer)
        if body and body.lower() not in _PLACEHOLDERS:
            return start, body, via
    return None


def _boxed(text: str) -> list[tuple[int, str, Via]]:
    """The last \\boxed{...}, its braces balanced."""
    start = max(text.rfind("\\boxed{"), text.rfind("\\fbox{"))
    if start < 0:
        return []
    opening = text.index("{", start)
    depth = 0
    for position in range(opening, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return [(start, text[opening + 1 : position], "boxed")]
    return []


def _phrased(text: str, kind: Kind, options: int) -> tuple[int, str, Via] | None:
    matches = list(_PHRASE.finditer(text))
    for match in reversed(matches):
        rest = text[match.end() :]
        end = _SENTENCE_END.search(rest.lstrip())
        answer = _unwrap(rest.lstrip()[: end.start()] if end else rest)
        if kind == "choice" and choice_letter(answer, [""] * options) is None:
            continue
        if kind == "cloze" and parse_number(_as_number_text(answer)) is None:
            continue
        return match.start(), answer, "phrase"
    return None


def _fallback(text: str, kind: Kind, options: int) -> tuple[int, str, Via] | None:
    if kind == "choice":
        body = text.strip()
        if choice_letter(body, [""] * options) is not None:
            return text.find(body), body, "fallback"
        lone = list(
            re.finditer(rf"(?<![A-Za-z\d'])[{_letters(options) or 'A'}](?![A-Za-z\d'])", text)
        )
        return (lone[-1].start(), lone[-1].group(0), "fallback") if lone else None
    numbers = numbers_in(text)
    if not numbers:
        return None
    return max(text.rfind(numbers[-1]), 0), numbers[-1], "fallback"


def _as_number_text(answer: str) -> str:
    """The part of an answer that is its number, or the answer itself."""
    body = _unwrap(answer)
    if parse_number(body) is not None:
        return body
    tail = _unwrap(body.rpartition("=")[2]) if "=" in body else body
    if parse_number(tail) is not None:
        return tail
    if _FORMULA.search(tail.replace("/", "")):
        return tail
    numbers = numbers_in(tail)
    return numbers[0] if len(numbers) == 1 else tail


def _unwrap(text: str) -> str:
    """Strip what stands around an answer: markers, quotes, mathematics, a full stop."""
    previous = None
    body = text.strip()
    while body != previous:
        previous = body
        body = _TEXT_COMMAND.sub(r"\1", body) if "\\" in body and len(body) < 2000 else body
        for opening, closing in _WRAPPERS:
            if len(body) > len(opening) and body.startswith(opening) and body.endswith(closing):
                body = body[len(opening) : len(body) - len(closing)]
        body = body.strip().rstrip("。.,;，；").removesuffix("**").strip()
    return body


def _is_bare(before: str) -> bool:
    """Whether only labels, markers and white space stand before the answer."""
    if len(before) > 200:
        return False
    rest = _LABEL_WORDS.sub("", before)
    return not any(c.isalnum() for c in rest)
