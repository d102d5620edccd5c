"""The command `inspect`, run as a user runs it: a process of its own in some folder."""

import os
import subprocess
import sys
from pathlib import Path

from inspect_ai.log import EvalLog, list_eval_logs, read_eval_log
from server import ChatServer

REPOSITORY = Path(__file__).parent.parent
OFFLINE = {"HF_HUB_OFFLINE": "1"}


def inspect(
    *arguments: object, cwd: Path, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `inspect ARGUMENTS` with these environment variables added."""
    command = [str(Path(sys.executable).with_name("inspect")), *map(str, arguments)]
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("INSPECT_", "TALE_EVAL_"))
    }
    environment = inherited | OFFLINE | (variables or {})
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def inspect_eval(
    server: ChatServer,
    *arguments: object,
    cwd: Path,
    log_dir: Path,
    variables: dict[str, str] | None = None,
) -> list[EvalLog]:
    """Run `inspect eval ARGUMENTS` against the server; the logs of its successful tasks."""
    settings = ["--model", "openai-api/loop/m", "--max-retries", 1, "--timeout", 30]
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
