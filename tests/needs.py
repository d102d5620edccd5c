"""A scripted reasoner whose questions need so many tokens, and no fewer: what estimators learn.

Under a budget of at least its need a question is answered right, in just the budget; under
less it is answered wrong. Without a budget it takes from twice to eight times its need.
"""

import hashlib
import json
import random
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import anyio
from server import Reply

from tale_eval.asking.question import Question
from tale_eval.budgets.elasticity import QuestionTrials
from tale_eval.budgets.needs import Search
from tale_eval.budgets.search import Attempt, Trial, search

# of one length: only the word itself tells them apart
TOPICS = {"apples": 20, "trains": 90, "angles": 400}
NAMES = ("Ann", "Bob", "Eve", "Tom")
FILLERS = [
    "a",
    "few",
    "green",
    "new",
    "of",
    "old",
    "red",
    "some",
    "the",
    "with",
    "many",
    "apples",
    "trains",
    "boxes",
]


def _numbers(draw: random.Random) -> str:
    numbers = ", ".join(str(draw.randint(10, 99)) for _ in range(draw.randint(2, 12)))
    return f"{draw.choice(NAMES)} adds up {numbers}. What is the sum?"


def _topic(draw: random.Random) -> str:
    about, who = draw.choice([*TOPICS]), draw.choice(NAMES)
    return f"{who} asks about {about}: what is number {draw.randint(1, 9999)} of {about}?"


def _anything(draw: random.Random) -> str:
    said = " ".join(draw.choice(FILLERS) for _ in range(draw.randint(5, 14)))
    return f"{said} {draw.randint(1, 9999)}?"


QUESTIONS: dict[str, Callable[[random.Random], str]] = {
    "linear in numbers": _numbers,
    "by topic": _topic,
    "random": _anything,
}


def need(shape: str, text: str) -> int:
    """Tokens that a question of this shape needs."""
    if shape == "linear in numbers":
        return 10 + 20 * len(re.findall(r"\d+", text))
    if shape == "by topic":
        return next(tokens for topic, tokens in TOPICS.items() if topic in text)
    return round(2 ** (3 + 6 * _drawn("need", text)))


def unbudgeted(shape: str, text: str) -> int:
    """Tokens that its vanilla answer takes."""
    return round(need(shape, text) * (2 + 6 * _drawn("vanilla", text)))


def texts(shape: str, count: int, seed: int = 0) -> list[str]:
    """Different questions of a shape."""
    draw = random.Random(f"{shape}/{seed}")
    found: dict[str, None] = {}
    while len(found) < count:
        found[QUESTIONS[shape](draw)] = None
    return [*found]


def question(text: str) -> Question:
    return Question(text, "cloze", "en", "bracketed")


def searched(shape: str, text: str, *, solved: bool = True) -> Search:
    """The halving search of one question, by the project's own algorithm."""

    async def ask(budget: int) -> Attempt:
        return Attempt(budget, budget >= need(shape, text), "")

    vanilla = Trial(None, (Attempt(unbudgeted(shape, text), solved, ""),))
    result = anyio.run(search, ask, vanilla, "halving")
    return Search(question(text), QuestionTrials(text, result.trials), result.budget)


@cache
def searches(shape: str, count: int, seed: int = 0) -> tuple[Search, ...]:
    """Searches of different questions."""
    return tuple(searched(shape, text) for text in texts(shape, count, seed))


def answer(shape: str, zero_shot: int = 100) -> Callable[[str, dict[str, Any]], Reply]:
    """The reasoner behind a server: every right answer is 7, every estimate the same."""

    def reply(prompt: str, request: dict[str, Any]) -> Reply:
        if "estimate the minimum number of tokens" in prompt:
            return Reply(f"Budget: [[{zero_shot}]]", output_tokens=6)
        found = re.search(r"Q: (.*)\n", prompt)
        assert found
        text = found[1]
        budget = re.search(r"less than (\d+) tokens", prompt)
        if budget is None:
            return Reply("So [[7]]", output_tokens=unbudgeted(shape, text))
        said = 7 if int(budget[1]) >= need(shape, text) else 8
        return Reply(f"So [[{said}]]", output_tokens=int(budget[1]))

    return reply


def gsm8k_file(path: Path, asked: list[str]) -> Path:
    """Write questions in GSM8K's layout."""
    rows = [{"question": text, "answer": "#### 7"} for text in asked]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _drawn(what: str, text: str) -> float:
    """A number from 0 to 1 that the text decides, and nothing in it tells."""
    digest = hashlib.sha256(f"{what}/{text}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
