"""Reading logs for a report beside Inspect's own data frame of the same samples.

    python benchmarks/report_speed.py [--logs 10 30] [--samples 1319] [--full 10]

One real run on a scripted server is copied under other task ids, methods and models. The
first N copies are then read, each time in a process of its own: as the report does
(`read_records` and `leaderboard`), by Inspect's `samples_df`, which reads the summaries
that a log keeps, and, for up to `--full` logs because it takes long, by
`samples_df(full=True)`, which opens every sample as we must: the ledger of calls lies in
the samples. Starting Python and importing is not in the times.
"""

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

# a process starts with the peak memory of the one that started it: nothing large is
# imported here
METHODS = ("cot", "direct", "tale_ep")
REASONING = "We add the two numbers, and carry where the sum of two digits is ten or more. " * 8


@dataclass(frozen=True)
class Measured:
    """One way to read a folder of logs."""

    reader: str
    logs: int
    samples: int
    seconds: float
    mebibytes: float


def write_logs(folder: Path, logs: int, samples: int) -> None:
    """Run one task, then write it again and again as a run of its own."""
    # the scripted server and its questions are the tests'
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    from inspect_ai import eval
    from inspect_ai.model import get_model
    from questions import gsm8k_file, number_in
    from server import Reply, chat_server

    from tale_eval.tasks.gsm8k import gsm8k

    def answer(prompt: str, request: dict[str, Any]) -> Reply:
        n = number_in(prompt)
        return Reply(f"{REASONING}[[{2 * n + (n % 3 == 0)}]]", output_tokens=100 + n % 50)

    with chat_server(answer) as server:
        (log,) = eval(
            gsm8k(source=str(gsm8k_file(folder, samples))),
            model=get_model(
                "openai-api/loop/m", base_url=server.base_url, api_key="none", memoize=False
            ),
            log_dir=str(folder / "run"),
            display="none",
        )
    assert log.status == "success", log.error
    with ZipFile(log.location) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    (folder / "copies").mkdir()
    for number in range(logs):
        model, method = divmod(number, len(METHODS))
        changes = {
            b'"openai-api/loop/m"': f'"openai-api/loop/m{model}"'.encode(),
            log.eval.task_id.encode(): f"task{number}".encode(),
            log.eval.eval_id.encode(): f"eval{number}".encode(),
            b'"TaleRecord:method":"cot"': f'"TaleRecord:method":"{METHODS[method]}"'.encode(),
            b'"uuid":"': f'"uuid":"run{number}-'.encode(),
        }
        copy(entries, changes, folder / "copies" / f"{number:04}.eval")


def copy(entries: dict[str, bytes], changes: dict[bytes, bytes], target: Path) -> None:
    """Write a log with some texts exchanged: much quicker than by way of Inspect's objects."""
    with ZipFile(target, "w", ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in entries.items():
            if name.endswith(".json"):
                # Inspect indents what it writes once and not what it writes for each sample
                text = text.replace(b'": "', b'":"')
                for old, new in changes.items():
                    text = text.replace(old, new)
            archive.writestr(name, text)


def read_for_report(folder: str) -> Callable[[], int]:
    """Read the folder as `tale-eval report` does; how many samples were seen."""
    from tale_eval.analysis.leaderboard import leaderboard
    from tale_eval.logs import read_records

    def read() -> int:
        return sum(row.n + row.errors for row in leaderboard(read_records([folder]).records))

    return read


def read_summaries(folder: str) -> Callable[[], int]:
    """Read the folder by `samples_df`."""
    from inspect_ai.analysis import samples_df

    return lambda: len(samples_df(folder, quiet=True))


def read_samples(folder: str) -> Callable[[], int]:
    """Read the folder by `samples_df(full=True)`."""
    from inspect_ai.analysis import samples_df

    return lambda: len(samples_df(folder, full=True, quiet=True))


FULL = "samples_df full"
READERS = {
    "report": read_for_report,
    "samples_df": read_summaries,
    FULL: read_samples,
}


def measure(reader: str, folder: str, logs: int) -> Measured:
    read = READERS[reader](folder)
    start = time.perf_counter()
    samples = read()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measured(reader, logs, samples, seconds, peak)


def in_a_process(work: Callable[..., Any], *arguments: object) -> Any:
    """The result of the work, done in a process that has done nothing before."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def first_logs(folder: Path, logs: int) -> str:
    """A folder with the first so many of the copies."""
    chosen = folder / f"first{logs}"
    chosen.mkdir()
    for path in sorted((folder / "copies").iterdir())[:logs]:
        os.link(path, chosen / path.name)
    return str(chosen)


def table(rows: list[Measured]) -> Iterator[str]:
    titles = ("logs", "samples", "seconds", "ratio", "MiB", "ratio")
    yield " " * 16 + "".join(f"{title:>9}" for title in titles)
    ours = {row.logs: row for row in rows if row.reader == "report"}
    for row in rows:
        report = ours[row.logs]
        yield (
            f"{row.reader:16}{row.logs:9}{row.samples:9}"
            f"{row.seconds:9.2f}{report.seconds / row.seconds:9.2f}"
            f"{row.mebibytes:9.0f}{report.mebibytes / row.mebibytes:9.2f}"
        )


def growth(rows: list[Measured]) -> Iterator[str]:
    for reader in READERS:
        measured = [row for row in rows if row.reader == reader]
        if len(measured) < 2:
            continue
        first, last = measured[0], measured[-1]
        yield (
            f"{reader}: {last.logs / first.logs:.1f} x the logs take "
            f"{last.seconds / first.seconds:.1f} x the time and "
            f"{last.mebibytes / first.mebibytes:.2f} x the memory"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--logs", type=int, nargs="+", default=[10, 30])
    parser.add_argument("--samples", type=int, default=1319, help="in each log")
    parser.add_argument("--full", type=int, default=10, help="most logs for samples_df(full=True)")
    options = parser.parse_args()
    sizes = sorted(set(options.logs))

    with TemporaryDirectory() as name:
        folder = Path(name)
        in_a_process(write_logs, folder, sizes[-1], options.samples)
        rows = []
        for logs in sizes:
            chosen = first_logs(folder, logs)
            for reader in READERS:
                if reader != FULL or logs <= options.full:
                    rows.append(in_a_process(measure, reader, chosen, logs))
                    print(rows[-1], file=sys.stderr, flush=True)

    print(f"{options.samples} samples a log, load average {os.getloadavg()[0]:.1f}")
    print("\n".join(table(rows)))
    print("ratio: the report's over this one's; below 1 the report is better.")
    if len(sizes) > 1:
        print("\n".join(growth(rows)))
    for row in rows:
        assert row.samples == row.logs * options.samples, f"{row} has not seen every sample"


if __name__ == "__main__":
    main()
