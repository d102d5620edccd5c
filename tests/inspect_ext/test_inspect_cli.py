"""`inspect eval` with our tasks and solvers: by path, by name, installed, and mistaken."""

import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from command import REPOSITORY, inspect, inspect_eval
from inspect_ai._util.error import PrerequisiteError
from inspect_ai.log import EvalLog
from questions import asks_for_budget, gsm8k_file, number_in
from server import ChatServer, Reply, chat_server

import tale_eval


def right_if_even(prompt: str, request: dict[str, Any]) -> Reply:
    """Budget the question at 30 tokens; answer it rightly if its number is even."""
    if asks_for_budget(prompt):
        return Reply("Budget: [[30]]", output_tokens=6)
    n = number_in(prompt)
    return Reply(f"{n} and {n} make [[{2 * n + n % 2}]]", output_tokens=12)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server(right_if_even) as running:
        yield running


def scores(log: EvalLog) -> dict[str | int, Any]:
    """The scores of every sample, without the seconds, which are never twice the same."""
    values = {}
    for sample in log.samples or []:
        (score,) = (sample.scores or {}).values()
        assert isinstance(score.value, dict)
        values[sample.id] = {k: str(v) for k, v in score.value.items() if k != "seconds"}
    return values


BY_NAME = ("tale_eval/gsm8k", "--solver", "tale_eval/tale_ep")
BY_PATH = ("tasks/gsm8k.py", "--solver", "solvers/tale_ep.py")


@pytest.mark.slow
def test_paths_in_the_checkout_and_registered_names_give_the_same_scores(
    server: ChatServer, tmp_path: Path
) -> None:
    source = ("-T", f"source={gsm8k_file(tmp_path, 3)}")
    (named,) = inspect_eval(server, *BY_NAME, *source, cwd=tmp_path, log_dir=tmp_path / "named")
    (pathed,) = inspect_eval(server, *BY_PATH, *source, cwd=REPOSITORY, log_dir=tmp_path / "path")
    assert (named.eval.task, pathed.eval.task) == ("tale_eval/gsm8k", "gsm8k")
    assert scores(named) == scores(pathed)
    assert [s["correct"] for s in scores(named).values()] == ["1", "0", "1"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "answer_settings", "estimate_settings"),
    [
        pytest.param(
            [],
            {"temperature": 0.1, "seed": 1024, "max_tokens": 1024},
            {"temperature": 0.1, "seed": 1024, "max_tokens": 1024},
            id="the paper's settings by default",
        ),
        pytest.param(
            ["--temperature", 0.7, "--max-tokens", 50, "--seed", 7],
            {"temperature": 0.7, "seed": 7, "max_tokens": 50},
            {"temperature": 0.7, "seed": 7, "max_tokens": 1024},
            id="the user's flags win",
        ),
    ],
)
def test_generation_settings_that_reach_the_model(
    flags: list[object],
    answer_settings: dict[str, float],
    estimate_settings: dict[str, float],
    server: ChatServer,
    tmp_path: Path,
) -> None:
    source = ("-T", f"source={gsm8k_file(tmp_path, 1)}")
    inspect_eval(server, *BY_NAME, *source, *flags, cwd=tmp_path, log_dir=tmp_path / "logs")
    estimate, answer = server.requests
    assert answer_settings.items() <= answer.items()
    assert estimate_settings.items() <= estimate.items()


MISTAKES = [
    (
        "tale_eval/gsm8k -T method=tale_epp",
        "unknown method 'tale_epp'; allowed: budget,",
    ),
    ("tale_eval/gsm8k -T method=budget", "method budget: missing a required argument: 'tokens'"),
    ("tale_eval/gsm8k -T method=budget:tokens", "write 'tokens' as tokens=VALUE"),
    ("tale_eval/gsm8k -T method=budget:tokens=0", "tokens=0: must be a whole number from 1"),
    ("tale_eval/gsm8k -T method=budget:tokens=2.5", "tokens=2.5: must be a whole number"),
    ("tale_eval/gsm8k -T method=cot:stile=paper", "unknown argument of method cot 'stile'"),
    ("tale_eval/gsm8k -T method=cot:style=papr", "unknown style 'papr'; allowed: paper, answer"),
    ("tale_eval/gsm8k --solver tale_eval/budget", "missing a required argument: 'tokens'"),
    (
        "tale_eval/gsm8k --solver tale_eval/cot -S stile=paper",
        "unexpected keyword argument 'stile'",
    ),
    ("tale_eval/gsm8k -T split=dev", "unknown split of gsm8k 'dev'; allowed: test, train"),
    ("tale_eval/gsm8k -T source=nowhere", "source='nowhere': there is no"),
    ("tale_eval/gsm8k -T source=broken.jsonl", "broken.jsonl:2: not valid JSON"),
    ("tale_eval/gsm8k -T source=empty.jsonl", "empty.jsonl holds no rows"),
    ("tale_eval/mathbench -T level=collage", "Did you mean 'college'?"),
    ("tale_eval/mathbench -T language=fr", "unknown language of mathbench 'fr'; allowed: all, en"),
    ("tale_eval/gpqa -T subset=platinum", "unknown subset of gpqa 'platinum'; allowed: diamond"),
]


