"""What is kept of logs says what the logs say, or is not taken: whoever wrote it, and when."""

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from inspect_ai.log import EvalLog, EvalSample, read_eval_log, write_eval_log
from inspect_ai.model import ModelOutput
from inspect_ai.scorer import Score

from tale_eval.inspect_ext.logs import index as indexes, reading
from tale_eval.inspect_ext.logs.index import INDEX, Index, Kept
from tale_eval.logs import ReadLogs, read_records

FIXTURES = Path(__file__).parent.parent / "fixtures" / "version_0_1_0" / "logs"
NAMES = ["budget_search.eval", "cot.eval", "tale_ep.eval"]
SECRET = "sk-abcdefghijklmnopqrstuvwx"


@pytest.fixture(autouse=True)
def index_is_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(indexes.SWITCH)
    monkeypatch.setenv("TALE_EVAL_CACHE", str(tmp_path / "cache"))
    # a dozen answers are read as fast again as they are looked up
    monkeypatch.setattr(reading, "_SECONDS_WORTH_KEEPING", 0)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A folder with the logs of three methods."""
    folder = tmp_path / "logs"
    folder.mkdir()
    for name in NAMES:
        shutil.copy(FIXTURES / name, folder / name)
    return folder


@pytest.fixture
def read_again(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the logs that are not taken from the index."""
    opened: list[str] = []
    anew = reading.read_anew

    def counted(name: str, *given: object, **more: object) -> reading.Anew:
        opened.append(Path(name).name)
        return anew(name, *given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "read_anew", counted)
    return opened


def entries(folder: Path) -> list[Path]:
    return sorted((folder / INDEX).iterdir())


def without_index(folder: Path) -> ReadLogs:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(indexes.SWITCH, "off")
        return read_records([str(folder)])


def test_a_second_report_reads_no_log_again(logs: Path, read_again: list[str]) -> None:
    first = read_records([str(logs)])
    assert sorted(read_again) == NAMES
    assert read_records([str(logs)]) == first == without_index(logs)
    assert sorted(read_again[:3]) == NAMES
    # the three more are those without the index
    assert len(read_again) == 6


def test_a_log_that_was_written_again_is_read_again(logs: Path, read_again: list[str]) -> None:
    """As by `inspect score`; its size and time say nothing, so they are made the same."""
    read_records([str(logs)])
    path = logs / "cot.eval"
    before = path.stat()
    log = read_eval_log(str(path))
    assert log.samples
    for sample in log.samples:
        assert sample.scores
        value = sample.scores["tale"].value
        assert isinstance(value, dict)
        value["correct"] = 1 - int(value["correct"] or 0)  # type: ignore[arg-type]
    write_eval_log(log, str(path))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    del read_again[:]
    turned = read_records([str(logs)])
    assert read_again == ["cot.eval"]
    assert turned == without_index(logs)


def test_another_log_of_the_same_size_and_time_is_read_again(
    logs: Path, read_again: list[str]
) -> None:
    read_records([str(logs)])
    path = logs / "cot.eval"
    before, content = path.stat(), bytearray(path.read_bytes())
    # one bit of what the summaries say, and no word of it in the archive's directory
    content[content.index(b"summaries.json") + 100] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    del read_again[:]
    found = read_records([str(logs)])
    assert "cot.eval" in read_again
    assert found == without_index(logs)


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_an_entry_of_which_anything_changed_is_not_taken(place: float, bit: int) -> None:
    index, mark = Index(b"k" * 32), "mark"
    signed = b'{"mark":"mark","head":["run","2026","success"]}\nfacts'
    content = bytearray(index._signature(signed) + signed)
    assert index._opened(bytes(content), mark) == Kept(mark, ("run", "2026", "success"), b"facts")
    content[int(place * len(content))] ^= 1 << bit
    assert index._opened(bytes(content), mark) is None
    assert Index(b"l" * 32)._opened(index._signature(signed) + signed, mark) is None


@pytest.mark.parametrize("content", [b"", b"x", b"\0" * 500, b"cut"])
def test_a_broken_entry_is_written_again(content: bytes, logs: Path, read_again: list[str]) -> None:
    first = read_records([str(logs)])
    entry = entries(logs)[1]
    entry.write_bytes(entry.read_bytes()[:-9] if content == b"cut" else content)
    del read_again[:]
    assert read_records([str(logs)]) == first
    assert read_again == ["cot.eval"]
    assert read_records([str(logs)]) == first
    assert read_again == ["cot.eval"]


