"""What other people's tasks make of a right and of a wrong answer by each method, as Markdown.

    python benchmarks/any_task.py [TASK]...

The table of docs/any-task.md: the evals of inspect_evals as they are installed, with made-up
rows, and tasks of the tests' own. Answers are scripted, and no model is asked. "own" is the
task's own solver. A cell says what the scorers gave the right answer and the wrong one.
"""

import os
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent / "tests" / room) for room in ("", "inspect_ext")]


def main() -> None:
    import datasets
    from offline_evals import offline
    from test_any_task import EVALS, METHODS, TASKS, checked

    from tale_eval.inspect_ext.check import Checked

    datasets.disable_progress_bars()
    chosen = sys.argv[1:] or [*EVALS, *TASKS]
    print(f"inspect_evals {version('inspect_evals')}, inspect_ai {version('inspect_ai')}\n")
    print(f"| task | own | {' | '.join(METHODS)} | asked for as |")
    print("|---|---|" + "---|" * (len(METHODS) + 1))

    def row(name: str, found: Mapping[str, Checked]) -> None:
        own = cell(found["own"])
        cells = ["as own" if cell(found[m]) == own else cell(found[m]) for m in METHODS]
        print(f"| {name} | {own} | {' | '.join(cells)} | {asked(found['cot'].asked)} |", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        with offline(Path(folder)):
            for name in (name for name in chosen if name in EVALS):
                row(name, checked(f"inspect_evals/{name.split()[0]}", EVALS[name]))
    for name in (name for name in chosen if name in TASKS):
        row(name, checked(TASKS[name]()))


def cell(one: object) -> str:
    """The scores of the two answers; where there are none, why."""
    problem, right, wrong = (getattr(one, name) for name in ("problem", "right", "wrong"))
    if problem:
        return str(problem)
    return "; ".join(f"{name}: {short(right[name])} / {short(wrong[name])}" for name in right)


def short(value: object) -> str:
    return f"{value:.2g}" if isinstance(value, float) else str(value)


def asked(text: str) -> str:
    """How the answer was asked for, in a few words."""
    sentence, _, found = text.partition(" (from ")
    if sentence.startswith("More than one"):
        sentence = "several letters"
    return f"{sentence.replace('_', ' ')} ({found}" if found else sentence


if __name__ == "__main__":
    main()
