"""The rows that the TALE paper prints (arXiv 2412.18547v5, tables 3 to 5)."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.resources import files

# what may stand in a task's label without leaving the questions that the paper asked
_SAME_QUESTIONS = {"split=test", "language=en", "circular=False"}


@dataclass(frozen=True)
class ReferenceRow:
    """A row as printed in the paper: one run, without an interval.

    Attributes:
        model: Its name in the paper.
        task: A record's task.
        method: The method's name here.
        accuracy: A share, rounded to 0.0001 as printed.
        output_tokens: As printed; the budget estimator's are not in it.
        table: Where it is printed, such as "Table 3".
    """

    model: str
    task: str
    method: str
    accuracy: float
    output_tokens: float
    table: str


def paper_rows(tasks: Iterable[str]) -> list[ReferenceRow]:
    """The printed rows that belong beside these tasks, each under the task's own name.

    "mathbench(language=en, level=college)" and "inspect_evals/gsm8k" are recognised;
    a task on other questions ("gsm8k(split=train)") has no printed row.
    """
    printed = list(_printed())
    return [
        replace(row, task=task)
        for task in dict.fromkeys(tasks)
        for row in printed
        if _same_questions(task, row.task)
    ]


def _printed() -> Iterator[ReferenceRow]:
    text = (files("tale_eval.analysis") / "paper_tables.json").read_text(encoding="utf-8")
    tables = json.loads(text)
    mini, llama, college = "gpt-4o-mini", "llama-3.1-8b-instruct", "mathbench_college"
    for task, methods in tables[f"table3_{mini}"].items():
        yield from _rows(mini, task, methods, "Table 3")
    for model, methods in tables[f"table4_{college}"].items():
        if model != mini:  # table 3's row once more
            yield from _rows(model, college, methods, "Table 4")
    for task, methods in tables[f"table5_{llama}"].items():
        yield from _rows(llama, task, methods, "Table 5")


def _rows(
    model: str, task: str, methods: dict[str, list[float]], table: str
) -> Iterator[ReferenceRow]:
    benchmark, _, level = task.partition("mathbench_")
    name = benchmark or f"mathbench(level={level})"
    for method, (percent, tokens, _expense) in methods.items():
        yield ReferenceRow(model, name, method, round(percent / 100, 4), tokens, table)


def _same_questions(task: str, printed: str) -> bool:
    name, arguments = _parts(task)
    printed_name, required = _parts(printed)
    return name == printed_name and required <= arguments <= required | _SAME_QUESTIONS


def _parts(task: str) -> tuple[str, set[str]]:
    """A task's name without its package, and its arguments."""
    name, _, arguments = task.removesuffix(")").partition("(")
    return name.rpartition("/")[2], set(arguments.split(", ")) if arguments else set()