@pytest.fixture
def mistaken_files(tmp_path: Path) -> Path:
    gsm8k_file(tmp_path, 1)
    (tmp_path / "broken.jsonl").write_text('{"question": "?", "answer": "#### 1"}\n{"question"\n')
    (tmp_path / "empty.jsonl").write_text("\n")
    return tmp_path


def command_line(arguments: str) -> list[str]:
    source = "" if "source=" in arguments else " -T source=gsm8k.jsonl"
    return ["eval", *(arguments + source).split(), "--model", "mockllm/model"]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_a_mistake_is_raised_as_what_inspect_prints_plainly(
    arguments: str, message: str, mistaken_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (command,) = entry_points(group="console_scripts", name="inspect")
    monkeypatch.chdir(mistaken_files)
    monkeypatch.setattr(sys, "argv", ["inspect", *command_line(arguments), "--display", "none"])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    with pytest.raises(PrerequisiteError) as raised:
        command.load()()
    assert message in str(raised.value.message)


@pytest.mark.slow
def test_a_mistake_ends_in_one_message_without_a_traceback(mistaken_files: Path) -> None:
    arguments = command_line("tale_eval/gsm8k -T source=broken.jsonl")
    done = inspect(*arguments, "--display", "plain", cwd=mistaken_files)
    printed = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 1
    # the terminal may break a path where it likes
    assert "broken.jsonl:2:notvalidJSON" in printed.replace(" ", "")
    assert "Traceback" not in printed


def build(kind: str, checkout: Path, folder: Path, hatchling: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", folder]
    environment = os.environ | {"PYTHONPATH": str(hatchling)}
    subprocess.run(command, cwd=checkout, env=environment, capture_output=True, check=True)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def hatchling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build backend, fetched from the package index as pip itself would."""
    folder = tmp_path_factory.mktemp("hatchling")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "hatchling"]
    done = subprocess.run([*pip, "--target", folder], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"hatchling cannot be installed: {done.stderr}")
    return folder


@pytest.fixture(scope="module")
def wheel(hatchling: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", REPOSITORY, tmp_path_factory.mktemp("wheel"), hatchling)


@pytest.mark.slow
def test_the_wheel_holds_one_package_and_runs_by_name_in_an_empty_folder(
    wheel: Path, server: ChatServer, tmp_path: Path
) -> None:
    # Inspect knows an installed package by this folder's name
    site, empty = tmp_path / "site-packages", tmp_path / "empty"
    empty.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    top_level = {path.name for path in site.iterdir()}
    assert top_level == {"tale_eval", f"tale_eval-{tale_eval.__version__}.dist-info"}

    # on the path, the installed copy comes before an editable one
    installed = {"PYTHONPATH": str(site)}
    where = [sys.executable, "-c", "import tale_eval.solvers as s; print(s.__file__)"]
    found = subprocess.run(
        where, cwd=empty, env=os.environ | installed, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == str(site / "tale_eval" / "solvers" / "__init__.py")

    source = ("-T", f"source={gsm8k_file(tmp_path, 2)}")
    logs = tmp_path / "logs"
    (log,) = inspect_eval(server, *BY_NAME, *source, cwd=empty, log_dir=logs, variables=installed)
    assert [s["correct"] for s in scores(log).values()] == ["1", "0"]


@pytest.mark.slow
def test_the_source_distribution_builds_the_same_wheel(
    wheel: Path, hatchling: Path, tmp_path: Path
) -> None:
    with tarfile.open(build("sdist", REPOSITORY, tmp_path / "sdist", hatchling)) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.glob("tale_eval-*")
    again = build("wheel", unpacked, tmp_path / "wheel", hatchling)
    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(again) as second:
        assert sorted(first.namelist()) == sorted(second.namelist())
