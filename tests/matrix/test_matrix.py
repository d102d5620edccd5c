"""`tale-eval compare`: what a user writes, the commands it stands for, and a real run."""

import csv
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from command import tale_eval
from inspect_ai.log import list_eval_logs
from questions import asks_for_budget
from server import ChatServer, Reply, chat_server

from tale_eval.errors import InvalidValueError, UnknownNameError
from tale_eval.matrix import Combination, combinations, command, log_folder
from tale_eval.tasks import task_arguments

MODEL = "openai-api/loop/m"
BAD = "openai-api/loop/bad"


@pytest.mark.parametrize(
    ("written", "name", "arguments"),
    [
        ("gsm8k", "tale_eval/gsm8k", {}),
        ("gsm8k/train", "tale_eval/gsm8k", {"split": "train"}),
        ("mathbench/college", "tale_eval/mathbench", {"level": "college"}),
        (
            "mathbench/college/en",
            "tale_eval/mathbench",
            {"level": "college", "language": "en"},
        ),
        ("gpqa/diamond", "tale_eval/gpqa", {"subset": "diamond"}),
        ("chain_sum:size=5", "tale_eval/chain_sum", {"size": "5"}),
        ("chain_sum:size=5:terms=2-3", "tale_eval/chain_sum", {"size": "5", "terms": "2-3"}),
        (
            "gsm8k/train:source=a/b.jsonl",
            "tale_eval/gsm8k",
            {"split": "train", "source": "a/b.jsonl"},
        ),
        ("tale_eval/gsm8k", "tale_eval/gsm8k", {}),
        ("inspect_evals/gsm8k", "inspect_evals/gsm8k", {}),
        ("inspect_evals/gsm8k:fewshot=0", "inspect_evals/gsm8k", {"fewshot": "0"}),
        ("path/to/task.py", "path/to/task.py", {}),
        ("task.py", "task.py", {}),
        ("task.py@second", "task.py@second", {}),
    ],
)
def test_ways_to_write_a_task(written: str, name: str, arguments: dict[str, str]) -> None:
    assert task_arguments(written) == (name, arguments)


@pytest.mark.parametrize(
    ("task", "method", "words"),
    [
        (
            "mathbench/college",
            "budget:tokens=50",
            'tale_eval/mathbench -T method="budget:tokens=50" -T level=college',
        ),
        (
            "inspect_evals/gsm8k",
            "cot",
            "inspect_evals/gsm8k --solver tale_eval/cot --max-retries 10 --continue-on-fail",
        ),
        (
            "task.py:fewshot=0",
            "budget:tokens=50:style=answer_last",
            'task.py --solver tale_eval/budget -S tokens=50 -S style="answer_last" '
            "--max-retries 10 --continue-on-fail -T fewshot=0",
        ),
    ],
)
def test_our_tasks_take_a_method_and_those_of_others_a_solver(
    task: str, method: str, words: str
) -> None:
    combination = Combination(task, method, "mockllm/model")
    called = command(combination, "logs", ["--limit", "2"])
    name, *settings = words.split()
    where = ["--model", "mockllm/model", "--log-dir", log_folder(combination, "logs")]
    assert called[1:] == [
        *("-m", "inspect_ai", "eval-set", name),
        *where,
        *settings,
        *("--limit", "2"),
    ]


def test_a_bound_of_the_users_on_retries_is_the_only_one() -> None:
    combination = Combination("inspect_evals/gsm8k", "cot", "mockllm/model")
    called = command(combination, "logs", ["--max-retries=3"])
    assert [word for word in called if "retries" in word] == ["--max-retries=3"]


def test_the_matrix_holds_every_combination_once_in_order() -> None:
    found = combinations(["gsm8k", "gpqa"], ["direct", "cot"], ["a/b", "c/d"])
    assert len(set(found)) == len(found) == 8
    assert [str(combination) for combination in found[:3]] == [
        "gsm8k · direct · a/b",
        "gsm8k · direct · c/d",
        "gsm8k · cot · a/b",
    ]


def test_what_is_named_twice_is_run_once() -> None:
    assert len(combinations(["gsm8k", "gsm8k"], ["cot", "cot"], ["a/b"])) == 1


