"""Questions do not fail at random: a method does not win by failing on the hard ones.

And what else a table must not leave to its reader: that oracles are none of the methods that one
could deploy, and that many verdicts are wrong more often than one.
"""

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from records import answer
from rich.console import Console

from tale_eval.analysis.comparison import FAILURE_SHARE
from tale_eval.analysis.leaderboard import LeaderboardRow, leaderboard
from tale_eval.analysis.problems import problems
from tale_eval.analysis.statistics import accuracy_interval, paired_difference
from tale_eval.records import Record
from tale_eval.report.tables import leaderboard_rows, write_csv, write_json, write_markdown
from tale_eval.report.terminal import leaderboard_tables


def run(method: str, scores: Sequence[float | None], tokens: float = 60) -> list[Record]:
    """A method's answers to questions 0, 1, …; None is a failed one, which spent nothing known."""
    return [
        answer(method, f"{n:04}", score, None if score is None else tokens)
        for n, score in enumerate(scores)
    ]


def by_method(records: Sequence[Record], baseline: str = "cot") -> dict[str, LeaderboardRow]:
    return {row.method: row for row in leaderboard(records, baseline)}


# 300 questions, of which CoT gets the first 240 right; the other fails from 150 on, and gets
# right what CoT does before
COT = run("cot", [1.0] * 240 + [0.0] * 60, tokens=60)
FRAGILE = run("tale_ep", [1.0] * 150 + [None] * 150, tokens=60)


def test_a_method_that_fails_on_half_of_its_questions_is_worse() -> None:
    row = by_method(COT + FRAGILE)["tale_ep"]
    versus = row.comparison
    assert versus is not None
    # on what both answered they are the same
    assert (versus.paired, versus.difference) == (150, 0)
    assert (row.accuracy, row.accuracy_with_failures) == (1, 0.5)
    as_wrong = {f"{q}": [float(q < 150)] for q in range(300)}
    assert row.interval_with_failures == accuracy_interval(as_wrong)
    # 90 of 300 are lost: 150 failed, of which CoT had 90 right
    expected = paired_difference(
        {str(n): [float(n < 150)] for n in range(300)},
        {str(n): [float(n < 240)] for n in range(300)},
    )
    assert expected is not None
    assert versus.with_failures == expected
    assert expected.value == pytest.approx(-0.3)
    assert (versus.failures_count, versus.verdict) == (True, "worse")


def test_it_is_not_in_the_pareto_set_beside_one_that_costs_the_same_and_answers() -> None:
    rows = by_method(COT + FRAGILE)
    assert {m: row.measure("pareto").value for m, row in rows.items()} == {
        "cot": True,
        "tale_ep": False,
    }


def test_a_failure_spares_no_tokens_and_what_it_spent_counts() -> None:
    def accurate(tokens: float) -> list[Record]:
        return run("direct", [1.0] * 150 + [0.0] * 150, tokens)

    # as accurate as the fragile one with its failures: the cheaper of the two is in the set
    for tokens, in_set in ((59, False), (61, True)):
        rows = by_method(FRAGILE + accurate(tokens))
        assert rows["tale_ep"].measure("pareto").value is in_set
    dear = [replace(r, costs={**r.costs, "output_tokens": 100}) if r.error else r for r in FRAGILE]
    # (150 · 60 + 150 · 100) / 300 = 80
    assert by_method(dear + accurate(79))["tale_ep"].measure("pareto").value is False
    assert by_method(dear + accurate(81))["tale_ep"].measure("pareto").value is True


def test_the_baselines_failures_count_too() -> None:
    broken = [replace(record, method="cot") for record in FRAGILE]
    whole = run("direct", [1.0] * 150 + [1.0] * 90 + [0.0] * 60)
    versus = by_method(broken + whole)["direct"].comparison
    assert versus is not None
    assert versus.with_failures is not None
    assert versus.with_failures.value == pytest.approx(0.3)
    assert versus.verdict == "not worse"


@pytest.mark.parametrize(("failures", "counted"), [(0, False), (3, False), (4, True)])
def test_failures_count_above_one_percent(failures: int, counted: bool) -> None:
    assert FAILURE_SHARE == 0.01
    some = run("tale_ep", [1.0] * (300 - failures) + [None] * failures)
    row = by_method(COT + some)["tale_ep"]
    assert row.comparison is not None
    assert (row.failures_count, row.comparison.failures_count) == (counted, counted)
    assert (row.comparison.with_failures is None) == (failures == 0)
    notes = [note for note in problems([row]) if "count a failure as a wrong answer" in note]
    assert len(notes) == counted


def test_both_views_stand_in_every_table_and_the_note_says_which_decides(tmp_path: Path) -> None:
    rows = leaderboard(COT + FRAGILE)
    write_csv(leaderboard_rows(rows), tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(encoding="utf-8") as file:
        (_, line) = csv.DictReader(file)
    assert [line[k] for k in ("accuracy", "accuracy_with_failures")] == ["1.0", "0.5"]
    assert [line[k] for k in ("difference", "failures_count")] == ["0.0", "True"]
    assert float(line["difference_with_failures"]) == pytest.approx(-0.3)
    assert float(line["difference_with_failures_high"]) < -0.02
    write_json(rows, tmp_path / "t.json")
    written = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))[1]
    assert written["comparison"]["with_failures"]["value"] == pytest.approx(-0.3)
    write_markdown(rows, tmp_path / "t.md")
    assert "| 100.0 % 97.6 to 100.0 | 50.0 % 44.2 to 55.8 |" in (tmp_path / "t.md").read_text(
        encoding="utf-8"
    )
    assert "as wrong" in terminal(rows)
    assert problems(rows)[1] == (
        "m, sums: tale_ep: more than 1 % of its samples failed, so verdicts and the Pareto set "
        "count a failure as a wrong answer (100.0 % of what was answered is right, 50.0 % of all); "
        "most often: the model went away"
    )


