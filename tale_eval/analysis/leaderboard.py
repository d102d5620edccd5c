"""From records to leaderboard rows. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

from tale_eval.analysis import measures
from tale_eval.analysis.comparison import (
    Baselines,
    Comparison,
    by_epoch,
    by_question,
    failures_count,
    find_baselines,
    output_tokens,
    paired_comparison,
    score,
    score_with_failures,
    unscored,
)
from tale_eval.analysis.counted import counted
from tale_eval.analysis.efficiency import drawn_steps
from tale_eval.analysis.family import Correction, corrected
from tale_eval.analysis.groups import Groups, Methods
from tale_eval.analysis.measures import Measure, Value
from tale_eval.analysis.results import Group, MethodResults, is_oracle, mean
from tale_eval.analysis.statistics import (
    Interval,
    Values,
    accuracy_interval,
    check_margin,
    mean_interval,
)
from tale_eval.analysis.tradeoffs import CostName, Spent, costs_spent, mean_costs
from tale_eval.asking.variant import Variant, differing, label, order
from tale_eval.errors import InvalidValueError, check_name
from tale_eval.records import Record
from tale_eval.tokens.costs import COST_KEYS


@dataclass(frozen=True)
class LeaderboardRow(MethodResults):
    """The results of one model, task, method and setting, with all that is measured of them.

    What is measured is worked out when it is first asked for, and kept.
    """

    def measure(self, name: str) -> Value:
        """What the measure of this name says of this row, such as "accuracy" or "e3".

        Raises:
            UnknownNameError: If no entry of `measures.MEASURES` has this name.
        """
        if name in self._values:
            return self._values[name]
        known = {measure.name: measure for measure in measures.MEASURES}
        check_name("measure", name, known)
        return self.value_of(known[name])

    def value_of(self, measure: Measure) -> Value:
        """What a measure says of this row."""
        found = self._values.get(measure.name)
        if found is None:
            found = self._values[measure.name] = measure.of(self)
        return found

    def count(self, name: str) -> float:
        """What the measure of this name says, if that is a number; 0 where it says nothing."""
        value = self.measure(name).value
        return value if isinstance(value, int | float) else 0

    @cached_property
    def mean_costs(self) -> Mapping[CostName, float]:
        """What a question took, of each of `COSTS` that is known of all answers."""
        return mean_costs(self.records)

    @cached_property
    def spent(self) -> Mapping[CostName, Spent]:
        """The same with its intervals."""
        return costs_spent(self.records, self.mean_costs)

    @cached_property
    def steps(self) -> Sequence[tuple[float, float]]:
        """Token counts, and the shares that are right with as many: about `MOST_STEPS` of them."""
        return drawn_steps(self.answers.correct, self.answers.tokens)

    @cached_property
    def _values(self) -> dict[str, Value]:
        return {}

    def settled(self, group: Group) -> "LeaderboardRow":
        """The same row, with all that was asked of it already, and its answers in this group."""
        settled = replace(self, group=group)
        names = {each.name for each in fields(self)}
        vars(settled).update((k, v) for k, v in vars(self).items() if k not in names)
        return settled


def leaderboard(
    records: Iterable[Record],
    baseline: str | None = "cot",
    margin: float = 0.02,
    correction: Correction = "holm",
) -> list[LeaderboardRow]:
    """One row per model, task, method and setting, by name; the baseline first.

    Args:
        records: What was read from the logs.
        baseline: The method or row to compare with, as `find_baselines` takes it; None for none.
        margin: The accuracy loss that would not matter, as a share.
        correction: What is done about several verdicts of one model and task.

    Raises:
        InvalidValueError: If the margin is no such share.
    """
    check_margin(margin)
    groups = Groups.of(records)
    return [
        row
        for names in groups
        for row in group_rows(groups.methods(names), baseline, margin, correction)
    ]


def compared(rows: Iterable[LeaderboardRow], baseline: str) -> list[LeaderboardRow]:
    """The rows that have a baseline beside them; no oracle, which nobody could deploy.

    Raises:
        InvalidValueError: There is none.
    """
    everything = list(rows)
    found = [row for row in everything if row.comparison and not is_oracle(row.method)]
    if not found:
        methods = ", ".join(sorted({row.label for row in everything}))
        raise InvalidValueError(
            f"baseline {baseline!r}: no model and task has it and another method beside it; the "
            f"logs hold {methods}"
        )
    return found


def group_rows(
    methods: Methods,
    baseline: str | None,
    margin: float,
    correction: Correction,
) -> list[LeaderboardRow]:
    """The rows of one model and task; the margin is a share."""
    group, keys = Group(methods), differing(methods)
    for records in methods.values():
        # half of what is measured is made of these
        counted(records).scored.keep(score, output_tokens)
    bases = find_baselines(methods, baseline)
    compared = {each: _comparison(group, each, bases, keys, margin) for each in methods}
    comparisons = corrected(
        {each: found for each, found in compared.items() if found is not None}, correction
    )
    return [
        _row(
            group,
            methods[variant],
            label(variant, keys),
            is_baseline=variant in bases.variants,
            base=bases.of(variant),
            comparison=comparisons.get(variant),
        )
        for variant in sorted(methods, key=lambda each: (each not in bases.variants, order(each)))
    ]


def _comparison(
    group: Group, variant: Variant, bases: Baselines, keys: frozenset[str], margin: float
) -> Comparison | None:
    base = bases.of(variant)
    if base is None:
        return None
    found = paired_comparison(group.methods[variant], group.methods[base], margin)
    return replace(found, baseline=label(base, keys))


def _row(
    group: Group,
    records: Sequence[Record],
    label: str,
    *,
    is_baseline: bool,
    base: Variant | None,
    comparison: Comparison | None,
) -> LeaderboardRow:
    records = counted(records)
    judged, unjudged = records.scored, unscored(records)
    scores = by_question(judged, score)
    all_scores = by_question(records, score_with_failures) if unjudged else scores
    unread = sum(record.unread for record in records)
    # accuracy and tokens over the same answers: one that failed half-way cost less than one
    answers = judged or records
    costs = [record.costs for record in answers]
    known = {key: [k for each in costs if (k := each[key]) is not None] for key in COST_KEYS}
    left = [record for record in unjudged if not record.unread]
    interval = accuracy_interval(scores) if judged else None
    return LeaderboardRow(
        model=records[0].model,
        task=records[0].task,
        method=records[0].method,
        setting=records[0].setting,
        label=label,
        is_baseline=is_baseline,
        n=len(judged),
        errors=len(records) - len(judged) - unread,
        unread=unread,
        failures_count=failures_count(records),
        questions=len(set(records.questions)),
        epochs=len(records.epochs),
        repeated=0
        if records.once
        else len(records) - len({(r.sample_id, r.epoch) for r in records}),
        accuracy=mean(r.correct for r in judged),
        interval=interval,
        accuracy_with_failures=mean(map(score_with_failures, records)),
        interval_with_failures=_of_all(scores, interval, all_scores),
        # without one of its rotations, nobody can say that it is right in all
        circular=mean(lowest or 0.0 for lowest in by_epoch(records).values())
        if records.questions != [record.sample_id for record in records]
        else None,
        means={
            key: math.fsum(known[key]) / len(known[key]) if known[key] else None
            for key in records[0].costs
        },
        known={key: len(known[key]) for key in records[0].costs},
        unscored_tokens=int(math.fsum(map(_counted_tokens, left))),
        unscored_unknown=sum(r.costs["output_tokens"] is None for r in left),
        tokens_interval=mean_interval(by_question(answers, output_tokens)),
        bare=mean(r.bare for r in answers),
        dollars_known=sum(r.costs["dollars"] is not None for r in judged),
        comparison=comparison,
        base=base,
        group=group,
    )


def _of_all(scores: Values, interval: Interval | None, all_scores: Values) -> Interval | None:
    """The interval where failures count: that of the scores, if nothing failed."""
    if all_scores is scores:
        return interval
    return accuracy_interval(all_scores) if all_scores else None


def _counted_tokens(record: Record) -> float:
    """Output tokens of those of its calls that somebody counted."""
    return record.costs["output_tokens"] or record.costs["counted_tokens"] or 0
