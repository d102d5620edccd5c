"""A made-up comparison with a plausible spread, and the page made of it."""

import random
from collections.abc import Iterator
from pathlib import Path

from tale_eval.analysis.curves import curves
from tale_eval.analysis.frontiers import frontiers, pass_frontiers
from tale_eval.analysis.leaderboard import leaderboard
from tale_eval.analysis.problems import problems
from tale_eval.analysis.reference import ReferenceRow
from tale_eval.records import Record
from tale_eval.report.page import RunSettings, write_page
from tale_eval.tokens.costs import COST_KEYS

# chance to be right and typical tokens of each method
METHODS = {"cot": (0.82, 260.0), "direct": (0.42, 14.0), "tale_ep": (0.82, 95.0)}


def record(
    model: str,
    task: str,
    method: str,
    sample_id: str,
    correct: float | None = 1,
    tokens: float | None = 100,
    **costs: float,
) -> Record:
    """An answer whose cost is its output tokens, unless more is said."""
    known = {"output_tokens": tokens, "answer_tokens": tokens, **costs}
    values = {key: known.get(key) for key in COST_KEYS}
    error = "timeout" if correct is None else None
    return Record(model, task, method, sample_id, 1, correct, error, None, values)


def records(models: list[str], tasks: list[str], size: int = 200) -> list[Record]:
    """Every model answers every task's questions with every method; seeded."""
    return [
        made
        for m, model in enumerate(models)
        for t, task in enumerate(tasks)
        for method in METHODS
        for made in _answers(model, task, method, size, ease=0.06 * m - 0.09 * t, length=1 + t)
    ]


def _answers(
    model: str, task: str, method: str, size: int, *, ease: float, length: float
) -> Iterator[Record]:
    chance, typical = METHODS[method]
    dice = random.Random(f"{model} {task} {method}")
    for number in range(size):
        # one question is as hard for every method
        hardness = random.Random(f"{model} {task} {number}").random()
        correct = hardness + dice.gauss(0, 0.06) < chance + ease
        tokens = round(typical * length * dice.lognormvariate(0.5 * hardness, 0.4)) + 1
        spent = {"dollars": tokens * 6e-7, "seconds": tokens / 80}
        if method == "tale_ep":
            spent["estimator_tokens"] = 12
            spent["within_budget"] = dice.random() < 0.7
        yield record(model, task, method, f"q{number}", int(correct), tokens, **spent)


def settings(answers: list[Record]) -> list[RunSettings]:
    """A log for each model, task and method."""
    runs = dict.fromkeys((answer.model, answer.task, answer.method) for answer in answers)
    return [
        RunSettings(
            *run,
            log=f"logs/{number:02}.eval",
            values={
                "task arguments": {"split": "test"},
                "generation": {"temperature": 0, "max_tokens": 1024},
                "versions": {"inspect_ai": "0.3.285", "tale_eval": "0.1.0", "task": "1-A"},
            },
        )
        for number, run in enumerate(runs)
    ]


def write_example(
    path: Path, answers: list[Record], reference: list[ReferenceRow] | None = None
) -> None:
    """The page of these answers."""
    rows = leaderboard(answers)
    write_page(
        path,
        rows,
        answers,
        settings(answers),
        problems(rows),
        reference or [],
        curves=curves(rows),
        frontiers=frontiers(rows),
        passes=pass_frontiers(rows),
    )


def write_realistic(path: Path) -> None:
    """The page whose picture is in docs/."""
    answers = records(
        ["example/model-a", "example/model-b"], ["gsm8k", "mathbench(level=college)"], size=1000
    )
    printed = [
        ReferenceRow("gpt-4o-mini", "gsm8k", "cot", 0.8135, 318.10, "Table 3"),
        ReferenceRow("gpt-4o-mini", "gsm8k", "tale_ep", 0.8446, 77.26, "Table 3"),
    ]
    write_example(path, answers, printed)


def write_swept(path: Path) -> None:
    """A page with a curve for each of two models, and a row beside them."""
    dice = random.Random(21)
    levels = (("budget:tokens=50", 0.5, 90), ("budget:tokens=100", 0.7, 170))
    methods = (*levels, ("budget:tokens=200", 0.8, 320), ("cot", 0.8, 400))
    answers = [
        record(model, "sums", method, f"q{n}", int(dice.random() < chance), tokens + n % 9)
        for model in ("a", "b")
        for method, chance, tokens in methods
        for n in range(60)
    ]
    write_example(path, answers)