@pytest.mark.parametrize(
    ("errors", "shown"),
    [
        (["a", "b\nc", "b  c"], "b c"),
        (["x" * 300], "x" * 200 + "…"),
        (
            ["Error code: 400 - 'temperature' does not support 0.1 with this model."],
            "Error code: 400 - 'temperature' does not support 0.1 with this model. "
            "(--temperature 1 may help)",
        ),
        (
            ["HTTP 400: no such temperature [--gen_kwargs temperature=1]"],
            "HTTP 400: no such temperature [--gen_kwargs temperature=1]",
        ),
    ],
)
def test_the_commonest_reason_of_the_failures_is_said(errors: list[str], shown: str) -> None:
    failed = [
        replace(record, error=error)
        for record, error in zip(run("direct", [None] * len(errors)), errors, strict=True)
    ]
    _, note = problems(leaderboard(failed, baseline=None), baseline=None)
    assert note.endswith(f"; most often: {shown}")


def test_without_failures_there_is_no_second_view() -> None:
    rows = leaderboard(COT + run("direct", [0.0] * 300))
    assert "as wrong" not in terminal(rows)
    assert [row.measure("accuracy_with_failures").value for row in rows] == [None, None]


def test_a_score_that_nobody_can_read_is_no_failure() -> None:
    graded = [replace(r, error=None, unread=True) if r.correct is None else r for r in FRAGILE]
    row = by_method(COT + graded)["tale_ep"]
    assert (row.n, row.errors, row.unread) == (150, 0, 150)
    assert (row.accuracy_with_failures, row.failures_count) == (1, False)
    assert row.comparison is not None
    # on the 150 both are right: no loss, but 2 points want 183 questions without one
    assert (row.comparison.difference, row.comparison.verdict) == (0, "undecided")
    (note,) = [note for note in problems([row]) if "neither right nor wrong" in note]
    assert "tale_ep: the score of 150 samples" in note


SCORES = st.lists(st.sampled_from([0.0, 1.0, None]), min_size=2, max_size=30)


@given(SCORES, SCORES)
def test_a_failure_never_helps(ours: list[float | None], theirs: list[float | None]) -> None:
    """Failing instead of answering wrongly brings nothing."""
    rows = by_method(run("cot", theirs) + run("tale_ep", ours))
    wrong = [0.0 if score is None else score for score in ours]
    answered = by_method(run("cot", theirs) + run("tale_ep", wrong))
    assert rows["tale_ep"].accuracy_with_failures == answered["tale_ep"].accuracy
    in_set = rows["tale_ep"].measure("pareto").value
    if any(score is not None for score in ours):
        assert in_set <= bool(answered["tale_ep"].measure("pareto").value)


# --- oracles ---

SEARCHED = run("budget_search:strategy=halving", [1.0] * 300, tokens=5)


def test_an_oracle_is_called_one_and_is_not_in_the_pareto_set(tmp_path: Path) -> None:
    rows = by_method(COT + SEARCHED)
    searched = rows["budget_search:strategy=halving"]
    assert searched.measure("pareto").value is False
    assert searched.measure("oracle").value is True
    # nor does it put anybody else out of it
    assert rows["cot"].measure("pareto").value is True
    assert rows["cot"].measure("oracle").value is False
    ordered = list(rows.values())
    assert "halving (oracle)" in " ".join(terminal(ordered).replace("\n", " ").split())
    assert "(oracle) chooses its answers by the right ones" in terminal(ordered)
    write_markdown(ordered, tmp_path / "t.md")
    text = (tmp_path / "t.md").read_text(encoding="utf-8")
    assert "| budget_search:strategy=halving (oracle) |" in text
    assert text.count("(oracle) chooses") == 1
    write_csv(leaderboard_rows(ordered), tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(encoding="utf-8") as file:
        assert [line["oracle"] for line in csv.DictReader(file)] == ["False", "True"]


@pytest.mark.parametrize(
    ("method", "oracle"),
    [
        ("budget_search", True),
        ("budget_search @ short-1a2b3c4d", True),
        ("budget_search:samples=3 @ short", True),
        ("budget", False),
        ("budget_searcher", False),
        ("tale_ep estimator=openai/budget_search", False),
    ],
)
def test_which_methods_are_oracles(method: str, oracle: bool) -> None:
    (row,) = leaderboard(run(method, [1.0, 0.0]), baseline=None)
    assert row.measure("oracle").value is oracle
    assert row.measure("pareto").value is not oracle
    assert ("(oracle)" in terminal([row])) is oracle


# --- many comparisons ---


@pytest.mark.parametrize(("others", "share"), [(2, None), (3, "15"), (5, "25")])
def test_the_number_of_uncorrected_verdicts_is_said_from_three_on(
    others: int, share: str | None
) -> None:
    methods = [record for n in range(others) for record in run(f"budget:tokens={n + 1}", [1, 0, 1])]
    records = run("cot", [1, 1, 0]) + methods
    assert not [n for n in problems(leaderboard(records)) if "compared" in n]
    uncorrected = leaderboard(records, correction="none")
    notes = [n for n in problems(uncorrected) if "compared" in n]
    assert notes == (
        []
        if share is None
        else [
            f"m, sums: {others} methods are compared with cot, each at 5 %, and nothing is "
            f"corrected for that: in up to {share} % of such tables one of the verdicts is false"
        ]
    )


def terminal(rows: Sequence[LeaderboardRow]) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(leaderboard_tables(rows))
    return capture.get()
