"""A search's trace says everything that the search saw."""

from hypothesis import given, strategies as st

from tale_eval.budgets.search import Attempt, Trial
from tale_eval.budgets.traces import AttemptTrace, TrialTrace

ATTEMPTS = st.builds(
    Attempt, st.integers(0), st.booleans(), st.text(), st.none() | st.text(min_size=1)
)
TRIALS = st.builds(
    Trial,
    st.none() | st.integers(1),
    st.lists(ATTEMPTS, min_size=1, max_size=3).map(tuple),
    st.sampled_from(["all", "majority"]),
)


@given(TRIALS)
def test_a_trial_is_read_from_its_trace_as_it_was(trial: Trial) -> None:
    logged = TrialTrace.of(trial).model_dump_json()
    assert TrialTrace.model_validate_json(logged).trial() == trial


def test_a_trace_of_version_0_1_0_names_no_call() -> None:
    logged = '{"output_tokens": 9, "correct": true, "text": "[[1]]"}'
    assert AttemptTrace.model_validate_json(logged).attempt() == Attempt(9, True, "[[1]]", None)
