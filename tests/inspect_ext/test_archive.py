"""What is read of a log without Inspect is what Inspect reads of it, or is left to Inspect."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalLog, read_eval_log, read_eval_log_sample_summaries, write_eval_log

from tale_eval.grading.choice import ScoreChoice
from tale_eval.inspect_ext.logs.archive import DAMAGED, open_archive
from tale_eval.inspect_ext.logs.headers import LogHeader, read_header
from tale_eval.inspect_ext.logs.labels import run_settings
from tale_eval.inspect_ext.logs.summaries import summary_records
from tale_eval.inspect_ext.logs.whole import whole_records
from tale_eval.logs import read_records

LOGS = Path(__file__).parent.parent / "fixtures" / "version_0_1_0" / "logs"
NAMES = ["cot.eval", "tale_ep.eval", "budget_search.eval"]


@pytest.mark.parametrize("name", NAMES)
def test_a_header_says_what_inspects_own_says(name: str) -> None:
    ours, theirs = read_header(str(LOGS / name)), read_eval_log(str(LOGS / name), header_only=True)
    assert isinstance(ours, LogHeader)
    assert isinstance(theirs, EvalLog)
    found, expected = (run_settings(log, "m", {}) for log in (ours, theirs))
    assert (found.model, found.task, found.values) == (
        expected.model,
        expected.task,
        expected.values,
    )
    assert (ours.status, ours.eval.task_id) == (theirs.status, theirs.eval.task_id)


@pytest.mark.parametrize("name", NAMES)
def test_a_member_is_the_json_that_inspect_wrote(name: str) -> None:
    with open_archive(str(LOGS / name)) as archive:
        summaries = archive.read("summaries.json")
        assert len(archive.names("samples/")) == 12
    expected = read_eval_log_sample_summaries(str(LOGS / name))
    assert [(s["id"], s["epoch"]) for s in summaries] == [(s.id, s.epoch) for s in expected]


@pytest.mark.parametrize("name", NAMES)
def test_records_of_summaries_are_those_of_whole_samples(name: str) -> None:
    location = str(LOGS / name)
    said = summary_records(read_header(location), [], ScoreChoice())
    assert said is not None
    whole, calls = whole_records(location, None, [], ScoreChoice())
    by_id = {record.sample_id: record for record in whole}
    assert {record.sample_id: record for record in said[0]} == by_id
    # of some one sample each, and not always the same
    assert said[1]
    assert calls


def rewritten(folder: Path, **members: Any) -> Path:
    """The log of CoT with these members changed; None leaves one out."""
    path = folder / "changed.eval"
    with open_archive(str(LOGS / "cot.eval")) as archive, zipfile.ZipFile(path, "w") as made:
        for name in [*archive.names("samples/"), "summaries.json", "header.json"]:
            content = members.get(name.removesuffix(".json"), archive.read(name))
            if content is not None:
                made.writestr(name, json.dumps(content), zipfile.ZIP_DEFLATED)
    return path


def test_members_of_an_older_packing_are_read(tmp_path: Path) -> None:
    """Inspect packed its logs by deflate before it took zstandard."""
    read = read_records([str(rewritten(tmp_path))])
    assert read.records == read_records([str(LOGS / "cot.eval")]).records


@pytest.mark.parametrize(
    "members",
    [{"summaries": None}, {"summaries": []}, {"summaries": [1]}, {"summaries": {"a": 1}}],
)
def test_summaries_of_another_shape_are_left_to_inspect(
    members: dict[str, Any], tmp_path: Path
) -> None:
    header = read_header(str(rewritten(tmp_path, **members)))
    assert summary_records(header, [], ScoreChoice()) is None
    assert len(read_records([header.location]).records) == 12


def test_a_log_in_json_is_left_to_inspect(tmp_path: Path) -> None:
    log = read_eval_log(str(LOGS / "cot.eval"))
    write_eval_log(log, str(tmp_path / "cot.json"))
    assert isinstance(read_header(str(tmp_path / "cot.json")), EvalLog)
    records = read_records([str(tmp_path / "cot.json")]).records
    assert records == read_records([str(LOGS / "cot.eval")]).records


@pytest.mark.parametrize("kept", [0.2, 0.6, 0.99])
def test_a_cut_log_is_named_and_nothing_is_made_of_it(kept: float, tmp_path: Path) -> None:
    content = (LOGS / "cot.eval").read_bytes()
    path = tmp_path / "cut.eval"
    path.write_bytes(content[: int(kept * len(content))])
    read = read_records([str(path)])
    assert read.records == []
    (problem,) = read.problems
    assert "cut.eval: not a readable log (" in problem


def test_a_changed_byte_of_a_member_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "flipped.eval"
    content = bytearray((LOGS / "cot.eval").read_bytes())
    with zipfile.ZipFile(LOGS / "cot.eval") as archive:
        member = archive.getinfo("summaries.json")
    content[member.header_offset + 100] ^= 0xFF
    path.write_bytes(content)
    with open_archive(str(path)) as opened, pytest.raises(DAMAGED):
        opened.read("summaries.json")
