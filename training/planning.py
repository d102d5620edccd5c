"""One total of tokens, divided over the questions of a run, as a folder that `tale_ep` reads."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import log2, sqrt
from pathlib import Path
from typing import Any

import numpy as np

from tale_eval import __version__
from tale_eval.asking.question import Question
from tale_eval.budgets.allocation import Allocation, allocate
from tale_eval.budgets.chances import Chances, grid
from tale_eval.budgets.estimators.allocated import Allocated
from tale_eval.budgets.fitted import CHANCES, Fitted, write_fitted
from tale_eval.budgets.needs import question_key
from tale_eval.budgets.tables import table
from tale_eval.errors import InvalidValueError
from tale_eval.shown.names import in_markdown


@dataclass(frozen=True)
class TotalPlan:
    """What a total came to.

    Attributes:
        questions: How many share it; those of one text are asked under one budget.
        epochs: How often each is asked, under the same budget.
        total, spent, left: Tokens: what there was, the sum of the budgets, the rest.
        even: The budget of each if it were spread evenly.
        right, right_if_even: Expected right answers, so divided and so spread.
        written: Tokens that the model is expected to write, by what it wrote under such
            budgets in the searches; None where these do not say it.
        written_at_most: What it writes no more than in 97.5 % of such runs.
        unlike: Questions unlike those that were fitted.
    """

    questions: int
    total: int
    spent: int
    left: int
    even: int
    right: float
    right_if_even: float
    written: float | None
    written_at_most: float | None
    unlike: int
    epochs: int = 1


def plan_to_folder(
    source: Fitted,
    questions: Sequence[Question],
    total: int,
    out: Path,
    facts: Mapping[str, Any],
    epochs: int = 1,
) -> tuple[TotalPlan, Fitted]:
    """Divide a total over questions and write the plan.

    Args:
        source: A fitted estimator.
        questions: What will be asked, each as often as it will be.
        total: Tokens.
        out: The folder to write.
        facts: What else its card says, such as the tasks.
        epochs: How often they all will be.

    Raises:
        InvalidValueError: The total is less than one token an answer; something lies there.
        SourceError: The estimator's folder holds no chances.
    """
    if not questions:
        raise InvalidValueError("no question to divide a total over: name a task that has some")
    chances = Chances(source.learner, source.arrays(CHANCES))
    each = total // epochs
    even = max(1, each // len(questions))
    budgets = grid(max(1, each - len(questions) + 1, even))
    divided = allocate(chances.at(questions, budgets), budgets, each)
    under = source.card["written_under"]
    plan = TotalPlan(
        questions=len(questions),
        total=total,
        epochs=epochs,
        spent=epochs * sum(divided.budgets),
        left=total - epochs * sum(divided.budgets),
        even=even,
        right=epochs * divided.expected,
        right_if_even=epochs * float(chances.at(questions, [even]).sum()),
        **_written(divided, under, epochs),
        unlike=sum(source.learner.estimate(q).status == "outside" for q in questions),
    )
    card = {
        "estimator": "allocated",
        "parameters": {},
        "model": source.card["model"],
        **facts,
        "divided_by": {"estimator": source.name, "sha256": source.card["sha256"]},
        "plan": asdict(plan),
        "versions": {"tale-eval": __version__, "numpy": np.__version__},
    }
    return plan, write_fitted(out, _learner(questions, divided), card, _readme)


def summary(plan: TotalPlan) -> list[str]:
    """What a plan is, line by line."""
    often = f", {plan.epochs} times each" if plan.epochs > 1 else ""
    lines = [
        f"{plan.questions} questions{often}, {plan.total:,} tokens: budgets of {plan.spent:,} in "
        f"all, {plan.left:,} left over",
        f"expected right: {plan.right:.1f}, and {plan.right_if_even:.1f} with {plan.even} tokens "
        "for each",
        f"the budgets never sum to more than {plan.total:,}; with control=cap:margin=0 no answer "
        "is longer than its budget, otherwise a budget is a wish",
    ]
    if plan.written is not None and plan.written_at_most is not None:
        lines.append(
            f"expected to be written under them: {plan.written:,.0f} tokens, and no more than "
            f"{plan.written_at_most:,.0f} in 97.5 % of runs, by what the searches saw"
        )
    if plan.unlike:
        lines.append(f"{plan.unlike} questions are unlike those that were fitted: guesses")
    return lines


def _learner(questions: Sequence[Question], divided: Allocation) -> Allocated:
    return Allocated().restore(_arrays(questions, divided))


def _arrays(questions: Sequence[Question], divided: Allocation) -> Any:
    """One budget a text: of a question that is asked several times the smallest."""
    smallest: dict[str, tuple[Question, int]] = {}
    for question, budget in zip(questions, divided.budgets, strict=True):
        key = question_key(question)
        if key not in smallest or budget < smallest[key][1]:
            smallest[key] = (question, budget)
    pairs = list(smallest.values())
    return table([q for q, _ in pairs], [log2(budget) for _, budget in pairs])


def _written(
    divided: Allocation, under: Sequence[Sequence[float]], epochs: int
) -> dict[str, float | None]:
    """What answers are expected to take, by the searches' answers under budgets of their size.

    Both how answers scatter and how well their mean is known count in what they take at most.
    """
    if not under:
        return {"written": None, "written_at_most": None}
    sizes, means, spreads, counts = np.array(under).T
    budgets = np.array(divided.budgets, dtype=np.float64)
    place = np.abs(np.log2(budgets)[:, None] - np.log2(sizes)).argmin(axis=1)
    mean = float((budgets * means[place]).sum())
    of_answers = ((budgets * spreads[place]) ** 2).sum()
    together = np.bincount(place, weights=budgets, minlength=len(sizes))
    of_means = ((together * spreads) ** 2 / counts).sum()
    spread = sqrt(epochs * of_answers + epochs**2 * of_means)
    return {"written": epochs * mean, "written_at_most": epochs * mean + 1.96 * spread}


def _readme(card: Mapping[str, Any]) -> str:
    plan = TotalPlan(**card["plan"])
    by = card["divided_by"]
    lines = [
        f"# {plan.total:,} tokens for {plan.questions} questions of {in_markdown(card['model'])}",
        "",
        "Budgets by question, made by tale-eval. Use it as `tale_ep:estimator=FOLDER`, on the very",
        "questions: others are answered without a budget and counted as such.",
        "",
        *(f"- {line}" for line in summary(plan)),
        f"- tasks: {', '.join(map(in_markdown, card['tasks']))}",
        f"- divided by: {by['estimator']}, hash {by['sha256']}",
        f"- hash: {card['sha256']}",
        "",
    ]
    return "\n".join(lines)
