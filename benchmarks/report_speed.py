"""Reading logs for a report: of today, of version 0.1.0, and by Inspect's own data frame.

    python benchmarks/report_speed.py [--logs 10 30] [--samples 1319] [--rounds 3]
                                      [--full 10] [--beside FOLDER_OF_0.1.0]

One real run on a scripted server is copied under other task ids, methods and models. The
first N copies are then read, in rounds, each time in a process of its own: as the report does
(`read_records`, and then `leaderboard`) for the first time and again, when what was read lies
beside the logs; by version 0.1.0; by Inspect's `samples_df`, which reads the summaries that a log
keeps; and, for up to `--full` logs because it takes long, by `samples_df(full=True)`, which opens
every sample. Medians of the rounds. Starting Python and importing is not in the times. "CPU s" is
the time of all processes on a processor, which says more than the clock's on a busy machine.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any, Literal
from zipfile import ZIP_DEFLATED, ZipFile

METHODS = ("cot", "direct", "tale_ep")
REASONING = "We add the two numbers, and carry where the sum of two digits is ten or more. " * 8


INDEX = ".tale-eval-index"
FULL = "samples_df full"
READERS = ("report", "report again", "0.1.0", "samples_df", FULL)

_IMPORTS = {
    "0.1.0": "from tale_eval.logs import read_records\n"
    "from tale_eval.report.leaderboard import leaderboard",
    "report": "from tale_eval.logs import read_records\n"
    "from tale_eval.analysis.leaderboard import leaderboard",
    "samples_df": "from inspect_ai.analysis import samples_df",
}
_IMPORTS |= {"report again": _IMPORTS["report"], FULL: _IMPORTS["samples_df"]}
_OURS = "found = read_records([folder]).records\nread = used()\nrows = leaderboard(found)\n"
_OURS += "samples = sum(row.n + row.errors for row in rows)"
_READS = dict.fromkeys(("0.1.0", "report", "report again"), _OURS) | {
    "samples_df": "samples = len(samples_df(folder, quiet=True))\nread = used()",
    FULL: "samples = len(samples_df(folder, full=True, quiet=True))\nread = used()",
}
_SCRIPT = """
import json, resource, sys, time
folder = sys.argv[1]
{imports}
def used():
    which = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    usages = [resource.getrusage(each) for each in which]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
before, start = used(), time.perf_counter()
{reads}
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([samples, seconds, used() - before, read - before, peak]))
"""


@dataclass(frozen=True)
class Measured:
    """One way to read a folder of logs.

    Attributes:
        seconds: By the clock.
        processors: Seconds of all processes on a processor.
        reading: Those of them before the leaderboard.
        mebibytes: The largest memory of the process.
    """

    reader: str
    logs: int
    samples: int
    seconds: float
    processors: float
    reading: float
    mebibytes: float


def one_run(folder: Path, samples: int) -> str:
    """Run one task; where its log lies."""
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
    return str(log.location)


def entries_of(location: str) -> tuple[dict[str, bytes], Any]:
    """The files of a log, and its header."""
    from inspect_ai.log import read_eval_log

    with ZipFile(location) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    return entries, read_eval_log(location, header_only=True)


def write_logs(folder: Path, logs: int, samples: int) -> None:
    """Run one task, then write it again and again as a run of its own."""
    entries, log = entries_of(one_run(folder, samples))
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


def copy(
    entries: dict[str, bytes],
    changes: dict[bytes, bytes],
    target: Path,
    mode: Literal["w", "a"] = "w",
) -> None:
    """Write a log with some texts exchanged: much quicker than by way of Inspect's objects."""
    with ZipFile(target, mode, ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in entries.items():
            if name.endswith(".json"):
                # Inspect indents what it writes once and not what it writes for each sample
                text = text.replace(b'": "', b'":"')
                for old, new in changes.items():
                    text = text.replace(old, new)
                    name = name.replace(old.decode(), new.decode())
            archive.writestr(name, text)


def measure(reader: str, folder: str, logs: int, beside: str | None) -> Measured:
    """Read the folder in a process that has done nothing before."""
    if reader == "report":
        rmtree(Path(folder) / INDEX, ignore_errors=True)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            _SCRIPT.format(imports=_IMPORTS[reader], reads=_READS[reader]),
            folder,
        ],
        # python -c looks for packages where it stands first
        cwd=folder,
        env={**os.environ, **({"PYTHONPATH": beside or ""} if reader == "0.1.0" else {})},
        stdout=subprocess.PIPE,
        check=True,
    )
    return Measured(reader, logs, *json.loads(done.stdout))


