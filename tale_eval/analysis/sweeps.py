"""Whether a setting or an argument moved any tokens at all. Pure.

Rows of one model, task and method that differ in a single setting, or in a single argument of the
method, are a sweep. Each of its levels is compared with the first one on the questions that both
answered. "No effect" is a statement of its own, and not the lack of a proof: the whole interval of
the token ratio lies within the margin. All intervals of a sweep hold together at 95 %, so that a
sweep holds a false statement in 5 % of cases at most, however many levels it has.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tale_eval.analysis.comparison import by_question
from tale_eval.analysis.obedience import (
    GOVERNS,
    Governed,
    came_of,
    control_of,
    labels,
    rows_of,
    visible_tokens,
)
from tale_eval.analysis.statistics import Interval, IntervalEstimate, Values, swapped_p, token_ratio
from tale_eval.asking.method import Method
from tale_eval.errors import InvalidValueError
from tale_eval.records import Record

MARGIN = 0.1
"""A change of tokens by less than this share, up or down, is none worth the name."""

Effect = Literal["no effect", "moved", "moved little", "undecided"]
"""What a level did to the tokens, against the first level.

moved: the interval of the ratio does not hold 1, and the two would not differ so much if their
answers to each question were swapped at random. no effect: not moved, and the whole interval lies
within the margin. moved little: moved, and it lies within the margin. undecided: neither.
"""

NOT_SET = "not set"
"""The level of a row that leaves the setting to the provider."""

_LEVELS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
# what stands behind a method's arguments in a label: whose estimates, and which adapter
_BESIDE = re.compile(r"(?: \w+=[^\s:]+)?(?: @ .+)?\Z")


@dataclass(frozen=True)
class Level:
    """One level of a sweep against its first.

    Attributes:
        value: The level.
        tokens, first_tokens: Mean tokens here and at the first level, over the questions of both.
        ratio: The one over the other; None where no question is in both, or nothing was written.
        p: Of the swaps (`statistics.swapped_p`).
        effect: What they say.
        reasoning, visible: The ratios of the hidden and of the visible tokens, where they are
            known; their intervals are 95 % each.
        same: Questions of both with exactly as many tokens.
    """

    value: str
    tokens: float | None
    first_tokens: float | None
    ratio: IntervalEstimate | None
    p: float
    effect: Effect
    reasoning: IntervalEstimate | None
    visible: IntervalEstimate | None
    same: int


@dataclass(frozen=True)
class Sweep:
    """Rows that differ in one setting or argument.

    Attributes:
        model, task: As in records.
        method: What the rows share, as tables name it.
        key: The setting or argument.
        first: Its lowest level.
        governs: What is compared: "reasoning" for a budget of reasoning where that was counted.
        levels: The others against it, from low to high; "not set" comes last.
        margin: What counts as no effect.
    """

    model: str
    task: str
    method: str
    key: str
    first: str
    governs: Governed
    levels: Sequence[Level]
    margin: float

    @property
    def sentences(self) -> list[str]:
        """What each level did, in words."""
        return [self._sentence(level) for level in self.levels]

    def _sentence(self, level: Level) -> str:
        here, first = (_named(self.key, value) for value in (level.value, self.first))
        if level.ratio is None or level.tokens is None or level.first_tokens is None:
            return f"{here} against {first}: no question has counted answers of both: undecided"
        what = "reasoning tokens" if self.governs == "reasoning" else "tokens"
        said = f"{_amount(level.tokens)} and {_amount(level.first_tokens)} {what}"
        verdict = level.effect
        if verdict == "moved little":
            verdict = f"moved, by less than {100 * self.margin:g} %"
        return f"{here} {self._compared(level)} {first}: {said}, {_ratio(level)}: {verdict}"

    def _compared(self, level: Level) -> str:
        verb = "reasoned" if self.governs == "reasoning" else "wrote"
        if level.effect == "undecided" or level.ratio is None:
            return "against"
        if level.effect == "no effect":
            return f"{verb} as much as"
        return f"{verb} {'more' if level.ratio.value > 1 else 'less'} than"


def sweeps(records: Iterable[Record], margin: float = MARGIN) -> list[Sweep]:
    """Every sweep in these records, by name.

    Args:
        records: What was read from the logs.
        margin: The share by which tokens may differ with no effect worth the name.

    Raises:
        InvalidValueError: If the margin is not above 0 and below 1.
    """
    if not 0 < margin < 1:
        raise InvalidValueError(f"margin={margin:g}: a share above 0 and below 1, such as 0.1")
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        groups[record.model, record.task].append(record)
    return [sweep for names in sorted(groups) for sweep in _sweeps(groups[names], margin)]


def effect_of(
    ratio: IntervalEstimate | None, p: float, together: int = 1, margin: float = MARGIN
) -> Effect:
    """What a level did.

    Args:
        ratio: Its tokens over the first level's; its interval allows for `together`.
        p: Of the swaps.
        together: How many levels are compared with the first, each of which is to be right.
        margin: 0.1 is from 1/1.1 to 1.1.
    """
    if ratio is None or ratio.interval is None:
        return "undecided"
    low, high = ratio.interval.low, ratio.interval.high
    little = 1 / (1 + margin) <= low and high <= 1 + margin
    if p <= 0.05 / together and not low <= 1 <= high:
        return "moved little" if little else "moved"
    return "no effect" if little else "undecided"


Facts = tuple[tuple[str, str], ...]
"""What a row was run with, by name: its method's parts and its settings."""


