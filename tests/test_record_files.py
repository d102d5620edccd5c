"""One file of records: nothing lost, nothing told that is nobody's business, readable by others."""

import json
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from command import one_line, tale_eval
from hypothesis import given, strategies as st

from tale_eval import record_files
from tale_eval.analysis.leaderboard import leaderboard
from tale_eval.asking.setting import Setting
from tale_eval.errors import InvalidValueError, SourceError, UnknownNameError
from tale_eval.grading.choice import ScoreChoice
from tale_eval.logs import read_records
from tale_eval.record_files import (
    hashed,
    kind_of_error,
    log_name,
    new_record_file,
    read_record_files,
    short_names,
    without_places,
    write_record_file,
)
from tale_eval.records import Record, RunSettings
from tale_eval.shown.masking import masked_text
from tale_eval.tokens.costs import COST_KEYS

LOGS = Path(__file__).parent / "fixtures" / "version_0_1_0" / "logs"
DECIMAL = {"dollars", "scorer_dollars", "seconds"}
FLAGS = {
    key
    for key in COST_KEYS
    if key.startswith(("budget_", "cut_", "within_", "estimate_cut"))
    or key in ("truncated", "unsolved", "no_smaller_budget")
}


def answer(**changes: Any) -> Record:
    """A right answer of 100 tokens that cost a tenth of a cent."""
    known = {"output_tokens": 100, "dollars": 0.001, "truncated": False}
    facts: dict[str, Any] = {
        "model": "openai/m",
        "task": "gsm8k",
        "method": "cot",
        "sample_id": "q1",
        "epoch": 1,
        "correct": 1,
        "error": None,
        "bare": None,
        "costs": {key: known.get(key) for key in COST_KEYS},
    }
    return Record(**facts | changes)


def written(folder: Path, *records: Record, **more: Any) -> Path:
    path = folder / "r.parquet"
    write_record_file(path, records, more.pop("settings", []), **more)
    return path


def again(path: Path) -> list[Record]:
    return read_record_files([str(path)], [])[0]


# --- Nothing is lost ---

words = st.text(max_size=8).map(masked_text)
# what a column of whole numbers, of numbers and of flags can hold
whole = st.none() | st.integers(0, 2**40)
numbers = st.none() | st.floats(0, 1e12)
flags = st.none() | st.booleans()
costs = st.fixed_dictionaries(
    {key: numbers if key in DECIMAL else flags if key in FLAGS else whole for key in COST_KEYS}
)
any_record = st.builds(
    answer,
    model=words,
    task=words,
    method=words,
    setting=st.dictionaries(st.sampled_from(["temperature", "effort"]), words).map(Setting),
    sample_id=words,
    epoch=st.integers(1, 2**33),
    correct=st.none() | st.floats(0, 1),
    error=st.none() | st.sampled_from(["TimeoutError", "RateLimitError"]),
    bare=flags,
    costs=costs,
    rotation_of=st.none() | words,
    unread=st.booleans(),
    undecided=flags,
    controls=st.dictionaries(words, st.integers(0, 9999) | words),
    scorer=st.none() | words,
    until_decided=whole,
)


