"""What an answer has to be, and the first words of a text that are one. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tale_eval.asking.prompts import QuestionKind
from tale_eval.grading.choices import chosen_option
from tale_eval.grading.forms import number_text, unwrap
from tale_eval.grading.notation import is_plain_formula
from tale_eval.grading.numbers import normalise, parse_number
from tale_eval.patterns import pattern

_SENTENCE_END = pattern(r"[.!?](?:\s|$)|[。！？\n]|\b(?:because|since)\b|因为")
# "B, not A", "18 rather than 20", "B as it is blue"
_CLAUSE_END = pattern(
    r"[\s,;(](?:(?:and|but)\s)?(?:not|rather than|instead of|as|while|whereas)\b|而不是|而非"
    r"|[，,]?\s?不是",
    re.IGNORECASE,
)
# "54 stamps, 20 of them blue"; "1, 2" is no 1
_DETAILS = pattern(r"(?<=[^\W\d_])[,，;；(（—]|[,，;；(（—](?=\s?[^\W\d_]{2})|\s[–—-]\s")
_BEGINS_WITH_NUMBER = pattern(
    r"^\W{0,4}(?:(?:about|approximately|exactly|only|just|now|then|therefore|thus|actually|indeed|still|simply"
    r"|clearly|equal to|negative|minus|约|大约)\b\W{0,3})*(?:[-+]?\\?[$€£¥₹(]{0,2}[\d.\\]"
    r"|[^\W\d_]+-?[^\W\d_]*\W*$)",
    re.IGNORECASE,
)
_MAX_WORDS = 5
# words that answer a question, and may stand at the beginning of a reply
_CLOSED_WORDS = pattern(
    r"\W{0,4}(yes|no|true|false|none|never|always|impossible|是的|不是|对|错|正确|错误|ja|nein|oui|non|sí|si)"
    r"(?=[\s,.;:!，。；！]|$)(?!\s+(?:and|or|und|oder|et|ou|y|o)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Expected:
    """What an answer has to be.

    Attributes:
        kind: Free ("cloze") or an option ("choice").
        options: The options of a choice question, first is A.
        words: A free answer that is words, as "yes", and neither number nor formula.
    """

    kind: QuestionKind
    options: Sequence[str] = ()
    words: bool = False

    def reads(self, answer: str) -> bool:
        """Whether an answer is one number, or names one option, or is a few words."""
        if self.kind == "choice":
            return chosen_option(answer, self.options) is not None
        if self.words:
            return 0 < len(answer.split()) <= _MAX_WORDS
        return parse_number(number_text(answer)) is not None

    def said(self, text: str) -> str | None:
        """The answer that a text's first sentence gives, or else that sentence's first clause."""
        sentence = _before(_SENTENCE_END, text.lstrip())
        clauses = [sentence, _before(_CLAUSE_END, sentence)]
        if self.kind == "cloze":
            clauses.append(_before(_DETAILS, sentence))
        for words in clauses:
            answer = unwrap(words)
            formula = self.kind == "cloze" and ("\\" in answer or is_plain_formula(answer))
            if answer and (formula or self.reads(answer)):
                return answer
        return None

    def stated(self, text: str) -> str | None:
        """What a text's first sentence says, if it begins with the answer."""
        answer = self.said(text)
        if answer is None or self.kind == "choice" or self.words:
            return answer
        return answer if _BEGINS_WITH_NUMBER.match(normalise(answer)) else None


def word_answer(text: str) -> str | None:
    """The words that a reply without any marker answers with: all of it, or its "Yes"."""
    if found := _CLOSED_WORDS.match(text):
        return found.group(1)
    words = unwrap(text)
    return words if words and "\n" not in words and len(words.split()) <= _MAX_WORDS else None


def _before(end: re.Pattern[str], text: str) -> str:
    found = end.search(text)
    return text[: found.start()] if found else text
