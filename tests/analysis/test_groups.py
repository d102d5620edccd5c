"""Reports of many models and tasks hold the answers of one, and say the same as of all at once."""

import gc
import json
import weakref
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from records import COT, DIRECT, TALE, answer

from tale_eval.analysis import statistics
from tale_eval.analysis.counted import Counted
from tale_eval.analysis.frontiers import frontiers, pass_frontiers
from tale_eval.analysis.leaderboard import leaderboard
from tale_eval.analysis.obedience import controlled_rows
from tale_eval.analysis.problems import problems
from tale_eval.analysis.reported import leaderboard_of, report_of
from tale_eval.logs import open_logs, read_records
from tale_eval.records import Names, Record
from tale_eval.report.tables import write_json

LOGS = Path(__file__).parent.parent / "fixtures"
ONE = [*COT, *TALE, *DIRECT]
MANY = [
    replace(each, model=model, task=task, controls={"prompt": 30} if each in TALE else {})
    for model in ("a", "b", "c")
    for task in ("sums", "words")
    for each in ONE
]


def reader(records: list[Record]) -> tuple[set[Names], Callable[[Names], list[Record]]]:
    """Whose answers these are, and what makes those of one group anew each time."""
    groups: dict[Names, list[Record]] = defaultdict(list)
    for each in records:
        groups[each.model, each.task].append(each)
    return set(groups), lambda names: [replace(each) for each in groups[names]]


class Watched:
    """Reads groups, and looks each time how many answers are still held.

    Attributes:
        held: How many were, before each reading.
        reads: Of whom.
    """

    def __init__(self, read: Callable[[Names], list[Record]]) -> None:
        self._read = read
        self._seen: list[weakref.ref[Record]] = []
        self.held: list[int] = []
        self.reads: list[Names] = []

    def __call__(self, names: Names) -> list[Record]:
        self.held.append(self.alive())
        self.reads.append(names)
        found = self._read(names)
        self._seen += map(weakref.ref, found)
        return found

    def alive(self) -> int:
        # whoever traces a test may hold its frames in circles
        gc.collect()
        return sum(seen() is not None for seen in self._seen)


def said(path: Path, value: object) -> object:
    """As a report's JSON says it."""
    write_json(value, path)
    return json.loads(path.read_text())


def test_a_report_holds_the_answers_of_one_model_and_task() -> None:
    names, read = reader(MANY)
    watched = Watched(read)
    found = report_of(names, watched, drawn=True)
    assert watched.reads == sorted(names)
    assert watched.held == [0] * 6
    assert found.answers == len(MANY)
    # of the last one they may be there still, of no other
    assert watched.alive() <= len(ONE)


def test_logs_are_held_one_group_at_a_time_too() -> None:
    # lm_eval's files are read when they are opened
    ours = sorted((LOGS / "version_0_1_0" / "logs").glob("*.eval"))
    opened = open_logs([*map(str, ours), str(LOGS / "inspect_0_3_41")])
    watched = Watched(opened.of)
    report_of(opened.names, watched)
    assert len(watched.reads) > 1
    assert watched.held == [0] * len(watched.reads)


def test_what_it_says_is_what_all_answers_at_once_say(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    names, read = reader(MANY)
    found, rows = report_of(names, read), leaderboard(MANY)
    assert len(rows) == 18
    assert said(path, found.rows) == said(path, rows)
    assert problems(found.rows) == problems(rows)
    assert frontiers(found.rows) == frontiers(rows)
    assert found.passes.frontiers == pass_frontiers(rows)
    controls = controlled_rows(MANY)
    assert [(c.asked, c.number, c.over_by, c.points) for c in found.controls] == [
        (c.asked, c.number, c.over_by, c.points) for c in controls
    ]
    assert [c.count("within") for c in found.controls] == [c.count("within") for c in controls]
    assert [c.answers for c in found.controls] == [()] * 6


def test_no_group_is_read_again_for_what_a_report_shows(tmp_path: Path) -> None:
    names, read = reader(MANY)
    watched = Watched(read)
    rows = report_of(names, watched, drawn=True).rows
    said(tmp_path / "r.json", rows)
    frontiers(rows), problems(rows)
    assert [(row.spread, row.steps) for row in rows] == [
        (row.spread, row.steps) for row in leaderboard(MANY)
    ]
    assert len(watched.reads) == len(names)


def test_what_was_not_worked_out_is_read_again() -> None:
    names, read = reader(MANY)
    watched = Watched(read)
    rows = leaderboard_of(names, watched, "cot", 0.02, "holm", ask=lambda rows: None)
    expected = leaderboard(MANY)
    assert [row.measure("e3") for row in rows] == [row.measure("e3") for row in expected]
    for row, other in zip(rows, expected, strict=True):
        assert list(row.records) == list(other.records)
    # the answers of each group were there three times, and never those of two
    assert len(watched.reads) == 3 * len(names)
    assert max(watched.held) == 0


def test_all_of_a_log_is_told_once_however_often_it_is_read() -> None:
    opened, read = open_logs([str(LOGS)]), read_records([str(LOGS)])
    for _ in range(2):
        grouped = [each for names in opened.names for each in opened.of(names)]
    in_order = [each for some in opened for each in some]
    assert in_order == read.records
    assert len(grouped) == len(read.records)
    assert opened.settings == read.settings
    assert opened.problems == read.problems


# --- What is counted once ---

answers = st.builds(
    answer,
    st.just("cot"),
    st.sampled_from("abcdef"),
    st.sampled_from([None, 0, 1]),
    st.none() | st.integers(0, 999),
    epoch=st.integers(1, 2),
)


@given(found=st.lists(answers, max_size=8))
def test_values_by_question_are_those_of_each_answer_in_turn(found: list[Record]) -> None:
    expected: dict[str, list[float]] = {}
    for each in found:
        if each.correct is not None:
            expected.setdefault(each.question, []).append(each.correct)
    counted = Counted(found)
    assert counted.by_question(lambda record: record.correct) == expected
    assert list(counted.by_question(lambda record: record.correct)) == list(expected)
    assert list(counted.scored) == [each for each in found if each.correct is not None]
    assert counted.once == (len({each.question for each in found}) == len(found))


numbers = st.integers(-3, 3).map(float) | st.floats(-1e6, 1e6)


@given(totals=st.lists(numbers, min_size=1, max_size=9), size=st.sampled_from([1.0, 4.0]))
def test_pairs_of_one_size_are_sorted_and_counted_as_pairs(
    totals: list[float], size: float
) -> None:
    values, sizes = np.array(totals), np.full(len(totals), size)
    pairs, counts = statistics._kinds(values, sizes)
    theirs, often = np.unique(np.stack([values, sizes], axis=1), axis=0, return_counts=True)
    assert pairs.tolist() == theirs.tolist()
    assert counts.tolist() == often.tolist()


@pytest.mark.parametrize("values", [[[0.1], [3], [True]], [[0.1, 0.2], [3]], []])
def test_means_of_single_values_are_the_values(values: list[list[float]]) -> None:
    expected = [statistics._average(each) for each in values]
    assert statistics._means(values).tolist() == expected
