"""What a control asked for, and what came: a budget that nobody obeyed is none. Pure.

A control is whatever says how much a model may write: a number of tokens or words in the prompt,
a cap, a budget for its reasoning, a level of effort. Providers and servers ignore some of them in
silence, so nothing is taken on trust here: every figure is counted from what the answer's own call
used, and what nobody counted is unknown.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from tale_eval.analysis.comparison import Baselines, by_question, find_baselines
from tale_eval.analysis.groups import Groups, Methods
from tale_eval.analysis.results import mean
from tale_eval.analysis.statistics import (
    IntervalEstimate,
    accuracy_interval,
    rank_correlation,
)
from tale_eval.asking.setting import Setting
from tale_eval.asking.variant import Variant, differing, label, order
from tale_eval.records import Record

Governed = Literal["output", "reasoning", "words"]
"""What a control has a say in.

output: all output tokens of the answer's call, reasoning included, as the paper measures a budget.
reasoning: the hidden part of them. words: the visible answer's words.
"""

GOVERNS: Mapping[str, Governed] = {
    "prompt": "output",
    "words": "words",
    "cap": "output",
    "thinking": "reasoning",
    "effort": "output",
}
"""What each control governs; effort has no number to keep to."""

_OF_SETTINGS = {
    "max_tokens": "cap",
    "max_gen_toks": "cap",
    "max_completion_tokens": "cap",
    "reasoning_effort": "effort",
    "effort": "effort",
    "reasoning_tokens": "thinking",
    "thinking_token_budget": "thinking",
    "thinking_budget": "thinking",
    "thinkingBudget": "thinking",
    "budget_tokens": "thinking",
}
"""The controls among generation settings, by the last part of their names."""

Outcome = Literal["within", "over", "no effect", "unknown"]
"""What became of one answer's control.

