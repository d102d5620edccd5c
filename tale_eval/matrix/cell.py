"""One run of a matrix, in a process of its own: Inspect's command line, and what is around it.

It ends when the process that wanted it does, however that ends, and no other run works in its
folder meanwhile. Loaded by every run: it imports little.
"""

import atexit
import json
import os
import runpy
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import connection, parent_process
from pathlib import Path
from time import sleep

from filelock import FileLock, Timeout

from tale_eval.inspect_ext.batches import mend_batches
from tale_eval.inspect_ext.collector import collect_less
from tale_eval.locks import HOLDER, LOCK, holder_of
from tale_eval.places import as_path

GRACE_SECONDS = 10
"""What an interrupted run has to write down what was answered, before it is killed."""

_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
SHARE_MARK = ".tale-eval-shard"
"""A file in the log folder of a share of a run's questions; see `share`."""


def run_cell(
    words: Sequence[str], folder: str, output: str | None, collector: tuple[int, int, int]
) -> None:
    """Run `inspect WORDS` to its end, and exit with its status.

    Args:
        words: From "eval-set" on.
        folder: Its log folder.
        output: The file that takes what it says; None where it has the terminal for itself.
        collector: The thresholds of Python's collector.
    """
    collect_less(collector)
    # whoever is started in the background may have been told to ignore it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if output is None:
        _take_the_terminal()
    else:
        _leave_the_terminal(output)
    watch = threading.Thread(target=_end_with_the_parent, args=(output is not None,), daemon=True)
    watch.start()
    if _may_batch(words):
        mend_batches()
    with _alone_in(folder):
        sys.argv = ["inspect", *words]
        # what was forked may have it already, and Python would warn of that
        sys.modules.pop("inspect_ai.__main__", None)
        try:
            runpy.run_module("inspect_ai", run_name="__main__")
        except Exception:  # noqa: BLE001 (Inspect's own hook shows it, as it does by itself)
            sys.excepthook(*sys.exc_info())
            sys.exit(1)
        finally:
            # multiprocessing ends a forked process without them: local servers would live on
            atexit._run_exitfuncs()


def _may_batch(words: Sequence[str]) -> bool:
    """Whether a run may ask in batches; whatever else says so, the mend changes nothing else."""
    says_so = {"--batch", "--generate-config", "--run-config"}
    named = {word.partition("=")[0] for word in words}
    return bool(says_so & named) or "INSPECT_EVAL_BATCH" in os.environ


def _leave_the_terminal(output: str) -> None:
    if hasattr(os, "setpgid"):
        # Ctrl-C is for whoever started us, and what we start ends with us
        os.setpgid(0, 0)
    with open(output, "ab", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    # whoever started us looks into it for how far we are
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # ours is a file


def _take_the_terminal() -> None:
    """Inspect's display reads keys, and multiprocessing has closed the standard input."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        return  # there is none
    os.dup2(terminal, 0)
    os.close(terminal)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 (for as long as we live)
    sys.__stdin__ = sys.stdin  # type: ignore[misc]  # what displays read


def _end_with_the_parent(of_a_group: bool) -> None:
    """Wait for the end of whoever started us, be it by kill -9, and end too."""
    parent = parent_process()
    if parent is None:
        return
    connection.wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGINT)
    sleep(GRACE_SECONDS)
    kill(os.getpid(), of_a_group)


def kill(pid: int, of_a_group: bool) -> None:
    """Kill -9 a run that is alive, and what it started where it has a group of its own."""
    if of_a_group and kill_group(pid):
        return
    try:
        os.kill(pid, _KILL)
    except ProcessLookupError:
        return  # it has just ended


def kill_group(pid: int) -> bool:
    """Kill -9 what is left of a process group; whether there was anything."""
    if not hasattr(os, "killpg"):
        return False
    try:
        os.killpg(pid, _KILL)
    except (ProcessLookupError, PermissionError):
        return False  # it had none, or has none any more
    return True


@contextmanager
def _alone_in(folder: str) -> Iterator[None]:
    """Hold the folder's lock, waiting for whoever holds it.

    The system lets go of it when a process ends in whatever way: there are no stale locks.
    """
    if not has_locks(folder):
        yield
        return
    place = Path(as_path(folder))
    place.mkdir(parents=True, exist_ok=True)
    with FileLock(place / LOCK):
        held = {"pid": os.getpid(), "host": socket.gethostname()}
        (place / HOLDER).write_text(json.dumps(held), encoding="utf-8")
        _check_beside(place)
        yield


def _check_beside(place: Path) -> None:
    """Refuse to ask a whole run and a share of it at once: each would ask what the other does.

    Both look once they have their own lock, so that one of them sees the other.
    """
    if (place / SHARE_MARK).exists():
        other = holder(str(place.parent))
    else:
        shares = [mark.parent.name for mark in place.glob(f"*/{SHARE_MARK}")]
        other = f"a run of {', '.join(sorted(shares))}" if shares else None
    if other is not None:
        sys.exit(f"{place}: {other} asks the same questions; start this again once it has ended")


def has_locks(folder: str) -> bool:
    """Whether a folder is on a file system: stores such as S3 have no locks."""
    return "://" not in as_path(folder)


def holder(folder: str) -> str | None:
    """Who works in a folder, in words; None if nobody does or there is no telling."""
    place = Path(as_path(folder))
    if not has_locks(folder) or not place.is_dir():
        return None
    try:
        with FileLock(place / LOCK, timeout=0):
            return None
    except Timeout:
        return holder_of(place)
