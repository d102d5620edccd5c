"""What is asked, as methods put it into words, and the way in which it is put. Pure."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from tale_eval.asking.prompts import AnswerFormat, Language, QuestionKind
from tale_eval.asking.shots import Shot, Shots

FormatChoice = Literal[
    "auto", "bracketed", "answer_line", "answer_only", "boxed", "hashes", "none", "task"
]
"""How an answer is to be written, as a user says it.

auto: on our own tasks the method's own, which is the paper's [[x]] unless its text is published
with another; on others, what their scorers read.
bracketed, answer_line, boxed, hashes: an `AnswerFormat`, whatever the task says.
answer_only: an "ANSWER: x" line, of which the task's scorer is shown x alone.
task: the task's own words, untouched. none: nothing is said of it.
"""


class Question(NamedTuple):
    """A question and how its answer is to be written.

    Its fields are the first arguments of `tale_eval.asking.prompts.cot_prompt`.

    Attributes:
        text: The question, options included (see `prompts.with_options`).
        kind: Free answer ("cloze") or single choice.
        language: Language of the instructions.
        answer_format: How the answer is to be written.
        shots: Worked examples to show before it.
    """

    text: str
    kind: QuestionKind
    language: Language
    answer_format: AnswerFormat
    shots: tuple[Shot, ...] = ()


@dataclass(frozen=True)
class Way:
    """How questions are put, whatever is asked of them.

    Attributes:
        system_prompt: Used where the task brings no system message; empty for none.
        answer_format: How the answer is to be written.
        own_format: What "auto" is on our own tasks.
        shots: Which worked examples are shown; None for none.
    """

    system_prompt: str
    answer_format: FormatChoice = "auto"
    own_format: AnswerFormat = "bracketed"
    shots: Shots | None = None

    def format_for(self, default: AnswerFormat) -> AnswerFormat:
        """The answer format, where "auto" and "task" are this one."""
        if self.answer_format == "auto" or self.answer_format == "task":
            return default
        return "answer_line" if self.answer_format == "answer_only" else self.answer_format
