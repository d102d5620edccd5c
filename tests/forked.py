"""Commands that begin where loading ends: forked from a process that has loaded what they need.

A command that is run as a user runs it loads Inspect or lm_eval first, which costs more CPU time
than most of what tests ask of it. Here one process for each set of packages has loaded them, and
forks for every command. What is forked has arguments, environment, folder and output of its own,
and ends like any other process: only its modules are there before it begins.

    python tests/forked.py MODULE...    reads commands from its standard input, a JSON line each
"""

import atexit
import gc
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module, invalidate_caches
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

PROGRAMS = Path(sys.executable).parent
READ_WHEN_LOADED = ("HF_", "HUGGINGFACE_", "TRANSFORMERS_", "TORCH_", "VLLM_", "XDG_CACHE_", "OMP_")
"""What variables begin with that packages read once, when they are loaded."""
_SET_WHEN_LOADED = {"HF_XET_HIGH_PERFORMANCE"}
"""Variables of that kind that a package sets itself, in whatever process loads it."""
_INSPECT = (
    *("tale_eval.matrix.warm", "tale_eval.cli", "tale_eval.logs", "tale_eval.report.page"),
    *("inspect_ai._cli.main", "scipy.stats", "altair"),
)
_LM_EVAL = (
    *("tale_eval.cli", "tale_eval.lm_eval_ext.registration", "lm_eval.__main__"),
    *("lm_eval.evaluator", "lm_eval.models", "transformers", "torch"),
)
_VARIABLES = os.environ | {"HF_HUB_OFFLINE": "1"}
"""Those with which packages are loaded."""


def can_fork(variables: Mapping[str, str]) -> bool:
    """Whether a command with these variables can begin where loading has ended."""
    read = {name for name in {*variables, *_VARIABLES} if name.startswith(READ_WHEN_LOADED)}
    chosen = read - _SET_WHEN_LOADED
    same = all(variables.get(name) == _VARIABLES.get(name) for name in chosen)
    anew = any(map(_changes_what_is_loaded, _path(variables)))
    return sys.platform == "linux" and same and not anew


def _path(variables: Mapping[str, str]) -> list[str]:
    """The folders that these variables name and that those of the tests do not."""
    named, ours = (
        given.get("PYTHONPATH", "").split(os.pathsep) for given in (variables, _VARIABLES)
    )
    return [folder for folder in named if folder and folder not in ours]


def _changes_what_is_loaded(folder: str) -> bool:
    """Whether a folder has another copy of what is installed here, or what every Python runs."""
    held = [path.stem for path in Path(folder).glob("*") if path.stem.isidentifier()]
    return any(name == "sitecustomize" or find_spec(name) for name in held)


def run_forked(
    words: Sequence[str], cwd: Path, variables: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process that has loaded what it needs.

    Args:
        words: The path of an installed package's console script, and its arguments.
        cwd: The folder in which it runs.
        variables: Its whole environment; see `can_fork`.
        timeout: Seconds after which it is killed.

    Raises:
        subprocess.TimeoutExpired: It was.
    """
    by_lm_eval = Path(words[0]).name == "lm_eval" or words[1:2] == ["lm-eval"]
    return _loaded(_LM_EVAL if by_lm_eval else _INSPECT).run(words, cwd, variables, timeout)


@cache
def _loaded(modules: Sequence[str]) -> "_Loaded":
    return _Loaded(modules)


class _Loaded:
    """A process that has loaded modules and forks; it ends when its standard input does."""

    def __init__(self, modules: Sequence[str]) -> None:
        self.alone = threading.Lock()
        self.process = subprocess.Popen(
            [sys.executable, __file__, *modules],
            env=_VARIABLES,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        atexit.register(self.process.communicate)

    def run(
        self, words: Sequence[str], cwd: Path, variables: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        with self.alone, TemporaryDirectory() as folder:
            out, err = Path(folder) / "out", Path(folder) / "err"
            told = {"words": [*words], "cwd": str(cwd), "variables": dict(variables)}
            self._tell(told | {"out": str(out), "err": str(err)})
            pid = self._told()
            assert self.process.stdout is not None
            if not select.select([self.process.stdout], [], [], timeout)[0]:
                os.kill(pid, signal.SIGKILL)
                self._told()
                raise subprocess.TimeoutExpired(words, timeout)
            status = self._told()
            return subprocess.CompletedProcess(words, status, out.read_text(), err.read_text())

    def _tell(self, command: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        self.process.stdin.flush()

    def _told(self) -> int:
        """One number that it says; it is not buffered here, so that `select` sees the next."""
        assert self.process.stdout is not None
        said = b""
        while not said.endswith(b"\n"):
            more = os.read(self.process.stdout.fileno(), 1)
            assert more, "the process that forks has ended: see above"
            said += more
        return int(said)


# --- in that process ---


def _serve() -> dict[str, Any]:
    """Fork for each command and say its process's number, then its status.

    Returns:
        The command, in what was forked for it; the one that forks never returns.
    """
    for line in sys.stdin.buffer:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            found: dict[str, Any] = json.loads(line)
            return found
        os.write(1, b"%d\n" % pid)
        _, status = os.waitpid(pid, 0)
        os.write(1, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _become(command: Mapping[str, Any]) -> Any:
    """Make this process the command's; what is to be called for it."""
    for number, (path, flags) in enumerate(
        [
            (os.devnull, os.O_RDONLY),
            (command["out"], os.O_WRONLY | os.O_CREAT),
            (command["err"], os.O_WRONLY | os.O_CREAT),
        ]
    ):
        place = os.open(path, flags)
        os.dup2(place, number)
        os.close(place)
    os.chdir(command["cwd"])
    os.environ.clear()
    os.environ.update(command["variables"])
    folders = filter(None, command["variables"].get("PYTHONPATH", "").split(os.pathsep))
    sys.path[1:1] = [folder for folder in folders if folder not in sys.path]
    invalidate_caches()
    sys.argv = command["words"]
    (script,) = entry_points(group="console_scripts", name=Path(sys.argv[0]).name)
    return script.load()


def _load(modules: Sequence[str]) -> None:
    sys.path[0] = str(PROGRAMS)  # where a console script lies
    for name in modules:
        # what is not installed is missed by the command that wants it, and says so
        with suppress(ImportError):
            import_module(name)
    gc.freeze()


if __name__ == "__main__":
    # Ctrl-C is for whoever asked, and for what was forked; this ends with its input
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _load(sys.argv[1:])
    sys.exit(_become(_serve())())
