"""Comparing formulas with math-verify, in a process that can be stopped.

A model can write an expression that no computer finishes ("9^9^9^9"), and a signal
cannot stop one that hangs inside a big-integer routine. So math-verify runs in a
worker process with a memory limit; one that overruns its second is killed, and the
answer counts as undecided.
"""

import atexit
import json
import queue
import subprocess
import sys
import threading

LIMIT_SECONDS = 0.9
"""Time for one comparison; after it, the answer counts as undecided. The rest of a second
is left for finding the answer in the reply."""

_MAX_CHARS = 2000
_START_SECONDS = 120.0


def same_expression(answer: str, target: str, limit: float = LIMIT_SECONDS) -> bool | None:
    """Whether two expressions are mathematically equal.

    Args:
        answer: What the model wrote, LaTeX or plain.
        target: The right answer.
        limit: Seconds allowed.

    Returns:
        None if it could not be decided within the limits of time, of 2,000
        characters and of the worker's memory.
    """
    if len(answer) > _MAX_CHARS or len(target) > _MAX_CHARS:
        return None
    return _worker.ask({"answer": answer, "target": target}, limit)


class _Worker:
    """One child process that answers one question at a time; started when first asked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._replies: queue.SimpleQueue[str] = queue.SimpleQueue()

    def ask(self, question: dict[str, str], limit: float) -> bool | None:
        with self._lock:
            process = self._running()
            assert process.stdin is not None
            try:
                process.stdin.write(json.dumps(question) + "\n")
                process.stdin.flush()
                reply = self._replies.get(timeout=limit)
            except (queue.Empty, BrokenPipeError):
                self.stop()
                return None
            if reply == "":  # the worker died: out of memory
                self.stop()
                return None
            verdict: bool | None = json.loads(reply)
            return verdict

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            process = subprocess.Popen(
                [sys.executable, "-m", "tale_eval._math_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
            )
            replies: queue.SimpleQueue[str] = queue.SimpleQueue()
            threading.Thread(target=_pump, args=(process, replies), daemon=True).start()
            # importing sympy takes a second or more and is not the answer's fault
            if replies.get(timeout=_START_SECONDS) == "":
                raise RuntimeError(
                    "the math-verify worker did not start; is math-verify installed?"
                )
            self._process, self._replies = process, replies
        return self._process


def _pump(process: "subprocess.Popen[str]", replies: "queue.SimpleQueue[str]") -> None:
    assert process.stdout is not None
    for line in process.stdout:
        replies.put(line)
    replies.put("")


_worker = _Worker()
atexit.register(_worker.stop)
