"""The board: complete, offline, without what nobody wanted to publish; merged or refused."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import example_report
import pyarrow.parquet
import pytest
from command import one_line, tale_eval
from hypothesis import given, strategies as st
from records import COT, DIRECT, TALE, answer
from test_report_page import METHOD, MODEL, TASK, Page

from tale_eval.analysis.leaderboard import leaderboard
from tale_eval.analysis.merging import Source, merged
from tale_eval.asking.setting import Setting
from tale_eval.errors import InvalidValueError
from tale_eval.logs import read_records
from tale_eval.record_files import hashed, write_record_file
from tale_eval.records import Record, RunSettings
from tale_eval.report import board, page
from tale_eval.report.board import outcome, page_name, write_board

LOGS = Path(__file__).parent.parent / "fixtures" / "version_0_1_0" / "logs"


@pytest.fixture
def _short_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making the real one takes seconds; the browser tests run it."""
    monkeypatch.setattr(page, "vega_bundle", lambda: "/* the libraries */")


def made(folder: Path, records: Sequence[Record], **more: Any) -> Path:
    settings = [
        replace(run, log=Path(run.log).name, sha256="ab" * 32)
        for run in example_report.settings(list(records))
    ]
    notes: list[str] = more.pop("notes", [])
    write_board(folder, leaderboard(records), records, settings, notes, **more)
    return folder


def page_of(folder: Path, method: str) -> Page:
    (path,) = (folder / "rows").glob(f"*-{method.replace('_', '-')}-*.html")
    return Page(path)


def texts(read: Page, tag: str) -> str:
    return " ".join(" ".join(read.texts.get(tag, [])).split())


# --- The pages ---

EVERYTHING = [*COT, *TALE, *DIRECT]


@pytest.mark.usefixtures("_short_bundle")
def test_every_row_has_a_page_and_leads_there_and_back(tmp_path: Path) -> None:
    folder = made(tmp_path, EVERYTHING)
    links = {a["href"] for a in Page(folder / "index.html").all("a")}
    pages = {f"rows/{path.name}" for path in (folder / "rows").iterdir()}
    assert links == pages | {"records.parquet"}
    assert len(pages) == 3
    for path in (folder / "rows").iterdir():
        assert Page(path).all("a") == [{"href": "../index.html"}]


@pytest.mark.usefixtures("_short_bundle")
def test_a_rows_page_has_its_settings_versions_hashes_and_answers(tmp_path: Path) -> None:
    read = page_of(made(tmp_path, EVERYTHING), "tale_ep")
    assert "ab" * 32 in texts(read, "p")
    assert {"temperature", "max_tokens", "inspect_ai", "task"} <= set(read.texts["dt"])
    assert {"0.3.285", "1-A"} <= set(read.texts["dd"])
    rows = [a["data-outcome"] for a in read.all("tr") if "data-outcome" in a]
    assert rows == ["right", "wrong", "right", "right"]
    # its own four, and the baseline's: a and b right, c wrong, d failed
    verdicts = [a["data-verdict"] for a in read.all("span") if "data-verdict" in a]
    assert verdicts[-8:] == [
        "right",
        "right",
        "wrong",
        "right",
        "right",
        "wrong",
        "right",
        "failed",
    ]
    numbers = [a["data-value"] for a in read.all("td") if "data-value" in a]
    # output, answer, estimator, dollars of the first answer
    assert numbers[-16:-12] == ["20.0", "20.0", "5.0", "0.001"]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"correct": 1}, "right"),
        ({"correct": 0.0}, "wrong"),
        ({"correct": 0.25}, "0.25"),
        ({"correct": None, "error": "TimeoutError"}, "failed"),
        ({"correct": None, "error": None, "unread": True}, "unread"),
        ({"correct": None, "error": None}, "no score"),
    ],
)
def test_an_answers_outcome_in_a_word(changes: dict[str, Any], word: str) -> None:
    assert outcome(replace(answer("cot", "a", 1, 5), **changes)) == word


@pytest.mark.usefixtures("_short_bundle")
def test_texts_stand_there_only_if_they_are_wanted(tmp_path: Path) -> None:
    failed = replace(COT[3], error="BadRequestError: 'What is the secret sum?'", text="secret sum")
    records = [*COT[:3], failed, *TALE]
    for name, wanted in (("without", False), ("with", True)):
        folder = made(tmp_path / name, records, texts=wanted)
        content = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
        assert any(b"secret sum" in each for each in content) == wanted
        shown = page_of(folder, "cot").texts["small"]
        assert ("BadRequestError" in shown) == (not wanted)
        assert ("BadRequestError: 'What is the secret sum?'" in shown) == wanted


