"""The trace of a budget search as it stands in a log. Pure."""

from pydantic import BaseModel, ConfigDict

from tale_eval.budgets.search import Attempt, Rule, SearchResult, SearchStatus, Trial


class AttemptTrace(BaseModel):
    """One answer: its output tokens, whether it was right, and its text.

    The tokens are None where nobody counted them.
    `event` is that of its call in the ledger (`tale_eval.tokens.ledger.Call`); None in logs
    of version 0.1.0, which did not write it.
    """

    model_config = ConfigDict(frozen=True)

    output_tokens: int | None = None
    correct: bool
    text: str
    event: str | None = None

    def attempt(self) -> Attempt:
        """The answer as the search saw it."""
        return Attempt(self.output_tokens, self.correct, self.text, self.event)

    @classmethod
    def of(cls, attempt: Attempt) -> "AttemptTrace":
        """The trace of an answer."""
        return cls(
            output_tokens=attempt.output_tokens,
            correct=attempt.correct,
            text=attempt.text,
            event=attempt.call,
        )


class TrialTrace(BaseModel):
    """The answers under one budget; None is vanilla CoT."""

    model_config = ConfigDict(frozen=True)

    budget: int | None = None
    rule: Rule
    attempts: tuple[AttemptTrace, ...]

    def trial(self) -> Trial:
        """The trial as the search saw it."""
        attempts = tuple(attempt.attempt() for attempt in self.attempts)
        return Trial(self.budget, attempts, self.rule)

    @classmethod
    def of(cls, trial: Trial) -> "TrialTrace":
        """The trace of a trial."""
        attempts = tuple(AttemptTrace.of(attempt) for attempt in trial.attempts)
        return cls(budget=trial.budget, rule=trial.rule, attempts=attempts)


class SearchTrace(BaseModel):
    """A whole search, the failing trial and a speculative search's surplus included.

    `budget` is the chosen one; None where vanilla CoT was not improved upon.
    """

    model_config = ConfigDict(frozen=True)

    status: SearchStatus
    budget: int | None = None
    trials: tuple[TrialTrace, ...]
    surplus: tuple[TrialTrace, ...] = ()

    @classmethod
    def of(cls, result: SearchResult) -> "SearchTrace":
        """The trace of a search."""
        return cls(
            status=result.status,
            budget=result.budget,
            trials=tuple(TrialTrace.of(trial) for trial in result.trials),
            surplus=tuple(TrialTrace.of(trial) for trial in result.surplus),
        )
