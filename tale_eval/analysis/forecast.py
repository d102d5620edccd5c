"""What runs to come will cost, by what earlier answers took. Pure.

Nothing is made up: where no log shows the tokens, or nobody lists the price, the cost is unknown
and the reason is said.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tale_eval.tokens.ledger import Call
from tale_eval.tokens.pricing import Prices, total_dollars


@dataclass(frozen=True)
class Seen:
    """A run that has shown what a question takes.

    Attributes:
        model, task, method: What it is called.
        questions: How many were answered, one for each epoch.
        calls: One for each model that was asked, with the mean tokens of a question.
    """

    model: str
    task: str
    method: str
    questions: int
    calls: tuple[Call, ...]

    def __str__(self) -> str:
        return f"{self.model} · {self.task} · {self.method}"

    def of_model(self, model: str) -> "Seen":
        """The same tokens, as if another model had been asked what this one was."""
        calls = (
            call.model_copy(update={"model": model}) if call.model == self.model else call
            for call in self.calls
        )
        return Seen(model, self.task, self.method, self.questions, tuple(calls))


@dataclass(frozen=True)
class ToCome:
    """A run that is still to be made.

    Attributes:
        model, task, method: What it will be called.
        questions: How many will be asked, one for each epoch; None if nobody knows.
        seen: The earlier runs at the same setting.
        placed: A call with the batch and the tier that it will be asked by, which have prices
            of their own.
    """

    model: str
    task: str
    method: str
    questions: int | None
    seen: tuple[Seen, ...] = ()
    placed: Callable[[Call], Call] = lambda call: call


@dataclass(frozen=True)
class Forecast:
    """What runs to come will cost.

    Attributes:
        dollars: Of those whose cost is known; None if that is none.
        known: How many these are.
        rows: The earlier runs that it was worked out from, in words.
        unknown: Why the others' is not, with a place for what it lacks, and what that is, once
            for each run.
    """

    dollars: float | None
    known: int
    rows: tuple[str, ...]
    unknown: dict[str, list[str]]


def forecast(runs: Iterable[ToCome], prices: Prices | None = None) -> Forecast:
    """What these runs will cost.

    A run is taken to need a question's mean tokens of the same model, task and method; else of
    the same model and method on another task; else of the same method on another model.

    Args:
        runs: Those with something to ask.
        prices: A user's own prices, looked up first.
    """
    total, known = Decimal(0), 0
    rows: dict[str, None] = {}
    unknown: dict[str, list[str]] = {}
    for run in runs:
        found = _dollars(run, prices)
        if isinstance(found, _Unknown):
            unknown.setdefault(found.reason, []).append(found.of)
            continue
        dollars, row = found
        total, known = total + dollars, known + 1
        rows[row] = None
    return Forecast(float(total) if known else None, known, tuple(rows), unknown)


@dataclass(frozen=True)
class _Unknown:
    """Why a run's cost is unknown: what there is not, and of what."""

    reason: str
    of: str


def _dollars(run: ToCome, prices: Prices | None) -> tuple[Decimal, str] | _Unknown:
    """The run's dollars and what they were worked out from, or why they are unknown."""
    nearest = _nearest(run)
    if nearest is None:
        return _Unknown("no log shows the tokens of {} at this setting", run.method)
    if run.questions is None:
        return _Unknown("nobody knows how many questions {} has", run.task)
    calls = [run.placed(call) for call in nearest.of_model(run.model).calls]
    a_question = total_dollars(calls, prices)
    if a_question is None:
        return _Unknown("no price is known of {}", f"{run.model}{_place(calls)}")
    other = f", as if {run.model} wrote as much" if nearest.model != run.model else ""
    return a_question * run.questions, f"{nearest} ({nearest.questions} answers{other})"


def _place(calls: Iterable[Call]) -> str:
    """What else than the model chooses the price of these calls."""
    said = ["in a batch"] if any(call.batch for call in calls) else []
    said += sorted({f"in the tier {call.service_tier}" for call in calls if call.service_tier})
    return f" {' '.join(said)}" if said else ""


def _nearest(run: ToCome) -> Seen | None:
    alike = [seen for seen in run.seen if seen.method == run.method and seen.calls]
    ranks = (
        lambda seen: (seen.model, seen.task) == (run.model, run.task),
        lambda seen: seen.model == run.model,
        lambda seen: seen.task == run.task,
        lambda seen: True,
    )
    for fits in ranks:
        found: Sequence[Seen] = [seen for seen in alike if fits(seen)]
        if found:
            return max(found, key=lambda seen: seen.questions)
    return None
