"""The grader: finding the final answer in a reply, and judging it.

One grader serves evaluation, budget search and training. The FINAL answer counts:
a right value that the model mentions and then overrules is wrong. All is pure but
`grade`, which asks another process to compare formulas.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tale_eval.asking.prompts import QuestionKind, letter
from tale_eval.errors import InvalidValueError
from tale_eval.grading.choices import chosen_option, last_mention, option_in_reply
from tale_eval.grading.expected import Expected, word_answer
from tale_eval.grading.forms import is_several, number_text, plain, same_words
from tale_eval.grading.formulas import same_expression
from tale_eval.grading.labels import LABEL_WORDS
from tale_eval.grading.leanings import same_number
from tale_eval.grading.markers import Found, Via, last_marked, last_phrased
from tale_eval.grading.notation import is_formula, latex, same_signs
from tale_eval.grading.numbers import parse_number
from tale_eval.grading.quoting import without_struck
from tale_eval.grading.thinking import without_thinking
from tale_eval.grading.unmarked import final_number, is_cut
from tale_eval.patterns import pattern


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


# "[[31]]. Wait, that forgets the tip: it is 36." An answer that the model takes back
_TAKEN_BACK = pattern(
    r"\b(?:wait(?! (?:time|for|until|list|period))"
    r"|no(?=\s*[^\w\s]|\s+(?:wait|sorry|it|that|i|the)\b)"
    r"|oops|sorry|correction|hold on|scratch that|mistake|wrong|incorrect|forgot|forgets)\b"
    r"|不对|错了|等等|更正",
    re.IGNORECASE,
)
# firmer: behind "[[B]]", "A is wrong, C is too long" takes nothing back
_CHANGES_MIND = pattern(
    r"\b(?:wait|oops|sorry|correction|hold on|scratch that|no[,.:]|i mean)|更正|等等|不对，",
    re.IGNORECASE,
)
_CONCLUDES = pattern(
    r"\b(?:is|are|be|makes?|gives?|equals?|get|total(?:s|ly)?|to|it['’]s|that['’]s)\b"
    r"(?:\s(?:actually|really|then|in fact|now|just|only))?[^\w.\n]{0,4}$|[=是为得共:：]\s*$"
    r"|\b(?:no|rather|sorry|oops)\b[^\w.\n]{1,4}$",
    re.IGNORECASE,
)
_TAIL_CHARS = 2000


def extract(
    text: str,
    kind: QuestionKind,
    options: Sequence[str] = (),
    *,
    truncated: bool = False,
    words: bool = False,
) -> Extraction:
    """Find the final answer of a reply.

    The marker that stands last wins among [[x]], \\boxed{x}, <answer>x</answer>,
    "Answer: x", "#### x" and "the answer is x"; without one, the last number or formula
    (cloze), or the option that the reply asserts, begins with or mentions last (choice).
    What the reply quotes, denies or strikes through is no answer, and a reply that was cut
    off before it marked its answer has none. A reply that says "the answer is" of a thousand
    different things that cannot be read has said nothing with it.

    Args:
        text: The reply, without hidden reasoning.
        kind: What the answer is: free ("cloze") or an option ("choice").
        options: The options of a choice question, first is A.
        truncated: The reply is known to have been cut off by its token cap.
        words: The free answer is words, as "yes", and neither number nor formula.

    Raises:
        InvalidValueError: If a choice question comes without options.
    """
    if kind == "choice" and not options:
        raise InvalidValueError("a choice question cannot be graded without its options")
    said, thought = without_thinking(text)
    said = without_struck(said)
    expected = Expected(kind, options, words and kind == "cloze")
    found, said = last_marked(said, expected, truncated)
    found = found or last_phrased(said, expected)
    if found is not None:
        found = _overruling(said, found, expected) or found
    if found is None and not truncated:
        found = _unmarked(said, expected)
    if found is None:
        return Extraction(None, "none", bare=False)
    bare = not thought and _is_bare(said[: found.start])
    return Extraction(found.answer, found.via, bare)


def grade(
    text: str,
    target: str,
    kind: QuestionKind,
    options: Sequence[str] = (),
    *,
    truncated: bool = False,
) -> Grade:
    """Judge a reply against the target; waits for math-verify where formulas are compared.

    Args:
        text: The reply.
        target: The right letter, or the right answer.
        kind: Free answer ("cloze") or choice.
        options: The options of a choice question, first is A. Two options with one
            text are both right if either is.
        truncated: The reply is known to have been cut off by its token cap.

    Raises:
        InvalidValueError: If a choice question comes without options.
    """
    read = read_reply(text, target, kind, options, truncated=truncated)
    if isinstance(read, Grade):
        return read
    return read.judged(same_expression(read.given, read.target))


def read_reply(
    text: str,
    target: str,
    kind: QuestionKind,
    options: Sequence[str] = (),
    *,
    truncated: bool = False,
) -> Grade | Formulas:
    """Judge a reply as far as that needs no algebra; see `grade`.

    Numbers are compared exactly. An answer that is no number but holds exactly one
    ("72 clips"), or ends in "= 72", is that number.
    """
    right = parse_number(target) if kind == "cloze" else None
    words = right is None and not is_formula(target)
    extraction = extract(text, kind, options, truncated=truncated, words=words)
    answer = extraction.answer
    if answer is None:
        return Grade(False, extraction)
    if kind == "choice":
        chosen = chosen_option(answer, options)
        return Grade(_same_option(chosen, target, options), extraction)
    given = number_text(answer)
    equal = same_number(given, target)
    if equal is not None:
        return Grade(equal, extraction)
    if plain(answer) == plain(target) or (words and same_words(answer, target)):
        return Grade(True, extraction)
    return _compared(extraction, answer, given, target, right is not None)


def _compared(
    extraction: Extraction, answer: str, given: str, target: str, number: bool
) -> Grade | Formulas:
    """Judge an answer that is a formula, or whose target is one."""
    # words are no formulas: math-verify would multiply their letters, and "dog" is "god"
    if not is_formula(given) and (number or not is_formula(target)):
        return Grade(False, extraction)
    said, right = latex(answer), latex(target)
    if same_signs(said, right):
        return Grade(True, extraction)
    if "=" not in right and not is_several(said):
        said = latex(given) if parse_number(given) is not None else said.rpartition("=")[2]
    return Formulas(extraction, said, right)


def _same_option(chosen: str | None, target: str, options: Sequence[str]) -> bool:
    if chosen is None:
        return False
    right = target.strip().upper()
    if chosen == right:
        return True
    texts = {letter(i): option.strip() for i, option in enumerate(options)}
    return right in texts and texts[chosen] == texts[right]


def _overruling(text: str, found: Found, expected: Expected) -> Found | None:
    """What is said behind a marker instead of it: "[[31]]. No. The answer is 36." """
    tail = text[found.end :]
    if not any(c.isalnum() for c in tail[:_TAIL_CHARS]):
        return None
    if phrased := last_phrased(text, expected, start=found.end):
        return phrased
    if len(tail) > _TAIL_CHARS or not _TAKEN_BACK.search(tail):
        return None
    if expected.kind == "choice":
        return _other_option(tail, found.end, expected.options)
    last = final_number(tail)
    if last is None or not _CONCLUDES.search(tail.lstrip()[: last[0]]):
        return None
    return Found(found.end + last[0], len(text), last[1], "fallback")


def _other_option(tail: str, start: int, options: Sequence[str]) -> Found | None:
    """The option that a text asserts which takes another one back."""
    if not _CHANGES_MIND.search(tail):
        return None
    last = last_mention(tail, options)
    if last is None or not last.asserted or last.name is None:
        return None
    return Found(start + last.start, start + len(tail), last.name, "fallback")


def _unmarked(text: str, expected: Expected) -> Found | None:
    """The answer of a reply without any marker."""
    if expected.words:
        said = word_answer(text)
        return None if said is None else Found(0, len(text), said, "fallback")
    if expected.kind == "cloze":
        last = final_number(text)
    else:
        last = option_in_reply(text, expected.options, cut=is_cut(text))
    return None if last is None else Found(last[0], len(text), last[1], "fallback")


def _is_bare(before: str) -> bool:
    """Whether only labels, markers and white space stand before the answer."""
    if len(before) > 200:
        return False
    return not any(c.isalnum() for c in LABEL_WORDS.sub("", before))
