"""Worked examples: which questions are shown before the one that is asked. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import NamedTuple

from tale_eval.errors import InvalidValueError
from tale_eval.patterns import pattern

SHOTS_SEED = 1024
"""Draws the examples; the seed of everything else here."""


class Shot(NamedTuple):
    """A worked example.

    Attributes:
        question: Its text, options included (see `tale_eval.asking.prompts.with_options`).
        reasoning: What is written before the answer.
        answer: The answer, without a marker around it.
        draft: The reasoning in a few signs, as Chain of Draft shows it; None if it has none.
    """

    question: str
    reasoning: str
    answer: str
    draft: str | None = None

    @property
    def content(self) -> str:
        """Hash of its question: see `question_hash`."""
        return question_hash(self.question)


@dataclass(frozen=True)
class Shots:
    """Which examples are shown.

    Attributes:
        count: How many; None for all that a file holds, in its order.
        seed: Draws them: the same for every question of a run.
        file: What a user's file holds; None draws from the training split of the benchmark.
        name: The file's, in the words of an error.
        drafts: Only examples that have a draft.
    """

    count: int | None
    seed: int = SHOTS_SEED
    file: tuple[Shot, ...] | None = None
    name: str = "the training split"
    drafts: bool = False

    def candidates(self, pool: Iterable[Shot]) -> tuple[Shot, ...]:
        """What may be shown, in the order in which it is drawn: one more than is wanted.

        A question that stands in the pool twice is there once.
        """
        usable = [shot for shot in pool if shot.draft or not self.drafts]
        if self.count is not None:
            Random(self.seed).shuffle(usable)
        distinct: dict[str, Shot] = {}
        for shot in usable:
            distinct.setdefault(shot.content, shot)
            if self.count is not None and len(distinct) > self.count:
                break
        return tuple(distinct.values())

    def drawn(self, asked: str, candidates: Sequence[Shot]) -> tuple[Shot, ...]:
        """The examples for a question: never the question itself.

        All questions of a run have the same ones, but that a question which is itself among
        them has the next one drawn in its place.

        Args:
            asked: The question's text.
            candidates: What may be shown.

        Raises:
            InvalidValueError: They are too few.
        """
        others = without(candidates, [asked])
        if self.count is not None and len(others) < self.count:
            raise InvalidValueError(
                f"shots={self.count}: {self.name} holds {len(others)} worked examples beside the "
                f"question that is asked; ask for at most {len(others)}, or name another file "
                "with shots_file=PATH"
            )
        return others[: self.count]


def question_hash(question: str) -> str:
    """Tells a question from any other, whatever its white space, case and width of letters."""
    plain = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", question)).strip().casefold()
    return sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def without(shots: Iterable[Shot], questions: Iterable[str]) -> tuple[Shot, ...]:
    """The examples whose question is none of these."""
    asked = {question_hash(question) for question in questions}
    return tuple(shot for shot in shots if shot.content not in asked)


# GSM8K's own notes of what was calculated: "48/2 = <<48/2=24>>24 clips"
_NOTE = pattern(r"<<([^<>]*)>>")
_AMOUNT = r"[-+]?[$€£]?\d+(?:,\d{3})*(?:\.\d+)?%?"
_EQUATION = pattern(rf"{_AMOUNT}(?:\s*[-+*/x×÷]\s*{_AMOUNT})+\s*=\s*{_AMOUNT}")


def explained(solution: str) -> str:
    """A worked solution without GSM8K's notes of what was calculated."""
    return _NOTE.sub("", solution).strip()


def drafted(solution: str) -> str | None:
    """The calculations of a worked solution, "48 / 2 = 24; 48 + 24 = 72"; None if it has none."""
    steps = _NOTE.findall(solution) or _EQUATION.findall(solution)
    return "; ".join(map(_spaced, steps)) or None


def _spaced(step: str) -> str:
    return re.sub(r"\s*(?<=[\d)%\s])([-+*/x×÷=])\s*", r" \1 ", step).strip()