@pytest.mark.parametrize(
    ("task", "method", "error", "message"),
    [
        ("gsm9k", "cot", UnknownNameError, "unknown task 'gsm9k'.*Did you mean 'gsm8k'"),
        ("gsm9k:size=5", "cot", UnknownNameError, "unknown task 'gsm9k'"),
        ("", "cot", UnknownNameError, "unknown task ''"),
        ("tale_eval/gsm9k", "cot", UnknownNameError, "unknown task 'gsm9k'"),
        ("gsm8k", "tale_epp", UnknownNameError, "unknown method 'tale_epp'.*'tale_ep'"),
        ("gsm8k", "cot:stile=paper", UnknownNameError, "unknown argument of method cot 'stile'"),
        ("gsm8k", "budget:tokens", InvalidValueError, "write 'tokens' as tokens=VALUE"),
        ("chain_sum:size", "cot", InvalidValueError, "write 'size' as size=VALUE"),
        ("gsm8k/train/en", "cot", InvalidValueError, "gsm8k takes at most 1 part"),
        ("gsm8k/trian", "cot", UnknownNameError, "unknown split 'trian'.*'train'"),
        ("mathbench/colege", "cot", UnknownNameError, "unknown level 'colege'.*'college'"),
        ("chain_sum:sise=5", "cot", UnknownNameError, "argument of task chain_sum 'sise'.*'size'"),
        ("chain_sum:size=five", "cot", InvalidValueError, "task chain_sum: size=five"),
        ("chain_sum:size=5:size=6", "cot", InvalidValueError, "size is given twice"),
        ("gsm8k", "budget", InvalidValueError, "method budget: missing .*'tokens'"),
        ("gsm8k", "budget:tokens=true", InvalidValueError, "budget: tokens=true"),
        ("gsm8k", "budget:tokens=0", InvalidValueError, "tokens=0"),
        ("gsm8k", "cot:style=answer_lst", UnknownNameError, "'answer_lst'.*'answer_last'"),
    ],
)
def test_typing_errors_are_found_before_anything_runs(
    task: str, method: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        combinations([task], [method], ["mockllm/model"])


def test_a_matrix_without_tasks_is_an_error() -> None:
    with pytest.raises(InvalidValueError, match="name at least one task"):
        combinations([], ["cot"], ["mockllm/model"])


@pytest.mark.parametrize("log_dir", ["logs", "/abs/logs", "s3://bucket/logs", "s3://bucket/logs/"])
def test_every_combination_has_its_own_folder_below_the_logs(log_dir: str) -> None:
    combination = Combination("mathbench/college", "budget:tokens=50", "openai/gpt-4o")
    below = "mathbench_college/budget_tokens=50/openai_gpt-4o"
    assert log_folder(combination, log_dir) == f"{log_dir.rstrip('/')}/{below}"


@pytest.mark.parametrize(
    "hostile", ["../../x", "..", "/etc/passwd", "~/x", "a\\..\\b", ".", "", "a\0b", "C:/x", "a\nb"]
)
def test_no_name_leaves_the_log_folder(hostile: str) -> None:
    folder = log_folder(Combination(hostile, hostile, hostile), "logs")
    first, *parts = PurePosixPath(folder).parts
    assert first == "logs"
    assert len(parts) == 3
    assert not {"", ".", ".."} & set(parts)
    assert not any(character in "".join(parts) for character in "\\:~\0\n")


def sums(prompt: str, request: dict[str, Any]) -> Reply:
    """The model named bad sends no choice, the others always the same answer."""
    if request["model"] == "bad":
        return Reply(None)
    if asks_for_budget(prompt):
        return Reply("Budget: [[30]]", output_tokens=6)
    return Reply("So it is [[7]]", output_tokens=12)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    with chat_server(sums) as running:
        for name, value in running.variables.items():
            monkeypatch.setenv(name, value)
        yield running


def compare(folder: Path, *options: object) -> subprocess.CompletedProcess[str]:
    methods = ("--method", "direct", "--method", "tale_ep")
    limits = ("--limit", 2, "--display", "none", "--max-retries", 0, "--retry-attempts", 0)
    return tale_eval(
        *("compare", "chain_sum:size=3", *methods, "--log-dir", "logs", *limits, *options),
        cwd=folder,
    )


@pytest.mark.slow
def test_a_matrix_is_run_once_and_reported(server: ChatServer, tmp_path: Path) -> None:
    first = compare(tmp_path, "--model", MODEL)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "2 of 2 done. Next: tale-eval report logs" in first.stdout
    assert len(list_eval_logs(str(tmp_path / "logs"))) == 2
    # two questions directly; two estimates and two answers
    assert len(server.requests) == 2 + 4

    # a second call runs what is missing: nothing, but for the model that is new and fails
    second = compare(tmp_path, "--model", MODEL, "--model", BAD)
    assert second.returncode == 1
    assert "2 of 4 done" in second.stdout
    failed = [line for line in second.stderr.splitlines() if line.startswith("note: failed")]
    assert failed == [
        f"note: failed: chain_sum:size=3 · {method} · {BAD}" for method in ("direct", "tale_ep")
    ]
    assert [r["model"] for r in server.requests].count("m") == 6

    files = ("--csv", "t.csv", "--json", "t.json", "--markdown", "t.md")
    reported = tale_eval("report", "logs", "--baseline", "direct", *files, cwd=tmp_path)
    assert reported.returncode == 0, reported.stderr
    assert "\x1b" not in first.stdout + second.stdout + reported.stdout + reported.stderr
    assert "the run ended with status error" in reported.stderr
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        good = [row for row in csv.DictReader(file) if row["model"] == MODEL]
    assert [(row["task"], row["method"], row["n"], row["output_tokens"]) for row in good] == [
        ("chain_sum(size=3)", "direct", "2", "12.0"),
        ("chain_sum(size=3)", "tale_ep", "2", "18.0"),
    ]
    rows = [
        row
        for row in json.loads((tmp_path / "t.json").read_text())["rows"]
        if row["model"] == MODEL
    ]
    assert [row["comparison"] and row["comparison"]["paired"] for row in rows] == [None, 2]
    assert f"| {MODEL} | chain_sum(size=3) | tale_ep |" in (tmp_path / "t.md").read_text()


@pytest.mark.slow
def test_a_typing_error_is_one_line_and_asks_nobody(server: ChatServer, tmp_path: Path) -> None:
    done = compare(tmp_path, "--model", MODEL, "--method", "tale_epp")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: unknown method 'tale_epp'")
    assert server.requests == []
