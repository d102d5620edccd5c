"""Whether answers grow and shrink with the budget that is asked for: asked against actual. Pure.

A method that is run under several budgets, as `compare --sweep budget.tokens=10,25,50` does,
answers each question under each of them. A model that obeys writes more where it may write more: of
each question the slope of actual tokens on asked ones is near 1 and their order the same; of one
that ignores budgets both are near 0. Bounds are no targets: who writes 20 tokens under 25, 50 and
100 keeps all three, has a slope of 0, and this says so.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tale_eval.analysis.groups import Groups, Methods
from tale_eval.analysis.obedience import GOVERNS, answered, came_of
from tale_eval.analysis.seeds import over_seeds
from tale_eval.analysis.statistics import Floats, IntervalEstimate, mean_estimate, ranks
from tale_eval.analysis.sweeps import NOT_SET, apart
from tale_eval.asking.variant import Variant, differing, label, order
from tale_eval.records import Record

_KEY = "argument tokens"
_SEED_OF_EPOCH = 10_000


@dataclass(frozen=True)
class Following:
    """What a method wrote under several budgets.

    Attributes:
        model, task: As in records.
        label: What the rows share, as tables name it.
        control: How the budgets were imposed.
        asked: The budgets, from low to high.
        came: The mean of what came under each.
        within: The share that kept each.
        slope: Of actual on asked tokens: the mean over questions, each with its own.
        correlation: Spearman's of actual with asked tokens, likewise; 0 of a question whose
            answers are all of one length.
        seeds: How many adapters are joined; their spread is in the intervals.
    """

    model: str
    task: str
    label: str
    control: str
    asked: tuple[int, ...]
    came: tuple[float, ...]
    within: tuple[float, ...]
    slope: IntervalEstimate
    correlation: IntervalEstimate
    seeds: int


def followings(records: Iterable[Record]) -> list[Following]:
    """Every method that was run under several budgets of its argument `tokens`, by name."""
    groups = Groups.of(records)
    return [found for names in groups for found in group_followings(groups.methods(names))]


def group_followings(methods: Methods) -> list[Following]:
    """Those of one model and task."""
    rows = answered(methods)
    keys = differing(rows)
    joined: dict[Variant, list[Record]] = defaultdict(list)
    for variant in sorted(rows, key=order):
        rest, value = apart(variant, rows).get(_KEY, (variant, NOT_SET))
        if value != NOT_SET:
            joined[rest] += rows[variant]
    lines = []
    for rest, answers in joined.items():
        for control in GOVERNS:
            line = _following(control, answers, label(rest, keys))
            if line is not None:
                lines.append(line)
    return lines


def _following(control: str, answers: Sequence[Record], named: str) -> Following | None:
    pairs: dict[tuple[int, str], list[tuple[int, float]]] = defaultdict(list)
    for record in answers:
        asked, came = record.controls.get(control), came_of(record, GOVERNS[control])
        if isinstance(asked, int) and came is not None:
            pairs[record.epoch // _SEED_OF_EPOCH, record.question].append((asked, came))
    budgets = sorted({asked for found in pairs.values() for asked, _ in found})
    if len(budgets) < 2:
        return None
    by_budget = {
        b: [came for found in pairs.values() for asked, came in found if asked == b]
        for b in budgets
    }
    several = {key: found for key, found in pairs.items() if len({asked for asked, _ in found}) > 1}
    if not several:
        return None
    first = answers[0]
    return Following(
        model=first.model,
        task=first.task,
        label=named,
        control=control,
        asked=tuple(budgets),
        came=tuple(float(np.mean(by_budget[b])) for b in budgets),
        within=tuple(float(np.mean([came <= b for came in by_budget[b]])) for b in budgets),
        slope=_over_questions({key: _slope(found) for key, found in several.items()}),
        correlation=_over_questions(
            {key: _correlation(found) for key, found in several.items()}, most=1
        ),
        seeds=len({seed for seed, _ in several}),
    )


def _slope(pairs: Sequence[tuple[int, float]]) -> float:
    """Of least squares, of one question's answers."""
    asked, came = np.array(pairs, dtype=np.float64).T
    centred = asked - asked.mean()
    return float(centred @ came / (centred @ centred))


def _correlation(pairs: Sequence[tuple[int, float]]) -> float:
    asked, came = (ranks(line) for line in np.array(pairs, dtype=np.float64).T)
    if np.ptp(came) == 0:
        return 0.0
    return float(np.corrcoef(asked, came)[0, 1])


def _over_questions(
    values: Mapping[tuple[int, str], float], most: float = math.inf
) -> IntervalEstimate:
    """The mean; over seeds too, where there are several and all have a question.

    Args:
        values: One for each seed and question.
        most: What no value can be beyond, on either side of 0.
    """
    seeds = sorted({seed for seed, _ in values})
    questions = {seed: {q for s, q in values if s == seed} for seed in seeds}
    shared = sorted(set.intersection(*questions.values()))
    if len(seeds) == 1 or not shared:
        by_question: dict[str, list[float]] = defaultdict(list)
        for (_, question), value in values.items():
            by_question[question].append(value)
        return mean_estimate(by_question)
    table: Floats = np.array([[values[seed, question] for question in shared] for seed in seeds])
    return over_seeds(table, -most, most)
