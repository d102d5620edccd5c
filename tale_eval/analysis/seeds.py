"""Adapters that differ in their training seed alone: one row, and how far the seeds spread. Pure.

`tale-eval circle` calls them NAME-seed-1, NAME-seed-2 and so on. A row that joins them has each
question answered once by every seed; its usual intervals hold for these very adapters and further
questions. Those here hold for further seeds too.
"""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtrit

from tale_eval.analysis.comparison import by_question, find_baselines, output_tokens, score
from tale_eval.analysis.groups import Groups
from tale_eval.analysis.statistics import (
    FEWEST_FOR_TOKENS,
    LEVEL,
    Floats,
    Interval,
    IntervalEstimate,
    Verdict,
    verdict,
)
from tale_eval.asking.variant import Variant, differing, label, order
from tale_eval.records import Record, RunSettings

_SEEDED = re.compile(r"(?P<method>.* @ )(?P<name>.+)-seed-(?P<seed>\d+)-[0-9a-f]{8}", re.DOTALL)
_EPOCHS_APART = 10_000


@dataclass(frozen=True)
class Seeds:
    """What the seeds of one row came to.

    Attributes:
        model, task: As in records.
        label: What tables call the row.
        seeds: The training seeds.
        accuracies, tokens: Of each seed, in their order, over the questions that all answered.
        accuracy, output_tokens: Over all seeds; the interval allows for other seeds and questions.
        difference: Of accuracy against the baseline, likewise; None without one.
        saved: Of tokens against the baseline, likewise: below 0 is saved.
        verdict: What the difference says, by itself.
    """

    model: str
    task: str
    label: str
    seeds: tuple[int, ...]
    accuracies: tuple[float, ...]
    tokens: tuple[float, ...]
    accuracy: IntervalEstimate
    output_tokens: IntervalEstimate | None
    difference: IntervalEstimate | None
    saved: IntervalEstimate | None
    verdict: Verdict | None


def seed_of(method: str) -> tuple[str, int] | None:
    """A method's label without its adapter's seed and hash, and the seed; None if it has none."""
    found = _SEEDED.fullmatch(method)
    return (found["method"] + found["name"], int(found["seed"])) if found else None


class Joined:
    """Records whose adapters' seeds are joined.

    Attributes:
        records: Those of several seeds of one adapter under one label, such as
            "cot @ obey (3 seeds)"; of a single seed as they were.
        labels: The new label of each that was joined, by model, task and its method.

    Args:
        records: What was read from the logs.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        everything = list(records)
        self.labels = _labels(everything)
        self._seeds: dict[tuple[str, str, Variant], dict[int, list[Record]]] = defaultdict(
            lambda: defaultdict(list)
        )
        self.records = [self._joined(r) for r in everything] if self.labels else everything

    def settings(self, found: Iterable[RunSettings]) -> list[RunSettings]:
        """The runs' settings under the labels of their rows."""
        return relabelled(found, self.labels)

    def seeds(self, baseline: str | None = "cot", margin: float = 0.02) -> list[Seeds]:
        """How far the seeds of each joined row spread, by name.

        Args:
            baseline: The rows to compare with, as `find_baselines` takes them.
            margin: The loss of accuracy that would not matter, as a share.
        """
        if not self._seeds:
            return []
        groups = Groups.of(self.records)
        found = []
        for model, task, variant in sorted(self._seeds, key=lambda k: (k[0], k[1], order(k[2]))):
            rows = groups.methods((model, task))
            base = find_baselines(rows, baseline).of(variant)
            named = label(variant, differing(rows))
            by_seed = self._seeds[model, task, variant]
            spread = _spread(by_seed, rows[base] if base else [], margin)
            if spread is not None:
                found.append(Seeds(model, task, named, *spread))
        return found

    def _joined(self, record: Record) -> Record:
        joined = self.labels.get((record.model, record.task, record.method))
        if joined is None:
            return record
        seeded = seed_of(record.method)
        assert seeded is not None
        _, seed = seeded
        moved = replace(record, method=joined, epoch=seed * _EPOCHS_APART + record.epoch)
        self._seeds[record.model, record.task, moved.variant][seed].append(moved)
        return moved


Joins = dict[tuple[str, str, str], str]
"""The new label of a method that was joined, by model, task and the label that it had."""


