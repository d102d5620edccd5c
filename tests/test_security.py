"""What SECURITY.md promises, as far as it can be tried out; see also test_secrets.py,
test_hostile.py and test_report_page.py."""

import ast
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from command import REPOSITORY, tale_eval
from evaluation import right, run
from hypothesis import given, strategies as st
from questions import gsm8k_file
from server import chat_server

from tale_eval.errors import InvalidValueError, SourceError
from tale_eval.logs import read_records
from tale_eval.matrix import Combination, log_folder
from tale_eval.models.adapters import ADAPTER_CONFIG, content_hash, named_model
from tale_eval.shown.names import visible, visible_lines
from tale_eval.tasks.gsm8k import gsm8k

SOURCES = sorted(
    path
    for folder in ("tale_eval", "tasks", "solvers", "training")
    for path in (REPOSITORY / folder).rglob("*.py")
)
RUNS_DATA = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
RUNS_TEXT = {"eval", "exec", "compile", "__import__"}
RUNS_PROGRAMS = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"}
LOADS_OBJECTS = {"yaml.load", "yaml.unsafe_load", "yaml.full_load", "torch.load", "numpy.load"}


# --- the source ---


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_no_source_runs_data(path: Path) -> None:
    assert list(offences(path.read_text(encoding="utf-8"))) == []


OFFENCES = """\
import pickle
from dill import loads
eval("1")
exec(x)
os.system("ls")
subprocess.run("ls", shell=True)
yaml.load(x)
torch.load(x)
load(trust_remote_code=True)
archive.extractall()
"""


@pytest.mark.parametrize("source", OFFENCES.splitlines())
def test_an_offence_is_found(source: str) -> None:
    assert list(offences(source)) != []


