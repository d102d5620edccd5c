"""What a method asks of a model, step by step, and under which budget. Pure.

A plan knows no harness: it yields what is to be asked and is sent the reply. So the same
few lines run in Inspect, one question at a time beside others, and in lm-eval, a whole
batch of questions to a step.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Literal

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
        sample: Which of several draws of one prompt it is, from 0: each has a seed of its own.
        temperature: Of this reply; None leaves the run's own.
    """

    words: Callable[[Question], str]
    purpose: Purpose = "answer"
    budget: int | None = None
    reading: BudgetReading | None = None
    role: str | None = None
    max_tokens: int | None = None
    sample: int = 0
    temperature: float | None = None

    @property
    def answers(self) -> bool:
        """Whether the reply is an answer to the question."""
        return self.purpose in ("answer", "vanilla", "search")


class ReplyText(str):
    """What a model said, and what is known of how it came.

    Attributes:
        output_tokens: What it took; None where nobody counted.
        truncated: Whether it hit its cap; None where nobody says.
    """

    output_tokens: int | None
    truncated: bool | None

    def __new__(
        cls, text: str, output_tokens: int | None = None, truncated: bool | None = None
    ) -> "ReplyText":
        said = super().__new__(cls, text)
        said.output_tokens = output_tokens
        said.truncated = truncated
        return said


MOST_SAMPLES = 999
"""How many samples of one prompt a plan may ask: so many seeds has an epoch."""

Asked = Ask | tuple[Ask, ...]
"""What is asked at once: one thing, or several that need not wait for each other."""

Steps = Generator[Asked, Any, ReplyText | None]
"""What is asked, one step after the other.

Each step is sent its `ReplyText`; a step of several asks, a tuple of them in their order. The
plan returns the reply that is the method's answer: the very object that it was sent. One that
returns nothing answers with its last reply. Any other reply to an ask for an answer is in the
ledger as a helper's call.
"""


@dataclass(frozen=True)
class Plan:
    """A method, as far as both harnesses need it.

    Attributes:
        steps: What is asked about a question.
        way: How it is put.
    """

    steps: Callable[[Question], Steps]
    way: Way


def single(words: Callable[[Question], str], way: Way, budget: int | None = None) -> Plan:
    """The plan that asks once, for the answer.

    Args:
        words: The prompt, given the question.
        way: How it is put.
        budget: Tokens that the prompt names; None for none.
    """

    def steps(question: Question) -> Steps:
        answer: ReplyText = yield Ask(words, budget=budget)
        return answer

    return Plan(steps, way)


def asks_of(asked: Asked) -> tuple[Ask, ...]:
    """The asks of a step."""
    return asked if isinstance(asked, tuple) else (asked,)


def told(asked: Asked, replies: list[ReplyText]) -> ReplyText | tuple[ReplyText, ...]:
    """What is sent to a plan for its step: as many replies as it had asks, in their order."""
    return tuple(replies) if isinstance(asked, tuple) else replies[0]
