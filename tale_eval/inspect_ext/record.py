"""The door between Inspect and the ledger: every model call is written down.

Inspect forgets usage when a reply comes from its cache or a log is scored again, so
the calls are kept in the sample's store, where both survive.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard, cast

from inspect_ai.event import Event, ModelEvent
from inspect_ai.log import EvalSample, transcript
from inspect_ai.model import Model, ModelOutput, get_model
from inspect_ai.solver import TaskState
from inspect_ai.util import StoreModel
from pydantic import Field, TypeAdapter

from tale_eval.asking.prompts import PROMPT_VERSION
from tale_eval.budgets.plan import Purpose
from tale_eval.budgets.reading import BudgetReading
from tale_eval.budgets.traces import SearchTrace
from tale_eval.inspect_ext.counting import count, stop_reason
from tale_eval.tokens.ledger import Call

ESTIMATOR_ROLE = "estimator"
"""The default model role of the budget estimator: ``--model-role estimator=MODEL``."""

_CALLS = TypeAdapter(list[Call])


class TaleRecord(StoreModel):
    """What a method did on one question; kept in the sample's store and so in the log.

    Attributes:
        method: The method's name.
        prompt_version: Version of the prompt texts.
        calls: Every model call, in order.
        answer_call: Index in `calls` of the call whose reply is the sample's answer.
        budget: Budget of the answer, in tokens; None if it had none.
        budget_status: How the estimate was read; None if the method has no estimator.
        budget_echoed: The estimate repeats the example of the estimator's prompt.
        search: The whole trace of a budget search; None for other methods.
    """

    method: str | None = None
    prompt_version: str = PROMPT_VERSION
    calls: list[Call] = Field(default_factory=list)
    answer_call: int | None = None
    budget: int | None = None
    budget_status: str | None = None
    budget_echoed: bool = False
    search: SearchTrace | None = None


def record_of(state: TaskState) -> TaleRecord:
    """The sample's record."""
    return state.store_as(TaleRecord)


@dataclass(frozen=True)
class LoggedRecord:
    """The record in a logged sample's store; each field is read when it is asked for.

    Anybody may have written a log. `calls` and `search` are validated, for their parts are
    used; the plain values come as they stand, and whoever makes a `tale_eval.records.Record`
    or `Searched` of them has them checked.

    Attributes:
        store: The sample's whole store.
    """

    store: Mapping[str, Any]

    @property
    def method(self) -> str | None:
        """As in `TaleRecord`, like all that follow; None in a log of somebody else's method."""
        method = self._value("method")
        return str(method) if method else None

    @property
    def has_calls(self) -> bool:
        """Whether any call was written down."""
        return bool(self._value("calls"))

    @property
    def calls(self) -> list[Call]:
        """Every model call, in order.

        Raises:
            ValidationError: They are no such calls.
        """
        return _CALLS.validate_python(self._value("calls") or [])

    @property
    def answer_call(self) -> int | None:
        """Index in `calls` of the answer's."""
        return cast(int | None, self._value("answer_call"))

    @property
    def budget(self) -> int | None:
        """Budget of the answer, in tokens."""
        return cast(int | None, self._value("budget"))

    @property
    def budget_status(self) -> str | None:
        """How the estimate was read."""
        return cast(str | None, self._value("budget_status"))

    @property
    def budget_echoed(self) -> bool:
        """The estimate repeats its prompt's example."""
        return cast(bool, self._value("budget_echoed") or False)

    @property
    def search(self) -> SearchTrace | None:
        """The trace of a budget search.

        Raises:
            ValidationError: It is no such trace.
        """
        trace = self._value("search")
        return None if trace is None else SearchTrace.model_validate(trace)

    @property
    def search_status(self) -> str | None:
        """How a budget search ended: all that a table needs of its trace."""
        return cast(str | None, (self._value("search") or {}).get("status"))

    def _value(self, field: str) -> Any:
        return self.store.get(_key(field))


