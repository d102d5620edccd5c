"""One long run at many connections: time, CPU and memory as the number of questions grows.

    python benchmarks/load.py [--questions 1000 5000 20000] [--connections 256] [--of ours inspect]

Each run is `inspect eval tale_eval/gsm8k` by vanilla CoT, or Inspect's own generate() and match()
on the same messages, in a process of its own, against a server on loopback in another; the log
is read afterwards, and must hold every question once.
"""

import argparse
import multiprocessing
import os
import resource
import sys
import time
from collections import Counter
from functools import partial
from itertools import product
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from loopback import served

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from evaluation import right
from questions import gsm8k_file, number_in

LATENCY = 0.05


def run(
    base_url: str, folder: str, of: str, questions: int, connections: int, pipe: Connection
) -> None:
    """Evaluate, and tell seconds, CPU seconds and MiB at most."""
    from throughput import by_inspect, stock

    from tale_eval.tasks.gsm8k import gsm8k

    source = str(gsm8k_file(Path(folder), questions))
    start, cpu = time.perf_counter(), time.process_time()
    task = partial(gsm8k, source=source) if of == "ours" else partial(stock, questions)
    by_inspect(base_url, Path(folder), connections, task)
    seconds, worked = time.perf_counter() - start, time.process_time() - cpu
    pipe.send((seconds, worked, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def resident(pid: int) -> float:
    """MiB that a process holds now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    from inspect_ai.log import list_eval_logs, read_eval_log_sample_summaries

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, nargs="+", default=[1000, 5000, 20000])
    parser.add_argument("--connections", type=int, default=256)
    parser.add_argument("--of", nargs="+", choices=["ours", "inspect"], default=["ours", "inspect"])
    options = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    titles = (
        "questions",
        "seconds",
        "a second",
        "CPU ms each",
        "MiB at 1/4",
        "MiB at most",
        "log s",
    )
    print(f"{options.connections} connections, load average {os.getloadavg()[0]:.1f}")
    print(f"{'':9}" + "".join(f"{title:>13}" for title in titles))
    for questions, of in product(options.questions, options.of):
        with TemporaryDirectory() as folder, served(right, LATENCY) as (base_url, calls):
            ours, theirs = spawn.Pipe()
            given = (base_url, folder, of, questions, options.connections, theirs)
            process = spawn.Process(target=run, args=given)
            process.start()
            assert process.pid is not None
            while calls() < questions / 4:
                time.sleep(0.2)
            early = resident(process.pid)
            seconds, cpu, most = ours.recv()
            process.join()
            start = time.perf_counter()
            (info,) = list_eval_logs(f"{folder}/logs")
            asked = Counter(number_in(str(s.input)) for s in read_eval_log_sample_summaries(info))
            read = time.perf_counter() - start
            assert asked == Counter(range(questions))
            assert calls() == questions
        print(
            f"{of:9}{questions:13,}{seconds:13.1f}{questions / seconds:13.1f}"
            f"{1000 * cpu / questions:13.1f}{early:13.0f}{most:13.0f}{read:13.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