@given(record=any_record)
def test_every_record_comes_back_as_it_was(
    record: Record, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert again(written(tmp_path_factory.mktemp("r"), record)) == [record]


def test_what_was_answered_is_told_apart_and_not_told(tmp_path: Path) -> None:
    said = ["0.5", "1/2", "2", "", None, "It rained"]
    records = [answer(sample_id=str(n), answer=each) for n, each in enumerate(said)]
    half, same, two, none, unknown, words = (
        each.answer for each in again(written(tmp_path, *records))
    )
    assert half == same
    assert half != two
    assert (none, unknown) == ("", None)
    assert words
    assert "rain" not in words
    # a file that is made of this one says the same
    (twice,) = again(written(tmp_path, answer(answer=half)))
    assert twice.answer == half
    assert [each.answer for each in again(written(tmp_path, *records, texts=True))] == said


def test_a_name_that_is_no_text_comes_back_as_it_is_shown(tmp_path: Path) -> None:
    (record,) = again(written(tmp_path, answer(sample_id="a\ud800")))
    assert record.sample_id == "a\\ud800"


def test_the_report_of_a_file_is_the_report_of_its_logs(tmp_path: Path) -> None:
    done = tale_eval("records", LOGS, "--out", "r.parquet", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout == "r.parquet: 60 answers of 5 logs\n"
    for source, name in ((str(LOGS), "logs.json"), ("r.parquet", "file.json")):
        assert tale_eval("report", source, "--json", name, cwd=tmp_path).returncode == 0
    logs, file = (json.loads((tmp_path / n).read_text()) for n in ("logs.json", "file.json"))
    assert len(logs["rows"]) == 5
    assert file == logs


def test_the_gate_and_the_plan_read_a_file_too(tmp_path: Path) -> None:
    tale_eval("records", LOGS, "--out", "r.parquet", cwd=tmp_path)
    for command in ("gate", "plan"):
        of_logs, of_file = (
            tale_eval(command, source, cwd=tmp_path) for source in (LOGS, "r.parquet")
        )
        assert of_file.stdout == of_logs.stdout
        assert of_file.returncode == of_logs.returncode


def test_files_can_be_written_into_one(tmp_path: Path) -> None:
    for name in ("cot", "tale_ep"):
        tale_eval("records", LOGS / f"{name}.eval", "--out", f"{name}.parquet", cwd=tmp_path)
    tale_eval("records", "cot.parquet", "tale_ep.parquet", "--out", "both.parquet", cwd=tmp_path)
    both = read_records([str(tmp_path / "both.parquet")])
    assert len(both.records) == 24
    assert [run.log for run in both.settings] == ["cot.eval", "tale_ep.eval"]
    assert {len(run.sha256 or "") for run in both.settings} == {64}


def test_a_log_that_is_there_as_itself_and_in_a_file_is_said(tmp_path: Path) -> None:
    """Its answers count twice: two runs of one thing cannot be told from one given twice."""
    one, both = tmp_path / "one.parquet", tmp_path / "both.parquet"
    assert "more than once" not in tale_eval("records", LOGS, "--out", one, cwd=tmp_path).stderr
    done = tale_eval("records", one, LOGS / "cot.eval", "--out", both, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "logs that are there more than once: 1; their answers count each time" in done.stderr


def test_a_folder_of_logs_counts_once_if_its_file_lies_in_it(tmp_path: Path) -> None:
    (tmp_path / "cot.eval").write_bytes((LOGS / "cot.eval").read_bytes())
    tale_eval("records", "cot.eval", "--out", "r.parquet", cwd=tmp_path)
    assert len(read_records([str(tmp_path)]).records) == 12


# --- What others read ---


def test_pandas_reads_it_with_the_types_of_numbers(tmp_path: Path) -> None:
    import pandas

    setting = Setting({"effort": "low", "temperature": "0"})
    wrong = answer(sample_id="q2", correct=0, setting=setting)
    table = pandas.read_parquet(written(tmp_path, answer(setting=setting), wrong))
    assert list(table["output_tokens"]) == [100, 100]
    assert table["correct"].mean() == 0.5
    assert table["dollars"].sum() == pytest.approx(0.002)
    assert dict(table["setting"][0]) == {"effort": "low", "temperature": "0"}
    assert set(COST_KEYS) <= set(table.columns)


def test_duckdb_reads_it(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    low = answer(setting=Setting({"effort": "low"}))
    path = written(tmp_path, low, replace(low, sample_id="q2", correct=0))
    query = (
        "select method, setting['effort'], count(*), avg(correct), sum(output_tokens) "
        f"from '{path}' where not truncated group by all"
    )
    assert duckdb.sql(query).fetchall() == [("cot", "low", 2, 0.5, 200)]


def test_the_columns_of_this_version(tmp_path: Path) -> None:
    """Whoever changes one of these changes what others read: raise SCHEMA_VERSION."""
    schema = pyarrow.parquet.read_schema(written(tmp_path, answer()))
    types = {field.name: str(field.type) for field in schema}
    label = "dictionary<values=string, indices=int32, ordered=0>"
    of_the_answer = {
        **dict.fromkeys(("model", "task", "method"), label),
        "setting": "map<string, string ('setting')>",
        "sample_id": "string",
        "epoch": "int64",
        "rotation_of": "string",
        "correct": "double",
        **dict.fromkeys(("unread", "undecided", "bare"), "bool"),
        "scorer": label,
        **dict.fromkeys(("error", "controls", "text", "answer"), "string"),
        "until_decided": "int64",
    }
    assert {k: v for k, v in types.items() if k not in COST_KEYS} == of_the_answer
    assert {field.name for field in fields(Record)} - {"costs"} <= set(types)
    assert {k for k, v in types.items() if k in COST_KEYS and v == "double"} == DECIMAL
    assert {k for k, v in types.items() if k in COST_KEYS and v == "bool"} == FLAGS
    assert schema.metadata[b"tale_eval.schema_version"] == b"1"


# --- What it does not tell ---


def test_what_was_asked_stands_there_only_if_that_was_wanted(tmp_path: Path) -> None:
    question = b"State the final answer to the following arithmetic problem"
    for wanted in ((), ("--with-texts",)):
        done = tale_eval("records", LOGS, "--out", "r.parquet", *wanted, cwd=tmp_path)
        assert done.returncode == 0
        table = pyarrow.parquet.read_table(tmp_path / "r.parquet")
        texts = [text for text in table["text"].to_pylist() if text is not None]
        assert len(texts) == (60 if wanted else 0)
        assert all(text.encode().startswith(question) for text in texts)


def test_a_failure_is_told_by_its_kind_alone_unless_texts_are_wanted(tmp_path: Path) -> None:
    failed = answer(correct=None, error="BadRequestError('blocked: \"What is 2 plus 2?\"')")
    assert again(written(tmp_path, failed))[0].error == "BadRequestError"
    whole = again(written(tmp_path, failed, texts=True))[0].error
    assert whole == failed.error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("openai.RateLimitError: 429 for 'What is it?'", "openai.RateLimitError"),
        ("TimeoutError", "TimeoutError"),
        ("TimeoutError()", "TimeoutError"),
        ("the model said: no", "failed"),
        ("", "failed"),
        ("x" * 10_000, "failed"),
    ],
)
def test_the_kind_of_an_error(error: str, kind: str) -> None:
    assert kind_of_error(error) == kind


def test_a_key_in_an_error_is_masked(tmp_path: Path) -> None:
    failed = answer(correct=None, error="AuthError: api_key=abcdef123456")
    (record,) = again(written(tmp_path, failed, texts=True))
    assert record.error == "AuthError: api_key=***"


def test_a_log_is_told_by_its_name_and_its_hash_and_not_by_its_place(tmp_path: Path) -> None:
    log = tmp_path / "private" / "cot run.eval"
    log.parent.mkdir()
    log.write_bytes((LOGS / "cot.eval").read_bytes())
    done = tale_eval("records", log.parent, tmp_path / "gone", "--out", "r.parquet", cwd=tmp_path)
    assert done.returncode == 0
    (run,) = read_records([str(tmp_path / "r.parquet")]).settings
    assert run.log == "cot run.eval"
    sha256 = subprocess.run(["sha256sum", log], capture_output=True, text=True, check=True).stdout
    assert run.sha256 == sha256.split()[0]
    assert b"private" not in (tmp_path / "r.parquet").read_bytes()


def test_what_a_reader_must_know_of_the_logs_goes_with_them(tmp_path: Path) -> None:
    run = RunSettings("m", "t", "cot", log="/home/me/logs/a.eval", values={}, sha256="00")
    notes = without_places(["/home/me/logs/a.eval: the run ended with status error"], [run])
    assert notes == ["a.eval: the run ended with status error"]
    path = written(tmp_path, answer(), settings=[run], notes=notes)
    problems: list[str] = []
    read_record_files([str(path)], problems)
    assert problems == ["a.eval: the run ended with status error"]


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("/home/me/a.eval", "a.eval"),
        ("a#1.eval", "a#1.eval"),
        ("s3://bucket/logs/a%20b.eval", "a b.eval"),
        ("logs/", "logs"),
    ],
)
def test_a_logs_name(place: str, name: str) -> None:
    assert log_name(place) == name


