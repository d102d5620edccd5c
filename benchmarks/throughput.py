"""What a question costs beside the bare calls: our methods, Inspect alone, the openai package.

    python benchmarks/throughput.py [--questions 500] [--connections 1 16 64 256]

All ask the same questions of one server on loopback that answers after 50 ms, which runs
in a process of its own. "bare" is asyncio and the openai package, and nothing else; "inspect"
is Inspect's own generate() and match() on the same messages; "same log" is that with as much
written into the sample's store and as many numbers in its score as ours have, again by
Inspect alone. TALE-EP makes two calls a question, so ratios are per call. Each run has a
process of its own; starting it is not in the times, writing the log is.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessageSystem, ChatMessageUser, get_model
from inspect_ai.scorer import Score, Scorer, Target, accuracy, match, mean, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, generate, solver
from loopback import served
from openai import AsyncOpenAI

from tale_eval.asking.prompts import SYSTEM_PROMPT, cot_prompt
from tale_eval.tasks import PAPER_CONFIG
from tale_eval.tasks.gsm8k import gsm8k
from tale_eval.tokens.costs import COST_KEYS

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from evaluation import right
from questions import gsm8k_file

LATENCY = 0.05
METHODS = ("direct", "cot", "tale_ep")


def prompt(n: int) -> str:
    """What vanilla CoT asks."""
    return cot_prompt(f"What is {n} plus {n}?", "cloze", "en", "bracketed")


def bare(base_url: str, questions: int, connections: int) -> None:
    """The same calls by the openai package alone."""

    async def ask_all() -> None:
        client = AsyncOpenAI(base_url=base_url, api_key="none")
        slots = asyncio.Semaphore(connections)

        async def ask(n: int) -> None:
            async with slots:
                await client.chat.completions.create(
                    model="m",
                    messages=[
                        {"role": "system", "content": SYSTEM_PROMPT},
                        {"role": "user", "content": prompt(n)},
                    ],
                )

        await asyncio.gather(*map(ask, range(questions)))

    asyncio.run(ask_all())


def by_inspect(base_url: str, folder: Path, connections: int, create: Callable[[], Task]) -> None:
    """One `inspect eval`, log included."""
    (log,) = eval(
        create(),
        model=get_model("openai-api/loop/m", base_url=base_url, api_key="none", memoize=False),
        max_connections=connections,
        max_samples=connections,
        log_dir=str(folder / "logs"),
        display="none",
    )
    assert log.status == "success", log.error


def stock(questions: int) -> Task:
    """Inspect's own parts alone."""
    rows = [
        Sample(
            [ChatMessageSystem(content=SYSTEM_PROMPT), ChatMessageUser(content=prompt(n))],
            target=str(2 * n),
        )
        for n in range(questions)
    ]
    return Task(dataset=rows, solver=generate(), scorer=match(numeric=True), config=PAPER_CONFIG)


@solver
def keep_a_record() -> Solver:
    """Write into the store as much as the record of one answer is."""
    call = dict.fromkeys(("event", "purpose", "model", "stop_reason", "counted_by"), "some text")
    numbers = ("in", "out", "read", "written", "reasoning", "seconds", "cap", "seed", "budget")
    record = {f"record:{key}": key for key in ("method", "version", "status", "instance")}

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        for key, value in record.items():
            state.store.set(key, value)
        for key in ("budget", "answer_call", "echoed", "search"):
            state.store.set(f"record:{key}", None)
        state = await generate(state)
        state.store.set("record:calls", [call | dict.fromkeys(numbers, 1)])
        return state

    return solve


@scorer(
    metrics={"correct": [accuracy(), stderr()], **{key: [mean()] for key in COST_KEYS}},
)
def many_numbers() -> Scorer:
    """match(), and as many numbers beside it as ours has."""
    matched = match(numeric=True)

    async def score(state: TaskState, target: Target) -> Score:
        verdict = await matched(state, target)
        assert verdict is not None
        numbers = dict.fromkeys(COST_KEYS, 1.0)
        return Score(
            value={"correct": verdict.as_str(), **numbers},
            answer=verdict.answer,
            explanation=verdict.explanation,
        )

    return score


def same_log(questions: int) -> Task:
    """Inspect's own parts, writing as much as ours."""
    task = stock(questions)
    return Task(
        dataset=task.dataset,
        solver=keep_a_record(),
        scorer=many_numbers(),
        config=PAPER_CONFIG,
    )


@dataclass(frozen=True)
class Measured:
    """One run: its wall time, and the CPU time of the process that asked."""

    seconds: float
    cpu_seconds: float


def measure(base_url: str, which: str, questions: int, connections: int) -> Measured:
    """Ask every question once; what was done before the first of them is not in the times."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        source = str(gsm8k_file(folder, questions))
        tasks: dict[str, Callable[[], Task]] = {
            "inspect": partial(stock, questions),
            "same log": partial(same_log, questions),
            **{method: partial(gsm8k, source=source, method=method) for method in METHODS},
        }
        by_inspect(base_url, folder, 1, partial(stock, 1))  # warm up
        start, cpu = time.perf_counter(), time.process_time()
        if which == "bare":
            bare(base_url, questions, connections)
        else:
            by_inspect(base_url, folder, connections, tasks[which])
        return Measured(time.perf_counter() - start, time.process_time() - cpu)


def best_of(repeats: int, base_url: str, *arguments: Any) -> Measured:
    """The quickest of some runs, each in a process that has done nothing before."""
    runs = []
    for _ in range(repeats):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            runs.append(pool.submit(measure, base_url, *arguments).result())
    return min(runs, key=lambda run: run.seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16, 64, 256])
    parser.add_argument("--repeats", type=int, default=1, help="the best is taken")
    options = parser.parse_args()
    n = options.questions
    references = ("bare", "inspect", "same log")
    titles = ["at once", "calls", "wall s", "calls/s", *(f"to {r}" for r in references)]
    titles.append("CPU ms/call")
    print(f"{n} questions, {1000 * LATENCY:.0f} ms a call, load {os.getloadavg()[0]:.1f}")
    print(f"{'':9}" + "".join(f"{title:>12}" for title in titles))
    for at_once in options.connections:
        rates: dict[str, float] = {}
        for which in (*references, *METHODS):
            calls = 2 * n if which == "tale_ep" else n
            with served(right, LATENCY) as (base_url, served_calls):
                best = best_of(options.repeats, base_url, which, n, at_once)
                assert served_calls() == options.repeats * (calls + 1), "calls are missing"
            rates[which] = calls / best.seconds
            ratios = "".join(
                f"{rates[which] / rates[other]:12.2f}" if other in rates else f"{'–':>12}"
                for other in references
            )
            print(
                f"{which:9}{at_once:12}{calls:12}{best.seconds:12.2f}{rates[which]:12.1f}"
                f"{ratios}{1000 * best.cpu_seconds / calls:12.2f}",
                flush=True,
            )
    print("to ...: calls a second over theirs at the same concurrency")


if __name__ == "__main__":
    main()
