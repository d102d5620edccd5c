"""Which answer format a text states, and the words of a task with and without it. Pure.

Other people's tasks say in their own words how an answer is to be written. What is read
here is a closed list of forms that evals use; a text that states none of them, or states
one in other words, is left as it is.
"""

import re
from collections.abc import Callable
from typing import Final, Literal

from tale_eval.patterns import pattern

Form = Literal[
    "answer_line",
    "boxed",
    "bracketed",
    "hashes",
    "answer_is",
    "final_answer",
    "tag",
    "json",
    "alone",
]
"""A way to write an answer: "ANSWER: x", \\boxed{x}, [[x]], "#### x", "The answer is x",
"Final answer: x", <answer>x</answer>, {"answer": x}, and x alone."""

_LABELS: Final = (
    "answer|antwort|lösung|réponse|respuesta|risposta|resposta|ответ|відповідь|odpowiedź|cevap|svar"
    "|jibu|答案|答え|回答|解答|答|정답|답|الإجابة|الجواب|উত্তর|उत्तर|సమాధానం|คำตอบ|đáp án|câu trả lời"
)
"""What stands before an answer, in languages that evals are written in."""

# in quotes or before a placeholder: a bare "Answer:" is the end of a question, and
# "ANSWER: 12" is a worked example
_STATED: Final[dict[Form, re.Pattern[str]]] = {
    "tag": pattern(r"<(answer|final_answer|solution)>", re.IGNORECASE),
    "boxed": pattern(r"\\?\\boxed|\\fbox|\bboxed\{"),
    "bracketed": pattern(r"\[\[[^\]]*\]\]|\[\[X\]\]"),
    "hashes": pattern(r"####"),
    "final_answer": pattern(
        r"""["'“`]final answer\s*:|\bfinal answer\s*:\s*(followed by|[\[<{$(])""", re.IGNORECASE
    ),
    "answer_line": pattern(
        rf"""["'“„«‘「『`]\s*({_LABELS})\s*[:：]|^\W*({_LABELS})\s*[:：]\s*[$<\[{{(]"""
        r"""|\b(?-i:(ANSWER))\s*[:：]\s*[$<\[{(]""",
        re.IGNORECASE | re.MULTILINE,
    ),
    "answer_is": pattern(
        r"""["'“`](?:so |therefore,? )?((?:the )?(?:final |correct |best )?answer is)\b"""
        r"|\b(the (?:final |correct |best )?answer is):?\s*[$<\[{(]",
        re.IGNORECASE,
    ),
    "json": pattern(r"\bjson\b", re.IGNORECASE),
    "alone": pattern(
        r"\bnothing else\b|\bwithout (any )?(explanation|other text|further text)"
        r"|\b(respond|reply|answer|output|return|write|give)( \w+){0,3}? (only|just)( with)? "
        r"(the |a |one |your )?(final |correct |single )?"
        r"(letter|answer|number|word|option|name|label|digit|integer|yes|true)\b"
        r"|\bonly (the|a|one|your) (final |correct |single )?"
        r"(letter|answer|number|word|option|name|label|digit|integer)\b"
        r"|\b(a|one) single (letter|word|number|digit)\b"
        r"|\bdo not (include|add|give|write|provide)( \w+){0,2} "
        r"(explanations?|else|other text|reasoning)",
        re.IGNORECASE,
    ),
}
# what belongs to a format sentence that was broken over two lines
_BELONGS: Final = pattern(r"\$(ANSWER|LETTERS?)\b|\(without quotes\)", re.IGNORECASE)
_PLAINLY: Final = pattern(
    r"\$(ANSWER|LETTERS?)\b|entire content of your (response|answer)"
    r"|^\W*(let's )?think step[- ]by[- ]step( before answering)?\W*$",
    re.IGNORECASE,
)
_NO_BOX: Final = pattern(r"(not|n't|no|without)( \w+){0,4} \\*boxed", re.IGNORECASE)
_REASONS: Final = pattern(
    r"step[- ]by[- ]step|\bthink\b.*\b(before|through|carefully|first)\b"
    r"|\breason\b.*\b(before|through|first|step)\b|\bshow your (work|reasoning)\b"
    r"|\bexplain your (answer|reasoning)\b|^\W*(reasoning|thought|explanation)\W*$",
    re.IGNORECASE,
)
_SENTENCE: Final = pattern(r"(?:[^.!?\n]|[.!?](?![\s]|$))+[.!?]*[^\S\n]*|[.!?]+[^\S\n]*|\n+")
_SLOT: Final = pattern(r"\{(?!letters\})\w+\}")

