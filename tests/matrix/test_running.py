"""How a matrix runs: what at once, what alone, and what is left when it is killed."""

import os
import signal
import subprocess
import sys
from collections import Counter
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from command import one_line, start_tale_eval, tale_eval
from matrices import MODEL, QUESTIONS, Matrix, wait_for_their_end
from questions import gsm8k_file, number_in
from reasoning_server import Behaviour, Natural, reasoning_server

from tale_eval.cli.progress import Progress
from tale_eval.inspect_ext.command_line import read_options
from tale_eval.logs import read_records
from tale_eval.matrix import running
from tale_eval.matrix.cell import holder
from tale_eval.matrix.combination import combinations
from tale_eval.matrix.running import AtWork, cells_of, is_local, usual_jobs

IN_FLIGHT = 4
"""Connections of one run."""


@pytest.mark.parametrize(
    ("model", "options", "local"),
    [
        ("openai/gpt-4o", [], False),
        ("openai-api/loop/m", [], False),
        ("mockllm/model", [], False),
        ("hf/smollm2", [], True),
        ("vllm/Qwen/Qwen3", [], True),
        ("vllm/Qwen/Qwen3", ["--model-base-url", "http://there/v1"], False),
        ("ollama/qwen", [], True),
        ("openai/gpt-4o", ["--model-role", "estimator=hf/smollm2"], True),
        ("openai/gpt-4o", ["--model-role", "estimator={model: vllm/x}"], True),
        ("openai/gpt-4o", ["--model-role", "estimator=anthropic/c"], False),
    ],
)
def test_models_that_this_machine_computes_are_told_from_those_of_an_api(
    model: str, options: list[str], local: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VLLM_BASE_URL", raising=False)
    assert is_local(model, read_options(options)) == local


def test_a_vllm_server_that_is_there_already_is_an_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_BASE_URL", "http://there/v1")
    assert not is_local("vllm/Qwen/Qwen3", read_options([]))


@pytest.mark.parametrize(
    ("jobs", "connections"),
    [(1, ["20"]), (2, ["20", "10"]), (3, ["20", "6"]), (8, ["20", "6"])],
)
def test_a_bound_on_connections_is_shared_by_the_runs_that_ask_one_model(
    jobs: int, connections: list[str], tmp_path: Path
) -> None:
    options = read_options(["--max-connections", "20"])
    matrix = combinations(["gsm8k"], ["direct", "cot", "tale_ep"], ["a/b"])
    for cell in cells_of(matrix, str(tmp_path), options, jobs):
        words = list(cell.words)
        # of several, the last one counts
        given = [words[i + 1] for i, word in enumerate(words) if word == "--max-connections"]
        assert given == connections


@pytest.mark.parametrize("display", ["full", "rich", "conversation"])
def test_whoever_wants_inspects_own_display_has_it_run_by_run(display: str) -> None:
    assert usual_jobs(read_options(["--display", display])) == 1
    assert usual_jobs(read_options(["--display", "plain"])) > 1


def test_while_nothing_finishes_it_is_said_how_far_the_runs_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {
        "cot": "Steps: 1/9 | Samples:   4/ 40 | m: 1/20\nSteps: 2/9 | Samples:   7/ 40 | m: 1/20\n",
        "direct": "Steps: 1/9 | Samples: 1,2\nSamples: 12/ 40\n",
        "tale_ep": "",
    }
    cells = cells_of(combinations(["gsm8k"], [*said], ["a/b"]), "logs", read_options([]), 3)
    quiet = cells_of(
        combinations(["gsm8k"], ["cot"], ["a/b"]), "logs", read_options(["--display", "none"]), 1
    )
    for name, text in said.items():
        (tmp_path / name).write_text(text)
    started = [
        *(
            running._Started(each, BaseProcess(), tmp_path / each.combination.method, 0)
            for each in cells
        ),
        running._Started(quiet[0], BaseProcess(), tmp_path / "cot", 0),
        running._Started(cells[0], BaseProcess(), None, 0),
    ]
    found = running._Run([], 3, tmp_path, started)
    assert [*found.at_work()] == []
    monkeypatch.setattr(running, "QUIET_SECONDS", 0)
    # 7 and 12; those whose output is not kept, or was told to be quiet, are not counted
    assert [*found.at_work()] == [AtWork(3, 19)]


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (AtWork(1, 0), "1 run, no question answered yet; a call that fails for now is made again"),
        (AtWork(2, 1), "2 runs, 1 question answered"),
        (AtWork(2, 1234), "2 runs, 1,234 questions answered"),
    ],
)
def test_whoever_watches_is_told_how_far_the_runs_are(
    work: AtWork,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell = Progress(3)
    tell(work)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    tell(work)
    assert capsys.readouterr().err == f"[0/3] at work: {words}\n"


def test_runs_are_counted_of_all_where_their_number_is_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (cell,) = cells_of(combinations(["gsm8k"], ["cot"], ["a/b"]), "logs", read_options([]), 1)
    done = running.Finished(cell, None, "", 2.4, 40)
    of_all, of_blocks = Progress(1), Progress(None)
    of_all(done)
    for _ in range(2):
        of_blocks(done)
    assert capsys.readouterr().err.splitlines() == [
        "[1/1] done: gsm8k · cot · a/b (40 questions, 2 s)",
        "[1] done: gsm8k · cot · a/b (40 questions, 2 s)",
        "[2] done: gsm8k · cot · a/b (40 questions, 2 s)",
    ]


@pytest.mark.slow
def test_a_sweep_is_run_once_and_shares_its_folders_with_plain_options(matrix: Matrix) -> None:
    matrix.questions = 3
    sweeps = ("--sweep", "reasoning_effort=low,high", "--sweep", "budget.tokens=50,100")
    methods = ("cot", "budget")
    dry = matrix.compare(*sweeps, "--dry-run", methods=methods)
    assert dry.returncode == 0, dry.stderr
    assert "6 runs, 0 of them done; 18 questions to ask" in dry.stdout
    assert matrix.server.requests == []

    done = matrix.compare(*sweeps, methods=methods)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 of 6 done" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert len([line for line in done.stderr.splitlines() if "] done: " in line]) == 6
    found = read_records([str(matrix.folder / "logs")]).records
    spent = Counter((r.method, r.costs["output_tokens"]) for r in found)
    assert spent == {
        (method, tokens): 3
        for method in ("cot", "budget:tokens=50", "budget:tokens=100")
        for tokens in (20, 200)
    }

    again = matrix.compare("--reasoning-effort", "high", methods=("cot", "budget:tokens=50"))
    assert again.returncode == 0, again.stderr
    assert "2 runs, 2 of them done; nothing left to ask" in again.stdout
    assert len(matrix.server.requests) == 18

    other = matrix.compare("--reasoning-effort", "medium", methods=("cot",))
    assert other.returncode == 0, other.stderr
    assert len(matrix.server.requests) == 21


