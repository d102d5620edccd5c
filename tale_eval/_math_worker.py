"""The child process of `tale_eval.equivalence`: one JSON question a line, one reply.

Prints a line when it is ready. The parent kills it when a question takes too long.
"""

import json
import sys

_MEMORY_BYTES = 2 * 1024**3


def main() -> None:
    _limit_memory()
    from math_verify import parse, verify

    for example in ("\\sqrt{4}", "1 + 1"):
        _compare(parse, verify, example, "2")  # the first of each kind loads its parser
    print("ready", flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        print(
            json.dumps(_compare(parse, verify, question["answer"], question["target"])), flush=True
        )


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


if __name__ == "__main__":
    main()