within: no more came than was asked for. over: more. no effect: more, and no less than came to the
same question without the control. unknown: nobody counted what came, or nothing was to be counted.
"""


class Answered(NamedTuple):
    """One answer under one control.

    Attributes:
        record: The answer.
        asked: What the control said: a number, or a level of effort.
        came: What the control governs, as it came; None where nobody counted it.
        free: What came without this control, a mean over epochs; None where that was not asked.
        length: What came, counted as `free` is: of words, which nobody counts where they have no
            limit, all output tokens.
    """

    record: Record
    asked: int | str
    came: float | None
    free: float | None = None
    length: float | None = None

    @property
    def over_by(self) -> float | None:
        """How much more came than was asked for, from 0 up; None where one is no number."""
        if self.came is None or isinstance(self.asked, str):
            return None
        return max(0.0, self.came - self.asked)

    @property
    def ratio(self) -> float | None:
        """What came, as a multiple of what was asked for."""
        if self.came is None or isinstance(self.asked, str) or self.asked <= 0:
            return None
        return self.came / self.asked

    @property
    def outcome(self) -> Outcome:
        """What became of the control."""
        if self.over_by is None:
            return "unknown"
        if self.over_by == 0:
            return "within"
        length = self.came if self.length is None else self.length
        as_free = self.free is not None and length is not None and length >= self.free
        return "no effect" if as_free else "over"


MOST_POINTS = 8
"""Of one row: more different numbers that were asked for are joined by powers of two."""


class AskedPoint(NamedTuple):
    """What came at one number, or power of two, that was asked for: quantiles of the answers."""

    asked: float
    median: float
    low: float
    high: float
    answers: int


@dataclass(frozen=True)
class ControlledRow:
    """What one control did to the answers of one model, task, method and setting.

    Attributes:
        model, task: As in records.
        label: What tables call the method at its setting.
        control: "prompt", "words", "cap", "effort" or "thinking".
        governs: What `came` counts.
        in_tokens: Words were asked for and visible tokens counted: no text was at hand.
        answers: One per answer under the control.
        within: Share of answers that kept to it, of those known; None for effort.
        median, p90: Of what came over what was asked, linearly interpolated; None without
            numbers.
        follows: Spearman's correlation of what came with what was asked, over questions; None
            where one number was asked of all.
        came: Mean of what the control governs.
        reasoning, visible: Mean hidden and visible tokens of the answers whose parts are known.
        parts_unknown: Answers whose parts are not.
    """

    model: str
    task: str
    label: str
    control: str
    governs: Governed
    in_tokens: bool
    answers: Sequence[Answered]
    within: IntervalEstimate | None
    median: float | None
    p90: float | None
    follows: IntervalEstimate | None
    came: float | None
    reasoning: float | None
    visible: float | None
    parts_unknown: int

    @cached_property
    def span(self) -> tuple[int, int] | None:
        """The least and the most that was asked, where it is numbers."""
        numbers = [answer.asked for answer in self.answers if isinstance(answer.asked, int)]
        return (min(numbers), max(numbers)) if numbers else None

    @cached_property
    def asked(self) -> str:
        """What was asked: a number, from the least to the most, or levels."""
        if self.span is None:
            return ", ".join(sorted({str(answer.asked) for answer in self.answers}))
        low, high = self.span
        return f"{low:,}" if low == high else f"{low:,} to {high:,}"

    @cached_property
    def number(self) -> int:
        """How many answers were under the control."""
        return len(self.answers)

    @cached_property
    def unknown(self) -> int:
        """Answers of which nobody counted what the control governs."""
        return sum(answer.came is None for answer in self.answers)

    @cached_property
    def compared(self) -> bool:
        """Whether anything was answered without the control, too."""
        return any(answer.free is not None for answer in self.answers)

    def count(self, outcome: Outcome) -> int:
        """How many answers came to this."""
        return self._outcomes[outcome]

    @cached_property
    def _outcomes(self) -> Counter[Outcome]:
        return Counter(answer.outcome for answer in self.answers)

    @cached_property
    def over_by(self) -> float | None:
        """How much too much came, the median over the answers that were over."""
        beyond = [answer.over_by for answer in self.answers if answer.over_by]
        return float(np.median(beyond)) if beyond else None

    @cached_property
    def points(self) -> Sequence[AskedPoint]:
        """What came at each number that was asked for, or at powers of two where there are many."""
        pairs = [
            (a.asked, a.came) for a in self.answers if isinstance(a.asked, int) and a.asked > 0
        ]
        few = len({asked for asked, _ in pairs}) <= MOST_POINTS
        bins: dict[float, list[float]] = defaultdict(list)
        for asked, came in pairs:
            if came is not None:
                bins[asked if few else 2.0 ** round(math.log2(asked))].append(came)
        return [_asked_point(at, counts) for at, counts in sorted(bins.items())]

    def settled(self) -> "ControlledRow":
        """The same row with all that tables and charts show of it, and without its answers."""
        settled = replace(self, answers=())
        vars(settled).update((name, getattr(self, name)) for name in _SHOWN)
        return settled


def _asked_point(asked: float, came: Sequence[float]) -> AskedPoint:
    low, median, high = (float(n) for n in np.percentile(came, [10, 50, 90]))
    return AskedPoint(asked, median, low, high, len(came))


_SHOWN = ("asked", "compared", "number", "over_by", "points", "span", "unknown", "_outcomes")


def asked_of(record: Record) -> dict[str, int | str]:
    """The controls of an answer: its method's, and else those of the run's settings.

    A method that holds the reasoning makes room for it beyond the run's max_tokens, which is then
    no cap of its answers.
    """
    own, of_the_run = record.controls, controls_in(record.setting)
    if own.keys() & {"cap", "thinking", "effort"}:
        of_the_run.pop("cap", None)
    return {**of_the_run, **own}


def controls_in(setting: Setting) -> dict[str, int | str]:
    """The controls that a setting holds; one that is off, such as a budget of -1, is none."""
    found: dict[str, int | str] = {}
    for key, value in sorted(setting.values.items()):
        control = control_named(key)
        if control == "effort":
            found[control] = value
        elif control and value.isascii() and value.isdigit():
            found[control] = int(value)
    return found


def control_named(key: str) -> str | None:
    """The control that a generation setting of this name is; None if it is none."""
    # OpenRouter's name for a budget of reasoning
    if key.endswith("reasoning.max_tokens"):
        return "thinking"
    return _OF_SETTINGS.get(key.rpartition(".")[2])


def visible_tokens(record: Record) -> float | None:
    """Output tokens of the answer's call beside its reasoning; None if that is not known."""
    written, hidden = record.costs["answer_tokens"], record.costs["answer_reasoning_tokens"]
    return None if written is None or hidden is None else max(0.0, written - hidden)


def came_of(record: Record, governed: Governed) -> float | None:
    """What came of an answer, as far as a control of this kind governs it."""
    if governed == "reasoning":
        return record.costs["answer_reasoning_tokens"]
    if governed == "output":
        return record.costs["answer_tokens"]
    words = record.costs["answer_words"]
    return visible_tokens(record) if words is None else words


def controlled_rows(records: Iterable[Record], baseline: str | None = "cot") -> list[ControlledRow]:
    """One row for each model, task, method, setting and control, by name.

    A cap that is the same for every row of a model and task, and that no answer broke, is a
    run's own limit and no row: what it cut is counted elsewhere.

    Args:
        records: What was read from the logs.
        baseline: The rows that answer without a budget, as `find_baselines` takes them.
    """
    groups = Groups.of(records)
    return [row for names in groups for row in group_controls(groups.methods(names), baseline)]


def answered(methods: Methods) -> Methods:
    """The answers to which a control may have said something."""
    rows = {
        variant: [r for r in records if r.error is None or r.costs["answer_tokens"] is not None]
        for variant, records in methods.items()
    }
    # what failed before it was answered says nothing of its control
    return {variant: records for variant, records in rows.items() if records}


def group_controls(methods: Methods, baseline: str | None) -> list[ControlledRow]:
    """The rows of one model and task."""
    rows = answered(methods)
    keys, bases = differing(rows), find_baselines(rows, baseline)
    under = {variant: _controlled(rows[variant]) for variant in sorted(rows, key=order)}
    limits = [asked for each in under.values() if _of_the_run(asked := each.get("cap", []))]
    if _is_kept(limits):
        for each in under.values():
            if _of_the_run(each.get("cap", [])):
                del each["cap"]
    found = [
        _row(control, asked, _without(control, variant, rows, bases), label(variant, keys))
        for variant, each in under.items()
        for control, asked in each.items()
    ]
    caps = [row for row in found if _is_limit(row)]
    limit = len({row.asked for row in caps}) == 1 and not any(row.count("over") for row in caps)
    return [row for row in found if not (limit and _is_limit(row))]


