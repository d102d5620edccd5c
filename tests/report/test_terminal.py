"""The leaderboard in a terminal, wide and narrow."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from records import COT, DIRECT, TALE, answer
from rich.console import Console

from tale_eval.analysis.leaderboard import LeaderboardRow, leaderboard
from tale_eval.analysis.reference import ReferenceRow
from tale_eval.asking.setting import Setting
from tale_eval.report.terminal import leaderboard_tables


def printed(rows: Sequence[LeaderboardRow], width: int) -> str:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(leaderboard_tables(rows))
    return capture.get()


def test_the_terminal_shows_rows_against_the_baseline() -> None:
    text = printed(leaderboard(COT + TALE), width=160)
    assert "m · sums" in text
    (cot,) = [line.split() for line in text.splitlines() if line.split()[:1] == ["cot"]]
    (tale,) = [line.split() for line in text.splitlines() if line.split()[:1] == ["tale_ep"]]
    assert cot[1:4] == ["3", "(1)", "66.7"]
    assert "baseline" in cot
    assert {"undecided", "+0.0", "0.20", "●"} <= set(tale)


@pytest.mark.parametrize("width", [30, 60, 80, 120, 180])
def test_a_narrow_terminal_leaves_columns_out_by_name_and_cuts_no_number(width: int) -> None:
    text = printed(leaderboard(COT + TALE), width)
    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) <= width
    assert ("no room here for" in text) == (width < 170)
    assert "accuracy" in text


def test_names_are_not_read_as_markup() -> None:
    odd = [replace(record, method="[red]x", task="[bold]") for record in DIRECT]
    text = printed(leaderboard(odd), width=160)
    assert "[red]x" in text
    assert "m · [bold]" in text


def test_the_average_over_shared_tasks_follows_the_tasks() -> None:
    rows = [
        answer(method, "a", correct, tokens, task=task)
        for task, method, correct, tokens in (
            ("sums", "cot", 1, 100),
            ("hard", "cot", 0, 3000),
            ("sums", "direct", 1, 10),
            ("hard", "direct", 1, None),
        )
    ]
    text = printed(leaderboard(rows), width=160)
    average = text[text.index("m · average over hard, sums") :].splitlines()
    assert [line.split() for line in average[-4:-2]] == [
        ["cot", "50.0", "1,550"],
        ["direct", "100.0", "–"],
    ]


@pytest.mark.parametrize("width", [60, 160])
def test_the_papers_rows_are_marked_as_printed(width: int) -> None:
    paper = [ReferenceRow("gpt-4o-mini", "sums", "tale_ep", 0.8446, 77.26, "Table 3")]
    console = Console(width=width)
    with console.capture() as capture:
        console.print(leaderboard_tables(leaderboard(COT), paper))
    text = capture.get()
    assert "sums · as printed in the paper" in text
    (line,) = [line for line in text.splitlines() if "gpt-4o-mini" in line]
    assert line.split() == ["gpt-4o-mini", "tale_ep", "Table", "3", "84.5", "77.3"]
    assert "…" not in text


@pytest.mark.parametrize("width", [60, 100, 200])
def test_a_label_is_folded_where_there_is_no_room_and_its_setting_is_not_cut(width: int) -> None:
    efforts = [
        replace(record, setting=Setting.of({"reasoning_effort": effort}))
        for effort in ("low", "high")
        for record in COT + TALE
    ]
    text = printed(leaderboard(efforts), width)
    for effort in ("low", "high"):
        assert text.count(f"reasoning_effort={effort}") == 2
    whole = "tale_ep · reasoning_effort=high"
    assert (whole in text) == (width == 200)
    assert max(len(line) for line in text.splitlines()) <= width


def test_answers_cut_in_their_reasoning_have_a_column_where_there_are_any() -> None:
    cut = [answer("cot", q, 0, 64, cut_in_reasoning=float(q < "d")) for q in "abcd"]
    assert "cut in" in printed(leaderboard(cut), 200)
    assert "75 %" in printed(leaderboard(cut), 200)
    assert "cut in" not in printed(leaderboard(cut[3:]), 200)