def median(rows: list[Measured]) -> Measured:
    """The middle of each figure over the rounds."""
    figures = (
        statistics.median(getattr(row, name) for row in rows)
        for name in ("seconds", "processors", "reading", "mebibytes")
    )
    return Measured(rows[0].reader, rows[0].logs, rows[0].samples, *figures)


def first_logs(folder: Path, logs: int) -> str:
    """A folder with the first so many of the copies."""
    chosen = folder / f"first{logs}"
    chosen.mkdir()
    for path in sorted((folder / "copies").iterdir())[:logs]:
        os.link(path, chosen / path.name)
    return str(chosen)


def table(rows: list[Measured]) -> Iterator[str]:
    titles = ("logs", "samples", "seconds", "CPU s", "reading", "ratio", "MiB", "ratio")
    yield " " * 16 + "".join(f"{title:>9}" for title in titles)
    ours = {row.logs: row for row in rows if row.reader == "report"}
    for row in rows:
        report = ours[row.logs]
        yield (
            f"{row.reader:16}{row.logs:9}{row.samples:9}{row.seconds:9.2f}{row.processors:9.2f}"
            f"{row.reading:9.2f}{row.reading / report.reading:9.2f}"
            f"{row.mebibytes:9.0f}{row.mebibytes / report.mebibytes:9.2f}"
        )


def growth(rows: list[Measured]) -> Iterator[str]:
    for reader in READERS:
        measured = [row for row in rows if row.reader == reader]
        if len(measured) < 2:
            continue
        first, last = measured[0], measured[-1]
        yield (
            f"{reader}: {last.logs / first.logs:.1f} x the logs take "
            f"{last.processors / first.processors:.1f} x the time and "
            f"{last.mebibytes / first.mebibytes:.2f} x the memory"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--logs", type=int, nargs="+", default=[10, 30])
    parser.add_argument("--samples", type=int, default=1319, help="in each log")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--full", type=int, default=10, help="most logs for samples_df(full=True)")
    parser.add_argument("--beside", help="a folder with version 0.1.0")
    options = parser.parse_args()
    sizes = sorted(set(options.logs))

    with TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["TALE_EVAL_CACHE"] = str(folder / "cache")
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            pool.submit(write_logs, folder, sizes[-1], options.samples).result()
        rows = []
        for logs in sizes:
            chosen = first_logs(folder, logs)
            readers = [
                reader
                for reader in READERS
                if (reader != FULL or logs <= options.full)
                and (reader != "0.1.0" or options.beside)
            ]
            rounds = []
            for _ in range(options.rounds):
                # in turns: what else the machine does then bears on all alike
                rounds.append([measure(each, chosen, logs, options.beside) for each in readers])
                print(*rounds[-1], sep="\n", file=sys.stderr, flush=True)
            rows += [median(list(each)) for each in zip(*rounds, strict=True)]

    print(f"{options.samples} samples a log, load average {os.getloadavg()[0]:.1f}")
    print("\n".join(table(rows)))
    print("reading: CPU seconds before the leaderboard. ratio: this one's over the report's.")
    if len(sizes) > 1:
        print("\n".join(growth(rows)))
    for row in rows:
        assert row.samples == row.logs * options.samples, f"{row} has not seen every sample"


if __name__ == "__main__":
    main()
