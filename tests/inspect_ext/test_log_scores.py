"""Logs with several scores, and with scores that say neither right nor wrong."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from command import one_line, tale_eval
from inspect_ai.log import (
    EvalConfig,
    EvalDataset,
    EvalLog,
    EvalSample,
    EvalSpec,
    read_eval_log,
    write_eval_log,
)
from inspect_ai.scorer import Score

from tale_eval.analysis.leaderboard import LeaderboardRow, leaderboard
from tale_eval.analysis.problems import problems
from tale_eval.errors import UnknownNameError
from tale_eval.grading.choice import ScoreChoice, is_unread, names_of, value_of
from tale_eval.logs import read_records


def written(path: Path, *samples: dict[str, Any], task: str = "poems") -> Path:
    """A log of somebody else's whose samples have these scores by scorer."""
    spec = EvalSpec(
        created="2026-03-04T05:06:07+00:00",
        task=task,
        dataset=EvalDataset(),
        model="openai/m",
        config=EvalConfig(),
        task_id=path.name,
    )
    log = EvalLog(
        status="success",
        eval=spec,
        samples=[
            EvalSample(
                id=n,
                epoch=1,
                input="?",
                target="1",
                scores={name: Score(value=value) for name, value in scores.items()},
            )
            for n, scores in enumerate(samples)
        ],
    )
    write_eval_log(log, str(path))
    return path


def read(folder: Path, score: str | None = None) -> tuple[LeaderboardRow, list[str]]:
    reading = read_records([str(folder)], score=score)
    (row,) = leaderboard(reading.records)
    return row, reading.problems


TWO = [{"style": 0.8, "match": "I"}, {"style": 0.6, "match": "C"}, {"style": 1.0, "match": "I"}]


def test_which_of_several_scores_was_taken_is_said(tmp_path: Path) -> None:
    log = written(tmp_path / "a.eval", *TWO)
    row, (note,) = read(tmp_path)
    assert row.accuracy == pytest.approx(0.8)
    assert note == (
        f"{log}: its score style says what is right; it has match too, which --score NAME takes"
    )


def test_a_user_says_which_score_is_right(tmp_path: Path) -> None:
    written(tmp_path / "a.eval", *TWO)
    row, notes = read(tmp_path, "match")
    assert (row.accuracy, notes) == (pytest.approx(1 / 3), [])


def test_the_command_takes_the_score_too(tmp_path: Path) -> None:
    written(tmp_path / "a.eval", *TWO)
    done = tale_eval("report", ".", "--score", "match", "--csv", "t.csv", cwd=tmp_path)
    assert (done.returncode, "33.3" in done.stdout) == (0, True), done.stderr
    done = tale_eval("report", ".", "--score", "mach", cwd=tmp_path)
    assert done.returncode == 2
    error = one_line(done.stderr, "error")
    assert "unknown score 'mach'; allowed: style, match. Did you mean 'match'?" in error


def test_a_key_of_a_dictionary_is_a_score(tmp_path: Path) -> None:
    both = {"judge": {"helpful": 1, "true": 0}}
    written(tmp_path / "a.eval", both, both)
    row, (note,) = read(tmp_path)
    assert (row.n, row.errors, row.unread) == (0, 0, 2)
    assert note.endswith("--score NAME takes one of judge.helpful, judge.true")
    row, _ = read(tmp_path, "judge.true")
    assert (row.n, row.accuracy) == (2, 0)
    row, _ = read(tmp_path, "judge.helpful")
    assert (row.n, row.accuracy) == (2, 1)
    with pytest.raises(UnknownNameError, match=r"'judge.fair'.*judge.helpful, judge.true"):
        read_records([str(tmp_path)], score="judge.fair")


def test_a_log_without_the_wanted_score_keeps_its_own(tmp_path: Path) -> None:
    written(tmp_path / "a.eval", *TWO)
    written(tmp_path / "b.eval", {"exact": "C"}, task="sums")
    reading = read_records([str(tmp_path)], score="match")
    rows = {row.task: row.accuracy for row in leaderboard(reading.records)}
    assert rows == {"poems": pytest.approx(1 / 3), "sums": 1}
    assert reading.problems == [
        f"{tmp_path / 'b.eval'}: has no score match; its score exact says what is right"
    ]


