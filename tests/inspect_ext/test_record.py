"""The record in a sample's store: read from a log as it was written."""

import pytest
from inspect_ai.log import EvalSample
from inspect_ai.util import Store
from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from tale_eval.budgets.traces import AttemptTrace, SearchTrace, TrialTrace
from tale_eval.inspect_ext.logged import record_in
from tale_eval.inspect_ext.record import TaleRecord
from tale_eval.tokens.ledger import Call

ANSWER = AttemptTrace(output_tokens=9, correct=True, text="[[1]]", event="e1")
TRACE = SearchTrace(
    status="no_smaller_budget", trials=(TrialTrace(rule="all", attempts=(ANSWER,)),)
)
CALLS = [
    Call(event=f"e{n}", purpose="answer", model="m", counted_by="provider", output_tokens=n)
    for n in range(2)
]


def sample(**fields: object) -> EvalSample:
    """A logged sample whose record has these fields, by the record's own way into the store."""
    store = Store()
    record = TaleRecord(store=store)
    for name, value in fields.items():
        setattr(record, name, value)
    logged = to_jsonable_python(dict(store.items()))
    return EvalSample(id=1, epoch=1, input="?", target="", store=logged)


def test_every_field_is_read_as_it_was_written() -> None:
    written = {
        "method": "tale_ep:style=answer_last",
        "calls": CALLS,
        "answer_call": 1,
        "budget": 30,
        "budget_status": "read",
        "budget_echoed": True,
        "estimator": "knn-0123456789ab",
        "estimate_seconds": 0.002,
        "search": TRACE,
    }
    assert written.keys() | {"prompt_version"} == TaleRecord.model_fields.keys() - {
        "store",
        "instance",
    }
    record = record_in(sample(**written))
    assert {name: getattr(record, name) for name in written} == written
    assert (record.has_calls, record.search_status) == (True, "no_smaller_budget")


@pytest.mark.parametrize(
    "logged", [sample(), EvalSample(id=1, epoch=1, input="?", target="")], ids=["new", "none"]
)
def test_nothing_written_is_read_as_nothing(logged: EvalSample) -> None:
    record = record_in(logged)
    assert (record.method, record.calls, record.has_calls) == (None, [], False)
    assert (record.answer_call, record.budget, record.budget_status) == (None, None, None)
    assert (record.budget_echoed, record.search, record.search_status) == (False, None, None)


def test_a_field_that_cannot_be_read_costs_no_other() -> None:
    logged = sample(method="cot")
    logged.store |= {"TaleRecord:calls": [{"purpose": "?"}], "TaleRecord:search": "x"}
    record = record_in(logged)
    assert (record.method, record.has_calls) == ("cot", True)
    with pytest.raises(ValidationError):
        _ = record.calls
    with pytest.raises(ValidationError):
        _ = record.search
    with pytest.raises(AttributeError):
        _ = record.search_status
