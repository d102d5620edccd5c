"""What of a question its estimate rests on: plain numbers, words, and what is unlike them. Pure.

Every step is kept as arrays, so that a fitted estimator is plain numbers on disk and needs
nothing but numpy to be used again.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from math import log1p, log10
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack, issparse

from tale_eval.asking.question import Question
from tale_eval.budgets.needs import question_key
from tale_eval.errors import InvalidValueError

Floats = NDArray[np.float64]

Arrays = dict[str, NDArray[Any]]
"""What was learnt, by name."""

Embed = Callable[[Sequence[str]], Floats]
"""Texts to vectors. Shape (texts, dimensions)."""

TFIDF = "tfidf"
"""Text features that need no model."""

MOST_WORDS = 20_000

PROBE = "How many apples do 3 boxes of 4 apples hold?"
"""The text by whose vector an embedding model is known again."""

# a Chinese, Japanese, Korean or Thai character is a word of its own: no spaces stand between
_WORD = re.compile(
    r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\d+(?:[.,]\d+)*|[^\W\d_]+"
)
_OPTION = re.compile(r"^[A-Z]\. ", re.MULTILINE)
_SENTENCE = re.compile(r"[.?!。？！]")
_SIGN = re.compile(r"[-+*/×÷^=%√]")


def words(text: str) -> list[str]:
    """The words of a text; of a number only how many digits it has, as "#2"."""
    found = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    return [f"#{_digits(word)}" if word[0].isdecimal() else word for word in found]


def plain(question: Question) -> list[float]:
    """A question's plain features.

    As log(1 + n) the number of its words, characters, sentences, numbers, different numbers,
    digits, options and signs of arithmetic, and the logarithm of its largest number; whether
    it is a choice, and whether it is asked in Chinese. Words, numbers, signs and the largest
    number as they stand, too.
    """
    text = unicodedata.normalize("NFKC", question.text)
    found = _WORD.findall(text)
    numbers = [word for word in found if word[0].isdecimal()]
    largest = max(map(_size, numbers), default=0.0)
    signs = len(_SIGN.findall(text))
    counts = (
        len(found),
        len(text),
        len(_SENTENCE.findall(text)),
        len(numbers),
        len(set(numbers)),
        sum(map(_digits, numbers)),
        len(_OPTION.findall(text)),
        signs,
    )
    kinds = (float(question.kind == "choice"), float(question.language == "cn"))
    as_they_stand = (float(len(found)), float(len(numbers)), float(signs), 10**largest)
    return [*map(log1p, counts), largest, *kinds, *as_they_stand]


@dataclass(frozen=True)
class Encoding:
    """Questions as numbers.

    Attributes:
        arrays: What `learn` learnt, perhaps among other arrays.
        embed: Gives the texts' vectors in place of TF-IDF.
    """

    arrays: Arrays
    embed: Embed | None = None

    @classmethod
    def learn(cls, questions: Sequence[Question], embed: Embed | None = None) -> "Encoding":
        """What must be known to encode questions such as these.

        TF-IDF is log-scaled: (1 + log n) (1 + log((1 + N) / (1 + d))) for a word that stands n
        times in the question and in d of N. Words of one question alone are left out.
        """
        numbers = np.array([plain(q) for q in questions])
        spread = numbers.std(axis=0)
        learnt: Arrays = {
            "plain_mean": numbers.mean(axis=0),
            "plain_spread": np.where(spread > 1e-9, spread, np.inf),
            # beyond what was seen a regression must not run away
            "plain_bounds": np.stack([numbers.min(axis=0), numbers.max(axis=0)]),
        }
        if embed is not None:
            return cls(learnt | {"probe": np.asarray(embed([PROBE])[0])}, embed)
        counts = Counter(word for q in questions for word in set(words(q.text)))
        common = sorted((-n, word) for word, n in counts.items() if n > 1)[:MOST_WORDS]
        kept = sorted(word for _, word in common)
        rarity = [1 + log1p(len(questions)) - log1p(counts[word]) for word in kept]
        return cls(learnt | {"words": np.array(kept, np.str_), "rarity": np.array(rarity)})

    @property
    def same_model(self) -> bool:
        """Whether the text's vectors are still those of the model that was learnt with."""
        if self.embed is None or "probe" not in self.arrays:
            return True
        found, known = np.asarray(self.embed([PROBE])[0]), self.arrays["probe"]
        return found.shape == known.shape and np.allclose(found, known, rtol=1e-2, atol=1e-3)

    def plain(self, questions: Iterable[Question]) -> Floats:
        """Plain features, with mean 0 and spread 1 over those learnt from. Shape (n, k)."""
        low, high = self.arrays["plain_bounds"]
        numbers = np.clip(np.array([plain(q) for q in questions]), low, high)
        return np.asarray((numbers - self.arrays["plain_mean"]) / self.arrays["plain_spread"])

    def text(self, questions: Sequence[Question]) -> Any:
        """Vectors of length 1: a sparse matrix of TF-IDF, or an array of embeddings."""
        if self.embed is not None:
            vectors = np.asarray(self.embed([q.text for q in questions]), np.float64)
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
            return vectors / np.where(lengths > 0, lengths, 1)
        rarity = self.arrays["rarity"]
        rows: list[int] = []
        columns: list[int] = []
        values: list[float] = []
        for row, question in enumerate(questions):
            known = (self._places.get(word) for word in words(question.text))
            counts = Counter(place for place in known if place is not None)
            weights = [(1 + np.log(n)) * rarity[place] for place, n in counts.items()]
            length = float(np.linalg.norm(weights)) or 1.0
            rows += [row] * len(counts)
            columns += counts
            values += [weight / length for weight in weights]
        return csr_matrix((values, (rows, columns)), shape=(len(questions), len(rarity)))

    def matrix(self, questions: Sequence[Question]) -> Any:
        """Text and plain features side by side, with about equal weight. Shape (n, d)."""
        text, numbers = self.text(questions), self.plain(questions)
        numbers = numbers / np.sqrt(numbers.shape[1])
        if _is_sparse(text):
            return hstack([text, csr_matrix(numbers)], format="csr")
        return np.hstack([text, numbers])

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.arrays["words"].tolist())}


