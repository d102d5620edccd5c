"""Accuracy and tokens in one number: the metrics in use, as their sources have them. Pure.

Which tokens are counted is the caller's choice, and each measure says which it takes
(`measures.MEASURES`); the answers and the counts of one call are over the same questions.
"""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from functools import lru_cache

from tale_eval.errors import InvalidValueError

THINKING_LIMIT = 1_000
"""Tokens from which on a right answer is worth nothing (OptimalThinkingBench)."""


def tokens_per_correct(correct: Sequence[bool], tokens: Sequence[int]) -> float | None:
    """All tokens spent, divided by the number of right answers; None without any.

    Not the paper's "token cost", which is a mean over all questions.
    """
    _check(correct, tokens)
    right = sum(correct)
    return sum(tokens) / right if right else None


def e3(accuracy: float, mean_tokens: float) -> float | None:
    """E³ = accuracy² / mean tokens (Plan-and-Budget, arXiv 2505.16122)."""
    return accuracy**2 / mean_tokens if mean_tokens > 0 else None


def e3_score(
    accuracy: float, mean_tokens: float, base_accuracy: float, base_tokens: float
) -> float | None:
    """E³-Score (EffiReason-Bench, arXiv 2511.10201): above 1 is better than the baseline.

    The harmonic mean of how the odds of a right answer rose and how the tokens fell, weighted
    by the baseline's accuracy and the rest of it: 1 / (w · o0 / o + (1 − w) · T / T0) with
    w = A0 and o = A / (1 − A).

    None where the baseline has all or nothing right, which has no odds, or no tokens.
    """
    if not 0 < base_accuracy < 1 or base_tokens <= 0:
        return None
    if accuracy == 0:
        return 0.0
    odds_fell = (base_accuracy / (1 - base_accuracy)) * (1 - accuracy) / accuracy
    tokens_rose = mean_tokens / base_tokens
    mean = base_accuracy * odds_fell + (1 - base_accuracy) * tokens_rose
    return 1 / mean if mean > 0 else None


def aes(
    accuracy: float,
    mean_tokens: float,
    base_accuracy: float,
    base_tokens: float,
    *,
    length: float = 1,
    gain: float = 3,
    loss: float = 5,
) -> float | None:
    """Accuracy-Efficiency Score (O1-Pruner, arXiv 2501.12570): above 0 is better.

    length · ΔL + gain · |ΔA| where the accuracy did not fall, else length · ΔL − loss · |ΔA|,
    with ΔL = (L0 − L) / L0 and ΔA = (A − A0) / A0.

    None where the baseline has nothing right, or no tokens.
    """
    if base_accuracy <= 0 or base_tokens <= 0:
        return None
    shorter = (base_tokens - mean_tokens) / base_tokens
    better = (accuracy - base_accuracy) / base_accuracy
    return length * shorter + (gain if better >= 0 else loss) * better


def ock_score(accuracy: float, mean_tokens: float) -> float:
    """OckScore = accuracy in percent − 10 · ln(mean tokens / 10,000 + 1) (OckBench)."""
    return 100 * accuracy - 10 * math.log(mean_tokens / 10_000 + 1)


def cost_of_pass(accuracy: float, mean_cost: float) -> float | None:
    """What a right answer costs: mean cost / accuracy (arXiv 2504.13359); None without any."""
    return mean_cost / accuracy if accuracy > 0 else None


def oaa_auc(correct: Sequence[bool], tokens: Sequence[int], limit: int) -> float:
    """Area under the overthinking-adjusted accuracy, 0 to 1 (OptimalThinkingBench).

    OAA at t is the share of questions that are right with fewer than t tokens; the
    area over t = 0 … limit is divided by limit. Exact: a right answer of n tokens
    counts from n + 1 on.
    """
    _check(correct, tokens)
    if limit < 1:
        raise InvalidValueError(f"the token limit must be at least 1, not {limit}")
    area = sum(max(0, limit - t) for c, t in zip(correct, tokens, strict=True) if c)
    return area / (limit * len(correct))


def adjusted_accuracy(
    accuracies: Sequence[float], tokens: Sequence[float], limit: float = THINKING_LIMIT
) -> float:
    """OptimalThinkingBench's score: the mean of accuracy · max(0, limit − tokens) / limit.

    Args:
        accuracies, tokens: Of each question, means over its answers.
        limit: The tokens from which on an answer is worth nothing.
    """
    _check(accuracies, tokens)
    scores = (a * max(0, limit - t) / limit for a, t in zip(accuracies, tokens, strict=True))
    return math.fsum(scores) / len(tokens)