def record_in(sample: EvalSample) -> LoggedRecord:
    """The record of a sample in a log."""
    return LoggedRecord(sample.store)


def record_method(state: TaskState, label: str) -> None:
    """Write down which method the sample is answered by."""
    _write(state, method=label)


def record_call(
    state: TaskState,
    output: ModelOutput,
    purpose: Purpose,
    *,
    budget: int | None = None,
    model: Model | None = None,
) -> Call:
    """Write the call that gave this output into the sample's record.

    Args:
        state: The sample.
        output: The model's reply, just received.
        purpose: Why the model was asked.
        budget: Budget that the prompt stated, in tokens.
        model: The model that was asked; the task's own if None.
    """
    event = transcript().history.find_last(_is_call_for(output))
    if event is None:
        raise RuntimeError("the model call left no event in Inspect's transcript")
    call = _call(event, purpose, budget, model or get_model())
    calls = [*record_of(state).calls, call]
    _write(state, calls=calls)
    if purpose == "answer":
        _write(state, answer_call=len(calls) - 1, budget=budget)
    return call


def record_estimate(state: TaskState, reading: BudgetReading) -> None:
    """Write down how the estimator's reply was read."""
    _write(state, budget_status=reading.status, budget_echoed=reading.echoed)


def calls_of(state: TaskState, record: TaleRecord) -> list[Call]:
    """Every call of a sample: its record's where there are any, else Inspect's events.

    The calls of others, such as a grader's, come from the events in both cases. A log
    that was stripped of its events still has its last output.
    """
    events = [e for e in transcript().events if isinstance(e, ModelEvent) and e.error is None]
    ledger = record.calls
    if ledger:
        known = {call.event for call in ledger}
        helpers = [e for e in events if e.uuid not in known]
        return [*ledger, *(_call(e, "helper", model=_if_loaded(e.model)) for e in helpers)]
    if events:
        return [_call(e, _purpose_of_role(e.role), model=_if_loaded(e.model)) for e in events]
    if state.output.empty:
        return []
    counted = count(state.output, str(state.model))
    return [Call(purpose="answer", model=str(state.model), **vars(counted))]


def _write(state: TaskState, **fields: object) -> None:
    # by the store itself: an assignment to the model would validate all of it, every time
    for name, value in fields.items():
        state.store.set(_key(name), value)


def _key(field: str) -> str:
    """Where Inspect keeps a field of the record in a sample's store."""
    return f"{TaleRecord.__name__}:{field}"


def _is_call_for(output: ModelOutput) -> Callable[[Event], TypeGuard[ModelEvent]]:
    """Recognise the event of a reply by its message id: the event holds a copy."""

    def is_call(event: Event) -> TypeGuard[ModelEvent]:
        if not isinstance(event, ModelEvent) or event.pending:
            return False
        if output.empty or event.output.empty:
            return output.empty and event.output.empty
        return event.output.message.id == output.message.id

    return is_call


def _call(
    event: ModelEvent, purpose: Purpose, budget: int | None = None, model: Model | None = None
) -> Call:
    max_tokens = event.config.max_tokens
    counted = count(event.output, event.model, model, event.input, max_tokens)
    return Call(
        event=event.uuid,
        purpose=purpose,
        model=event.model,
        role=event.role,
        budget=budget,
        max_tokens=max_tokens,
        seed=event.config.seed,
        stop_reason=stop_reason(event.output),
        seconds=event.output.time,
        replayed=event.cache == "read",
        **vars(counted),
    )


def _purpose_of_role(role: str | None) -> Purpose:
    if role is None:
        return "answer"
    return "estimate" if role == ESTIMATOR_ROLE else "helper"


def _if_loaded(name: str) -> Model | None:
    """The task's model if it goes by this name: a log can be scored again under another."""
    model = get_model()
    return model if str(model) == name else None
