"""Whether a training question stands in an evaluation split. Pure.

Two texts are compared as words: letters and digits after Unicode's NFKC, without case,
spaces and punctuation. Every Chinese character is a word of its own, and so is every
sign of arithmetic, since 4 - 1 and 4 + 1 are different questions. The options of a choice
question follow its text, sorted, so that another order does not hide it.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal

N = 13
"""Words in a row that two different questions hardly share: the field's custom (GPT-3,
arXiv 2005.14165, appendix C)."""

Overlap = Literal["same text", "shared words"]

_WORD = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+|[-+*/%^=<>×÷√]")


def words(question: str, options: Sequence[str] = ()) -> tuple[str, ...]:
    """A question as compared: its words, then those of its sorted options."""
    texts = [_words(question), *sorted(_words(option) for option in options)]
    return tuple(word for text in texts for word in text)


class Evaluation:
    """The questions that must stay out of a corpus.

    Args:
        questions: Each as `words` gives it.
    """

    def __init__(self, questions: Iterable[tuple[str, ...]]) -> None:
        self.texts = set(questions)
        # one set per length: a short question is looked for as a whole
        self._runs: dict[int, set[tuple[str, ...]]] = {}

    def overlap(self, question: tuple[str, ...]) -> Overlap | None:
        """How a question stands in the evaluation; None if it does not.

        "shared words": it has `N` words in a row with an evaluation question in common,
        or, if it is shorter, stands in one as a whole.
        """
        if question in self.texts:
            return "same text"
        n = min(N, len(question))
        if n and not self._of_length(n).isdisjoint(_runs(question, n)):
            return "shared words"
        return None

    def _of_length(self, n: int) -> set[tuple[str, ...]]:
        if n not in self._runs:
            self._runs[n] = {run for text in self.texts for run in _runs(text, n)}
        return self._runs[n]


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def _runs(text: tuple[str, ...], n: int) -> Iterable[tuple[str, ...]]:
    """Every n words in a row."""
    return (text[i : i + n] for i in range(len(text) - n + 1))
