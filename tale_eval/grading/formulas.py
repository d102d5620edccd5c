"""Comparing formulas with math-verify, in a process that can be stopped.

A model can write an expression that no computer finishes ("9^9^9^9"), and a signal
cannot stop one that hangs inside a big-integer routine. So math-verify runs in a
worker process with limits of memory and of CPU time; one that overruns them ends, and the
answer counts as undecided. The next question finds a new worker ready. CPU time, not the
clock's: a grade must not depend on what else the machine does.
"""

import atexit
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from contextlib import suppress

PATIENCE_SECONDS = 60.0 if hasattr(signal, "setitimer") else 0.9
"""Time by the clock for one comparison, should its worker get no CPU time to spend; where a
process cannot limit that, this is the only limit."""

_MAX_CHARS = 2000
_START_SECONDS = 120.0
_VERDICTS = {"true\n": True, "false\n": False}
_END = ""
"""Stands for the end of the worker's output."""


def same_expression(answer: str, target: str, limit: float = PATIENCE_SECONDS) -> bool | None:
    """Whether two expressions are mathematically equal.

    Args:
        answer: What the model wrote, LaTeX or plain.
        target: The right answer.
        limit: Seconds allowed by the clock; of CPU time it is always less than one.

    Returns:
        None if it could not be decided within the limits of time, of 2,000
        characters and of the worker's memory.
    """
    if len(answer) > _MAX_CHARS or len(target) > _MAX_CHARS:
        return None
    return _worker.ask({"answer": answer, "target": target}, limit)


class _Worker:
    """One child process that answers one question at a time; started when first asked.

    What answers is a copy that the child makes of itself, where the system can fork.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._answering: int | None = None
        self._replies: queue.SimpleQueue[str] = queue.SimpleQueue()

    def ask(self, question: dict[str, str], limit: float) -> bool | None:
        with self._lock:
            process = self._ready()
            assert process.stdin is not None
            try:
                process.stdin.write(json.dumps(question) + "\n")
                process.stdin.flush()
                reply = self._replies.get(timeout=limit)
            except queue.Empty:
                self._interrupt(process)
                return None
            except BrokenPipeError:
                self.stop()
                return None
            if reply in _VERDICTS:
                return _VERDICTS[reply]
            # it died, out of memory: this is its successor, or the end of both
            if reply == _END:
                self.stop()
            else:
                self._answering = int(reply)
            return None

    def stop(self) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            with suppress(BrokenPipeError):
                self._process.stdin.close()  # no more questions: both end by themselves
            _kill(self._answering)
            self._process.wait()
            self._process = None

    def _interrupt(self, process: "subprocess.Popen[str]") -> None:
        if self._answering == process.pid:  # a system without fork
            self.stop()
        else:
            _kill(self._answering)
            self._answering = None

    def _ready(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is not None:
            self.stop()
        if self._process is None:
            self._answering, self._replies = None, queue.SimpleQueue()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tale_eval.grading._formula_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
            )
            pump = threading.Thread(target=_pump, args=(self._process, self._replies), daemon=True)
            pump.start()
        while self._answering is None:
            # importing sympy takes a second or more and is not the answer's fault
            try:
                line = self._replies.get(timeout=_START_SECONDS)
            except queue.Empty:
                self._process.kill()
                line = _END
            if line == _END:
                self.stop()
                raise RuntimeError(
                    "the math-verify worker did not start; is math-verify installed?"
                )
            # a verdict that came too late stands before it
            self._answering = None if line in _VERDICTS else int(line)
        return self._process


def _kill(pid: int | None) -> None:
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)  # nobody handles it, so it ends even a busy one


def _pump(process: "subprocess.Popen[str]", replies: "queue.SimpleQueue[str]") -> None:
    assert process.stdout is not None
    for line in process.stdout:
        replies.put(line)
    replies.put(_END)


_worker = _Worker()
atexit.register(_worker.stop)
