"""Budget search at several concurrencies beside the released code's loop.

    python benchmarks/search_latency.py [--questions 200] [--latency 0.1]

Both search the same questions on one local server of fixed latency, which runs in a
process of its own. The released code asks one request at a time: vanilla CoT, then half
the budget, for as long as the answer is right and cheaper. That is Algorithm 2, our
"greedy", so both must make the same number of calls.
"""

import argparse
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from inspect_ai import eval
from inspect_ai.model import get_model
from loopback import served
from openai import OpenAI

from tale_eval.asking.prompts import cot_prompt
from tale_eval.solvers.budget_search import budget_search
from tale_eval.tasks.gsm8k import gsm8k

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from questions import gsm8k_file, number_in
from server import Reply

CONCURRENCIES = (1, 16, 64)
VANILLA_TOKENS = 256
# question n is right from RIGHT_FROM[n % 4] tokens on: 4, 5, 5 and 6 calls a question
RIGHT_FROM = (50, 30, 20, 10)


def scripted(prompt: str, request: dict[str, Any]) -> Reply:
    found = re.search(r"use less than (\d+) tokens", prompt)
    budget = int(found[1]) if found else VANILLA_TOKENS
    n = number_in(prompt)
    right = budget >= RIGHT_FROM[n % 4]
    return Reply(f"[[{2 * n if right else -1}]]", output_tokens=budget)


def released_loop(base_url: str, questions: int) -> None:
    """One request at a time: vanilla CoT, then halves while right and cheaper."""
    client = OpenAI(base_url=base_url, api_key="none")

    def ask(n: int, budget: int | None) -> tuple[bool, int]:
        text = cot_prompt(f"What is {n} plus {n}?", "cloze", "en", "bracketed", budget=budget)
        reply = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": text}]
        )
        assert reply.usage is not None
        return reply.choices[0].message.content == f"[[{2 * n}]]", reply.usage.completion_tokens

    for n in range(questions):
        right, cost = ask(n, None)
        budget = cost // 2
        while right and budget > 0:
            right, tokens = ask(n, budget)
            right = right and tokens < cost
            cost, budget = tokens, budget // 2


def our_search(base_url: str, source: Path, concurrency: int, log_realtime: bool = True) -> None:
    """One `inspect eval` of budget_search, log included."""
    (log,) = eval(
        gsm8k(source=str(source)),
        model=get_model("openai-api/loop/m", base_url=base_url, api_key="none", memoize=False),
        solver=budget_search(),
        max_connections=concurrency,
        max_samples=concurrency,
        log_dir=str(source.parent / "logs"),
        log_realtime=log_realtime,
        display="none",
    )
    assert log.status == "success", log.error


@dataclass(frozen=True)
class Measured:
    """Wall time, calls, and CPU time of this process, the server's left out."""

    name: str
    concurrency: int
    calls: int
    seconds: float
    cpu: float


def measure(
    name: str, concurrency: int, calls: Callable[[], int], run: Callable[[], None]
) -> Measured:
    before, start, cpu = calls(), time.perf_counter(), time.process_time()
    run()
    spent, worked = time.perf_counter() - start, time.process_time() - cpu
    return Measured(name, concurrency, calls() - before, spent, worked)


def table(rows: list[Measured], latency: float) -> Iterator[str]:
    titles = ("at once", "calls", "wall s", "ratio", "ideal s", "of it", "CPU s")
    yield " " * 14 + "".join(f"{title:>9}" for title in titles)
    for row in rows:
        ideal = latency * ceil(row.calls / row.concurrency)
        yield (
            f"{row.name:14}{row.concurrency:9}{row.calls:9}{row.seconds:9.2f}"
            f"{rows[0].seconds / row.seconds:9.1f}{ideal:9.2f}"
            f"{row.seconds / ideal:9.2f}{row.cpu:9.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--latency", type=float, default=0.1, help="seconds a call")
    options = parser.parse_args()
    n, latency = options.questions, options.latency

    with TemporaryDirectory() as folder, served(scripted, latency) as (base_url, calls):
        warm_up = Path(folder) / "warm-up"
        warm_up.mkdir()
        our_search(base_url, gsm8k_file(warm_up, 1), 1)
        source = gsm8k_file(Path(folder), n)
        rows = [measure("released loop", 1, calls, partial(released_loop, base_url, n))]
        for at_once in CONCURRENCIES:
            run = partial(our_search, base_url, source, at_once)
            rows.append(measure("budget_search", at_once, calls, run))
        run = partial(our_search, base_url, source, CONCURRENCIES[-1], log_realtime=False)
        rows.append(measure("no live log", CONCURRENCIES[-1], calls, run))

    print(f"{n} questions, {1000 * latency:.0f} ms a call, load average {os.getloadavg()[0]:.1f}")
    print("\n".join(table(rows, latency)))
    print(
        "ratio: the released loop's wall time over this one. ideal: latency x rounds, where\n"
        "rounds = ceil(calls / at once). of it: wall time over the ideal; what is above 1 is\n"
        "this process's work (CPU) and the last, half-empty rounds. One question's calls\n"
        "follow each other. Starting Python and Inspect is not in the times, the log is.\n"
        "no live log: with --no-log-realtime, which writes a sample down when it is finished."
    )
    assert len({row.calls for row in rows}) == 1, "the same algorithm must make the same calls"


if __name__ == "__main__":
    main()