def test_places_of_one_name_are_told_by_as_much_of_their_paths_as_that_takes() -> None:
    places = ["/home/a/site/r.parquet", "/home/b/site/r.parquet", "s3://bucket/logs", "logs"]
    assert list(short_names(places).values()) == [
        "a/site/r.parquet",
        "b/site/r.parquet",
        "s3://bucket/logs",
        "logs",
    ]


# --- What is refused ---


def test_a_file_of_another_schema_version_is_refused_with_the_cure(tmp_path: Path) -> None:
    path = written(tmp_path, answer())
    table = pyarrow.parquet.read_table(path)
    metadata = table.schema.metadata | {b"tale_eval.schema_version": b"7"}
    pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), path)
    done = tale_eval("report", path, cwd=tmp_path)
    assert done.returncode == 2
    assert one_line(done.stderr, "error").endswith(
        "r.parquet: records of schema version 7; this tale-eval reads version 1: write the file "
        "again from its logs with `tale-eval records`, or read it with the version of tale-eval "
        "that wrote it"
    )


def test_a_parquet_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "prices.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"a": [1]}), path)
    with pytest.raises(InvalidValueError, match="a Parquet file, but not one of records"):
        read_records([str(path)])


def test_a_cut_file_and_one_that_is_not_there_are_named(tmp_path: Path) -> None:
    path = written(tmp_path, answer())
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InvalidValueError, match=r"r\.parquet: not a file of records \(Arrow"):
        read_records([str(path)])
    with pytest.raises(SourceError, match=r"gone\.parquet"):
        read_records([str(tmp_path / "gone.parquet")])


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("correct", 7.0, r"correct is 7\.0; expected a share"),
        ("epoch", None, "epoch is None; expected a whole number from 1 up"),
        ("epoch", 0, "epoch is 0; expected a whole number from 1 up"),
        ("output_tokens", -5, "output_tokens is -5; expected 0 or more"),
        ("dollars", -0.5, r"dollars is -0\.5; expected 0 or more"),
    ],
)
def test_a_file_that_claims_what_cannot_be_is_refused_by_name(
    column: str, value: float | None, said: str, tmp_path: Path
) -> None:
    path = written(tmp_path, answer())
    table = pyarrow.parquet.read_table(path)
    place = table.column_names.index(column)
    claimed = pyarrow.array([value], type=table.schema.field(column).type)
    table = table.set_column(place, column, claimed)
    pyarrow.parquet.write_table(table, path)
    with pytest.raises(InvalidValueError, match=rf"r\.parquet: not a file of records .*{said}"):
        read_records([str(path)])


