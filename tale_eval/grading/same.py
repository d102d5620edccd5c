"""The answer that a reply gives, in a form that is equal for two that give the same. Pure.

Answers are read as the grader reads them, without the right one at hand. Two are the same if
they name the same option; if their numbers are exactly equal, however they are written ("0.5",
"1/2"); or else if their words or formulas are the same signs once white space, case and the
marks around them are gone. Algebra is not done: "x(x+1)" and "x^2+x" are two answers.
"""

from collections.abc import Hashable

from tale_eval.asking.prompts import options_in
from tale_eval.asking.question import Question
from tale_eval.grading.answers import extract
from tale_eval.grading.choices import chosen_option
from tale_eval.grading.forms import number_text, plain
from tale_eval.grading.notation import is_formula, latex, signs
from tale_eval.grading.numbers import parse_number


def answer_in(reply: str, question: Question, *, truncated: bool = False) -> Hashable | None:
    """The answer that a reply gives, equal for two replies that give the same; None if none.

    Args:
        reply: The reply.
        question: What was asked.
        truncated: The reply is known to have been cut off by its token cap.
    """
    if question.kind == "choice":
        options = options_in(question.text)
        if not options:
            return None
        said = extract(reply, "choice", options, truncated=truncated).answer
        return None if said is None else chosen_option(said, options)
    answer = extract(reply, "cloze", truncated=truncated).answer
    if answer is None:
        # nobody says whether the right answer is a word; one that is marked is read, so that
        # "I don't know" is none
        words = extract(reply, "cloze", truncated=truncated, words=True)
        answer = None if words.via == "fallback" else words.answer
    return None if answer is None else form_of(answer)


def form_of(answer: str) -> Hashable:
    """What an answer says, equal for two that say the same."""
    number = parse_number(number_text(answer))
    if number is not None:
        return number
    # as in the grader: what holds a formula is compared by its signs, the rest by its words
    return signs(latex(answer)) if is_formula(answer) else plain(answer)
