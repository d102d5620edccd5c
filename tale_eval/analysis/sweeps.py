"""Whether a setting or an argument moved any tokens at all. Pure.

Rows of one model, task and method that differ in a single setting, or in a single argument of the
method, are a sweep. Each of its levels is compared with the first one on the questions that both
answered. "No effect" is a statement of its own, and not the lack of a proof: the whole interval of
the token ratio lies within the margin, and holds 1. What is said follows from the interval that is
shown. All intervals of a sweep hold together at 95 %, so a sweep holds a false statement in 5 %
of cases at most, however many levels it has.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tale_eval.analysis.comparison import by_question
from tale_eval.analysis.groups import Groups, Methods
from tale_eval.analysis.obedience import (
    GOVERNS,
    Governed,
    answered,
    came_of,
    control_named,
    visible_tokens,
)
from tale_eval.analysis.statistics import Interval, IntervalEstimate, Values, swapped_p, token_ratio
from tale_eval.asking.method import Method
from tale_eval.asking.variant import DEFAULT, Variant, differing, label, order
from tale_eval.errors import InvalidValueError
from tale_eval.records import Record

MARGIN = 0.1
"""A change of tokens by less than this share, up or down, is none worth the name."""

Effect = Literal["no effect", "moved", "moved little", "undecided"]
"""What a level did to the tokens, against the first level.

moved: the interval of the ratio does not hold 1. no effect: it holds 1, and the whole of it lies
within the margin. moved little: moved, and it lies within the margin. undecided: neither.
"""

NOT_SET = DEFAULT
"""The level of a row that leaves a setting to the provider, or an argument to the method."""

_LEVELS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
# what stands behind a method's arguments in a label: whose estimates, and which adapter
_BESIDE = re.compile(r"(?: \w+=[^\s:]+)?(?: @ .+)?\Z")


@dataclass(frozen=True)
class Level:
    """One level of a sweep against its first.

    Attributes:
        value: The level.
        tokens, first_tokens: Mean tokens here and at the first level, over the questions of both.
        ratio: The one over the other, as `out_to_one` has it; None where no question is in both,
            or nothing was written.
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
class Spread:
    """How many tokens the answers of a level took, of those that are known.

    Attributes:
        value: The level.
        answers: How many are known.
        low, median, high: The 10th, 50th and 90th percentile; None without any.
    """

    value: str
    answers: int
    low: float | None
    median: float | None
    high: float | None


@dataclass(frozen=True)
class Sweep:
    """Rows that differ in one setting or argument.

    Attributes:
        model, task: As in records.
        label: What the rows share, as tables name it.
        key: The setting or argument.
        first: Its lowest level.
        governs: What is compared: "reasoning" for a budget of reasoning where that was counted.
        levels: The others against it, from low to high; what is not set comes last.
        spreads: Of all levels, the first included.
        margin: What counts as no effect.
    """

    model: str
    task: str
    label: str
    key: str
    first: str
    governs: Governed
    levels: Sequence[Level]
    spreads: Sequence[Spread]
    margin: float

    @property
    def sentences(self) -> list[str]:
        """What each level did, in words."""
        return [self._sentence(level) for level in self.levels]

    def _sentence(self, level: Level) -> str:
        here, first = (f"{self.key}={value}" for value in (level.value, self.first))
        if level.ratio is None or level.tokens is None or level.first_tokens is None:
            return f"{here} against {first}: no question has counted answers of both: undecided"
        what = "reasoning tokens" if self.governs == "reasoning" else "tokens"
        said = f"{_amount(level.tokens)} and {_amount(level.first_tokens)} {what}"
        little = f"moved, by less than {100 * self.margin:g} %"
        verdict = little if level.effect == "moved little" else level.effect
        ratio = _ratio(level, self.margin)
        return f"{here} {self._compared(level)} {first}: {said}, {ratio}: {verdict}"

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
    groups = Groups.of(records)
    return [sweep for names in groups for sweep in group_sweeps(groups.methods(names), margin)]


def out_to_one(
    ratio: IntervalEstimate | None, p: float, together: int = 1
) -> IntervalEstimate | None:
    """The ratio with an interval that holds 1 where the swaps do not tell the two apart.

    An interval of tokens can be too narrow where tails are long (`statistics.swapped_p`); so that
    it says what the swaps say, too, it then reaches to 1.

    Args:
        ratio: Its tokens over the first level's; its interval allows for `together`.
        p: Of the swaps.
        together: How many levels are compared with the first, each of which is to be right.
    """
    if ratio is None or ratio.interval is None or p <= 0.05 / together:
        return ratio
    ends = ratio.interval
    return replace(ratio, interval=Interval(min(ends.low, 1.0), max(ends.high, 1.0)))


def effect_of(
    ratio: IntervalEstimate | None, p: float, together: int = 1, margin: float = MARGIN
) -> Effect:
    """What a level did, by the interval of `out_to_one`.

    Args:
        ratio, p, together: As in `out_to_one`.
        margin: 0.1 is from 1/1.1 to 1.1.
    """
    shown = out_to_one(ratio, p, together)
    if shown is None or shown.interval is None:
        return "undecided"
    return _effect(shown.interval, margin)


def _effect(ends: Interval, margin: float) -> Effect:
    little = 1 / (1 + margin) <= ends.low and ends.high <= 1 + margin
    if ends.low <= 1 <= ends.high:
        return "no effect" if little else "undecided"
    return "moved little" if little else "moved"