def relabelled(found: Iterable[RunSettings], labels: Joins) -> list[RunSettings]:
    """The runs' settings under the labels of their rows."""
    return [
        replace(each, method=labels.get((each.model, each.task, each.method), each.method))
        for each in found
    ]


def _labels(records: Iterable[Record]) -> Joins:
    """The new label of each label with a seed, where an adapter has several."""
    found: dict[tuple[str, str, str], dict[str, int]] = defaultdict(dict)
    for model, task, method in {(r.model, r.task, r.method): None for r in records}:
        if (seeded := seed_of(method)) is not None:
            without, seed = seeded
            found[model, task, without][method] = seed
    return {
        (model, task, method): f"{without} ({len(methods)} seeds)"
        for (model, task, without), methods in found.items()
        # two trainings of one seed are none that could be told apart
        if len(methods) > 1 and len(set(methods.values())) == len(methods)
        for method in methods
    }


_Spread = tuple[
    tuple[int, ...],
    tuple[float, ...],
    tuple[float, ...],
    IntervalEstimate,
    IntervalEstimate | None,
    IntervalEstimate | None,
    IntervalEstimate | None,
    Verdict | None,
]


def _spread(
    by_seed: Mapping[int, Sequence[Record]], base: Sequence[Record], margin: float
) -> _Spread | None:
    """The fields of `Seeds` behind its label; None where no question was scored by all seeds."""
    seeds = tuple(sorted(by_seed))
    rows = [by_seed[seed] for seed in seeds]
    scores, tokens = _table(rows, score), _table(rows, output_tokens)
    if scores is None:
        return None
    difference = _table(rows, score, base) if base else None
    saved = _table(rows, output_tokens, base) if base else None
    against = over_seeds(difference, -1, 1) if difference is not None else None
    return (
        seeds,
        tuple(map(float, scores.mean(axis=1))),
        () if tokens is None else tuple(map(float, tokens.mean(axis=1))),
        over_seeds(scores, 0, 1),
        over_seeds(tokens, 0) if tokens is not None else None,
        against,
        over_seeds(saved) if saved is not None else None,
        verdict(against.interval, margin) if against is not None else None,
    )


def _table(
    rows: Sequence[Sequence[Record]],
    value: Callable[[Record], float | None],
    base: Sequence[Record] = (),
) -> Floats | None:
    """A line for each seed, a column for each question that all have; less the baseline's value."""
    counted = [by_question(records, value) for records in rows]
    theirs = by_question(base, value) if base else {}
    shared = set.intersection(*(set(values) for values in counted))
    questions = sorted(shared & theirs.keys() if base else shared)
    if not questions:
        return None
    free = [float(np.mean(theirs[q])) if base else 0.0 for q in questions]
    return np.array(
        [[float(np.mean(values[q])) - f for q, f in zip(questions, free, strict=True)]
         for values in counted]
    )  # fmt: skip


def over_seeds(
    values: Floats, least: float = -math.inf, most: float = math.inf
) -> IntervalEstimate:
    """The mean of a table, with an interval for other seeds and other questions.

    Seeds and questions are crossed: every seed answers every question. The half widths of the two t
    intervals, of the seeds' means and of the questions' means, are added as right angles are: the
    spread that is neither's is counted twice, and Satterthwaite's shorter interval would cover 92 %
    of cases with three seeds. With so few it is wide unless the seeds agree.

    Args:
        values: A line for each seed, at least two; a column for each question.
        least, most: What no mean can be below or above: the interval ends there.
    """
    seeds, questions = values.shape
    mean = float(values.mean())
    if questions < FEWEST_FOR_TOKENS:
        reason = f"{questions} questions, and {FEWEST_FOR_TOKENS} are needed"
        return IntervalEstimate(mean, None, questions, reason)
    of_seeds = float(values.mean(axis=1).var(ddof=1)) / seeds
    of_questions = float(values.mean(axis=0).var(ddof=1)) / questions
    if of_seeds + of_questions == 0:
        return IntervalEstimate(mean, None, questions, "all values are the same")
    wide = [
        float(stdtrit(count - 1, 1 - LEVEL)) * math.sqrt(error)
        for count, error in ((seeds, of_seeds), (questions, of_questions))
    ]
    width = math.hypot(*wide)
    interval = Interval(max(mean - width, least), min(mean + width, most))
    return IntervalEstimate(mean, interval, questions)