@pytest.mark.slow
def test_a_run_that_asks_nothing_has_failed(matrix: Matrix) -> None:
    matrix.questions = 3
    (matrix.folder / "theirs.py").write_text(
        "from inspect_ai import Task, task\n"
        "from inspect_ai.dataset import Sample\n"
        "from inspect_ai.scorer import match\n"
        "@task\n"
        "def theirs():\n"
        "    return Task([Sample('What is 1 plus 1?', target='2')], scorer=match())\n"
    )
    words = ("compare", "theirs.py", "--method", "cot", "--model", MODEL, "--no-check")
    done = tale_eval(*words, "--limit", "10-20", cwd=matrix.folder)
    assert done.returncode == 1, done.stdout
    assert "0 of 1 done. Once that is mended, the same command runs" in done.stdout
    assert "it ran no question: --limit (ranges count from 1)" in done.stderr
    done = matrix.compare("--limit", "10-20", methods=("cot",))
    assert done.returncode == 2, done.stdout
    assert "--limit 10-20 leaves no question of gsm8k" in one_line(done.stderr, "error")
    done = matrix.compare("--limit", "2-3", methods=("cot",))
    assert done.returncode == 0, done.stderr
    assert sorted(map(number_in, matrix.server.prompts())) == [1, 2]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["cot", "tale_ep"])
def test_a_value_that_the_provider_refuses_is_said_in_its_own_words(
    method: str, tmp_path: Path
) -> None:
    source = gsm8k_file(tmp_path, 2)
    with reasoning_server(lambda _: Natural(9, 9, "8"), Behaviour(effort="refuse")) as server:
        done = tale_eval(
            *("compare", f"gsm8k:source={source}", "--method", method, "--model", MODEL),
            *("--sweep", "reasoning_effort=low,high", "--retry-attempts", 0),
            *("--log-dir", "logs", "--display", "none"),
            cwd=tmp_path,
            variables=server.variables,
        )
    assert done.returncode == 1
    for effort in ("low", "high"):
        assert (
            f"{MODEL} refuses the request: the effort of {effort} is not supported by this model"
            in done.stderr
        )
    assert "Warning" not in done.stderr
    # the report says it, too, and gives no advice that does not help
    said = tale_eval("report", "logs", cwd=tmp_path).stderr
    assert "the effort of low is not supported by this model" in said
    assert "may help" not in said