@dataclass(frozen=True)
class Seen:
    """What the questions were like that something was learnt from.

    Attributes:
        arrays: What `learn` learnt, perhaps among other arrays.
    """

    arrays: Arrays

    @classmethod
    def learn(cls, questions: Sequence[Question]) -> "Seen":
        """Note the scripts, kinds and words of these questions.

        And how many of a question's words other questions have, too: half the share that 95 % of
        these have is the least that a question like these has.
        """
        texts = [_letters(q.text) for q in questions]
        counts = Counter(word for text in texts for word in text)
        shares = [sum(counts[w] > 1 for w in text) / len(text) for text in texts if text]
        scripts_seen = sorted(set().union(*(scripts(q.text) for q in questions)))
        return cls(
            {
                "seen_scripts": np.array(scripts_seen, np.str_),
                "seen_kinds": np.array(sorted({q.kind for q in questions}), np.str_),
                "seen_words": np.array(sorted(counts), np.str_),
                "seen_questions": np.array(sorted({question_key(q) for q in questions}), np.str_),
                "seen_share": np.array(np.quantile(shares, 0.05) / 2 if shares else 0.0),
            }
        )

    def knows(self, question: Question) -> bool:
        """Whether it is one of the very questions."""
        return question_key(question) in self._questions

    def unlike(self, question: Question) -> bool:
        """Whether a question has another script, kind or language than all that were seen."""
        text = _letters(question.text)
        share = len(text & self._words) / len(text) if text else 1.0
        return (
            question.kind not in self.arrays["seen_kinds"]
            or not scripts(question.text) <= set(self.arrays["seen_scripts"].tolist())
            or share < float(self.arrays["seen_share"])
        )

    @cached_property
    def _questions(self) -> frozenset[str]:
        return frozenset(self.arrays["seen_questions"].tolist())

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(self.arrays["seen_words"].tolist())


def scripts(text: str) -> set[str]:
    """The scripts in which a tenth or more of a text's letters are written, such as "LATIN"."""
    letters = Counter(c for c in text if c.isalpha())
    counts: Counter[str] = Counter()
    for letter, n in letters.items():
        counts[_script(letter)] += n
    return {script for script, n in counts.items() if 10 * n >= letters.total()}


@cache
def _script(letter: str) -> str:
    return unicodedata.name(letter, "?").partition(" ")[0]


def as_arrays(found: Any, name: str) -> Arrays:
    """A matrix, sparse or not, as arrays under this name."""
    if not _is_sparse(found):
        return {name: np.asarray(found)}
    parts = {"values": found.data, "columns": found.indices, "rows": found.indptr}
    shape = {f"{name}_shape": np.array(found.shape)}
    return shape | {f"{name}_{part}": array for part, array in parts.items()}


def as_matrix(arrays: Arrays, name: str) -> Any:
    """What `as_arrays` made arrays of."""
    if name in arrays:
        return arrays[name]
    values, columns, rows = (arrays[f"{name}_{part}"] for part in ("values", "columns", "rows"))
    return csr_matrix((values, columns, rows), shape=tuple(arrays[f"{name}_shape"]))


def as_dense(found: Any) -> Floats:
    """A matrix, sparse or not, as an array."""
    return np.asarray(found.toarray() if _is_sparse(found) else found)


def squared_lengths(rows: Any) -> Floats:
    """Of each row of a matrix, sparse or not. Shape (n,)."""
    squares = rows.multiply(rows) if _is_sparse(rows) else rows * rows
    return np.asarray(squares.sum(axis=1), dtype=np.float64).ravel()


def check_features(features: str, embed: Embed | None) -> None:
    """Raise InvalidValueError where a model is named for the features and none is given."""
    if (features == TFIDF) != (embed is None):
        raise InvalidValueError(
            f"features={features}: expected {TFIDF!r}, or the name of a model together with the "
            "function that gives its vectors (tale_eval.models.embeddings)"
        )


def _is_sparse(found: Any) -> bool:
    return bool(issparse(found))


def _letters(text: str) -> set[str]:
    return {word for word in words(text) if not word.startswith("#")}


def _digits(number: str) -> int:
    return sum(c.isdecimal() for c in number)


def _size(number: str) -> float:
    """The decimal logarithm of a number, from 0 to 9."""
    digits = number.replace(",", "").partition(".")[0].lstrip("0")
    return 9.0 if len(digits) > 9 else log10(1 + int(digits or 0))