def offences(source: str) -> Iterator[str]:
    """Whatever turns data into code or into programs that run."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names if name.name.split(".")[0] in RUNS_DATA)
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in RUNS_DATA:
                yield module
            case ast.Call(func=function, keywords=keywords):
                called = ast.unparse(function)
                if called in RUNS_TEXT | RUNS_PROGRAMS | LOADS_OBJECTS:
                    yield called
                if called.endswith((".extractall", ".extract")) and "archive" in called:
                    yield called
                yield from (
                    f"{called}({word.arg}=)"
                    for word in keywords
                    if word.arg in ("shell", "trust_remote_code", "allow_pickle")
                    and ast.unparse(word.value) != "False"
                )


# --- weights ---


LOADED = {"config.json": "model.safetensors", ADAPTER_CONFIG: "adapter_model.safetensors"}


@pytest.mark.parametrize("config", LOADED)
@pytest.mark.parametrize("weights", ["pytorch_model.bin", "adapter_model.bin", "model.pt"])
def test_weights_that_are_pickles_are_not_loaded(config: str, weights: str, tmp_path: Path) -> None:
    (tmp_path / config).write_text(json.dumps({"base_model_name_or_path": "x/y"}))
    (tmp_path / weights).write_bytes(b"\x80\x04.")
    with pytest.raises(InvalidValueError, match=rf"pickles \({weights}\), which can run code"):
        named_model(f"hf/{tmp_path}")
    (tmp_path / LOADED[config]).write_bytes(b"x")
    assert named_model(f"hf/{tmp_path}/.").arguments == (f"model_path={tmp_path}",)


def written(folder: Path, files: dict[str, object]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    return folder


SHARDED = {"weight_map": {"a": "w/part.bin"}}
MODEL_WITH_PICKLES: dict[str, dict[str, object]] = {
    "other safetensors": {"pytorch_model.bin": 0, "rope.safetensors": 0},
    "an adapter's": {"pytorch_model.bin": 0, "adapter_model.safetensors": 0},
    "shards in a folder": {"pytorch_model.bin.index.json": SHARDED, "w/part.bin": 0},
    "shards named as safetensors'": {"model.safetensors.index.json": SHARDED, "w/part.bin": 0},
    "a name of its own": {
        "config.json": {"transformers_weights": "adapter_model.bin"},
        **{"model.safetensors": 0, "adapter_model.bin": 0},
    },
}


@pytest.mark.parametrize("files", MODEL_WITH_PICKLES.values(), ids=MODEL_WITH_PICKLES)
def test_safetensors_that_no_loader_takes_do_not_hide_pickles(
    files: dict[str, object], tmp_path: Path
) -> None:
    folder = written(tmp_path / "m", {"config.json": {}, **files})
    config = {"base_model_name_or_path": str(folder)}
    adapter = written(tmp_path / "a", {ADAPTER_CONFIG: config, "adapter_model.safetensors": 0})
    embedded = {**files, ADAPTER_CONFIG: config, "adapter_model.safetensors": 0}
    beside = written(tmp_path / "e", {"config.json": {}, **embedded})
    names = (f"hf/{folder}", f"vllm/{folder}", f"hf/{adapter}", f"vllm/{folder}:{adapter}")
    for name in (*names, f"hf/{beside}"):
        with pytest.raises(InvalidValueError, match=r"which can run code|names other files"):
            named_model(name)


def test_an_adapter_of_pickles_is_not_hidden_by_its_bases_weights(tmp_path: Path) -> None:
    config = {ADAPTER_CONFIG: {"base_model_name_or_path": "x/y"}, "adapter_model.bin": 0}
    with pytest.raises(InvalidValueError, match=r"pickles \(adapter_model.bin\)"):
        named_model(f"hf/{written(tmp_path, {**config, 'model.safetensors': 0})}")


def test_a_model_in_shards_is_known_by_all_of_them(tmp_path: Path) -> None:
    index = {"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}
    shards = {"1.safetensors": 1, "2.safetensors": 2}
    whole = {"config.json": {}, "model.safetensors.index.json": index, **shards}
    assert named_model(f"hf/{written(tmp_path, whole)}").name == f"hf/{tmp_path.name}"
    before = content_hash(tmp_path)
    written(tmp_path, {"2.safetensors": 3})
    assert content_hash(tmp_path) != before
    (tmp_path / "1.safetensors").unlink()
    with pytest.raises(SourceError, match=r"index.json: there is no 1.safetensors beside it"):
        content_hash(tmp_path)


def test_a_pickle_beside_the_weights_is_no_part_of_them(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"x")
    before = content_hash(tmp_path)
    (tmp_path / "training_args.bin").write_bytes(b"\x80\x04.")
    assert content_hash(tmp_path) == before


# --- paths ---

PARTS = st.text(st.sampled_from("a/.\\~:%\0\n *|<>"), max_size=12) | st.text()


@given(PARTS, PARTS, PARTS)
def test_no_name_leads_out_of_the_log_folder(task: str, method: str, model: str) -> None:
    folder = log_folder(Combination(task, method, model), "logs")
    assert "\\" not in folder
    assert "\0" not in folder
    root, *parts = PurePosixPath(folder).parts
    assert root == "logs"
    assert len(parts) == 3
    assert not [part for part in parts if part.startswith(".")]


@pytest.mark.parametrize("name", ["../../x", "..", "/etc/passwd", "a/../../b", "~root", "C:\\x"])
def test_names_like_paths_stay_in_the_log_folder(name: str) -> None:
    folder = Path("/logs", log_folder(Combination(name, name, name), "/logs"))
    assert folder.resolve().is_relative_to("/logs")
    assert len(folder.parts) == 5


# --- archives ---


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return file.getvalue()


def lying(archive: bytes, size: int) -> bytes:
    """The archive with another size declared for its first member."""
    where = archive.index(b"PK\x01\x02") + 24
    return archive[:where] + size.to_bytes(4, "little") + archive[where + 4 :]


ARCHIVES = {
    "foreign": zipped(word__document=b"<xml/>"),
    "empty": zipped(),
    "leads out of its folder": zipped(**{".." + "__.." + "__evil.txt": b"x", "header.json": b"{}"}),
    "absurd size": lying(zipped(**{"header.json": b"{}"}), 0xFFFFFFF0),
    "no JSON": zipped(**{"header.json": b"\xff" * 1000}),
    "deep JSON": zipped(**{"header.json": b"[" * 1_000_000}),
    "noise": b"PK\x03\x04" + bytes(range(256)) * 4,
    "nothing": b"",
}


@pytest.mark.parametrize("content", ARCHIVES.values(), ids=ARCHIVES)
def test_an_archive_that_is_no_log_is_named_skipped_and_never_unpacked(
    content: bytes, tmp_path: Path
) -> None:
    logs = tmp_path / "logs"
    with chat_server(right) as server:
        run(server, gsm8k(method="cot", source=str(gsm8k_file(tmp_path, 1))), logs)
    (logs / "bad.eval").write_bytes(content)
    before = sorted(tmp_path.rglob("*"))
    reading = read_records([str(logs)])
    assert len(reading.records) == 1
    (problem,) = reading.problems
    assert "bad.eval: not a readable log" in problem
    assert sorted(tmp_path.rglob("*")) == before


# --- what a terminal is sent ---


def test_a_file_name_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[2J\u202e.eval").write_bytes(b"")
    done = tale_eval("report", tmp_path, cwd=tmp_path)
    assert done.returncode == 2
    assert "a\\x1b[2J\\u202e.eval: not a readable log" in done.stderr
    assert "\x1b[2J" not in done.stdout + done.stderr
    assert "\u202e" not in done.stdout + done.stderr


def test_what_shows_nothing_is_spelt_out() -> None:
    assert visible("gpt-4o · 答案　½ é") == "gpt-4o · 答案　½ é"
    assert visible("\x1b[2J\u202e\ud800\n\0") == "\\x1b[2J\\u202e\\ud800\\n\\x00"
    assert visible_lines("one\ntwo\r") == "one\ntwo\\r"
