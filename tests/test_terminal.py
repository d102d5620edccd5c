"""The leaderboard in a terminal, wide and narrow."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from records import COT, DIRECT, TALE
from rich.console import Console

from tale_eval.report.leaderboard import Row, leaderboard
from tale_eval.report.terminal import leaderboard_table


def printed(rows: Sequence[Row], width: int) -> str:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(leaderboard_table(rows))
    return capture.get()


def test_the_terminal_shows_rows_against_the_baseline() -> None:
    text = printed(leaderboard(COT + TALE), width=160)
    assert "m · sums" in text
    (cot,) = [line.split() for line in text.splitlines() if line.split()[:1] == ["cot"]]
    (tale,) = [line.split() for line in text.splitlines() if line.split()[:1] == ["tale_ep"]]
    assert cot[1:4] == ["3", "(1)", "66.7"]
    assert "baseline" in cot
    assert {"undecided", "+0.0", "0.20", "●"} <= set(tale)


@pytest.mark.parametrize("width", [30, 60, 80, 120, 160])
def test_a_narrow_terminal_leaves_columns_out_by_name_and_cuts_no_number(width: int) -> None:
    text = printed(leaderboard(COT + TALE), width)
    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) <= width
    assert ("no room here for" in text) == (width < 150)
    assert "accuracy" in text


def test_names_are_not_read_as_markup() -> None:
    odd = [replace(record, method="[red]x", task="[bold]") for record in DIRECT]
    text = printed(leaderboard(odd), width=160)
    assert "[red]x" in text
    assert "m · [bold]" in text
