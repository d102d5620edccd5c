"""What searches say a question needs: what estimators learn from, and are measured by. Pure."""

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, log2
from statistics import fmean

from tale_eval.asking.question import Question
from tale_eval.budgets.elasticity import QuestionTrials
from tale_eval.budgets.search import Trial


@dataclass(frozen=True)
class Search:
    """One question's budget search.

    Attributes:
        question: What was asked.
        trials: Everything that was tried, vanilla CoT included, the tokens of each known.
        budget: The budget that was chosen; None where vanilla CoT was not improved upon.
    """

    question: Question
    trials: QuestionTrials
    budget: int | None

    @property
    def key(self) -> str:
        """What the question is called where its text is not kept."""
        return question_key(self.question)

    @property
    def vanilla(self) -> Trial:
        """The trial without a budget."""
        return self.trials.loosest_first[0]

    @property
    def needed(self) -> int | None:
        """Tokens that the question needs: the searched budget, or else the vanilla answer's own.

        None where vanilla CoT is wrong: no budget is known to be enough.
        """
        if not self.vanilla.correct:
            return None
        return self.budget or max(1, self.vanilla.effective_budget)

    @property
    def largest(self) -> int:
        """The largest budget that was tried; vanilla CoT's is its own cost."""
        return max(tried for tried, _ in self._tried)

    @cached_property
    def _tried(self) -> list[tuple[int, bool]]:
        """Every budget that was tried, and whether it was enough."""
        return [(_budget_of(trial), trial.correct) for trial in self.trials.trials]

    def outcome(self, budget: int) -> Trial:
        """The trial that says most about a budget: the nearest one on the log scale."""
        return min(
            self.trials.loosest_first, key=lambda trial: abs(log2(budget) - log2(_budget_of(trial)))
        )

    def right_at(self, budget: int) -> float | None:
        """The chance that a budget is enough, as far as the trials say; None where they do not.

        1 from the smallest budget that was enough, 0 up to the largest that was not. Between the
        two the need may lie anywhere: the chance grows evenly on the log scale. Where a smaller
        budget was enough than one that was not, the trials say both of what is between.
        """
        at = [right for tried, right in self._tried if tried == budget]
        if at:
            return fmean(at)
        enough = [tried for tried, right in self._tried if right]
        short = [tried for tried, right in self._tried if not right]
        is_enough, is_short = budget > min(enough, default=inf), budget < max(short, default=0)
        if is_enough or is_short:
            return None if is_enough and is_short else float(is_enough)
        if not enough or not short:
            return None
        return log2(budget / max(short)) / log2(min(enough) / max(short))


def _budget_of(trial: Trial) -> int:
    # an empty vanilla answer is the loosest of all the same
    return max(1, trial.effective_budget)


def question_key(question: Question) -> str:
    """A short name of a question's text, whatever its spaces and the form of its characters."""
    text = " ".join(unicodedata.normalize("NFKC", question.text).split())
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def folds(searches: Sequence[Search], count: int = 5, seed: int = 0) -> list[int]:
    """The fold of each search, from 0; the searches of one text stand in one fold.

    Which texts go together is decided by a hash of each and the seed, not by their order.

    Args:
        searches: At least one.
        count: How many folds; fewer where there are fewer texts.
        seed: Another one makes other folds.
    """
    keys = {s.key for s in searches}
    drawn = sorted(keys, key=lambda key: hashlib.sha256(f"{seed}/{key}".encode()).digest())
    fold_of = {key: place % min(count, len(keys)) for place, key in enumerate(drawn)}
    return [fold_of[s.key] for s in searches]


def expense(search: Search, budget: int, answer_worth: int | None = None) -> float:
    """What a budget costs a question, in tokens: less is better.

    The tokens that the nearest trial wrote and, where it lost the answer, what the answer is
    worth: `answer_worth` tokens, or by default the vanilla answer that must be asked for then.
    """
    trial = search.outcome(budget)
    lost = search.vanilla.output_tokens if answer_worth is None else answer_worth
    return trial.output_tokens + (0 if trial.correct else lost)
