"""What a method asks of a model, step by step, and under which budget. Pure.

A plan knows no harness: it yields what is to be asked and is sent the reply. So the same
few lines run in Inspect, one question at a time beside others, and in lm-eval, a whole
batch of questions to a step.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tale_eval.asking.question import Question, Way
from tale_eval.budgets.reading import BudgetReading

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
        budget: Tokens that the prompt tells the model to stay below; None for none.
        reading: How the budget was estimated; None if it was not.
        role: The model role that is asked, if it is bound; None is the task's own model.
        max_tokens: Cap on the reply; None leaves the run's own.
        repetition: How often the same was asked before: with a seed of its own, or it would
            only be answered alike.
    """

    words: Callable[[Question], str]
    purpose: Purpose = "answer"
    budget: int | None = None
    reading: BudgetReading | None = None
    role: str | None = None
    max_tokens: int | None = None
    repetition: int = 0

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
        pinned: Arguments that stand in the method's label though nobody gave them: what they
            name may change, such as the content of a folder.
    """

    steps: Callable[[Question], Steps]
    way: Way
    pinned: Mapping[str, str] = field(default_factory=dict)


def single(words: Callable[[Question], str], way: Way, budget: int | None = None) -> Plan:
    """The plan that asks once, for the answer.

    Args:
        words: The prompt, given the question.
        way: How it is put.
        budget: Tokens that the prompt names; None for none.
    """

    def steps(question: Question) -> Steps:
        yield Ask(words, budget=budget)

    return Plan(steps, way)
