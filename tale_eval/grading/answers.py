"""The grader: finding the final answer in a reply, and judging it.

One grader serves evaluation, budget search and training. The FINAL answer counts:
a right value that the model mentions and then overrules is wrong. All is pure but
`grade`, which asks another process to compare formulas.
"""

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tale_eval.asking.prompts import QuestionKind, letter
from tale_eval.errors import InvalidValueError
from tale_eval.grading.forms import FORMULA, choice_letter, number_text, plain, unwrap
from tale_eval.grading.formulas import same_expression
from tale_eval.grading.numbers import last_number_in, normalise, parse_number

Via = Literal["bracketed", "boxed", "labelled", "phrase", "fallback", "none"]
"""Where the answer was found: [[x]]; \\boxed{x}; a line "Answer: x" or "#### x"; "the
answer is x"; the reply's last number, or the option that it begins or ends with; nowhere."""


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


@dataclass(frozen=True)
class Formulas:
    """What must still be compared before a reply is judged: math-verify takes a while.

    Attributes:
        extraction: The final answer and where it was found.
        given: The formula in it.
        target: The right answer.
    """

    extraction: Extraction
    given: str
    target: str

    def judged(self, equal: bool | None) -> Grade:
        """The grade, once it is known whether they are equal; None is undecided."""
        return Grade(bool(equal), self.extraction, undecided=equal is None)


# what the prompts print where the answer belongs, and small models copy
_PLACEHOLDERS = {"answer", "choice", "答案", "选项", "budget", "$answer", "$letter", "...",
                 "your answer", "final answer", "number", "letter"}  # fmt: skip
_LABEL = r"(?:final\s+answer|answer|choice|最终答案|答案|选项)"
_BRACKETED = re.compile(r"\[\[([^\[\]]*)\]\]")
_BOX = re.compile(r"\\(?:boxed|fbox)\s*+\{")
_BRACES = re.compile(rf"{_BOX.pattern}|\\?[{{}}]")
_LABELLED = re.compile(rf"^[ \t*_#>]*{_LABEL}[ \t*_]*[:：](.*)", re.IGNORECASE | re.MULTILINE)
# a lone number or letter: "#### Step 1" is a heading
_HASHES = re.compile(r"^[ \t]*####[ \t]*(\S*\d\S*|[A-Z])[ \t\r]*$", re.MULTILINE)
_PHRASE = re.compile(
    r"(?:answer|choice|option)\s+(?:is|must be|should be|would be|will be)\s*:?"
    r"|答案(?:应该|应)?(?:是|为)\s*[:：]?|(?:选择|故选|应选)\s*[:：]?",
    re.IGNORECASE,
)
_PHRASE_CHARS = 300
_MAX_PHRASES = 1000
_OPTION_LINE = re.compile(r"^[ \t*(]{0,9}([A-Z])[.):：]", re.MULTILINE)
# "A and B" names no single option
_PAIRED = re.compile(r"(?<![A-Za-z])[A-Z]\)?\s?(?:and|or|和|或|[,、&/])\s?\(?$")
_WORD = re.compile(r"(?<![\\A-Za-z])[^\W\d_]{2}")
_SENTENCE_END = re.compile(r"[.!?](?:\s|$)|[。！？\n]|\b(?:because|since)\b|因为")
# "B, not A", "18 rather than 20", "B as it is blue"
_CLAUSE_END = re.compile(
    r"[\s,;(](?:(?:and|but)\s)?(?:not|rather than|instead of|as|while|whereas)\b|而不是|而非",
    re.IGNORECASE,
)
_LABEL_WORDS = re.compile(
    rf"\b(?:the|my|final|correct|right|is|option|so|therefore)\b|{_LABEL}|是|为|故?选",
    re.IGNORECASE,
)


