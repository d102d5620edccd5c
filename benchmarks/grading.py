"""How many replies the grader judges a second, beside the libraries' own judges.

    python benchmarks/grading.py [--replies 500]

Replies of some hundred characters that end in a number, a choice or a formula, half of them
right. Beside ours: Inspect's `match(numeric=True)` on numbers, its `answer("letter")` on
choices, and math-verify called directly on formulas, which nothing would stop.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Callable

from inspect_ai.model import ModelOutput
from inspect_ai.scorer import Scorer, Target, answer, match
from inspect_ai.solver import TaskState

from tale_eval.asking.prompts import QuestionKind
from tale_eval.grading.answers import grade

REASONING = "We add the two numbers, and carry where the sum of two digits is ten or more. " * 4
OPTIONS = ("6", "7", "8", "9")
Reply = tuple[str, str]
"""What a model wrote, and the right answer."""


def numbers(n: int) -> Reply:
    return f"{REASONING}The answer is [[{1000 + n}]]\n\nANSWER: {1000 + n}", str(1000 + n - n % 2)


def choices(n: int) -> Reply:
    letter = "ABCD"[n % 4]
    return f"{REASONING}It is [[{letter}]]\n\nANSWER: {letter}", "ABCD"[n % 4 - n % 2]


def formulas(n: int) -> Reply:
    return (
        rf"{REASONING}Hence [[\frac{{\sqrt{{{n + 2}}}}}{{{n + 3}}} + x^{{2}}]]",
        rf"x^2 + \frac{{1}}{{{n + 3 + n % 2}}} \sqrt{{{n + 2}}}",
    )


def by_us(kind: QuestionKind) -> Callable[[Reply], bool]:
    options = OPTIONS if kind == "choice" else ()
    return lambda reply: grade(*reply, kind, options).correct


def by_inspect(judge: Scorer) -> Callable[[Reply], bool]:
    def correct(reply: Reply) -> bool:
        text, target = reply
        state = TaskState("m", 1, 1, "", [], output=ModelOutput.from_content("m", text))
        score = loop.run_until_complete(judge(state, Target(target)))
        return score is not None and score.value == "C"

    loop = asyncio.new_event_loop()
    return correct


def by_math_verify(reply: Reply) -> bool:
    from math_verify import parse, verify

    text, target = reply
    return verify(parse(f"${target}$"), parse(f"${text.rpartition('[[')[2].rstrip(']')}$"))


JUDGED: dict[str, tuple[Callable[[int], Reply], Callable[[Reply], bool], Callable[..., bool]]] = {
    "numbers": (numbers, by_us("cloze"), by_inspect(match(numeric=True))),
    "choices": (choices, by_us("choice"), by_inspect(answer("letter"))),
    "formulas": (formulas, by_us("cloze"), by_math_verify),
}


def replies_a_second(judge: Callable[[Reply], bool], replies: list[Reply]) -> float:
    judge(replies[0])  # imports, and the first worker
    start = time.perf_counter()
    verdicts = [judge(reply) for reply in replies]
    seconds = time.perf_counter() - start
    right = sum(verdicts)
    assert 2 * right == len(replies), f"{right} of {len(replies)} are right, and half should be"
    return len(replies) / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replies", type=int, default=500)
    n = parser.parse_args().replies
    print(f"{n} replies each, load average {os.getloadavg()[0]:.1f}")
    print(f"{'':9}{'ours, 1/s':>12}{'theirs, 1/s':>12}{'ratio':>9}")
    for name, (reply, ours, theirs) in JUDGED.items():
        replies = [reply(number) for number in range(n)]
        rates = [replies_a_second(judge, replies) for judge in (ours, theirs)]
        print(f"{name:9}{rates[0]:12,.0f}{rates[1]:12,.0f}{rates[0] / rates[1]:9.2f}", flush=True)
    print("ratio: replies that ours judges in the time in which theirs judges one")


if __name__ == "__main__":
    main()
