"""What a pilot says of the run to come: for each method, how many questions it takes. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tale_eval.analysis.comparison import by_question, score, score_with_failures
from tale_eval.analysis.leaderboard import LeaderboardRow, compared
from tale_eval.analysis.power import (
    Discordance,
    Power,
    detectable_loss,
    discordance,
    power,
    provable_margin,
    questions_needed,
)
from tale_eval.analysis.statistics import LEVEL, Verdict
from tale_eval.errors import InvalidValueError


@dataclass(frozen=True)
class RunPlan:
    """How many questions one method's verdict against its baseline takes.

    Attributes:
        model, task, method, baseline: Whose.
        together: How many verdicts of this model and task are corrected together.
        level: What that leaves each at least: the plan is for the least that it may be.
        verdict: What the pilot says by itself, whose methods need not be equally accurate.
        seen: How often one of the two alone was right in the pilot.
        now: The chances of each verdict on as many questions as the pilot has, where both are
            equally accurate.
        needed: Questions for "not worse" with the asked chance, where both are equally accurate
            and as many questions tell them apart as in the pilot; None if beyond all bounds.
        needed_upper: The same where as many do as the pilot leaves open (`upper_share`).
        detectable: The smallest true loss that the pilot's questions would show as "worse".
        provable: The smallest margin for which they would show "not worse" of equal methods.
    """

    model: str
    task: str
    method: str
    baseline: str
    together: int
    level: float
    verdict: Verdict
    seen: Discordance
    now: Power
    needed: int | None
    needed_upper: int | None
    detectable: float | None
    provable: float | None

    @property
    def settled(self) -> bool:
        """Whether the pilot needs no run after it for this method's verdict."""
        return self.verdict != "undecided"


def run_plans(
    rows: Iterable[LeaderboardRow], baseline: str, margin: float, chance: float
) -> list[RunPlan]:
    """A plan for every method that has questions in common with its baseline.

    Args:
        rows: The pilot's leaderboard.
        baseline: The name that it was made with.
        margin: The loss of accuracy that would not matter, as a share.
        chance: With which the verdict is to come (its power), as a share.

    Raises:
        InvalidValueError: A chance that is no share, or a margin of 0: no number of questions
            shows that two methods are exactly alike. Or there is nothing to compare.
    """
    if not 0 < chance < 1:
        raise InvalidValueError(f"power={chance:g}: a chance between 0 and 1, such as 0.8")
    if not 0 < margin < 1:
        raise InvalidValueError(
            f"margin={margin:g}: a plan needs a loss that would not matter, above 0 and below 1; "
            "0.02 is two points in 100"
        )
    everything = list(rows)
    named = {(row.model, row.task, row.label): row for row in everything}
    return [
        plan
        for row in compared(everything, baseline)
        if (plan := _plan(row, named, margin, chance))
    ]


def _plan(
    row: LeaderboardRow,
    named: Mapping[tuple[str, str, str], LeaderboardRow],
    margin: float,
    chance: float,
) -> RunPlan | None:
    assert row.comparison is not None
    baseline = named[row.model, row.task, row.comparison.baseline].records
    # as the verdict will count them
    judged = score_with_failures if row.comparison.failures_count else score
    seen = discordance(by_question(row.records, judged), by_question(baseline, judged))
    if seen is None:
        return None
    together, equal = row.comparison.together, seen.with_difference(0)
    level = LEVEL / together if row.comparison.correction == "holm" else LEVEL
    return RunPlan(
        model=row.model,
        task=row.task,
        method=row.label,
        baseline=row.comparison.baseline,
        together=together,
        level=level,
        verdict=row.comparison.verdict,
        seen=seen,
        now=power(seen.questions, equal, margin, level),
        needed=questions_needed(equal, margin, chance, level),
        needed_upper=questions_needed(
            seen.with_difference(0, share=seen.upper_share), margin, chance, level
        ),
        detectable=detectable_loss(equal, seen.questions, margin, chance, level),
        provable=provable_margin(equal, seen.questions, chance, level),
    )