@pytest.mark.slow
def test_what_a_failed_run_said_is_shown_when_several_run_at_once(matrix: Matrix) -> None:
    matrix.questions = 3
    broken = matrix.folder / "broken.py"
    broken.write_text(
        "from inspect_ai import task\n@task\ndef broken(): raise OSError('the dice are gone')\n"
    )
    words = matrix.words("--jobs", 2, methods=("cot",))
    words.insert(2, "broken.py")
    done = tale_eval(*words, cwd=matrix.folder)
    assert done.returncode == 1
    assert "1 of 2 done" in done.stdout
    assert "the dice are gone" in done.stderr
    assert f"note: failed: broken.py · cot · {MODEL}" in done.stderr.splitlines()


def check_nothing_counts_twice(matrix: Matrix) -> None:
    """Every question in the logs once; answered twice, at most those in flight at the kill."""
    logs = matrix.logs()
    assert {log.status for log in logs} == {"success"}
    assert [len(log.samples or []) for log in logs] == [QUESTIONS, QUESTIONS]
    asked = matrix.asked()
    assert len(asked) == 2 * QUESTIONS
    assert set(asked.values()) <= {1, 2}
    # both runs share the connections
    twice = asked.total() - len(asked)
    assert twice <= IN_FLIGHT
    records = read_records([str(matrix.folder / "logs")]).records
    in_logs = sum(r.costs["output_tokens"] or 0 for r in records)
    assert in_logs == matrix.server.total("output_tokens") - 50 * twice


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_killed_it_leaves_nobody_and_the_same_command_at_once_asks_only_what_is_missing(
    number: signal.Signals, matrix: Matrix
) -> None:
    words = matrix.words("--jobs", 2, "--max-connections", IN_FLIGHT)
    matrix.gate.shut_after(QUESTIONS // 2)
    process = start_tale_eval(*words, cwd=matrix.folder)
    matrix.end(process, number, after=QUESTIONS // 2)
    again = tale_eval(*words, cwd=matrix.folder)
    process.communicate()
    assert process.returncode != 0
    assert len(matrix.children) >= 2
    wait_for_their_end(matrix.children)
    assert again.returncode == 0, again.stdout + again.stderr
    check_nothing_counts_twice(matrix)


@pytest.mark.slow
def test_one_at_a_time_it_leaves_nobody_either(matrix: Matrix) -> None:
    words = matrix.words("--jobs", 1, "--max-connections", IN_FLIGHT)
    matrix.gate.shut_after(QUESTIONS // 2)
    process = start_tale_eval(*words, cwd=matrix.folder)
    matrix.end(process, signal.SIGKILL, after=QUESTIONS // 2)
    again = tale_eval(*words, cwd=matrix.folder)
    process.communicate()
    wait_for_their_end(matrix.children)
    assert again.returncode == 0, again.stdout + again.stderr
    check_nothing_counts_twice(matrix)


@pytest.mark.slow
def test_two_at_once_into_one_folder_ask_every_question_once(matrix: Matrix) -> None:
    words = matrix.words("--jobs", 2, "--max-connections", IN_FLIGHT)
    first = start_tale_eval(*words, cwd=matrix.folder)
    second = tale_eval(*words, cwd=matrix.folder)
    said = first.communicate()
    assert first.returncode == 0, said
    assert second.returncode == 0, second.stdout + second.stderr
    assert set(matrix.asked().values()) == {1}
    assert len(matrix.asked()) == 2 * QUESTIONS


HOLD = """
import sys, time
from tale_eval.matrix.cell import _alone_in
with _alone_in(sys.argv[1]):
    print("held", flush=True)
    time.sleep(3600)
"""


def test_whoever_works_in_a_folder_is_named_and_a_lock_ends_with_its_process(
    tmp_path: Path,
) -> None:
    folder = str(tmp_path / "a#b%20c" / "run")
    assert holder(folder) is None
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, folder], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    assert holder(folder) == f"process {process.pid} on {os.uname().nodename}"
    process.kill()
    process.communicate()
    assert holder(folder) is None
    assert holder("s3://bucket/logs") is None
