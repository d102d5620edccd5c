"""The commands `inspect`, `tale-eval` and `lm_eval`, run as a user runs them, to their end.

Each is a process of its own. One that is only waited for is forked from a process that has loaded
its packages (tests/forked.py), and a whole new one where that is not the same; what is started, to
be killed or watched, is always a new one.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from forked import can_fork, run_forked
from inspect_ai.log import EvalLog, list_eval_logs, read_eval_log
from questions import gsm8k_file
from server import ChatServer

REPOSITORY = Path(__file__).parent.parent
OFFLINE = {"HF_HUB_OFFLINE": "1"}
HANGING_SECONDS = 3600
"""A process that takes longer hangs: no machine is that busy."""


def inspect(
    *arguments: object, cwd: Path, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `inspect ARGUMENTS` with these environment variables added."""
    return _run("inspect", arguments, cwd, variables)


def start_inspect(
    *arguments: object, cwd: Path, variables: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start `inspect ARGUMENTS` with these environment variables added."""
    return subprocess.Popen(**_process("inspect", arguments, cwd, variables))


def tale_eval(
    *arguments: object, cwd: Path, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `tale-eval ARGUMENTS` with these environment variables added."""
    return _run("tale-eval", arguments, cwd, variables)


def one_line(stderr: str, kind: str) -> str:
    """The one message of this kind that `tale-eval` printed: "error" or "note"."""
    assert "Traceback" not in stderr
    (line,) = [line for line in stderr.splitlines() if line.startswith(f"{kind}: ")]
    return line


def start_tale_eval(
    *arguments: object, cwd: Path, variables: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start `tale-eval ARGUMENTS`, with the signals of a program that a person starts."""
    process = _process("tale-eval", arguments, cwd, variables)
    return subprocess.Popen(**process, preexec_fn=_heed_signals)


def _heed_signals() -> None:
    # whoever started the tests may have had them ignored, as nohup does
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def lm_eval(
    *arguments: object, cwd: Path, variables: dict[str, str] | None = None, plain: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run `tale-eval lm-eval ARGUMENTS`, or the plain `lm_eval ARGUMENTS`."""
    program, first = ("lm_eval", ()) if plain else ("tale-eval", ("lm-eval",))
    return _run(program, (*first, *arguments), cwd, variables)


def lm_eval_on_server(
    server: ChatServer,
    folder: Path,
    tasks: str,
    *options: object,
    size: int = 20,
    model: str = "local-chat-completions",
    arguments: str = "num_concurrent=16",
) -> subprocess.CompletedProcess[str]:
    """Run `tale-eval lm-eval` on questions 0 to size - 1 to the end, its output in `out`."""
    address = f"model=gpt-4o-mini,base_url={server.base_url}/chat/completions"
    done = lm_eval(
        *("run", "--model", model, "--apply_chat_template"),
        *("--model_args", f"{address},{arguments}"),
        *("--tasks", tasks, "--metadata", f"tale_source={gsm8k_file(folder, size)}"),
        *("--output_path", folder / "out", "--log_samples"),
        *options,
        cwd=folder,
        variables=server.variables,
    )
    assert done.returncode == 0, done.stderr
    return done


def lm_eval_samples(folder: Path, task: str) -> list[dict[str, Any]]:
    """The rows of the one sample file that lm_eval left for a task."""
    (file,) = folder.rglob(f"samples_{task}_2*.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]


def lm_eval_results(folder: Path, task: str) -> dict[str, Any]:
    """The aggregated metrics of a task in the one results file, without the filter's name."""
    (file,) = folder.rglob("results_*.json")
    results = json.loads(file.read_text())["results"][task]
    return {key.removesuffix(",none"): value for key, value in results.items()}


def _run(
    program: str, arguments: tuple[object, ...], cwd: Path, variables: dict[str, str] | None
) -> subprocess.CompletedProcess[str]:
    process = _process(program, arguments, cwd, variables)
    if can_fork(process["env"]):
        return run_forked(process["args"], cwd, process["env"], HANGING_SECONDS)
    return subprocess.run(**process, timeout=HANGING_SECONDS, check=False)


def _process(
    program: str, arguments: tuple[object, ...], cwd: Path, variables: dict[str, str] | None
) -> dict[str, Any]:
    """What `subprocess` is told: a program beside this Python, in a clean environment."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("INSPECT_", "TALE_EVAL_"))
    }
    return {
        "args": [str(Path(sys.executable).with_name(program)), *map(str, arguments)],
        "cwd": cwd,
        "env": inherited | OFFLINE | (variables or {}),
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }


def inspect_eval(
    server: ChatServer,
    *arguments: object,
    cwd: Path,
    log_dir: Path,
    variables: dict[str, str] | None = None,
) -> list[EvalLog]:
    """Run `inspect eval ARGUMENTS` against the server; the logs of its successful tasks."""
    # the retries are bounded; a bound of seconds could fail on a busy machine
    settings = ["--model", "openai-api/loop/m", "--max-retries", 1]
    quiet = ["--display", "plain", "--log-dir", log_dir]
    done = inspect(
        "eval",
        *arguments,
        *settings,
        *quiet,
        cwd=cwd,
        variables=server.variables | (variables or {}),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    logs = [read_eval_log(info) for info in list_eval_logs(str(log_dir))]
    # inspect exits with 0 even if a task has failed
    assert {log.status for log in logs} == {"success"}, done.stdout + done.stderr
    return logs
