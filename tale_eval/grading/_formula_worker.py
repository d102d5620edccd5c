"""The child process of `tale_eval.grading.formulas`: one JSON question a line, one reply.

Prints the id of the process to kill when a question takes too long; where there is fork,
that is a copy of this process, and the next copy is there at once: importing sympy again
would take longer than the question.
"""

import json
import os
import select
import sys

_MEMORY_BYTES = 2 * 1024**3
_CPU_SECONDS = 3
"""For one question, should nobody be left to kill this process."""


def main() -> None:
    _limit_memory()
    from math_verify import parse, verify

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
        _limit_time()
        question = json.loads(line)
        _say(json.dumps(_compare(parse, verify, question["answer"], question["target"])))


def _say(word: str) -> None:
    """One line in one write: print() can make two, and be killed between them."""
    os.write(1, f"{word}\n".encode())


def _compare(parse: object, verify: object, answer: str, target: str) -> bool:
    # no time limit in here: the parent's holds even where a signal does not
    assert callable(parse)
    assert callable(verify)
    gold = parse(f"${target}$", parsing_timeout=None)
    given = parse(f"${answer}$", parsing_timeout=None)
    return bool(verify(gold, given, timeout_seconds=None))


def _limit_memory() -> None:
    if sys.platform == "win32":
        return  # no such limit there; the time limit still holds
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))


def _limit_time() -> None:
    if sys.platform == "win32":
        return
    import resource
    import time

    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + _CPU_SECONDS, most))


if __name__ == "__main__":
    main()
