"""A command that is forked is as one that is started: in all it says, and apart from the next."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import lm_eval, start_tale_eval, tale_eval
from evaluation import right
from faulty_server import STALL
from forked import PROGRAMS, can_fork, run_forked
from questions import gsm8k_file
from server import chat_server

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="commands are forked on Linux only")


@pytest.mark.parametrize(
    "words",
    [
        ["methods"],
        ["report", "nowhere"],
        ["reprot"],
        ["compare", "gsm8k", "--method", "cot", "--model", "mockllm/model", "--dry-run"],
    ],
    ids=" ".join,
)
def test_it_says_and_ends_as_one_that_is_started(words: list[str], tmp_path: Path) -> None:
    started = start_tale_eval(*words, cwd=tmp_path)
    out, err = started.communicate()
    done = tale_eval(*words, cwd=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == (out, err, started.returncode)
    assert out + err


def test_what_one_has_is_not_the_next_one_s(tmp_path: Path) -> None:
    mine = {"TALE_EVAL_CACHE": str(tmp_path / "mine")}
    first = lm_eval("--path", cwd=tmp_path, variables=mine).stdout
    assert first.startswith(str(tmp_path / "mine"))
    assert not lm_eval("--path", cwd=tmp_path).stdout.startswith(str(tmp_path))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        tale_eval("tasks", "--json", "tasks.json", cwd=tmp_path / name)
        assert [*(tmp_path / name).iterdir()] == [tmp_path / name / "tasks.json"]


def test_one_that_hangs_is_killed_and_the_next_one_runs(tmp_path: Path) -> None:
    words = ["eval", "tale_eval/gsm8k", "-T", f"source={gsm8k_file(tmp_path, 1)}"]
    words += ["--model", "openai-api/loop/m", "--display", "plain", "--log-dir", "logs"]
    with chat_server(right, fault_of=lambda _: STALL) as server:
        variables = os.environ | server.variables
        with pytest.raises(subprocess.TimeoutExpired):
            run_forked([str(PROGRAMS / "inspect"), *words], tmp_path, variables, timeout=0.1)
    assert tale_eval("methods", cwd=tmp_path).returncode == 0


def test_variables_that_packages_read_while_they_load_want_a_new_process() -> None:
    ours = os.environ | {"HF_HUB_OFFLINE": "1"}
    assert can_fork(ours | {"TALE_EVAL_CACHE": "/elsewhere", "COLUMNS": "80"})
    assert not can_fork(ours | {"HF_HOME": "/elsewhere"})
    assert not can_fork({name: value for name, value in ours.items() if name != "HF_HUB_OFFLINE"})


@pytest.mark.parametrize(
    ("holds", "forks"),
    [("toys", True), ("tale_eval", False), ("rich", False), ("sitecustomize.py", False)],
)
def test_other_copies_of_what_is_loaded_want_a_new_process_and_other_packages_do_not(
    holds: str, forks: bool, tmp_path: Path
) -> None:
    (tmp_path / holds).mkdir()
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    assert can_fork(os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": path}) is forks