SENTENCE: Final[dict[Form, str]] = {
    "answer_is": 'End your response with "The answer is $ANSWER" (without quotes), where '
    "$ANSWER is the answer to the question.",
    "final_answer": 'The last line of your response must be of the form "Final answer: $ANSWER" '
    "(without quotes), where $ANSWER is the answer to the question.",
    "tag": "Write your final answer between <answer> and </answer>.",
}
"""How a form is asked for that no method has words for; ours."""

LETTERS_SENTENCE: Final = (
    "More than one option may be right. The last line of your response must be of the form "
    '"ANSWER: $LETTERS" (without quotes), where $LETTERS are the letters of all right options, '
    "such as A,C."
)
"""How several letters are asked for; ours."""

_WRITTEN: Final[dict[Form, str]] = {
    "answer_line": "ANSWER: {}",
    "boxed": "\\boxed{{{}}}",
    "bracketed": "Answer: [[{}]]",
    "hashes": "#### {}",
    "answer_is": "The answer is: {}",
    "final_answer": "Final answer: {}",
    "tag": "<answer>{}</answer>",
    "json": '{{"answer": "{}"}}',
    "alone": "{}",
}
_ANSWER_LINE: Final = pattern(
    r"""^[\s>*_#`"'“-]*(?:final )?answer[*_]*\s*[:：]\s*(.*\S)[^\S\n]*$""", re.I | re.M
)
_FULL_STOP: Final = pattern(r"(?<=.)(?<!\b\w\.\w)\.$")  # that of "Yes.", not of "U.S."
_BOXED: Final = pattern(r"\\boxed\{(.*)\}|\[\[(.*)\]\]")


def stated_forms(text: str) -> list[Form]:
    """The forms that a text asks for, the most particular first.

    Args:
        text: A prompt, or a part of one.
    """
    text = _NO_BOX.sub("", text)
    return [form for form, pattern in _STATED.items() if pattern.search(text)]


def without_format(template: str) -> tuple[str, list[str]]:
    """A template without the sentences that state a format or how much to reason.

    A sentence with a slot in it, other than {letters}, stays.

    Returns:
        The template, and the sentences that were left out.
    """
    return _cut(
        template, lambda s: bool(stated_forms(s) or _BELONGS.search(s) or asks_to_reason(s))
    )


def without_reasoning(template: str) -> tuple[str, list[str]]:
    """A template without the sentences that only say how much to reason.

    Returns:
        The template, and the sentences that were left out.
    """
    return _cut(template, lambda s: asks_to_reason(s) and not stated_forms(s))


def without_plain_format(prompt: str) -> tuple[str, list[str]]:
    """A finished prompt without the sentences that can only be a template's on the format.

    What is data and what is template cannot be told apart in it, so fewer are taken for it
    than in a template.

    Returns:
        The prompt, and the sentences that were left out.
    """
    return _cut(prompt, lambda s: bool(_PLAINLY.search(s)), slots=False)


def asks_to_reason(text: str) -> bool:
    """Whether a text asks for reasoning, which is the method's own business."""
    return bool(_REASONS.search(text))


def obedient_reply(prompt: str, answer: str, reasoning: str = "") -> str:
    """A reply that gives its answer as the prompt asks for it; alone where it asks for nothing.

    Args:
        prompt: What was asked.
        answer: The answer.
        reasoning: What comes before it, where the form has room for anything.
    """
    forms = stated_forms(prompt)
    form = forms[0] if forms else None
    if form in ("alone", "json"):
        return _WRITTEN[form].format(answer)
    template = "{}" if form is None else _WRITTEN[form]
    if form in ("answer_is", "answer_line"):
        # "The final answer is" is another prefix than "The answer is", and "Antwort" than "ANSWER"
        asked = _STATED[form].search(prompt)
        phrase = next((group for group in asked.groups() if group), None) if asked else None
        template = f"{phrase}: {{}}"
    return f"{reasoning}\n{template.format(answer)}".strip()


def answer_alone(reply: str) -> str | None:
    """What stands in a reply's last "ANSWER: x" line; None if it has none."""
    found = _ANSWER_LINE.findall(reply)
    if not found:
        return None
    answer = _FULL_STOP.sub("", str(found[-1]).strip("*_`\"'“” ")).strip("*_`\"'“” $")
    # in the form of other prompts beside the one that was asked for
    box = _BOXED.fullmatch(answer)
    return (box[1] or box[2] if box else answer) or None


def _cut(
    template: str, leaves: Callable[[str], bool], *, slots: bool = True
) -> tuple[str, list[str]]:
    kept, left_out = [], []
    for sentence in _SENTENCE.findall(template):
        if sentence.strip() and leaves(sentence) and not (slots and _SLOT.search(sentence)):
            left_out.append(sentence.strip())
        else:
            kept.append(sentence)
    return re.sub(r"\n{3,}", "\n\n", "".join(kept)).strip(), left_out