@pytest.mark.usefixtures("_short_bundle")
def test_nothing_on_a_rows_page_is_loaded_or_run_but_its_own_script(tmp_path: Path) -> None:
    hostile = [replace(each, model=MODEL, task=TASK) for each in COT]
    hostile += [
        replace(
            each,
            method=METHOD,
            model=MODEL,
            task=TASK,
            sample_id=f"{MODEL}{each.sample_id}",
            setting=Setting({"stop": TASK}),
        )
        for each in TALE
    ]
    folder = made(tmp_path, hostile)
    for path in (folder / "rows").iterdir():
        read = Page(path)
        assert read.all("img") == []
        assert all("onerror" not in a and "onclick" not in a for _, a in read.tags)
        assert len(read.all("script")) == 1
        (policy,) = [m["content"] for m in read.all("meta") if "http-equiv" in m]
        assert re.fullmatch(
            r"default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
            r"script-src 'sha256-[\w+/]{43}='",
            policy,
        )


@pytest.mark.usefixtures("_short_bundle")
def test_the_page_offers_the_methods_and_the_settings_that_are_there(tmp_path: Path) -> None:
    low = [replace(each, setting=Setting({"effort": "low"})) for each in TALE]
    read = Page(made(tmp_path, [*COT, *TALE, *low]) / "index.html")
    assert [a["id"] for a in read.all("select")] == ["model", "task", "method", "setting"]
    values = [a["value"] for a in read.all("option") if a.get("value")]
    assert values == ["cot", "tale_ep", "default", "effort=low"]


@pytest.mark.usefixtures("_short_bundle")
def test_a_row_keeps_its_address_and_one_that_went_leaves_no_page(tmp_path: Path) -> None:
    before = {path.name for path in (made(tmp_path, EVERYTHING) / "rows").iterdir()}
    (tmp_path / "rows" / "mine.html").write_text("kept")
    after = {path.name for path in (made(tmp_path, [*COT, *TALE]) / "rows").iterdir()}
    assert after - before == {"mine.html"}
    (gone,) = before - after
    assert gone.startswith("sums-direct-m-")


def test_rows_of_like_names_have_addresses_of_their_own() -> None:
    low = [replace(each, setting=Setting({"effort": "low"})) for each in COT]
    capital = [replace(each, method="CoT") for each in COT]
    names = {page_name(row) for row in leaderboard([*COT, *low, *capital])}
    assert len(names) == 3
    assert all(board._OURS.fullmatch(name) for name in names)


# --- Several people's ---


def run(
    task: str = "sums", version: object = "1-A", sha256: str = "00", **more: Any
) -> RunSettings:
    versions = {"task": version, **more}
    return RunSettings("m", task, "cot", log="a.eval", values={"versions": versions}, sha256=sha256)


def test_what_several_sources_hold_counts_once() -> None:
    texted = [replace(each, text="?") for each in COT]
    both = merged([Source("a", [*COT, *TALE], [run()]), Source("b", [*texted, *DIRECT], [run()])])
    assert both.records == [*COT, *TALE, *DIRECT]
    assert len(both.settings) == 1
    assert both.notes == ["b: 4 of its answers are in another source, too"]


@given(
    shares=st.lists(st.sets(st.integers(0, 11)), min_size=1, max_size=4),
    order=st.permutations(range(4)),
)
def test_however_answers_are_shared_out_they_are_all_there_once(
    shares: list[set[int]], order: list[int]
) -> None:
    everything = [*COT, *TALE, *DIRECT]
    sources = [
        Source(str(name), [everything[n] for n in sorted(share)], [])
        for name, share in enumerate(shares)
    ]
    found = merged([sources[n] for n in order if n < len(sources)]).records
    held = sorted({n for share in shares for n in share})
    assert sorted(map(everything.index, found)) == held


def test_repetitions_within_a_source_stay_and_are_no_conflict() -> None:
    twice = [*COT, *(replace(each, costs=TALE[0].costs) for each in COT)]
    assert merged([Source("a", twice, [])]).records[:2] == [twice[0], twice[4]]
    assert len(merged([Source("a", twice, []), Source("b", twice, [])]).records) == 8


@pytest.mark.parametrize(
    "changes",
    [{"correct": 0}, {"correct": None, "error": "x"}, {"costs": TALE[0].costs}],
    ids=["outcome", "failure", "cost"],
)
def test_other_answers_to_the_same_questions_are_refused(changes: dict[str, Any]) -> None:
    other = [replace(COT[0], **changes), *COT[1:]]
    with pytest.raises(InvalidValueError) as raised:
        merged([Source("a", COT, []), Source("b", other, [])])
    assert str(raised.value) == (
        "m, sums, cot: b and a hold other answers to the same 1 questions, such as 'a' in epoch "
        "1; give one of them, or the logs of both in one folder to have them counted as repetitions"
    )


def test_another_scorer_is_refused() -> None:
    ours = [replace(each, scorer="tale") for each in COT]
    theirs = [replace(each, model="n", scorer="match") for each in COT]
    with pytest.raises(InvalidValueError, match="sums: judged by match in b and tale in a, and so"):
        merged([Source("a", ours, []), Source("b", theirs, [])])
    # of another task it is no matter
    merged([Source("a", ours, []), Source("b", [replace(e, task="x") for e in theirs], [])])


