"""What is read from logs: one row per (model, task, method, sample, epoch). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from tale_eval.costs import COST_KEYS
from tale_eval.traces import SearchTrace


@dataclass(frozen=True)
class Record:
    """One answered question.

    Attributes:
        model: Name of the model.
        task: Name of the task, its arguments that choose the questions included.
        method: Name of the method, or of the foreign solver.
        sample_id: The question.
        epoch: Repetition, from 1.
        correct: 1 right, 0 wrong, between for partial credit; None if it was not scored.
        error: Why the sample failed; None if it did not.
        bare: Nothing but labels stood before the answer; None if nobody looked.
        costs: The values of `tale_eval.costs.COST_KEYS`; None where unknown.
    """

    model: str
    task: str
    method: str
    sample_id: str
    epoch: int
    correct: float | None
    error: str | None
    bare: bool | None
    costs: dict[str, float | None]

    def __post_init__(self) -> None:
        assert self.costs.keys() == set(COST_KEYS)


@dataclass(frozen=True)
class Searched:
    """One question's budget search, or the budget that an estimator gave it.

    Attributes:
        model, task, method: As in `Record`.
        question: Sample id and epoch: what a search and an estimate share.
        trace: The search; None for an estimate.
        estimate: The estimated budget in tokens; None if it could not be read.
    """

    model: str
    task: str
    method: str
    question: str
    trace: SearchTrace | None
    estimate: int | None


@dataclass(frozen=True)
class RunSettings:
    """How one log came to be.

    Attributes:
        model, task, method: As in `Record`.
        log: Where the log lies: a path, or a URL such as s3://….
        values: Settings by section, such as {"generation": {"temperature": 0}}.
    """

    model: str
    task: str
    method: str
    log: str
    values: Mapping[str, Mapping[str, object]]