def test_what_another_user_or_version_kept_is_not_taken(
    logs: Path, read_again: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whoever may write into the folder could else make a report say what no log does."""
    first = read_records([str(logs)])
    monkeypatch.setenv("TALE_EVAL_CACHE", str(tmp_path / "others"))
    del read_again[:]
    assert read_records([str(logs)]) == first
    assert sorted(read_again) == NAMES
    monkeypatch.setattr(indexes, "_reader", lambda: b"a later version")
    del read_again[:]
    assert read_records([str(logs)]) == first
    assert sorted(read_again) == NAMES
    # each has entries of its own, and none is in another's way
    assert len(entries(logs)) == 9


def test_an_entry_of_one_log_does_not_count_for_another(logs: Path, read_again: list[str]) -> None:
    read_records([str(logs)])
    first, second, _ = entries(logs)
    shutil.copy(first, second)
    del read_again[:]
    assert read_records([str(logs)]) == without_index(logs)
    assert read_again[0] == "cot.eval"


def test_a_folder_may_be_moved_and_its_notes_go_along(
    logs: Path, read_again: list[str], tmp_path: Path
) -> None:
    read_records([str(logs)])
    del read_again[:]
    moved = logs.rename(tmp_path / "moved")
    found = read_records([str(moved)])
    assert read_again == []
    assert {settings.log for settings in found.settings} == {str(moved / n) for n in NAMES}
    assert found == without_index(moved)


def test_a_deleted_log_is_forgotten(logs: Path) -> None:
    read_records([str(logs)])
    (logs / "cot.eval").unlink()
    assert len(read_records([str(logs)]).records) == 24
    (logs / "tale_ep.eval").rename(logs / "other.eval")
    read_records([str(logs)])
    assert [entry.name.rpartition(".")[0] for entry in entries(logs)] == [
        "budget_search.eval",
        "other.eval",
    ]


def test_what_a_killed_report_left_is_cleared_away(logs: Path) -> None:
    (logs / INDEX).mkdir()
    for name, age in (("new-old", 7200), ("new-now", 0)):
        left = logs / INDEX / name
        left.touch()
        os.utime(left, (left.stat().st_atime, left.stat().st_mtime - age))
    read_records([str(logs)])
    # the other may be that of a report that goes on
    assert [entry.name for entry in entries(logs) if entry.name.startswith("new-")] == ["new-now"]


def test_a_folder_that_nobody_may_write_costs_no_more_than_time(
    logs: Path, read_again: list[str], tmp_path: Path
) -> None:
    """Its entries lie in the user's cache. (What is no folder can be written by no user.)"""
    (logs / INDEX).touch()
    first = read_records([str(logs)])
    assert len(list((tmp_path / "cache" / "index").iterdir())) == 1 + 3
    del read_again[:]
    assert read_records([str(logs)]) == first
    assert read_again == []


def test_without_a_place_for_the_key_nothing_is_kept(
    logs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TALE_EVAL_CACHE", str(tmp_path / "file" / "below"))
    assert read_records([str(logs)]) == without_index(logs)
    assert not (logs / INDEX).exists()


def test_the_key_is_its_users_alone(logs: Path, tmp_path: Path) -> None:
    read_records([str(logs)])
    key = tmp_path / "cache" / "index" / "key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert [stat.S_IMODE(entry.stat().st_mode) for entry in entries(logs)] == [0o600] * 3


def test_reports_at_the_same_time_leave_whole_entries(logs: Path) -> None:
    expected = without_index(logs)
    found: list[ReadLogs] = []

    def report() -> None:
        for _ in range(5):
            found.append(read_records([str(logs)]))
            for name in NAMES:
                # some of it, so that another finds it half there
                (entry,) = (logs / INDEX).glob(f"{name}.*")
                entry.write_bytes(entry.read_bytes()[:100])

    threads = [threading.Thread(target=report) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 20
    assert read_records([str(logs)]) == expected
    assert [entry.name.rpartition(".")[0] for entry in entries(logs)] == NAMES


def test_the_first_of_two_keys_made_at_once_counts(tmp_path: Path) -> None:
    keys: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: keys.append(indexes._key(tmp_path / "index")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert [path.name for path in (tmp_path / "index").iterdir()] == ["key"]


def test_processes_read_what_one_reads(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = without_index(logs)
    monkeypatch.setattr(reading, "_processes", lambda logs, seconds: 2)
    assert read_records([str(logs)]) == expected


@pytest.mark.parametrize(
    ("logs", "seconds", "cores", "processes"),
    [(100, 0.3, 8, 1), (100, 0.5, 8, 2), (100, 60, 8, 8), (3, 60, 8, 3), (100, 60, 1, 1)],
)
def test_a_process_is_started_where_it_saves_more_than_it_costs(
    logs: int, seconds: float, cores: int, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    assert reading._processes(logs, seconds) == processes
    # a thread may hold a lock that a forked process waits for
    monkeypatch.setattr(threading, "active_count", lambda: 2)
    assert reading._processes(logs, seconds) == 1


def judged(folder: Path, **more: object) -> Path:
    """A log of somebody else's method, which Inspect must read, with two scores a sample."""
    folder.mkdir(exist_ok=True)
    log = read_eval_log(str(FIXTURES / "cot.eval"), header_only=True)
    samples = [
        EvalSample(
            id=f"s{n}",
            epoch=1,
            input=f"What is {SECRET}?",
            target="",
            output=ModelOutput.from_content("m", f"it is {SECRET}"),
            scores={"strict": Score(value="CI"[n % 2]), "lenient": Score(value="CC"[n % 2])},
        )
        for n in range(4)
    ]
    spec = log.eval.model_copy(
        update={"model_args": {"api_key": SECRET}, "solver": "other/solver", **more}
    )
    written = EvalLog(status="success", eval=spec, samples=samples)
    write_eval_log(written, str(folder / "judged.eval"))
    return folder


def test_the_choice_of_a_score_is_made_when_the_index_is_read(
    tmp_path: Path, read_again: list[str]
) -> None:
    folder = str(judged(tmp_path / "judged"))
    assert [r.correct for r in read_records([folder]).records] == [1, 0, 1, 0]
    assert len(read_again) == 2  # ours at first, and then Inspect's
    assert [r.correct for r in read_records([folder], score="lenient").records] == [1, 1, 1, 1]
    assert [r.correct for r in read_records([folder], score="strict").records] == [1, 0, 1, 0]
    assert len(read_again) == 2


def test_a_users_prices_need_the_log(logs: Path, read_again: list[str]) -> None:
    read_records([str(logs)])
    del read_again[:]
    priced = read_records([str(logs)], prices={})
    assert set(read_again) == set(NAMES)
    assert all(r.costs["dollars"] is None for r in priced.records)


def test_the_index_holds_no_key_and_nothing_that_was_asked(tmp_path: Path) -> None:
    from zstandard import ZstdDecompressor

    folder = judged(tmp_path / "judged")
    read_records([str(folder)])
    (entry,) = entries(folder)
    told, _, facts = entry.read_bytes()[32:].partition(b"\n")
    # what is said of the run, and what of its answers
    end = 4 + int.from_bytes(facts[:4])
    parts = facts[4:end], facts[end:]
    content = b"".join(ZstdDecompressor().decompress(part) for part in parts)
    assert b'"sample_id"' in content
    assert b"other/solver" in content
    for word in (SECRET, "What is", "it is", str(tmp_path)):
        assert word.encode() not in told + content


def test_of_a_run_that_goes_on_nothing_is_kept(tmp_path: Path) -> None:
    folder = judged(tmp_path / "judged")
    log = read_eval_log(str(folder / "judged.eval"))
    log.status = "started"
    write_eval_log(log, str(folder / "judged.eval"))
    assert len(read_records([str(folder)]).records) == 4
    assert not (folder / INDEX).exists()


def test_a_log_that_inspect_read_once_loads_no_inspect_again(tmp_path: Path) -> None:
    folder = judged(tmp_path / "judged")
    script = (
        "import sys\nfrom tale_eval.logs import read_records\n"
        f"read_records([{str(folder)!r}])\nprint(json.dumps('inspect_ai' in sys.modules))"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", f"import json\n{script}"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    assert [json.loads(line) for line in said] == [True, False]


def test_a_log_in_json_is_known_by_all_of_its_content(
    tmp_path: Path, read_again: list[str]
) -> None:
    folder = judged(tmp_path / "judged")
    log = read_eval_log(str(folder / "judged.eval"))
    (folder / "judged.eval").unlink()
    path = folder / "2026-01-01T00-00-00_judged.json"
    write_eval_log(log, str(path))
    first = read_records([str(folder)])
    del read_again[:]
    assert read_records([str(folder)]) == first
    assert read_again == []
    path.write_text(path.read_text().replace('"I"', '"C"'))
    assert [r.correct for r in read_records([str(folder)]).records] == [1, 1, 1, 1]


def test_a_folder_that_is_a_link_has_one_index(logs: Path, read_again: list[str]) -> None:
    read_records([str(logs)])
    del read_again[:]
    link = logs.parent / "link"
    link.symlink_to(logs)
    assert len(read_records([str(link)]).records) == 36
    assert read_again == []
