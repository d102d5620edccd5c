"""Plan-and-Budget: sub-questions first, each with a share of the budget that shrinks with its
place (Lin et al., ICLR 2026, arXiv 2505.16122).

inspect eval tale_eval/gsm8k --solver tale_eval/plan_and_budget -S schedule=polynomial
inspect eval tale_eval/gsm8k --solver tale_eval/plan_and_budget -S total=300
"""

import re
from typing import Final

from inspect_ai.solver import solver

from tale_eval.asking.prompts import SYSTEM_PROMPT, format_text
from tale_eval.asking.question import FormatChoice, Question, Way
from tale_eval.budgets.plan import Ask, Plan, ReplyText, Steps
from tale_eval.budgets.shares import LEVELS, Schedule, shares
from tale_eval.errors import InvalidValueError
from tale_eval.grading.thinking import without_thinking
from tale_eval.inspect_ext.method import method
from tale_eval.settings import ESTIMATE_MAX_TOKENS

# ours: the authors' prompt for this shows a question of MATH, whose licence does not allow it
DECOMPOSE: Final = (
    "Break the question below down into 2 to 5 smaller questions that lead to its answer, each "
    "building on those before it: fewer for an easy question, more for a hard one. Give each a "
    "hint of a few words. Do not answer anything.\n\n"
    "Write each on a line of its own, as in this example:\n"
    "1. How much do the pens cost together? Hint: price times number.\n"
    "2. How much money is left? Hint: subtract from what was paid.\n\n"
    'Question: "{question}"\n'
)
# ours: the authors' shows questions of the test set with their levels
WEIGH: Final = (
    "A question is worth 100 points, to be shared among the smaller questions that lead to its "
    "answer: the more work one needs, the more points. Say first how difficult the whole is, on a "
    "level from 1 (easy) to 5 (hard). Do not answer anything.\n\n"
    "Write lines as in this example, one for each smaller question:\n"
    "Level: 2\n1: 60\n2: 40\n\n"
    'Question: "{question}"\n\nSmaller questions:\n{steps}\n'
)

# github.com/junhongmit/P-and-B (MIT), inference/_5_planned_local_weighted_model.py, to the letter
FOLLOW: Final = (
    "You may think following these sub-questions or feel free to use other methods that works the "
    "best towards getting the final answer:"
)
SHARE: Final = "Please only think a little, and directly solve it using up to {budget} words."
FALLBACK: Final = "1. Directly solve the problem. Hint: None."

_MIDDLE = 3
# the authors ask for 2 to 5; a model in a loop writes on and on
_MOST_PARTS = 10
# a sub-question ends where the next line with a number begins; its hint may have its own line
_PART = re.compile(
    r"^[ \t*#]*\d{1,2}[.)][ \t*]*(?P<text>\S.*(?:\n(?![ \t*#]*\d{1,2}[.)])[ \t*]*Hint:.*)?)$",
    re.MULTILINE,
)
_LEVEL = re.compile(r"level\W{0,8}(?P<level>[1-5])(?!\d)", re.IGNORECASE)
_POINTS = re.compile(
    r"^[ \t*#-]*(?P<n>\d{1,2})[.):][ \t*]*\(?(?P<points>\d{1,3}(?:\.\d+)?)\b", re.MULTILINE
)


@solver
@method
def plan_and_budget(
    schedule: Schedule = "polynomial",
    total: int | None = None,
    plan_max_tokens: int = ESTIMATE_MAX_TOKENS,
    system_prompt: str = SYSTEM_PROMPT,
    answer_format: FormatChoice = "auto",
) -> Plan:
    """Ask for sub-questions, then for their weights, then for the answer with a budget to each.

    The budget of the whole follows from the level that the model gives the question (the
    authors': 200 to 600), and is stated in words, as they state it. The two planning calls are
    helpers in the cost. Where no sub-question can be read, the question is one (as in the
    authors' code); weights that cannot be read are equal, and a level is 3.

    Args:
        schedule: How a sub-question's weight shrinks with its place: "constant", "linear",
            "polynomial" (its square), "exponential" (0.9 a place) or "cosine".
        total: Words for the whole, in place of those that follow from the level.
        plan_max_tokens: Cap on the reply to each planning call. Raise it for models that reason
            before they speak.
        system_prompt: Used where the task brings no system message; empty for none.
        answer_format: "auto", "task", "bracketed", "answer_line", "answer_only", "boxed",
            "hashes" or "none".
    """
    if total is not None and total < 1:
        raise InvalidValueError(f"total={total}: must be a whole number from 1 up")

    def steps(question: Question) -> Steps:
        planned: ReplyText = yield Ask(decomposing, "helper", max_tokens=plan_max_tokens)
        parts = parts_in(planned)
        weighed: ReplyText = yield Ask(
            lambda q: weighing(q, parts), "helper", max_tokens=plan_max_tokens
        )
        level, weights = weights_in(weighed, len(parts))
        whole = total or LEVELS[level]
        budgets = shares(weights, whole, schedule)
        yield Ask(lambda q: following(q, parts, budgets), controls={"words": whole})

    return Plan(steps, Way(system_prompt, answer_format))


def decomposing(question: Question) -> str:
    """Ask for sub-questions."""
    before, _, after = DECOMPOSE.partition("{question}")
    return f"{before}{question.text.strip()}{after}"


def weighing(question: Question, parts: list[str]) -> str:
    """Ask how difficult the question is, and how its points are shared."""
    before, _, after = WEIGH.partition("{question}")
    return f"{before}{question.text.strip()}{after.replace('{steps}', chr(10).join(parts))}"


def following(question: Question, parts: list[str], budgets: list[int]) -> str:
    """The question with its sub-questions, each with its budget."""
    each = (
        f"{part} {SHARE.replace('{budget}', str(budget))}"
        for part, budget in zip(parts, budgets, strict=True)
    )
    format_line = format_text(question.answer_format, question.kind, question.language)
    blocks = [question.text.strip(), f"{FOLLOW}\n" + "\n\n".join(each), format_line]
    return "\n\n".join(filter(None, blocks)) + "\n"


def parts_in(reply: str) -> list[str]:
    """The sub-questions of a reply, "1. ... Hint: ...", numbered from 1."""
    said, _ = without_thinking(reply)
    found = [match["text"].replace("**", "") for match in _PART.finditer(said)]
    numbered = [f"{n}. {' '.join(text.split())}" for n, text in enumerate(found, start=1)]
    return numbered[:_MOST_PARTS] or [FALLBACK]


def weights_in(reply: str, count: int) -> tuple[int, list[float]]:
    """The level and the points in a reply; level 3 and equal points where it has none."""
    said, _ = without_thinking(reply)
    level = _LEVEL.search(said)
    points = {int(m["n"]): float(m["points"]) for m in _POINTS.finditer(said)}
    weights = [points.get(n, 0.0) for n in range(1, count + 1)]
    if not all(weights):
        weights = [1.0] * count
    return int(level["level"]) if level else _MIDDLE, weights