def extract(text: str, kind: QuestionKind, options: Sequence[str] = ()) -> Extraction:
    """Find the final answer of a reply.

    The marker that stands last wins among [[x]], \\boxed{x}, "Answer: x" and "#### x";
    without one, the last "the answer is x"; without that, the last number (cloze), or
    the option that the reply begins with or else the last lone option letter (choice).
    A reply that says "the answer is" of a thousand different things that cannot be read
    has said nothing with it.

    Args:
        text: The reply, without hidden reasoning.
        kind: What the answer is: free ("cloze") or an option ("choice").
        options: The options of a choice question, first is A.

    Raises:
        InvalidValueError: If a choice question comes without options.
    """
    if kind == "choice" and not options:
        raise InvalidValueError("a choice question cannot be graded without its options")
    text, thought = without_thinking(text)
    found = _marked(text, kind, options) or _phrased(text, kind, options)
    if found is None:
        found = _last_number(text) if kind == "cloze" else _lone_option(text, options)
    if found is None:
        return Extraction(None, "none", bare=False)
    before, answer, via = found
    return Extraction(answer, via, bare=not thought and _is_bare(before))


def grade(text: str, target: str, kind: QuestionKind, options: Sequence[str] = ()) -> Grade:
    """Judge a reply against the target; waits for math-verify where formulas are compared.

    Args:
        text: The reply.
        target: The right letter, or the right answer.
        kind: Free answer ("cloze") or choice.
        options: The options of a choice question, first is A. Two options with one
            text are both right if either is.

    Raises:
        InvalidValueError: If a choice question comes without options.
    """
    read = read_reply(text, target, kind, options)
    if isinstance(read, Grade):
        return read
    return read.judged(same_expression(read.given, read.target))


def read_reply(
    text: str, target: str, kind: QuestionKind, options: Sequence[str] = ()
) -> Grade | Formulas:
    """Judge a reply as far as that needs no algebra; see `grade`.

    Numbers are compared exactly. An answer that is no number but holds exactly one
    ("72 clips"), or ends in "= 72", is that number.
    """
    extraction = extract(text, kind, options)
    answer = extraction.answer
    if answer is None:
        return Grade(False, extraction)
    if kind == "choice":
        chosen = choice_letter(answer, options)
        return Grade(_same_option(chosen, target, options), extraction)
    right = parse_number(target)
    given = number_text(answer)
    value = parse_number(given)
    if right is not None and value is not None:
        return Grade(value == right, extraction)
    if plain(answer) == plain(target):
        return Grade(True, extraction)
    # words are no formulas: math-verify would multiply their letters, and "dog" is "god"
    if not FORMULA.search(given) and (right is not None or not FORMULA.search(target)):
        return Grade(False, extraction)
    return Formulas(extraction, given, target)


def without_thinking(text: str) -> tuple[str, bool]:
    """What a reply says outside its <think> block, and whether it had one.

    Nothing after a block that was never closed counts: the reply was cut off inside it.
    """
    _, closed, after = text.rpartition("</think>")
    said, opened, _ = after.partition("<think>")
    return said, bool(closed or opened)


def _same_option(chosen: str | None, target: str, options: Sequence[str]) -> bool:
    if chosen is None:
        return False
    right = target.strip().upper()
    if chosen == right:
        return True
    texts = {letter(i): option.strip() for i, option in enumerate(options)}
    return right in texts and texts[chosen] == texts[right]


_Found = tuple[str, str, Via]
"""The text before the answer, the answer, and how it was found."""


def _marked(text: str, kind: QuestionKind, options: Sequence[str]) -> _Found | None:
    """The last of the explicit markers."""
    spans: list[tuple[int, int, Via]] = [
        (*m.span(1), "bracketed") for m in _BRACKETED.finditer(text)
    ]
    spans += [(*span, "boxed") for span in _boxed(text)]
    spans += [(*m.span(1), "labelled") for m in _LABELLED.finditer(text)]
    spans += [(*m.span(1), "labelled") for m in _HASHES.finditer(text)]
    for start, end, via in sorted(spans, reverse=True):
        answer = unwrap(text[start:end])
        if answer.lower() in _PLACEHOLDERS or not answer:
            continue
        if via == "labelled" and not _reads(answer, kind, options):
            answer = _said(answer, kind, options) or answer
        return text[:start], answer, via
    return None


