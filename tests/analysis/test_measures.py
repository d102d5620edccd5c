"""What is measured of a row, each number worked by hand."""

from dataclasses import replace
from typing import get_args

import example_report
import pytest
from hypothesis import given, strategies as st
from records import COT, DIRECT, TALE, answer

from tale_eval.analysis.leaderboard import LeaderboardRow, leaderboard
from tale_eval.analysis.measures import MEASURES, Unit, Value
from tale_eval.analysis.problems import problems
from tale_eval.analysis.results import Point
from tale_eval.errors import UnknownNameError
from tale_eval.report import columns, terminal
from tale_eval.tokens.costs import COST_KEYS

ROWS = {row.method: row for row in leaderboard(COT + TALE + DIRECT)}


@pytest.mark.parametrize(
    ("method", "name", "value"),
    [
        ("cot", "n", Value(3, beside=(1,))),
        ("cot", "answer_tokens", Value(200.0)),
        ("tale_ep", "answer_tokens", Value(50.0, beside=(5.0,))),
        # 20 + 40 + 60 + 80 tokens for three right answers
        ("tale_ep", "tokens_per_correct", Value(200 / 3)),
        ("tale_ep", "budget_missing", Value(0.25)),
        ("cot", "budget_missing", Value()),
        ("cot", "dollars_per_1000", Value(2.0)),
        ("tale_ep", "oaa_limit", Value(300)),
        ("cot", "pareto", Value(False)),
        ("tale_ep", "pareto", Value(True)),
        ("cot", "verdict", Value(detail="baseline", order=1)),
        ("tale_ep", "verdict", Value("undecided", order=2)),
        ("cot", "baseline", Value()),
        ("tale_ep", "baseline", Value("cot")),
        # of the four, the baseline failed on one
        ("tale_ep", "paired", Value(3, beside=(1,))),
        # a: both right; b: only the baseline; c: only TALE; p of one against one is 1
        ("tale_ep", "mcnemar_p", Value(1.0, beside=(1, 1))),
    ],
)
def test_what_a_measure_says_of_a_row(method: str, name: str, value: Value) -> None:
    assert ROWS[method].measure(name) == value


def test_a_measure_has_its_interval_where_there_is_one() -> None:
    row = ROWS["tale_ep"]
    assert row.comparison is not None
    assert row.measure("accuracy") == Value(0.75, row.interval)
    assert row.measure("output_tokens") == Value(50.0, row.tokens_interval)
    assert row.measure("difference") == Value(0.0, row.comparison.interval)
    # three questions are too few for one
    reason = "too few to tell: 3 questions, and token counts need 20"
    assert row.measure("token_ratio") == Value(0.2, None, detail=reason)


def test_an_unknown_measure_is_an_error_with_the_right_names() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown measure 'acuracy'.*'accuracy'"):
        ROWS["cot"].measure("acuracy")


def test_no_two_measures_share_a_name_and_each_says_what_it_means() -> None:
    names = [measure.name for measure in MEASURES]
    assert len(set(names)) == len(names)
    assert all(measure.title and measure.note for measure in MEASURES)


def test_every_known_cost_is_measured() -> None:
    assert set(COST_KEYS) <= {measure.name for measure in MEASURES}


def test_every_unit_can_be_written_in_every_table() -> None:
    assert set(columns.WRITERS) == set(terminal.WRITERS) == set(get_args(Unit))


def test_no_interval_is_kept_from_the_files() -> None:
    # one that failed, so that there are intervals with failures too
    failed = [answer("cot", "failed", None, None, model="m", task="t")]
    rows = leaderboard(example_report.records(["m"], ["t"], size=20) + failed)
    found = {m.name for m in MEASURES for row in rows if m.of(row).interval}
    assert found == {measure.name for measure in MEASURES if measure.interval}


@pytest.mark.parametrize(
    ("value", "sorted_by"),
    [
        (Value(0.5), 0.5),
        (Value(), None),
        (Value("worse"), None),
        (Value("worse", order=3), 3),
        (Value(0.03, order=1), 1),
        (Value(True), 0),
        (Value(False), None),
    ],
)
def test_a_table_sorts_by_the_number_or_the_order_and_puts_marks_first(
    value: Value, sorted_by: float | None
) -> None:
    assert value.sorted_by == sorted_by


def test_a_word_is_no_number() -> None:
    with pytest.raises(AssertionError, match="'worse' is no number"):
        _ = Value("worse").number


ANSWERS = st.tuples(st.integers(0, 1), st.integers(0, 9))
METHODS = st.dictionaries(st.sampled_from("abcdef"), st.lists(ANSWERS, min_size=1), min_size=1)


@given(METHODS)
def test_whoever_is_not_in_the_pareto_set_is_beaten_by_one_that_is(
    methods: dict[str, list[tuple[int, int]]],
) -> None:
    rows = leaderboard(
        answer(method, str(number), correct, tokens)
        for method, answers in methods.items()
        for number, (correct, tokens) in enumerate(answers)
    )
    best = [_point(row) for row in rows if row.measure("pareto").value]
    others = [_point(row) for row in rows if not row.measure("pareto").value]
    assert all(any(one.beats(other) for one in best) for other in others)
    assert not any(one.beats(other) for one in best for other in best)


def _point(row: LeaderboardRow) -> Point:
    assert row.accuracy is not None
    tokens = row.means["output_tokens"]
    assert tokens is not None
    return Point(row.accuracy, tokens)


def test_formulas_that_could_not_be_compared_are_counted_and_said() -> None:
    judged = [replace(record, undecided=record.sample_id == "a") for record in COT]
    (row,) = leaderboard(judged)
    assert row.measure("undecided") == Value(1)
    assert any("the formulas of 1 answers could not be" in p for p in problems([row], None))
    assert ROWS["cot"].measure("undecided") == Value()
