"""What a method asks of a model, step by step, and under which budget. Pure.

A plan knows no harness: it yields what is to be asked and is sent the reply. So the same
few lines run in Inspect, one question at a time beside others, and in lm-eval, a whole
batch of questions to a step.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from tale_eval.asking.control import SETTINGS, Control
from tale_eval.asking.prompts import Style
from tale_eval.asking.question import Question, Way
from tale_eval.budgets.reading import BudgetReading, bounded
from tale_eval.errors import InvalidValueError

Purpose = Literal["answer", "estimate", "vanilla", "search", "helper", "scorer"]
"""Why a model is asked.

answer: the method's one answer. estimate: the budget estimator. vanilla: the
unbudgeted answer from which a budget search starts. search: one trial of it.
helper: any other call of the method, such as a critique or an agent's earlier turns.
scorer: a grader's call. It is no part of what the method costs.
"""


@dataclass(frozen=True)
class Ask:
    """One thing to ask.

    Attributes:
        words: The prompt, given the question. Of a helper's call the question is as the user
            wrote it; of an answer's, a harness may put a template in its place.
        purpose: Why it is asked.
        budget: Tokens that the model is to stay below; None for none.
        reading: How the budget was estimated; None if it was not.
        role: The model role that is asked, if it is bound; None is the task's own model.
        max_tokens: Cap on the reply to what is no answer; None leaves the run's own.
        controls: How the budget is imposed, as `tale_eval.tokens.ledger.Call.controls`.
        at: The same under another budget; None where there is no such thing.
        repetition: How often the same was asked before: with a seed of its own, or it would
            only be answered alike.
    """

    words: Callable[[Question], str]
    purpose: Purpose = "answer"
    budget: int | None = None
    reading: BudgetReading | None = None
    role: str | None = None
    max_tokens: int | None = None
    controls: Mapping[str, int | str] = field(default_factory=dict)
    at: "Callable[[int], Ask] | None" = None
    repetition: int = 0

    @property
    def settings(self) -> dict[str, int | str]:
        """What of the controls stands beside the prompt: abstract settings of the request."""
        return {name: value for name, value in self.controls.items() if name in SETTINGS}

    @property
    def answers(self) -> bool:
        """Whether the reply is an answer to the question."""
        return self.purpose in ("answer", "vanilla", "search")


Steps = Generator[Ask, str, None]
"""Asks, one after the other; each is sent the text of its reply. The last is the answer."""


@dataclass(frozen=True)
class Plan:
    """A method, as far as both harnesses need it.

    Attributes:
        steps: What is asked about a question.
        way: How it is put.
        control: How it imposes its budgets, if it has any: what a model must be able to take.
        budget: The one budget of all questions, in tokens; None where there is no such thing.
        pinned: Arguments that stand in the method's label though nobody gave them: what they
            name may change, such as the content of a folder.
    """

    steps: Callable[[Question], Steps]
    way: Way
    control: Control = field(default_factory=Control)
    budget: int | None = None
    pinned: Mapping[str, str] = field(default_factory=dict)


def single(words: Callable[[Question], str], way: Way, budget: int | None = None) -> Plan:
    """The plan that asks once, for the answer.

    Args:
        words: The prompt, given the question.
        way: How it is put.
        budget: Tokens that the prompt names; None for none.
    """

    def steps(question: Question) -> Steps:
        yield Ask(words, budget=budget, controls=Control().asked(budget))

    return Plan(steps, way)


def under_budget(
    control: Control,
    budget: int | None,
    style: Style,
    purpose: Purpose = "answer",
    reading: BudgetReading | None = None,
) -> Ask:
    """Ask for step-by-step reasoning under a budget, however it is imposed.

    Args:
        control: How.
        budget: In tokens; None is vanilla chain of thought.
        style: "paper" (format line first) or "answer_last".
        purpose: Why it is asked.
        reading: How the budget was estimated; None if it was not.
    """
    return Ask(
        lambda question: control.words(question, budget, style),
        purpose=purpose,
        budget=budget,
        reading=reading,
        controls=control.asked(budget),
        at=partial(_raised, control, style, purpose, reading),
    )


def _raised(
    control: Control, style: Style, purpose: Purpose, reading: BudgetReading | None, budget: int
) -> Ask:
    """An ask under a budget that is larger than the one it had."""
    reading = reading and bounded(reading, budget)
    return under_budget(control, budget, style, purpose, reading)


def accepted(asked: Ask, smallest: int, model: str) -> Ask:
    """The ask as a model can take it: an estimated budget that is too small is raised.

    It counts as clamped then. A budget that was chosen is not changed in silence.

    Args:
        asked: What is asked.
        smallest: The smallest budget, in tokens, that can be imposed on the model so.
        model: Its name.

    Raises:
        InvalidValueError: A budget below the smallest that is no estimate.
    """
    if asked.reading is None or asked.reading.budget is None or asked.at is None:
        check_accepted(asked.budget, smallest, model)
    elif asked.reading.budget < smallest:
        return asked.at(smallest)
    return asked


def check_accepted(budget: int | None, smallest: int, model: str) -> None:
    """Raise InvalidValueError if a chosen budget is too small for a model, as `accepted` does."""
    if budget is not None and budget < smallest:
        raise InvalidValueError(
            f"a budget of {budget} tokens: {model} takes thinking budgets from {smallest} tokens "
            "up; give a larger one, or impose it with control=prompt, words or cap"
        )
