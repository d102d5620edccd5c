"""Several verdicts of one table: Holm's correction, by hand and by simulation."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from intervals import one_epoch
from records import answer
from rich.console import Console

from tale_eval.analysis.comparison import Comparison
from tale_eval.analysis.family import check_correction, correction_notes, holm
from tale_eval.analysis.leaderboard import LeaderboardRow, leaderboard
from tale_eval.analysis.statistics import LEVEL, Chances, paired_chances, paired_difference, verdict
from tale_eval.errors import UnknownNameError
from tale_eval.records import Record
from tale_eval.report.page import write_page
from tale_eval.report.tables import leaderboard_rows, write_csv, write_json, write_markdown
from tale_eval.report.terminal import leaderboard_tables


def run(method: str, right: int, of: int = 200) -> list[Record]:
    """The first questions are right."""
    return [answer(method, f"q{i}", float(i < right), 60) for i in range(of)]


def test_holm_by_hand() -> None:
    # sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1: 0.02, 0.03, 0.06, 0.04 and none falls back
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_holm_lies_between_no_correction_and_bonferronis(chances: list[float]) -> None:
    adjusted = holm(chances)
    for alone, together in zip(chances, adjusted, strict=True):
        assert alone <= together <= min(1, len(chances) * alone)
    order = np.argsort(chances, kind="stable")
    assert sorted(adjusted) == [adjusted[i] for i in order]


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=30),
    st.sampled_from([0.0, 0.02, 0.1, 0.4]),
)
def test_a_p_value_is_below_the_level_where_the_interval_gives_the_verdict(
    scores: list[tuple[int, int]], margin: float
) -> None:
    ours, theirs = (one_epoch([pair[i] / 4 for pair in scores]) for i in (0, 1))
    difference = paired_difference(ours, theirs)
    chances = paired_chances(ours, theirs, margin)
    assert difference is not None
    assert difference.interval is not None
    assert chances is not None
    # right at the level, the search for the interval's end may err in the last digit
    if min(abs(chances.not_worse - LEVEL), abs(chances.worse - LEVEL)) > 1e-4:
        said = verdict(difference.interval, margin)
        assert (chances.not_worse < LEVEL) == (said == "not worse")
        assert (chances.worse < LEVEL) == (said == "worse")


def test_the_p_value_of_questions_that_never_differ_by_hand() -> None:
    # Gaffke's: the further question is lost, and outweighs n others with chance (1 - margin)^n
    same = one_epoch([1.0] * 150)
    chances = paired_chances(same, same, 0.02)
    assert chances is not None
    assert chances.not_worse == pytest.approx(0.98**150, abs=1e-5)
    assert chances.worse == pytest.approx(1)


def test_one_question_says_nothing() -> None:
    assert paired_chances({"q": [1.0]}, {"q": [1.0]}, 0.02) is None
    assert paired_chances({"q": [1.0]}, {"r": [1.0]}, 0.02) is None


def versus(rows: list[LeaderboardRow]) -> dict[str, Comparison]:
    return {row.method: row.comparison for row in rows if row.comparison}


def test_a_verdict_that_stands_alone_may_not_stand_among_others() -> None:
    """200 questions that never differ: p = 0.98^200 = 0.0176, above 0.025 / 2."""
    alone = versus(leaderboard(run("cot", 150) + run("short", 150)))["short"]
    assert (alone.verdict, alone.alone, alone.together) == ("not worse", "not worse", 1)
    records = run("cot", 150) + run("short", 150) + run("long", 146)
    found = versus(leaderboard(records))
    assert found["long"].alone == found["long"].verdict == "undecided"
    assert (found["short"].verdict, found["short"].alone) == ("undecided", "not worse")
    adjusted = found["short"].adjusted
    assert adjusted is not None
    assert adjusted.not_worse == pytest.approx(2 * 0.98**200, abs=1e-4)
    free = versus(leaderboard(records, correction="none"))
    assert (free["short"].verdict, free["short"].correction) == ("not worse", "none")
    assert free["short"].interval == found["short"].interval


def test_a_pair_without_a_verdict_costs_the_others_nothing() -> None:
    records = run("cot", 150) + run("short", 150) + run("long", 1, of=1)
    found = versus(leaderboard(records))
    assert (found["short"].verdict, found["short"].together) == ("not worse", 1)
    assert found["long"].chances is None


def test_step_down_two_that_are_sure_make_room_for_each_other() -> None:
    """230 questions: p = 0.98^230 = 0.0096, below 0.025 / 2 for the first and so for both."""
    records = run("cot", 150, 230) + run("short", 150, 230) + run("long", 150, 230)
    assert {each.verdict for each in versus(leaderboard(records)).values()} == {"not worse"}


def test_each_model_and_task_is_a_family_of_its_own() -> None:
    records = run("cot", 150) + run("short", 150)
    others = [answer(r.method, r.sample_id, r.correct, 60, model="other") for r in records]
    assert {row.comparison.together for row in leaderboard(records + others) if row.comparison} == {
        1
    }


THREE = run("cot", 150) + run("short", 150) + run("long", 146)
UNDONE = "m, sums: short: “not worse” by itself, undecided with the correction"


def test_every_surface_says_the_correction_and_how_many_verdicts(tmp_path: Path) -> None:
    rows = leaderboard(THREE)
    console = Console(width=400)
    with console.capture() as capture:
        console.print(leaderboard_tables(rows))
    write_page(tmp_path / "page.html", rows, THREE, [], [])
    write_markdown(rows, tmp_path / "table.md")
    for text in (
        capture.get(),
        (tmp_path / "page.html").read_text(),
        (tmp_path / "table.md").read_text(),
    ):
        assert "2 verdicts with Holm's correction" in text.replace("&#39;", "'")
        assert UNDONE in text
    write_csv(leaderboard_rows(rows), tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open() as file:
        read = {row["method"]: row for row in csv.DictReader(file)}
    short = read["short"]
    said = (short["verdict"], short["verdict_alone"], short["correction"])
    assert said == ("undecided", "not worse", "holm")
    assert (short["verdicts_together"], short["until_decided"]) == ("2", "False")
    assert float(short["p_not_worse"]) == pytest.approx(2 * 0.98**200, abs=1e-4)
    write_json({"rows": rows, "verdicts": correction_notes(rows)}, tmp_path / "rows.json")
    written = json.loads((tmp_path / "rows.json").read_text())
    assert written["verdicts"][1] == UNDONE
    (row,) = (row for row in written["rows"] if row["method"] == "short")
    assert (row["comparison"]["alone"], row["comparison"]["together"]) == ("not worse", 2)


def test_without_the_correction_the_surfaces_say_that_too() -> None:
    (words,) = correction_notes(leaderboard(THREE, correction="none"))
    assert words == "2 verdicts, each at 2.5 % by itself: not corrected for their number"


def test_a_single_verdict_needs_no_words() -> None:
    assert correction_notes(leaderboard(run("cot", 150) + run("short", 150))) == []


def test_a_correction_that_does_not_exist() -> None:
    assert check_correction("none") == "none"
    with pytest.raises(UnknownNameError, match=r"correction 'holmes'.*holm"):
        check_correction("holmes")


def test_p_values_are_named_by_their_verdict() -> None:
    ours, theirs = one_epoch([1.0] * 60), one_epoch([0.0] * 60)
    assert paired_chances(ours, theirs, 0.02) == Chances(pytest.approx(0, abs=1e-5), 1)
