"""The leaderboard in a terminal, wide and narrow."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from records import COT, DIRECT, TALE, answer
from rich.console import Console

from tale_eval.analysis.control_measures import control_problems
from tale_eval.analysis.following import followings
from tale_eval.analysis.leaderboard import LeaderboardRow, leaderboard
from tale_eval.analysis.obedience import controlled_rows
from tale_eval.analysis.reference import ReferenceRow
from tale_eval.analysis.sweeps import sweeps
from tale_eval.asking.setting import Setting
from tale_eval.records import Record
from tale_eval.report.terminal import control_tables, following_tables, leaderboard_tables


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


def test_too_few_answers_leave_room_for_the_other_columns() -> None:
    answers = [
        replace(answer(f"budget:tokens={budget}", name, 1, budget), controls={"prompt": budget})
        for budget in (10, 20)
        for name in ("a", "b")
    ]
    console = Console(width=80)
    with console.capture() as capture:
        console.print(following_tables(followings(answers)))
    (line,) = [each for each in capture.get().splitlines() if each.startswith(" budget ")]
    cells = ("budget", "1.00 (too few)", "1.00 (too few)", "10.0 (100 %)", "20.0 (100 %)")
    assert " ".join(line.split()) == " ".join(cells)


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


def asked(question: str, tokens: float | None, budget: int, method: str = "budget") -> Record:
    return replace(answer(method, question, 1, tokens), controls={"prompt": budget})


def printed_controls(records: Sequence[Record], width: int) -> str:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(control_tables(controlled_rows(records), sweeps(records)))
    return capture.get()


def test_a_control_stands_beside_what_came_of_it() -> None:
    # asked for 50 tokens; came 25, 50, 75: two of three within, the median as much as asked
    text = printed_controls(
        [asked(q, n, 50) for q, n in zip("abc", [25, 50, 75], strict=True)], 120
    )
    assert "m · sums · controls: asked and came" in text
    (line,) = [line.split() for line in text.splitlines() if line.split()[:1] == ["budget"]]
    assert line[1:5] == ["prompt", "50", "50.0", "66.7"]
    assert {"1.00", "1.40"} <= set(line[5:])  # 1 + 0.8 x 0.5 at the 90th percentile


def test_a_row_with_two_controls_is_named_once() -> None:
    pair = replace(answer("budget", "a", 1, 60), controls={"prompt": 50, "cap": 70})
    lines = [line.split() for line in printed_controls([pair], 120).splitlines()]
    assert ["budget", "prompt", "50"] in [line[:3] for line in lines]
    assert ["cap", "70"] in [line[:2] for line in lines]


def test_what_nobody_counted_has_a_column_of_its_own() -> None:
    text = printed_controls([asked("a", 40, 50), asked("b", None, 50)], 160)
    assert "not" in text
    (line,) = [line.split() for line in text.splitlines() if line.split()[:1] == ["budget"]]
    assert "1" in line
    assert control_problems(controlled_rows([asked("a", 40, 50), asked("b", None, 50)])) == [
        "m, sums: budget: nobody counted what 1 of 2 answers wrote, so whether they kept to their "
        "control 'prompt' is not known"
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_controls_and_sweeps_fit_a_narrow_terminal(width: int) -> None:
    records = [
        asked(f"q{k}", 40 + k, b, f"budget:tokens={b}") for k in range(24) for b in (50, 100)
    ]
    text = printed_controls(records, width)
    assert max(len(line) for line in text.splitlines()) <= width
    said = " ".join(text.split())
    assert "budget: tokens=100 wrote as much as tokens=50: 51.5 and 51.5 tokens" in said
    assert "ratio 1.00 [1.00, 1.00]: no effect" in said
    # 0.857 to the power of 24 is 0.025
    assert "24 questions say nothing of an effect on a kind of question" in said
    assert "less often than once in 7" in said


def test_names_of_controlled_rows_are_not_read_as_markup() -> None:
    text = printed_controls([asked("a", 40, 50, "[red]x")], 120)
    assert "[red]x" in text


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
