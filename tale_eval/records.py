"""One row per (model, task, method, sample, epoch), whatever harness it came from."""

from dataclasses import dataclass

from tale_eval.costs import COST_KEYS


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