def group_sweeps(methods: Methods, margin: float = MARGIN) -> list[Sweep]:
    """Those of one model and task; the margin is a share."""
    rows = answered(methods)
    differ = differing(rows)
    groups: dict[tuple[str, Variant], dict[str, Sequence[Record]]] = defaultdict(dict)
    for variant in sorted(rows, key=order):
        for key, (rest, value) in apart(variant, rows).items():
            groups[key, rest][value] = rows[variant]
    found = [
        _sweep(key, levels, label(rest, differ - {key}), margin)
        for (key, rest), levels in groups.items()
        if len(levels) > 1
    ]
    return sorted(found, key=lambda sweep: (sweep.key, sweep.label))


def apart(variant: Variant, rows: Iterable[Variant]) -> dict[str, tuple[Variant, str]]:
    """By each key that some row has: the variant without it, and the value that it has of it."""
    values = variant.setting.values
    found = {
        key: (Variant(variant.method, variant.setting.without({key})), values.get(key, NOT_SET))
        for key in {key for row in rows for key in row.setting.values}
    }
    for key in {key for row in rows for key in _arguments(row.method)}:
        method, value = _without_argument(variant.method, key)
        found[f"{_ARGUMENT}{key}"] = Variant(method, variant.setting), value
    return found


_ARGUMENT = "argument "


def name_of(key: str) -> str:
    """What tables call a key of `apart`."""
    return key.removeprefix(_ARGUMENT).rpartition(".")[2]


def _arguments(method: str) -> Mapping[str, str]:
    return Method.of_label(_parts(method)[0]).arguments


def _parts(method: str) -> tuple[str, str]:
    """A method as users write it, and what stands beside it in a label."""
    found = _BESIDE.search(method)
    beside = found.group() if found else ""
    return method.removesuffix(beside), beside


def _without_argument(method: str, key: str) -> tuple[str, str]:
    written, beside = _parts(method)
    read = Method.of_label(written)
    left = {name: value for name, value in read.arguments.items() if name != key}
    if len(left) == len(read.arguments):
        return method, NOT_SET
    # somebody else's name may have a colon, which no method of ours has
    return f"{read.name}{Method('', left)}{beside}", read.arguments[key]


def _sweep(key: str, levels: Mapping[str, Sequence[Record]], name: str, margin: float) -> Sweep:
    first, *others = sorted(levels, key=rank)
    governs = _governs(key, list(levels.values()))
    return Sweep(
        model=levels[first][0].model,
        task=levels[first][0].task,
        label=name,
        key=name_of(key),
        first=first,
        governs=governs,
        levels=[
            _level(value, levels[value], levels[first], governs, len(others), margin)
            for value in others
        ],
        spreads=[_spread(value, levels[value], governs) for value in (first, *others)],
        margin=margin,
    )


def _spread(value: str, answers: Sequence[Record], governs: Governed) -> Spread:
    known = [n for record in answers if (n := came_of(record, governs)) is not None]
    low, median, high = np.percentile(known, [10, 50, 90]) if known else [None] * 3
    return Spread(value, len(known), low, median, high)


def _governs(key: str, rows: Sequence[Sequence[Record]]) -> Governed:
    """What to compare: reasoning where the control governs that, and somebody counted some."""
    # a budget among a method's arguments is imposed by what its calls say
    imposed = {name for answers in rows for record in answers for name in record.controls}
    own = "thinking" if imposed == {"thinking"} else ""
    governed = GOVERNS.get(control_named(key) or own, "output")
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
    hidden, visible = (
        token_ratio(_counted(here, part), _counted(first, part))
        for part in ("reasoning", "visible")
    )
    return Level(
        value=value,
        tokens=means[0],
        first_tokens=means[1],
        ratio=out_to_one(ratio, p, together),
        p=p,
        effect=effect_of(ratio, p, together, margin),
        reasoning=hidden,
        visible=visible,
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


def is_ordered(level: str) -> bool:
    """Whether a level is a number or an effort, of which one is more than another."""
    return rank(level)[0] in (0, 1)


def rank(value: str) -> tuple[int, float, str]:
    """From low to high: numbers, levels of effort, other words, and what is not set."""
    if value == NOT_SET:
        return 3, 0, ""
    if value in _LEVELS:
        return 1, _LEVELS.index(value), value
    try:
        return 0, float(value), value
    except ValueError:
        return 2, 0, value


def _amount(tokens: float) -> str:
    return f"{tokens:,.0f}" if tokens >= 100 else f"{tokens:.1f}"


def _ratio(level: Level, margin: float) -> str:
    assert level.ratio is not None
    value, ends = level.ratio.value, level.ratio.interval
    if ends is not None:
        shown = _decimals(ends, margin)
        return f"ratio {value:.{shown}f} [{ends.low:.{shown}f}, {ends.high:.{shown}f}]"
    same = f"; as many on {level.same} of {level.ratio.questions}" if level.same else ""
    return f"ratio {value:.2f} ({level.ratio.reason}{same})"


def _decimals(ends: Interval, margin: float) -> int:
    """Two, or as many as a reader needs to see the same effect in the rounded ends; six at most."""
    effect = _effect(ends, margin)
    rounded = {n: Interval(round(ends.low, n), round(ends.high, n)) for n in range(2, 7)}
    return next((n for n, seen in rounded.items() if _effect(seen, margin) == effect), 6)