def test_a_column_that_an_earlier_version_did_not_write_is_unknown(tmp_path: Path) -> None:
    path = written(tmp_path, answer())
    table = pyarrow.parquet.read_table(path).drop_columns(["dollars"])
    pyarrow.parquet.write_table(table, path)
    (record,) = again(path)
    assert (record.costs["dollars"], record.costs["output_tokens"]) == (None, 100)


@pytest.mark.parametrize(
    ("costs", "said"),
    [
        ({"output_tokens": 1.5}, "output_tokens is 1.5; expected a whole number"),
        ({"output_tokens": 1e30}, r"output_tokens is 1e\+30; expected a whole number below"),
        ({"truncated": 0.5}, "truncated is 0.5; expected 0 or 1"),
    ],
)
def test_a_cost_that_no_column_holds_is_named(
    costs: dict[str, float], said: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidValueError, match=said):
        written(tmp_path, answer(costs=answer().costs | costs))


def test_prices_do_not_reach_a_file_and_that_is_said(tmp_path: Path) -> None:
    path = written(tmp_path, answer())
    read = read_records([str(path)], prices={})
    assert read.records[0].costs["dollars"] == 0.001
    assert read.problems == [
        f"{path}: holds no calls, so that its dollars stay as they were written; name its logs to "
        "have them priced anew"
    ]


