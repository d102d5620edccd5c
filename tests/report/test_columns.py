"""One list of measures: what is in it is in every table and file, and nothing else need know."""

import csv
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import example_report
import pytest
from records import COT, DIRECT, TALE, answer
from rich.console import Console

from tale_eval.analysis import measures
from tale_eval.analysis.leaderboard import LeaderboardRow, leaderboard
from tale_eval.analysis.measures import MEASURES, Measure, Value
from tale_eval.analysis.results import MethodResults
from tale_eval.analysis.statistics import Interval
from tale_eval.records import Record
from tale_eval.report import page
from tale_eval.report.page import write_page
from tale_eval.report.tables import leaderboard_rows, write_csv, write_json, write_markdown
from tale_eval.report.terminal import leaderboard_tables

RECORDS = COT + TALE


def _longest(row: MethodResults) -> Value:
    """The most tokens of any answer, with a made-up interval."""
    longest = max(row.answers.tokens)
    return Value(longest, Interval(longest - 7, longest + 7))


LONGEST = Measure(
    "longest",
    "Longest answer",
    "Output tokens of the longest answer",
    _longest,
    "ratio",
    main=True,
    rank=1,
    short="longest\nanswer",
    legend="longest: of any answer",
    interval=True,
)


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[LeaderboardRow]:
    """Two methods, and one measure more than there are."""
    monkeypatch.setattr(measures, "MEASURES", (*MEASURES, LONGEST))
    return leaderboard(RECORDS)


def test_a_new_entry_is_asked_of_a_row_by_its_name(rows: list[LeaderboardRow]) -> None:
    assert [row.measure("longest").value for row in rows] == [300, 80]


def test_a_new_entry_is_a_column_of_the_terminal(rows: list[LeaderboardRow]) -> None:
    text = _terminal(rows)
    assert "longest" in text
    assert "300.00 [293.00, 307.00]" in text
    assert "80.00 [73.00, 87.00]" in text
    assert text.splitlines()[-1] == "longest: of any answer"


def test_a_new_entry_is_a_column_of_the_page(
    rows: list[LeaderboardRow], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "vega_bundle", lambda: "/* the libraries */")
    path = tmp_path / "report.html"
    write_page(path, rows, RECORDS, example_report.settings(RECORDS), [])
    text = path.read_text(encoding="utf-8")
    assert 'title="Output tokens of the longest answer">Longest answer</button>' in text
    assert 'data-value="300">300.00 ×<small>293.00 to 307.00</small>' in text


def test_a_new_entry_is_a_column_of_markdown(rows: list[LeaderboardRow], tmp_path: Path) -> None:
    write_markdown(rows, tmp_path / "rows.md")
    head, _, cot, _tale = (tmp_path / "rows.md").read_text(encoding="utf-8").splitlines()
    assert head.endswith("| Longest answer |")
    assert cot.endswith("| 300.00 × 293.00 to 307.00 |")


def test_a_new_entry_is_a_column_of_the_csv_file(
    rows: list[LeaderboardRow], tmp_path: Path
) -> None:
    cot, tale = _read_csv(leaderboard_rows(rows), tmp_path)
    assert (cot["longest"], cot["longest_low"], cot["longest_high"]) == ("300", "293", "307")
    assert tale["longest"] == "80"


def test_a_new_entry_is_a_key_of_the_json_file(rows: list[LeaderboardRow], tmp_path: Path) -> None:
    write_json({"rows": rows}, tmp_path / "rows.json")
    cot, tale = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert (cot["longest"], cot["longest_low"], cot["longest_high"]) == (300, 293, 307)
    assert tale["longest"] == 80


@pytest.mark.parametrize("answers", [RECORDS, DIRECT, [answer("cot", "a", None, None)]])
def test_the_csv_file_has_the_same_columns_whatever_is_known(
    answers: list[Record], tmp_path: Path
) -> None:
    intervals = {f"{m.name}_{end}" for m in MEASURES if m.interval for end in ("low", "high")}
    (row, *_) = _read_csv(leaderboard_rows(leaderboard(answers)), tmp_path)
    assert set(row) == (
        {"model", "task", "method", "setting", "label", "printed"}
        | {m.name for m in MEASURES}
        | intervals
    )


def test_the_json_file_holds_what_the_csv_file_holds_and_the_facts(tmp_path: Path) -> None:
    rows = leaderboard(RECORDS)
    write_json({"rows": rows}, tmp_path / "rows.json")
    written = json.loads((tmp_path / "rows.json").read_text())["rows"]
    for flat, full in zip(leaderboard_rows(rows), written, strict=True):
        assert {name: full[name] for name in flat if name != "printed"} == {
            name: value for name, value in flat.items() if name != "printed"
        }
    assert written[0]["means"]["output_tokens"] == 200
    assert written[1]["comparison"]["mcnemar"]["only_a"] == 1
    assert "group" not in written[0]


def test_a_word_of_a_measure_is_not_read_as_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = replace(LONGEST, of=lambda row: Value("[red]x[/]"), unit="word")
    monkeypatch.setattr(measures, "MEASURES", (odd,))
    assert "[red]x[/]" in _terminal(leaderboard(DIRECT))


def test_why_there_is_no_value_stands_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    none = replace(LONGEST, of=lambda row: Value(detail="[not asked]"))
    monkeypatch.setattr(measures, "MEASURES", (none,))
    assert "[not asked]" in _terminal(leaderboard(DIRECT))


def _terminal(rows: list[LeaderboardRow]) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(leaderboard_tables(rows))
    return capture.get()


def _read_csv(rows: Iterable[dict[str, object]], folder: Path) -> list[dict[str, str]]:
    write_csv(rows, folder / "rows.csv")
    with (folder / "rows.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
