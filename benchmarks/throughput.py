"""What a question costs beside the bare calls: our methods, Inspect alone, the openai package.

    python benchmarks/throughput.py [--questions 500] [--connections 1 16 64 256]

All ask the same questions of one server on loopback that answers after 50 ms, which runs
in a process of its own. "bare" is asyncio and the openai package, and nothing else; "inspect"
is Inspect's own generate() and match() on the same data. TALE-EP makes two calls a question,
so ratios are per call. Starting Python is not in the times, writing the log is.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import get_model
from inspect_ai.scorer import match
from inspect_ai.solver import generate
from loopback import served
from openai import AsyncOpenAI

from tale_eval.prompts import cot_prompt
from tale_eval.tasks import gsm8k

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from evaluation import right
from questions import gsm8k_file

LATENCY = 0.05


def bare(base_url: str, questions: int, connections: int) -> None:
    """The same calls by the openai package alone."""

    async def ask_all() -> None:
        client = AsyncOpenAI(base_url=base_url, api_key="none")
        slots = asyncio.Semaphore(connections)

        async def ask(n: int) -> None:
            text = cot_prompt(f"What is {n} plus {n}?", "cloze", "en", "bracketed")
            async with slots:
                await client.chat.completions.create(
                    model="m", messages=[{"role": "user", "content": text}]
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
    rows = [Sample(f"What is {n} plus {n}?", target=str(2 * n)) for n in range(questions)]
    return Task(dataset=rows, solver=generate(), scorer=match(numeric=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16, 64, 256])
    options = parser.parse_args()
    n = options.questions
    titles = ("at once", "calls", "wall s", "calls/s", "to bare", "to inspect", "CPU ms/call")
    with TemporaryDirectory() as name, served(right, LATENCY) as (base_url, calls):
        folder = Path(name)
        source = str(gsm8k_file(folder, n))
        by_inspect(base_url, folder, 1, partial(stock, 1))  # warm up
        print(f"{n} questions, {1000 * LATENCY:.0f} ms a call, load {os.getloadavg()[0]:.1f}")
        print(f"{'':9}" + "".join(f"{title:>12}" for title in titles))
        for at_once in options.connections:
            runs: dict[str, Callable[[], Any]] = {
                "bare": partial(bare, base_url, n, at_once),
                "inspect": partial(by_inspect, base_url, folder, at_once, partial(stock, n)),
            }
            for method in ("direct", "cot", "tale_ep"):
                create = partial(gsm8k, source=source, method=method)
                runs[method] = partial(by_inspect, base_url, folder, at_once, create)
            rates: dict[str, float] = {}
            for which, run in runs.items():
                before, start, cpu = calls(), time.perf_counter(), time.process_time()
                run()
                seconds, worked = time.perf_counter() - start, time.process_time() - cpu
                made = calls() - before
                rates[which] = made / seconds
                ratios = "".join(
                    f"{rates[which] / rates[other]:12.2f}" if other in rates else f"{'–':>12}"
                    for other in ("bare", "inspect")
                )
                print(
                    f"{which:9}{at_once:12}{made:12}{seconds:12.2f}{rates[which]:12.1f}"
                    f"{ratios}{1000 * worked / made:12.2f}",
                    flush=True,
                )
    print("to bare, to inspect: calls a second over theirs at the same concurrency")


if __name__ == "__main__":
    main()
