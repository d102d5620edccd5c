"""How long grader, budget reader and masking take on texts made to hurt them.

    python benchmarks/hostile_texts.py [--size 1000000]

Each text is graded as a free answer, against a formula and as a choice, read as a budget,
and searched for keys, in a process of its own; the memory is what that process's peak grew
by (Linux only). The texts are the tests' own (tests/hostile.py). Nothing depends on the outcome.
"""

import argparse
import os
import re
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

OPTIONS = ("1", "2", "3", "4")


def measure(text: str) -> tuple[dict[str, float], float]:
    """Seconds of each reading, and the mebibytes that they took."""
    from tale_eval.budgets.reading import read_budget
    from tale_eval.grading.answers import grade
    from tale_eval.shown.masking import masked_text

    # the worker's start is not the text's fault
    grade("[[\\sqrt{4}]]", "2", "cloze")
    before = peak_mebibytes(reset=True)
    seconds = {}
    for name, read in (
        ("cloze", lambda: grade(text, "2", "cloze")),
        ("formula", lambda: grade(text, "\\sqrt{2}", "cloze")),
        ("choice", lambda: grade(text, "A", "choice", OPTIONS)),
        ("budget", lambda: read_budget(text)),
        ("masking", lambda: masked_text(text)),
    ):
        start = time.perf_counter()
        read()
        seconds[name] = time.perf_counter() - start
    return seconds, peak_mebibytes() - before


def peak_mebibytes(reset: bool = False) -> float:
    """The most memory that this process ever had, or since it was last reset."""
    if not Path("/proc/self/clear_refs").exists():
        return float("nan")
    if reset:
        # getrusage would go on counting the peak of the process that started this one
        Path("/proc/self/clear_refs").write_text("5")
    (kibibytes,) = re.findall(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    return int(kibibytes) / 1024


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    from hostile import hostile_texts

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1_000_000, help="characters of the long texts")
    texts = hostile_texts(parser.parse_args().size)
    print(f"load average {os.getloadavg()[0]:.1f}")
    heads = "".join(f"{name:>9}" for name in ("cloze", "formula", "choice", "budget", "masking"))
    print(f"{'text':28}{'size':>10}{heads}{'MiB':>7}")
    slow, most, slowest = 0, 0.0, 0.0
    for name, text in texts.items():
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            seconds, mebibytes = pool.submit(measure, text).result()
        times = "".join(f"{value:9.2f}" for value in seconds.values())
        print(f"{name:28}{len(text):10,}{times}{mebibytes:7.0f}", flush=True)
        slow += max(seconds.values()) > 1
        most, slowest = max(most, mebibytes), max(slowest, *seconds.values())
    print(
        f"{len(texts)} texts, {slow} of them over one second; the slowest reading took "
        f"{slowest:.2f} s, the largest {most:.0f} MiB; load average {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