def test_a_score_is_known_by_its_name_alone(tmp_path: Path) -> None:
    path = str(written(tmp_path, answer(scorer="match")))
    choice = ScoreChoice("match")
    assert read_record_files([path], [], choice)[0]
    choice.check()
    with pytest.raises(UnknownNameError, match="unknown score 'f1'; allowed: match"):
        read_records([path], score="f1")


def test_the_scorer_of_each_harness_is_written_down(tmp_path: Path) -> None:
    read = read_records([str(LOGS)])
    assert {record.scorer for record in read.records} == {"tale"}


# --- It is written as it is read ---


def test_answers_written_some_at_a_time_are_those_written_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunSettings("m", "t", "cot", log="a.eval", values={"versions": {"task": 1}}, sha256="00")
    records = [answer(sample_id=str(n), model=f"m{n % 3}", correct=n % 2) for n in range(20)]
    write_record_file(tmp_path / "whole.parquet", records, [run], ["a note"])
    monkeypatch.setattr(record_files, "_ROW_GROUP", 4)
    with new_record_file(tmp_path / "some.parquet") as file:
        for start, end in ((0, 1), (1, 1), (1, 12), (12, 20)):
            file.write(records[start:end])
        file.finish([run], ["a note"])
    whole, some = (
        pyarrow.parquet.ParquetFile(tmp_path / name) for name in ("whole.parquet", "some.parquet")
    )
    assert (whole.num_row_groups, some.num_row_groups) == (1, 4)
    assert some.schema_arrow.equals(whole.schema_arrow, check_metadata=True)
    assert some.read().to_pylist() == whole.read().to_pylist()
    assert again(tmp_path / "some.parquet") == records


def test_a_file_that_is_broken_off_is_not_there_and_the_former_one_stays(tmp_path: Path) -> None:
    former = written(tmp_path, answer(sample_id="former"))
    content = former.read_bytes()
    with pytest.raises(InvalidValueError, match=r"truncated is 0\.5"):
        written(tmp_path, answer(), answer(costs=answer().costs | {"truncated": 0.5}))

    def broken_off() -> None:
        with new_record_file(former) as file:
            file.write([answer()])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    assert former.read_bytes() == content
    assert list(tmp_path.iterdir()) == [former]


def test_a_process_that_is_killed_while_it_writes_leaves_no_half_file(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from tale_eval import record_files\n"
        "record_files._ROW_GROUP = 2\n"
        "from tale_eval.logs import read_records\n"
        "records = read_records([sys.argv[1]]).records\n"
        "with record_files.new_record_file(Path(sys.argv[2])) as file:\n"
        "    file.write(records)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    target = tmp_path / "r.parquet"
    done = subprocess.run([sys.executable, "-c", script, str(LOGS), str(target)], check=False)
    assert done.returncode == -9
    assert not target.exists()


def test_another_name_of_the_file_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    done = tale_eval("records", "gone", "--out", "r.csv", cwd=tmp_path)
    assert done.returncode == 2
    assert "--out r.csv: a file of records ends in .parquet" in one_line(done.stderr, "error")


def test_a_log_that_went_away_is_named() -> None:
    run = RunSettings("m", "t", "cot", log="/gone/a.eval", values={})
    with pytest.raises(SourceError, match=r"/gone/a\.eval: cannot be read"):
        hashed([run])


def test_a_file_is_read_without_either_harness(tmp_path: Path) -> None:
    path = written(tmp_path, answer())
    script = (
        "import sys; from tale_eval import read_records; "
        f"print(len(read_records([{str(path)!r}]).records), *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    assert done[0] == "1"
    assert not {"inspect_ai", "lm_eval", "torch", "pandas", "datasets"} & set(done)


def test_rows_of_records_and_of_their_file_are_equal(tmp_path: Path) -> None:
    records = read_records([str(LOGS)]).records
    rows, same = leaderboard(records), leaderboard(again(written(tmp_path, *records)))
    assert [(r.label, r.accuracy, r.means) for r in rows] == [
        (r.label, r.accuracy, r.means) for r in same
    ]
