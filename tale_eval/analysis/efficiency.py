"""Accuracy and tokens in one number: the metrics in use. Pure.

Token counts are output tokens per question, the estimator's included; `correct`
and `tokens` run over the same questions.
"""

import math
from collections.abc import Sequence

from tale_eval.errors import InvalidValueError


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


def ock_score(accuracy: float, mean_tokens: float) -> float:
    """OckScore = accuracy in percent − 10 · ln(mean tokens / 10,000 + 1) (OckBench)."""
    return 100 * accuracy - 10 * math.log(mean_tokens / 10_000 + 1)


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


def _check(correct: Sequence[bool], tokens: Sequence[int]) -> None:
    if len(correct) != len(tokens) or not correct:
        raise InvalidValueError(
            f"needs one token count per question: {len(correct)} answers, {len(tokens)} counts"
        )
