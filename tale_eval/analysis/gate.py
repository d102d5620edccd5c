"""Whether a method may replace its baseline: accurate enough, and as cheap as was asked. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tale_eval.analysis.comparison import Comparison
from tale_eval.analysis.leaderboard import LeaderboardRow, compared
from tale_eval.analysis.statistics import Chances, Interval, Verdict
from tale_eval.errors import InvalidValueError

Outcome = Literal["pass", "fail", "undecided"]

_OF_VERDICT: dict[Verdict, Outcome] = {
    "not worse": "pass",
    "worse": "fail",
    "undecided": "undecided",
}


@dataclass(frozen=True)
class Gated:
    """One method at the gate.

    Attributes:
        model, task, method, baseline: Whose.
        paired: Questions that the verdict rests on.
        difference, interval: Of the accuracies, as the verdict counts them.
        failures_count: Failed samples count as wrong answers there: there are too many to leave
            out.
        accuracy: "pass" if it is not worse than the baseline by more than the margin.
        alone: The same without the correction for the other verdicts.
        correction, together: Which correction that is, and for how many verdicts.
        chances: The p values of "not worse" and "worse" with it; None where there are none.
        ratio, ratio_interval: Of mean output tokens over the baseline's.
        tokens: "pass" if all of the interval lies at the largest allowed ratio or below it,
            "fail" if all of it lies above; None where no ratio was asked for.
        reason: Why something is undecided, in words; None if nothing is.
        outcome: Of accuracy and tokens together.
    """

    model: str
    task: str
    method: str
    baseline: str
    paired: int
    difference: float | None
    interval: Interval | None
    failures_count: bool
    accuracy: Outcome
    alone: Outcome
    correction: str
    together: int
    chances: Chances | None
    ratio: float | None
    ratio_interval: Interval | None
    tokens: Outcome | None
    reason: str | None
    outcome: Outcome


def together(outcomes: Iterable[Outcome]) -> Outcome:
    """One outcome of many: a failure counts before what is undecided."""
    found = set(outcomes)
    return "fail" if "fail" in found else "undecided" if "undecided" in found else "pass"


def gated(
    rows: Iterable[LeaderboardRow], baseline: str, max_token_ratio: float | None
) -> list[Gated]:
    """Every method that has the baseline beside it.

    Args:
        rows: The leaderboard, whose margin is the gate's.
        baseline: The name that it was made with.
        max_token_ratio: The most tokens that are allowed, as a share of the baseline's; None
            for any.

    Raises:
        InvalidValueError: The ratio is not above 0, or there is nothing to compare.
    """
    if max_token_ratio is not None and not max_token_ratio > 0:
        raise InvalidValueError(
            f"max-token-ratio={max_token_ratio:g}: a number above 0; 0.6 allows 60 % of the "
            "baseline's tokens"
        )
    return [_gated(row, max_token_ratio) for row in compared(rows, baseline)]


def _gated(row: LeaderboardRow, most: float | None) -> Gated:
    comparison = row.comparison
    assert comparison is not None
    tokens = None if most is None else _tokens(comparison.ratio_interval, most)
    accuracy = _OF_VERDICT[comparison.verdict]
    paired, difference, interval = _judged(comparison)
    return Gated(
        model=row.model,
        task=row.task,
        method=row.label,
        baseline=comparison.baseline,
        paired=paired,
        difference=difference,
        interval=interval,
        failures_count=comparison.failures_count,
        accuracy=accuracy,
        alone=_OF_VERDICT[comparison.alone],
        correction=comparison.correction,
        together=comparison.together,
        chances=comparison.adjusted,
        ratio=comparison.ratio,
        ratio_interval=comparison.ratio_interval,
        tokens=tokens,
        reason=_reason(comparison, interval, accuracy, tokens),
        outcome=together([accuracy, *([tokens] if tokens else [])]),
    )


def _judged(comparison: Comparison) -> tuple[int, float | None, Interval | None]:
    """The questions and the difference that the verdict rests on, and its interval."""
    counted = comparison.with_failures if comparison.failures_count else None
    if counted is not None:
        return counted.questions, counted.value, counted.interval
    return comparison.paired, comparison.difference, comparison.interval


def _tokens(interval: Interval | None, most: float) -> Outcome:
    if interval is None:
        return "undecided"
    if interval.high <= most:
        return "pass"
    return "fail" if interval.low > most else "undecided"


def _reason(
    comparison: Comparison, interval: Interval | None, accuracy: Outcome, tokens: Outcome | None
) -> str | None:
    if comparison.paired == 0:
        return "no question was answered by both"
    reasons = []
    if accuracy == "undecided" and comparison.alone != "undecided":
        reasons.append(
            f"“{comparison.alone}” by itself, undecided with the correction for "
            f"{comparison.together} verdicts: ask more questions"
        )
    elif accuracy == "undecided" and interval is None:
        reasons.append("one question in common has no interval: ask more questions")
    elif accuracy == "undecided":
        reasons.append("the interval of the accuracies holds the margin: ask more questions")
    if tokens == "undecided":
        reasons.append(comparison.ratio_reason or "the interval of the token ratio holds the limit")
    return "; ".join(reasons) or None