def accuracy_within(correct: Sequence[bool], tokens: Sequence[int], most: int) -> float:
    """The share of questions that are right with at most so many tokens."""
    _check(correct, tokens)
    return sum(c and t <= most for c, t in zip(correct, tokens, strict=True)) / len(correct)


def accuracies_within(correct: Sequence[bool], tokens: Sequence[int]) -> list[tuple[int, float]]:
    """The curve of `accuracy_within`: the token counts at which it rises, and what it rises to."""
    _check(correct, tokens)
    rises = Counter(t for c, t in zip(correct, tokens, strict=True) if c)
    right, curve = 0, []
    for at in sorted(rises):
        right += rises[at]
        curve.append((at, right / len(correct)))
    return curve


MOST_STEPS = 60
"""Steps that are drawn of a row's answers."""


def drawn_steps(correct: Sequence[bool], tokens: Sequence[int]) -> list[tuple[float, float]]:
    """The curve of `accuracies_within`, in about `MOST_STEPS` steps, to the longest answer.

    Nothing of no answers.
    """
    if not tokens:
        return []
    steps = accuracies_within(correct, tokens)
    last = (max(tokens), steps[-1][1] if steps else 0.0)
    # a page of many rows would not open with a step for each answer
    thinned = steps[:: 1 + len(steps) // MOST_STEPS]
    return [*thinned, *steps[-1:], last]


def pass_at_k(answers: int, right: int, k: int) -> float:
    """The chance that one of k answers is right, of so many of which some are (arXiv 2107.03374).

    Raises:
        InvalidValueError: If there are fewer than k answers.
    """
    _check_k(answers, k)
    return 1 - math.comb(answers - right, k) / math.comb(answers, k)


def maj_at_k(answers: Sequence[tuple[Hashable | None, bool]], k: int) -> float:
    """The chance that the answer that most of k give is right, of these answers; exact.

    All right answers are one, however they are written. An answer that is None votes for none;
    of several with as many votes each is as likely to be taken.

    Args:
        answers: What each says, and whether it is right.
        k: How many are drawn, each set of k as likely as any other.

    Raises:
        InvalidValueError: If there are fewer than k answers.
    """
    _check_k(len(answers), k)
    right = sum(correct for _, correct in answers)
    wrong = Counter(said for said, correct in answers if not correct and said is not None)
    silent = len(answers) - right - wrong.total()
    return _majority(right, tuple(sorted(wrong.values())), silent, k)


@lru_cache(maxsize=4096)
def _majority(right: int, wrong: tuple[int, ...], silent: int, k: int) -> float:
    """`maj_at_k` of so many right answers, wrong ones by what they say, and silent ones."""
    total = math.comb(right + sum(wrong) + silent, k)
    won = 0.0
    for votes in range(1, min(right, k) + 1):
        ways = _ways_below(wrong, silent, k - votes, votes)
        won += math.comb(right, votes) * math.fsum(n / (1 + ties) for ties, n in ways.items())
    return won / total


def _ways_below(wrong: tuple[int, ...], silent: int, drawn: int, most: int) -> dict[int, int]:
    """In how many ways the other answers are drawn, none said more than `most` times.

    By how many are said just so often.
    """
    ways = {(0, 0): 1}  # by how many were drawn, and how many were said `most` times
    for size in wrong:
        further: Counter[tuple[int, int]] = Counter()
        for (before, ties), count in ways.items():
            for said in range(min(size, most, drawn - before) + 1):
                key = (before + said, ties + (said == most))
                further[key] += count * math.comb(size, said)
        ways = dict(further)
    found: Counter[int] = Counter()
    for (before, ties), count in ways.items():
        found[ties] += count * math.comb(silent, drawn - before)
    return found


def _check_k(answers: int, k: int) -> None:
    if not 1 <= k <= answers:
        raise InvalidValueError(f"k={k}: from 1 to the {answers} answers that there are")


def _check(correct: Sequence[float], tokens: Sequence[float]) -> None:
    if len(correct) != len(tokens) or not correct:
        raise InvalidValueError(
            f"needs one token count per question: {len(correct)} answers, {len(tokens)} counts"
        )