def _boxed(text: str) -> list[tuple[int, int]]:
    """Where the contents of each \\boxed{...} lie, its braces balanced."""
    spans: list[tuple[int, int]] = []
    opened: list[tuple[int, bool]] = []
    first = _BOX.search(text)
    for brace in _BRACES.finditer(text, first.start()) if first else ():
        symbol = brace.group(0)
        if symbol.startswith("\\") and symbol[-2:] in ("\\{", "\\}"):
            continue
        if symbol.endswith("{"):
            opened.append((brace.end(), symbol.startswith("\\")))
        elif opened:
            start, boxed = opened.pop()
            if boxed:
                spans.append((start, brace.start()))
    return spans


def _phrased(text: str, kind: QuestionKind, options: Sequence[str]) -> _Found | None:
    """The last "the answer is x" whose x can be read."""
    end = len(text)
    unread: set[str] = set()  # a model in a loop says the same a hundred thousand times
    for match in reversed(list(_PHRASE.finditer(text))):
        said = text[match.end() : min(end, match.end() + _PHRASE_CHARS)]
        end = match.start()
        if said in unread:
            continue
        if answer := _said(said, kind, options):
            return text[:end], answer, "phrase"
        unread.add(said)
        if len(unread) > _MAX_PHRASES:
            break
    return None


def _last_number(text: str) -> _Found | None:
    text = normalise(text.strip())
    # a reply that is one formula, "\frac{1}{2}", is not its last number
    if "\\" in text and "\n" not in text and not _WORD.search(text):
        return "", text, "fallback"
    last = last_number_in(text)
    return None if last is None else (text[: last.start()], last.group(), "fallback")


def _lone_option(text: str, options: Sequence[str]) -> _Found | None:
    """The option that the reply begins with, or the last letter that stands alone."""
    goes_through_several = len(set(_OPTION_LINE.findall(text))) > 1
    for beginning in dict.fromkeys((text.strip(), text.strip().partition("\n")[0])):
        if not goes_through_several and choice_letter(beginning, options):
            return "", beginning, "fallback"
    # "A" before a word is an article
    lone = rf"(?<![A-Za-z\d'])(?!A (?!is\b)[a-z])[A-{letter(len(options) - 1)}](?![A-Za-z\d'])"
    # a reply can hold a million letters, and no other is kept
    found = deque(re.finditer(lone, text), maxlen=1)
    last = found[0] if found else None
    if last is None or _PAIRED.search(text, max(0, last.start() - 12), last.start()):
        return None
    return text[: last.start()], last.group(0), "fallback"


def _reads(answer: str, kind: QuestionKind, options: Sequence[str]) -> bool:
    """Whether an answer is one number, or names one option."""
    if kind == "choice":
        return choice_letter(answer, options) is not None
    return parse_number(number_text(answer)) is not None


def _said(text: str, kind: QuestionKind, options: Sequence[str]) -> str | None:
    """The answer that a text's first sentence gives, or else the sentence's first clause."""
    sentence = _before(_SENTENCE_END, text.lstrip())
    for words in (sentence, _before(_CLAUSE_END, sentence)):
        answer = unwrap(words)
        formula = kind == "cloze" and "\\" in answer
        if answer and (formula or _reads(answer, kind, options)):
            return answer
    return None


def _before(end: re.Pattern[str], text: str) -> str:
    found = end.search(text)
    return text[: found.start()] if found else text


def _is_bare(before: str) -> bool:
    """Whether only labels, markers and white space stand before the answer."""
    if len(before) > 200:
        return False
    return not any(c.isalnum() for c in _LABEL_WORDS.sub("", before))
