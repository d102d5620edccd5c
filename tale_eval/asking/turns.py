"""Somebody else's prompt, and a method's words put around the question in it. Pure.

A prompt such as "Q: What is 1 + 1?\\nA:" is a question and an answer cue. The method's words go
around the question, and the cue stays last: what follows it is the answer, most of all where a
model without roles goes on with the text.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from tale_eval.asking.prompts import AnswerFormat, Language, QuestionKind
from tale_eval.asking.question import Question
from tale_eval.patterns import pattern

_STEPS = (
    r"step[- ]by[- ]step|一步一步|逐步|分步|ステップ|단계별|paso a paso|étape par étape"
    r"|schritt für schritt|passo (?:a|dopo) passo|пошагово|шаг за шагом|adım adım"
)
_ASKS_TO_REASON = pattern(
    rf"{_STEPS}|think (?:it )?through|show your (?:work|reasoning)|(?:explain|give) your reason"
    r"|chain[- ]of[- ]thought|\breason (?:and|about|through|carefully)|推理过程",
    re.IGNORECASE,
)
_NO_REASONING = (
    r"(?:without|no|omit|skip)\b[^.\n]{0,24}\b(?:reason|explanation|working)\w*"
    r"|直接给出答案|直接回答|不要解释"
)
_ASKS_FOR_NO_REASONING = pattern(_NO_REASONING, re.IGNORECASE)

_LABEL = r"[^\n:：.!?。！？]{1,40}[:：]\**"
_TRIGGER = rf"[^\n]{{0,40}}?(?:{_STEPS})[^\n]{{0,40}}"
_CUE = pattern(
    # a last line of its own: "A:", "### Answer:", "Answer: Let's think step by step."
    rf"\s*\n[ \t]*(?:(?P<label>{_LABEL})(?:[ \t]*{_TRIGGER})?|{_TRIGGER})\s*\Z"
    # or the end of the question's line: "… A:"
    r"|[ \t]+(?:A|Answer|Solution|Response|Output|Antwort|Réponse|Respuesta|Ответ)[:：]\s*\Z"
    r"|(?:答案|解答|回答|答)[:：]\s*\Z",
    re.IGNORECASE,
)
_LONGEST_CUE = 200
"""Characters at the end of a turn in which a cue is looked for."""
_LONGEST_LABEL = 4
"""Words of a cue's label; a longer line that ends in a colon is an instruction."""

_OPTION = pattern(r"^[ \t]*\(?([A-Z])[.):：、．][ \t]*\S", re.MULTILINE)
_HAN = pattern(r"[\u4e00-\u9fff]")
_KANA_OR_HANGUL = pattern(r"[\u3040-\u30ff\uac00-\ud7af]")
_LATIN = pattern(r"[A-Za-z]")
_OWN_LABEL = pattern(r"(?<![^\n])Q: \Z")
"""How the paper's prompts begin the line of a bare question."""


class Turn(NamedTuple):
    """The last user turn of a prompt.

    Attributes:
        question: What is asked, as the task words it.
        cue: What calls for the answer, with the white space before it; empty if nothing does.
    """

    question: str
    cue: str


def read_turn(text: str) -> Turn:
    """The question and the answer cue of a turn; joined, they are the text."""
    found = _CUE.search(text, max(0, len(text) - _LONGEST_CUE))
    if found is None or not text[: found.start()].strip():
        return Turn(text, "")
    label = found["label"] or ""
    if len(label.split()) > _LONGEST_LABEL and not asks_to_reason(label):
        return Turn(text, "")
    return Turn(text[: found.start()], found.group())


def as_question(text: str, answer_format: AnswerFormat = "none") -> Question:
    """A turn's question, as a method puts it into words: without a format of its own."""
    return Question(text, _kind(text), language_of(text), answer_format)


def put_around(words: Callable[[Question], str], question: Question, cue: str) -> str:
    """A method's words around a question that has its own layout, and the answer cue after them.

    The label that the paper's prompts give to a bare question, "Q: ", is left out.
    """
    before, found, after = words(question).partition(question.text)
    if found:
        before = _OWN_LABEL.sub("", before)
    text = before + found + after
    return text.rstrip("\n") + cue if cue else text


def asks_to_reason(text: str) -> str | None:
    """The words of a prompt that ask for reasoning; None if none do."""
    found = _ASKS_TO_REASON.search(text)
    return found.group() if found else None


def asks_not_to_reason(words: Callable[[Question], str]) -> bool:
    """Whether a method's words ask for an answer without reasoning."""
    bare = words(Question("", "cloze", "en", "none"))
    return _ASKS_FOR_NO_REASONING.search(bare) is not None


def _kind(text: str) -> QuestionKind:
    letters = {found[1] for found in _OPTION.finditer(text)}
    return "choice" if {"A", "B"} <= letters else "cloze"


def language_of(text: str) -> Language:
    """Chinese where its characters outnumber Latin letters; Japanese and Korean are not."""
    if _KANA_OR_HANGUL.search(text):
        return "en"
    return "cn" if len(_HAN.findall(text)) > len(_LATIN.findall(text)) else "en"
