"""The child process of `tale_eval.grading.formulas`: one JSON question a line, one reply.

Prints the id of the process to kill when a question takes too long; where there is fork,
that is a copy of this process, and the next copy is there at once: importing sympy again
would take longer than the question.
"""

import json
import os
import select
import signal
import sys

from tale_eval.grading._exactness import make_exact

CPU_SECONDS = 0.9
"""For one question, of this process's own time: what else the machine does takes none of it.
The rest of a second is left for finding the answer in the reply."""

_MEMORY_BYTES = 2 * 1024**3


def main() -> None:
    _limit_memory()
    from math_verify import grader, parse, verify

    make_exact(grader)
    for example in ("\\sqrt{4}", "1 + 1"):
        _compare(parse, verify, example, "2")  # the first of each kind loads its parser
    if sys.platform == "win32":
        _serve(parse, verify)
        return
    parent, status = os.getppid(), 1
    while status != 0 and os.getppid() == parent:  # until there are no more questions
        child = os.fork()
        if child == 0:
            _serve(parse, verify)
            return
        _, status = os.waitpid(child, 0)
        _forget_question()


def _forget_question() -> None:
    """Drop the question that was given up before it was read; the next one is not sent yet."""
    while select.select([0], [], [], 0)[0] and os.read(0, 65536):
        pass


def _serve(parse: object, verify: object) -> None:
    _say(str(os.getpid()))
    for line in sys.stdin:
        question = json.loads(line)
        _limit_time(CPU_SECONDS)
        equal = _compare(parse, verify, question["answer"], question["target"])
        _limit_time(0)
        _say(json.dumps(equal))


def _say(word: str) -> None:
    """One line in one write: print() can make two, and be killed between them."""
    os.write(1, f"{word}\n".encode())


def _compare(parse: object, verify: object, answer: str, target: str) -> bool:
    # no time limit in here: the one outside holds even where a Python signal handler does not
    from math_verify import LatexExtractionConfig

    assert callable(parse)
    assert callable(verify)
    # only the formula itself: a number inside one that cannot be read is not its value
    how = {"extraction_config": [LatexExtractionConfig()], "parsing_timeout": None}
    gold = parse(f"${target}$", **how)
    given = parse(f"${answer}$", **how)
    return bool(verify(gold, given, timeout_seconds=None))


def _limit_memory() -> None:
    if sys.platform == "win32":
        return  # no such limit there; the time limit still holds
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))


def _limit_time(seconds: float) -> None:
    """End this process after so much CPU time; 0 lets it live.

    Nobody handles the signal, so it ends even one that hangs in a big-integer routine.
    """
    if sys.platform != "win32":  # there, only the parent's patience ends
        signal.setitimer(signal.ITIMER_PROF, seconds)


if __name__ == "__main__":
    main()