def test_a_grade_of_ten_is_unread_and_not_failed(tmp_path: Path) -> None:
    written(tmp_path / "a.eval", *({"grade": n} for n in (7, 9, 4)))
    row, notes = read(tmp_path)
    assert (row.n, row.errors, row.unread, row.accuracy) == (0, 0, 3, None)
    assert notes == []
    (note,) = problems([row], baseline=None)
    assert "the score of 3 samples says neither right nor wrong; they did not fail" in note


def test_one_score_decides_for_the_whole_log(tmp_path: Path) -> None:
    """A grade of 1 of 10 is no right answer among grades that are none."""
    log = written(tmp_path / "a.eval", {"grade": 7, "match": "I"}, {"grade": 1, "match": "I"})
    row, (note,) = read(tmp_path)
    assert (row.n, row.accuracy) == (2, 0)
    assert note == (
        f"{log}: its score match says what is right; it has grade too, which --score NAME takes"
    )
    row, notes = read(tmp_path, "grade")
    assert (row.n, row.errors, row.unread, notes) == (0, 0, 2, [])


def test_a_scale_is_unread_where_it_is_all_there_is(tmp_path: Path) -> None:
    written(tmp_path / "a.eval", *({"grade": n} for n in (10, 1, 0, float("nan"))))
    row, _ = read(tmp_path)
    # the last was not graded at all
    assert (row.n, row.errors, row.unread, row.accuracy) == (0, 1, 3, None)


def test_an_answer_that_nobody_scored_is_not_unread(tmp_path: Path) -> None:
    written(tmp_path / "a.eval", {"match": "C"}, {"match": float("nan")}, {})
    row, _ = read(tmp_path)
    assert (row.n, row.errors, row.unread) == (1, 2, 0)


@pytest.mark.parametrize(
    "folder",
    [
        "run#7",
        "why?",
        "100%",
        "a%20b",
        "50%25",
        "x::y",
        "tab\tx",
        "two words",
        "ü–中文",
        "[1]*&'\"",
    ],
)
def test_a_folder_may_have_any_name(folder: str, tmp_path: Path) -> None:
    (tmp_path / folder).mkdir()
    written(tmp_path / folder / "a.eval", {"match": "C"}, {"match": "I"})
    for place in (folder, f"{folder}/a.eval"):
        row, notes = read(tmp_path / place)
        assert (row.n, row.accuracy, notes) == (2, 0.5, [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("plain", "C"),
        ("kept", 0.25),
        ("kept.other", 3),
        ("odd.name", 1),
        ("odd.name.k", None),
        ("kept.correct", 0.25),
        ("nothing", None),
        ("plain.x", None),
    ],
)
def test_the_value_that_a_name_names(name: str, value: object) -> None:
    scores = {"plain": "C", "kept": {"correct": 0.25, "other": 3}, "odd.name": 1}
    assert value_of(scores, name) == value
    assert names_of([scores]) == ["plain", "kept", "kept.other", "odd.name"]


@pytest.mark.parametrize(
    ("value", "unread"),
    [
        (7, True),
        (-0.5, True),
        ("maybe", True),
        ([1], True),
        (1, False),
        ("I", False),
        (None, False),
        (float("nan"), False),
    ],
)
def test_what_cannot_be_read(value: object, unread: bool) -> None:
    assert is_unread(value) == unread


def test_the_first_score_that_can_be_read_decides() -> None:
    choice = ScoreChoice()
    assert choice.of_log([{"grade": 7, "match": "C"}]) == ("match", ["grade"])
    assert choice.of_log([{"grade": 7}]) == ("grade", [])
    assert choice.of_log([{"judge": {"a": 1, "b": 0}}]) == (None, ["judge.a", "judge.b"])
    assert choice.of_log([{"judge": {"a": 1}}]) == ("judge.a", [])
    assert choice.of_log([{}]) == (None, [])


def test_a_record_says_what_the_deciding_scorer_read(tmp_path: Path) -> None:
    """A long answer is known by its hash, and one that nobody wrote down is unknown."""
    said: list[Any] = ["4", "x" * 65, None]
    spec = read_eval_log(str(written(tmp_path / "a.eval", {"match": "C"}))).eval
    scores = [{"match": Score(value="C", answer=text), "z": Score(value=0)} for text in said]
    samples = [
        EvalSample(id=n, epoch=1, input="?", target="1", scores=each)
        for n, each in enumerate(scores)
    ]
    write_eval_log(EvalLog(status="success", eval=spec, samples=samples), str(tmp_path / "a.eval"))
    answers = [record.answer for record in read_records([str(tmp_path)], score="match").records]
    assert answers == ["4", sha256(b"x" * 65).hexdigest(), None]