@pytest.mark.parametrize(
    ("one", "other", "compared"),
    [("1-A", "1-B", True), ("1-A", "2-A", False), (0, 0, True), (0, 1, False)],
)
def test_versions_of_a_task_whose_scores_cannot_be_compared_are_refused(
    one: object, other: object, compared: bool
) -> None:
    sources = [Source("a", COT, [run(version=one)]), Source("b", DIRECT, [run(version=other)])]
    if compared:
        merged(sources)
        return
    with pytest.raises(
        InvalidValueError, match=r"sums: asked in versions . in a and . in b, whose"
    ):
        merged(sources)


def test_the_harnesses_count_their_versions_themselves() -> None:
    theirs = run(version=3.0, sha256="11", lm_eval="0.4.13")
    merged([Source("a", COT, [run()]), Source("b", DIRECT, [theirs])])


# --- The command ---


def test_a_board_of_logs_and_a_board_of_its_records_are_the_same(tmp_path: Path) -> None:
    done = tale_eval("board", LOGS, "--out", "site", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "site/index.html: 5 rows, 60 answers\n"
    again = tale_eval("board", "site/records.parquet", "--out", "again", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    names = {path.name for path in (tmp_path / "site" / "rows").iterdir()}
    assert len(names) == 5
    for name in names:
        first, second = (tmp_path / site / "rows" / name for site in ("site", "again"))
        assert first.read_text() == second.read_text()
    assert str(tmp_path) not in (tmp_path / "site" / "index.html").read_text()


def test_two_peoples_records_make_one_board_and_conflicts_none(tmp_path: Path) -> None:
    for name in ("cot", "tale_ep"):
        (tmp_path / name).mkdir()
        out = f"{name}/r.parquet"
        assert tale_eval("records", LOGS / f"{name}.eval", "--out", out, cwd=tmp_path).stdout
    both = tale_eval("board", "cot/r.parquet", "tale_ep/r.parquet", "--out", "site", cwd=tmp_path)
    assert both.returncode == 0, both.stderr
    assert both.stdout == "site/index.html: 2 rows, 24 answers\n"
    shown = Page(tmp_path / "site" / "index.html").texts["li"]
    assert {"cot/r.parquet: 12 answers", "tale_ep/r.parquet: 12 answers"} <= set(shown)
    read = read_records([str(LOGS / "cot.eval")])
    other = [replace(each, correct=1 - (each.correct or 0)) for each in read.records]
    write_record_file(tmp_path / "other.parquet", other, hashed(read.settings))
    refused = tale_eval("board", "cot/r.parquet", "other.parquet", "--out", "no", cwd=tmp_path)
    assert refused.returncode == 2
    said = "other.parquet and r.parquet hold other answers to the same 12 questions"
    assert said in one_line(refused.stderr, "error")
    assert not (tmp_path / "no").exists()


def test_records_of_another_schema_version_are_refused_by_the_name_of_their_file(
    tmp_path: Path,
) -> None:
    for name, version in (("ours", b"1"), ("theirs", b"2")):
        path = tmp_path / f"{name}.parquet"
        write_record_file(path, COT, [])
        table = pyarrow.parquet.read_table(path)
        metadata = table.schema.metadata | {b"tale_eval.schema_version": version}
        pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), path)
    done = tale_eval("board", "ours.parquet", "theirs.parquet", "--out", "site", cwd=tmp_path)
    assert done.returncode == 2
    said = "theirs.parquet: records of schema version 2; this tale-eval reads version 1"
    assert said in one_line(done.stderr, "error")
    assert not (tmp_path / "site").exists()


def test_a_board_with_texts_shows_the_questions(tmp_path: Path) -> None:
    options = ("--out", "site", "--with-texts", "--title", "Our sums")
    done = tale_eval("board", LOGS / "cot.eval", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "site" / "rows").iterdir()
    asked = "State the final answer to the following arithmetic problem"
    assert path.read_text().count(asked) == 12
    assert "Our sums" in texts(Page(tmp_path / "site" / "index.html"), "h1")


def test_a_file_in_the_folders_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("")
    done = tale_eval("board", LOGS, "--out", "site", cwd=tmp_path)
    assert done.returncode == 2
    assert "--out site: a file of this name is there" in one_line(done.stderr, "error")


def test_the_board_is_made_of_what_the_report_says(tmp_path: Path) -> None:
    tale_eval("board", LOGS, "--out", "site", cwd=tmp_path)
    tale_eval("report", LOGS, "--json", "rows.json", cwd=tmp_path)
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    read = Page(tmp_path / "site" / "index.html")
    for row in rows:
        assert f"{100 * row['accuracy']:.1f} %" in read.texts["td"]