def _sweeps(records: Sequence[Record], margin: float) -> list[Sweep]:
    """Those of one model and task."""
    label = labels(records)
    rows = {_facts(answers[0]): answers for answers in rows_of(records).values()}
    keys = sorted({key for facts in rows for key, _ in facts if key.startswith((_ARGUMENT, _SET))})
    found = []
    for key in keys:
        levels: dict[Facts, dict[str, list[Record]]] = defaultdict(dict)
        for facts, answers in rows.items():
            rest = tuple(fact for fact in facts if fact[0] != key)
            levels[rest][dict(facts).get(key, NOT_SET)] = answers
        for by_level in levels.values():
            if len(by_level) > 1:
                found.append(_sweep(key, by_level, label(next(iter(by_level.values()))[0]), margin))
    return sorted(found, key=lambda sweep: (sweep.method, sweep.key))


_ARGUMENT, _SET = "argument ", "setting "


def _facts(record: Record) -> Facts:
    found = _BESIDE.search(record.method)
    beside = found.group() if found else ""
    method = Method.of_label(record.method.removesuffix(beside))
    facts = {"method": method.name, "beside": beside}
    facts |= {f"{_ARGUMENT}{key}": value for key, value in method.arguments.items()}
    facts |= {f"{_SET}{key}": value for key, value in record.setting.values.items()}
    return tuple(sorted(facts.items()))


def _sweep(key: str, levels: Mapping[str, Sequence[Record]], label: str, margin: float) -> Sweep:
    name = key.removeprefix(_ARGUMENT).removeprefix(_SET)
    first, *others = sorted(levels, key=_rank)
    governs = _governs(name if key.startswith(_SET) else "", list(levels.values()))
    made = [
        _level(value, levels[value], levels[first], governs, len(others), margin)
        for value in others
    ]
    one = levels[first][0]
    shared = _shared_label(label, name)
    return Sweep(one.model, one.task, shared, name, first, governs, made, margin)


def _shared_label(label: str, name: str) -> str:
    """A row's label without the setting or argument that its sweep is over."""
    method, _, settings = label.partition(" · ")
    method = re.sub(rf":{re.escape(name)}=[^:@ ]*", "", method)
    kept = [told for told in settings.split(", ") if told and not told.startswith(f"{name}=")]
    return " · ".join([method, *([", ".join(kept)] if kept else [])])


def _governs(setting: str, rows: Sequence[Sequence[Record]]) -> Governed:
    """What to compare: reasoning where a setting governs that, and somebody counted some."""
    governed = GOVERNS.get(control_of(setting) or "", "output")
    if governed == "reasoning":
        for answers in rows:
            if not any(came_of(record, governed) for record in answers):
                return "output"
    return governed


def _level(
    value: str,
    here: Sequence[Record],
    first: Sequence[Record],
    governs: Governed,
    together: int,
    margin: float,
) -> Level:
    ours, theirs = (_counted(records, governs) for records in (here, first))
    ratio, p = token_ratio(ours, theirs, together), swapped_p(ours, theirs)
    shared = sorted(ours.keys() & theirs.keys())
    means = [_mean([_mean(counts[q]) for q in shared]) for counts in (ours, theirs)]
    parts = [
        token_ratio(*(_counted(records, part) for records in (here, first)))
        for part in ("reasoning", "visible")
    ]
    return Level(
        value=value,
        tokens=means[0],
        first_tokens=means[1],
        ratio=ratio,
        p=p,
        effect=effect_of(ratio, p, together, margin),
        reasoning=parts[0],
        visible=parts[1],
        same=sum(ours[question] == theirs[question] for question in shared),
    )


def _counted(records: Iterable[Record], part: str) -> Values:
    if part == "visible":
        return by_question(records, visible_tokens)
    governed: Governed = "reasoning" if part == "reasoning" else "output"
    return by_question(records, lambda record: came_of(record, governed))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _rank(value: str) -> tuple[int, float, str]:
    """From low to high: numbers, levels of effort, other words, and what is not set."""
    if value == NOT_SET:
        return 3, 0, ""
    if value in _LEVELS:
        return 1, _LEVELS.index(value), value
    try:
        return 0, float(value), value
    except ValueError:
        return 2, 0, value


def _named(key: str, value: str) -> str:
    return f"{key} {NOT_SET}" if value == NOT_SET else f"{key}={value}"


def _amount(tokens: float) -> str:
    return f"{tokens:,.0f}" if tokens >= 100 else f"{tokens:.1f}"


def _ratio(level: Level) -> str:
    assert level.ratio is not None
    ends: Interval | None = level.ratio.interval
    if ends is not None:
        return f"ratio {level.ratio.value:.2f} [{ends.low:.2f}, {ends.high:.2f}]"
    same = f"; as many on {level.same} of {level.ratio.questions}" if level.same else ""
    return f"ratio {level.ratio.value:.2f} ({level.ratio.reason}{same})"