_Asked = list[tuple[Record, int | str]]
"""Answers under a control, and what it asked of each."""


def _controlled(answers: Sequence[Record]) -> dict[str, _Asked]:
    """What each control asked of these answers.

    Where a method has the control, as a search does, its answers without a budget are under
    none: the run's own max_tokens is another control than the search's cap.
    """
    # the same few stand in all records of a log
    kinds: dict[tuple[int, int], dict[str, int | str]] = {}
    asked = []
    for record in answers:
        key = id(record.setting), id(record.controls)
        if key not in kinds:
            kinds[key] = asked_of(record)
        asked.append(kinds[key])
    names = set[str]().union(*kinds.values())
    return {name: _under(name, answers, asked) for name in GOVERNS if name in names}


def _under(
    control: str, answers: Sequence[Record], asked: Sequence[Mapping[str, int | str]]
) -> _Asked:
    own = [(record, record.controls[control]) for record in answers if control in record.controls]
    pairs = zip(answers, asked, strict=True)
    return own or [(record, said[control]) for record, said in pairs if control in said]


def _of_the_run(asked: _Asked) -> bool:
    """Whether a cap is the run's own max_tokens, and none of its method's."""
    return bool(asked) and not any("cap" in record.controls for record, _ in asked)


def _is_kept(limits: Sequence[_Asked]) -> bool:
    """Whether all these caps are one, and no answer is longer: so that they are no rows."""
    caps = {cap for asked in limits for _, cap in asked}
    return len(caps) == 1 and all(
        (came := came_of(record, "output")) is None or came <= cap
        for asked in limits
        for record, cap in asked
        if isinstance(cap, int)
    )


def _is_limit(row: ControlledRow) -> bool:
    """Whether a row's control is the run's own max_tokens, and none of its method's."""
    return row.control == "cap" and not any("cap" in a.record.controls for a in row.answers)


def _without(
    control: str, variant: Variant, rows: Mapping[Variant, Sequence[Record]], bases: Baselines
) -> Sequence[Record]:
    """What was answered without a control that a method, or else its setting, has."""
    if any(control in record.controls for record in rows[variant]):
        other = bases.of(variant)
    else:
        of_it = {key for key in variant.setting.values if control_named(key) == control}
        other = Variant(variant.method, variant.setting.without(of_it))
    found = rows.get(other, ()) if other else ()
    return [record for record in found if control not in record.controls]


def _row(
    control: str,
    asked: Sequence[tuple[Record, int | str]],
    free: Sequence[Record],
    name: str,
) -> ControlledRow:
    governed, records = GOVERNS[control], [record for record, _ in asked]
    alike: Governed = "output" if governed == "words" else governed
    without = {
        question: math.fsum(values) / len(values)
        for question, values in by_question(free, lambda r: came_of(r, alike)).items()
    }
    answers = [
        Answered(
            record,
            said,
            came_of(record, governed),
            without.get(record.question),
            came_of(record, alike),
        )
        for record, said in asked
    ]
    ratios = [answer.ratio for answer in answers if answer.ratio is not None]
    split = [r for r in records if visible_tokens(r) is not None]
    return ControlledRow(
        model=records[0].model,
        task=records[0].task,
        label=name,
        control=control,
        governs=governed,
        in_tokens=governed == "words" and any(r.costs["answer_words"] is None for r in records),
        answers=answers,
        within=_within(answers),
        median=float(np.percentile(ratios, 50)) if ratios else None,
        p90=float(np.percentile(ratios, 90)) if ratios else None,
        follows=_follows(answers),
        came=mean(answer.came for answer in answers),
        reasoning=mean(r.costs["answer_reasoning_tokens"] for r in split),
        visible=mean(map(visible_tokens, split)),
        parts_unknown=len(records) - len(split),
    )


def _within(answers: Sequence[Answered]) -> IntervalEstimate | None:
    kept: dict[str, list[float]] = defaultdict(list)
    for answer in answers:
        if answer.outcome != "unknown":
            kept[answer.record.question].append(float(answer.outcome == "within"))
    if not kept:
        return None
    share = mean(value for values in kept.values() for value in values)
    assert share is not None
    interval = accuracy_interval(kept)
    reason = None if interval else "one question says nothing about others"
    return IntervalEstimate(share, interval, len(kept), reason)


def _follows(answers: Sequence[Answered]) -> IntervalEstimate | None:
    asked: dict[str, list[float]] = defaultdict(list)
    came: dict[str, list[float]] = defaultdict(list)
    for answer in answers:
        if answer.came is not None and isinstance(answer.asked, int):
            asked[answer.record.question].append(answer.asked)
            came[answer.record.question].append(answer.came)
    return rank_correlation(asked, came)
