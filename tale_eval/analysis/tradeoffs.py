"""What a row's records give to the formulas of `efficiency`: whose tokens, of which answers. Pure.

Tokens and dollars are the method's own: its answer, its estimator, its helpers. What graders used
is in none of them.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from tale_eval.analysis import efficiency
from tale_eval.analysis.comparison import by_question, output_tokens, score
from tale_eval.analysis.results import MethodResults, Point, known_of, mean, scored
from tale_eval.analysis.statistics import Interval, mean_interval
from tale_eval.grading.same import form_of
from tale_eval.records import Record

Cost = Callable[[Record], float | None]
"""From an answer to what it took; None where that is not known."""


def prompt_and_output(record: Record) -> float | None:
    """All tokens of an answer's calls, those read and those written, as OckBench counts."""
    read, written = record.costs["input_tokens"], record.costs["output_tokens"]
    return None if read is None or written is None else read + written


def thinking_tokens(record: Record) -> float | None:
    """The tokens of an answer's thinking, as OptimalThinkingBench counts.

    Where none was counted apart, all that was written: its code takes what stands before the end
    of the thinking, and of a reply without one the whole.
    """
    return record.costs["reasoning_tokens"] or record.costs["output_tokens"]


def dollars(record: Record) -> float | None:
    """What the method paid for an answer."""
    return record.costs["dollars"]


def seconds(record: Record) -> float | None:
    """How long an answer's calls took."""
    return record.costs["seconds"]


COSTS: Mapping[str, Cost] = {"tokens": output_tokens, "dollars": dollars, "seconds": seconds}
"""What accuracy may stand against, a question's mean of each."""

CostName = str
"""One of `COSTS`."""


@dataclass(frozen=True)
class Spent:
    """What a question took at one point: the mean, and its 95 % interval where there is one."""

    mean: float
    interval: Interval | None


def mean_costs(records: Sequence[Record]) -> dict[CostName, float]:
    """What a question took, of each cost that is known of all scored answers."""
    answers = scored(records)
    found = {name: point_of(answers, cost) for name, cost in COSTS.items()}
    return {
        name: at.tokens
        for name, at in found.items()
        if at and all(COSTS[name](record) is not None for record in answers)
    }


def costs_spent(
    records: Sequence[Record], means: Mapping[CostName, float]
) -> dict[CostName, Spent]:
    """The `mean_costs` with their intervals."""
    answers = scored(records)
    return {
        name: Spent(mean, mean_interval(by_question(answers, COSTS[name])))
        for name, mean in means.items()
    }


def point_of(records: Sequence[Record], cost: Cost) -> Point | None:
    """Accuracy and mean cost of the scored answers whose cost is known; None without any."""
    known = known_of(scored(records), cost)
    accuracy, spent = mean(record.correct for record in known), mean(map(cost, known))
    return None if accuracy is None or spent is None else Point(accuracy, spent)


def dollar_point(records: Sequence[Record]) -> Point | None:
    """Accuracy and mean dollars; None if one price is unknown, as its answer may be the dearest."""
    known = all(dollars(record) is not None for record in scored(records))
    return point_of(records, dollars) if known else None


def answered(records: Sequence[Record], cost: Cost) -> tuple[list[float], list[float]]:
    """Accuracy and mean cost of each question, over its answers of which both are known."""
    known = known_of(scored(records), cost)
    accuracies, costs = by_question(known, score), by_question(known, cost)
    if known.once:
        return [float(a) for (a,) in accuracies.values()], [float(c) for (c,) in costs.values()]
    return (
        [sum(values) / len(values) for values in accuracies.values()],
        [sum(costs[question]) / len(costs[question]) for question in accuracies],
    )


@dataclass(frozen=True)
class Pair:
    """Where a row and its baseline stand on the questions that both answered."""

    ours: Point
    theirs: Point


def paired(row: MethodResults) -> Pair | None:
    """The row beside its baseline; None for the baseline itself, and without a shared question."""
    key = "pair", row.variant, row.base
    if key not in row.group.kept:
        row.group.kept[key] = _paired(row)
    found = row.group.kept[key]
    assert found is None or isinstance(found, Pair)
    return found


def _paired(row: MethodResults) -> Pair | None:
    if row.base is None:
        return None
    sides = [row.group.questions[variant] for variant in (row.variant, row.base)]
    shared = sides[0].keys() & sides[1].keys()
    if not shared:
        return None
    ours, theirs = (_mean_point([side[question] for question in sorted(shared)]) for side in sides)
    return Pair(ours, theirs)


def _mean_point(points: Sequence[Point]) -> Point:
    return Point(
        sum(point.accuracy for point in points) / len(points),
        sum(point.tokens for point in points) / len(points),
    )


@dataclass(frozen=True)
class Draws:
    """As many answers to a question as one of the baseline's takes tokens.

    Attributes:
        k: How many: the baseline's mean tokens by the row's own, rounded down.
        fewest: The fewest answers that any question of the row has.
    """

    k: int
    fewest: int


def equal_draws(row: MethodResults) -> Draws | None:
    """How many answers cost what one of the baseline's does; None where no question has two."""
    if not row.group.has_repeats:
        return None
    at = row.point
    base = row.point if row.is_baseline else row.group.points.get(row.base) if row.base else None
    sets = _answers(row.records).values()
    if not at or not base or not at.tokens or not sets:
        return None
    # a ratio of 4 may come out as 3.9999…
    return Draws(int(base.tokens / at.tokens + 1e-9), min(map(len, sets)))


def pass_at(row: MethodResults, k: int) -> float:
    """Mean pass@k of the questions; each has at least k scored answers."""
    sets = _answers(row.records).values()
    each = [efficiency.pass_at_k(len(s), sum(right for _, right in s), k) for s in sets]
    return sum(each) / len(each)


def majority_at(row: MethodResults, k: int) -> float | None:
    """Mean maj@k of the questions; None where what a wrong answer says is not known."""
    sets = _answers(row.records).values()
    # a right answer needs no words, and of a single one nobody else's matter
    if k > 1 and any(not right and said is _UNKNOWN for s in sets for said, right in s):
        return None
    each = [efficiency.maj_at_k(s, k) for s in sets]
    return sum(each) / len(each)


_UNKNOWN = object()
"""What an answer says of which nobody wrote down what it says."""


def _answers(records: Sequence[Record]) -> dict[str, list[tuple[Hashable | None, bool]]]:
    """What each scored answer of a sample says, and whether it is right in full."""
    found: dict[str, list[tuple[Hashable | None, bool]]] = defaultdict(list)
    for record in scored(records):
        found[record.sample_id].append((_said(record), record.correct == 1))
    return found


def _said(record: Record) -> Hashable | None:
    if record.answer is None:
        return _UNKNOWN
    return form_of(record.answer) if record.answer else None


def truncation(records: Sequence[Record]) -> tuple[float | None, float | None]:
    """The share right of the answers that were not cut off, and of all with those cut as wrong."""
    known = [r for r in scored(records) if r.costs["truncated"] is not None]
    uncut = [r.correct for r in known if not r.costs["truncated"]]
    return mean(uncut), mean(0.0 if r.costs["truncated"] else r.correct for r in known)
