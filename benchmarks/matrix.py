"""Wall time of a matrix: 3 methods x 4 tasks x 2 models on a server that answers after a second.

    python benchmarks/matrix.py [--questions 10] [--jobs 1 4] [--beside FOLDER_OF_ANOTHER_VERSION]

Each is a `tale-eval compare` by this Python from nothing to the end, on a server on loopback in
a process of its own. With --beside, the same command is run by the tale_eval of that folder
first, such as a checkout of an earlier version. Every question must be asked exactly once.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from loopback import served

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from questions import asks_for_budget, gsm8k_file, number_in
from server import Reply

LATENCY = 1.0
METHODS = ("direct", "cot", "tale_ep")
MODELS = ("openai-api/loop/m", "openai-api/loop/n")
TASKS = 4
HERE = Path(__file__).parent.parent


def answer(prompt: str, request: dict[str, Any]) -> Reply:
    """Right in 20 tokens; every budget is 30."""
    if asks_for_budget(prompt):
        return Reply("Budget: [[30]]", output_tokens=6)
    return Reply(f"[[{2 * number_in(prompt)}]]", output_tokens=20)


def words(folder: Path, questions: int) -> list[str]:
    """The command; its tasks differ in their file and their split."""
    found = ["compare"]
    for at in range(TASKS):
        place = folder / f"task{at}"
        place.mkdir()
        found.append(f"gsm8k/{'test' if at % 2 else 'train'}:source={gsm8k_file(place, questions)}")
    for method in METHODS:
        found += ["--method", method]
    for model in MODELS:
        found += ["--model", model]
    return [*found, "--log-dir", "logs"]


def seconds(base_url: str, code: Path, questions: int, *options: str) -> float:
    """Run a version's `compare` in an empty folder."""
    own = {"PYTHONPATH": str(code), "LOOP_BASE_URL": base_url, "LOOP_API_KEY": "none"}
    with TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-m", "tale_eval", *words(folder, questions), *options]
        places = {"XDG_DATA_HOME": name, "INSPECT_CACHE_DIR": name}
        start = time.perf_counter()
        done = subprocess.run(
            [*command, "--display", "none"],
            cwd=folder,
            env=os.environ | own | places,
            capture_output=True,
            text=True,
            check=False,
        )
        took = time.perf_counter() - start
    assert done.returncode == 0, done.stdout + done.stderr
    return took


def measured(code: Path, questions: int, *options: str) -> float:
    """Wall time, with every call counted."""
    # an estimate is a call of its own
    calls_wanted = TASKS * len(MODELS) * questions * (len(METHODS) + 1)
    with served(answer, LATENCY) as (base_url, calls):
        took = seconds(base_url, code, questions, *options)
        assert calls() == calls_wanted, (calls(), calls_wanted)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=10)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--beside", type=Path, help="a folder with another version's tale_eval")
    options = parser.parse_args()
    runs = TASKS * len(METHODS) * len(MODELS)
    print(
        f"{runs} runs of {options.questions} questions, a second of latency, {os.cpu_count()} CPUs"
    )
    others = [("the other version", options.beside.absolute(), ())] if options.beside else []
    ours = [(f"--jobs {jobs}", HERE, ("--jobs", str(jobs))) for jobs in options.jobs]
    first = None
    for name, code, more in [*others, *ours]:
        load = os.getloadavg()[0]
        took = measured(code, options.questions, *more)
        first = first or took
        print(f"{name:20}{took:8.1f} s{first / took:8.2f} x   load before {load:.1f}", flush=True)


if __name__ == "__main__":
    main()
