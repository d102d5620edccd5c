"""How a budget is imposed on a model: one control an entry, or two or three joined by "+". Pure.

A control turns a budget in tokens into what is asked of the model: words in the prompt, or an
abstract setting, such as {"cap": 70}. What a provider calls a setting, and whether it can take
it, is known to the harnesses' sides alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from tale_eval.asking.prompts import Style, Unit, cot_prompt
from tale_eval.asking.question import Question
from tale_eval.errors import InvalidValueError, UnknownNameError, check_name

Level = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
"""Levels of effort, the least first, as Inspect names them for all providers."""

Governs = Literal["visible", "reasoning", "both"]
"""Which tokens a control is meant to hold: the reply's, the hidden reasoning's, or their sum."""

PROMPT: Final = "prompt"
"""The default: the paper's control."""

MARGIN: Final = 20
"""Tokens that `cap` leaves beyond the budget: room for the line with the answer, which takes
some 10 tokens ("Answer: [[12345]]"). Ours."""

WORDS_PER_TOKEN: Final = 0.75
"""Words of English in a token, as a rule of thumb. Ours: give your tokenizer's own figure where
you know it. Of Chinese, characters are asked for in place of words."""

EFFORT_TABLE: Final = "256=low,1024=medium,*=high"
"""Budgets up to 256 tokens are low effort, up to 1024 medium, all above high. Ours: no provider
says how many tokens a level stands for."""


@dataclass(frozen=True)
class Options:
    """What the controls need beside the budget.

    Attributes:
        margin: Tokens that "cap" leaves beyond the budget, from 0 up.
        words_per_token: By which "words" turns tokens into words.
        effort_table: Level of "effort" by the largest budget that it serves, ascending; None
            stands for all larger ones.
    """

    margin: int
    words_per_token: float
    effort_table: Mapping[int | None, Level]

    def words(self, budget: int) -> int:
        """The budget in words, from 1 up."""
        return max(1, int(budget * self.words_per_token))

    def level(self, budget: int) -> Level:
        """The level that serves a budget."""
        bounds = (bound for bound in self.effort_table if bound is not None and budget <= bound)
        return self.effort_table[next(bounds, None)]


@dataclass(frozen=True)
class Entry:
    """One control.

    Attributes:
        asked: What it asks of a model under a budget, as `Call.controls` keeps it.
        governs: Which tokens it holds.
        note: What it does, in a line.
        unit: What the prompt names, if this control stands in the prompt.
        option: The argument that it alone uses.
    """

    asked: Callable[[int, Options], int | str]
    governs: Governs
    note: str
    unit: Unit | None = None
    option: str | None = None


CONTROLS: Final[Mapping[str, Entry]] = {
    PROMPT: Entry(
        lambda budget, options: budget, "visible", "the paper's sentence in the prompt", "tokens"
    ),
    "words": Entry(
        lambda budget, options: options.words(budget),
        "visible",
        "a limit in words in the prompt",
        "words",
        option="words_per_token",
    ),
    "cap": Entry(
        lambda budget, options: budget + options.margin,
        "both",
        "max_tokens: the budget and a margin",
        option="margin",
    ),
    "effort": Entry(
        lambda budget, options: options.level(budget),
        "reasoning",
        "the provider's level of effort",
        option="effort_table",
    ),
    "thinking": Entry(
        lambda budget, options: budget, "reasoning", "the provider's budget of thinking tokens"
    ),
}
"""The controls by name, in the order in which names of several are written."""

SETTINGS: Final = tuple(name for name, entry in CONTROLS.items() if entry.unit is None)
"""Those that stand in the request beside the prompt."""

_EXCLUSIVE = (
    (("prompt", "words"), "the prompt would name two limits"),
    (("effort", "thinking"), "providers obey the one and drop the other"),
)
_DEFAULTS: Mapping[str, object] = {
    "margin": MARGIN,
    "words_per_token": WORDS_PER_TOKEN,
    "effort_table": EFFORT_TABLE,
}


@dataclass(frozen=True)
class Control:
    """One way of imposing budgets.

    Attributes:
        names: Of the entries, in their order.
        options: What they need beside the budget.
    """

    names: tuple[str, ...] = (PROMPT,)
    options: Options = field(
        default_factory=lambda: Options(MARGIN, WORDS_PER_TOKEN, effort_levels(EFFORT_TABLE))
    )

    def __str__(self) -> str:
        """As users write it."""
        return "+".join(self.names)

    @property
    def settings(self) -> tuple[str, ...]:
        """The entries that stand beside the prompt."""
        return tuple(name for name in self.names if name in SETTINGS)

    def asked(self, budget: int | None) -> dict[str, int | str]:
        """What is asked under a budget, by the control's name; nothing without one."""
        if budget is None:
            return {}
        return {name: CONTROLS[name].asked(budget, self.options) for name in self.names}

    def words(self, question: Question, budget: int | None, style: Style = "paper") -> str:
        """The prompt: step-by-step reasoning, with the limit only where it stands in the prompt.

        Args:
            question: What is asked.
            budget: In tokens; None is vanilla chain of thought.
            style: "paper" (format line first) or "answer_last".

        Raises:
            InvalidValueError: A budget below 1.
        """
        asked = self.asked(budget)
        for name in self.names:
            unit = CONTROLS[name].unit
            if unit is not None and budget is not None:
                return cot_prompt(*question, budget=int(asked[name]), unit=unit, style=style)
        return cot_prompt(*question, style=style)


def control_of(
    control: str = PROMPT,
    margin: int = MARGIN,
    words_per_token: float = WORDS_PER_TOKEN,
    effort_table: str = EFFORT_TABLE,
) -> Control:
    """The control that a method's arguments name. Every method with a budget takes these.

    Args:
        control: "prompt", "words", "cap", "effort", "thinking", or some of them joined by "+",
            such as "prompt+cap".
        margin: Tokens that "cap" leaves beyond the budget, from 0 up.
        words_per_token: By which "words" turns tokens into words, above 0.
        effort_table: For "effort": the largest budget that each level serves, and "*" for
            all above, such as "256=low,1024=medium,*=high".

    Raises:
        UnknownNameError: Another control, or another level.
        InvalidValueError: Two controls that exclude each other; an option that makes no sense,
            or that no control of these uses; a table with a hole.
    """
    names = _names(control)
    given = {"margin": margin, "words_per_token": words_per_token, "effort_table": effort_table}
    for option, value in given.items():
        users = [name for name, entry in CONTROLS.items() if entry.option == option]
        if value != _DEFAULTS[option] and not {*users} & {*names}:
            raise InvalidValueError(
                f"{option}={value}: control={control} has no use for it; leave it out, or name "
                f"{users[0]!r} among the controls"
            )
    if margin < 0:
        raise InvalidValueError(f"margin={margin}: must be a whole number of tokens from 0 up")
    if not 0 < words_per_token < float("inf"):
        raise InvalidValueError(f"words_per_token={words_per_token}: must be a number above 0")
    return Control(names, Options(margin, words_per_token, effort_levels(effort_table)))


def effort_levels(table: str) -> dict[int | None, Level]:
    """A table of effort, such as "256=low,*=high": each level by the largest budget it serves.

    Raises:
        UnknownNameError: A level of another name.
        InvalidValueError: A row that is none, a bound that comes twice, a level that falls
            where the budget rises, or no row for the budgets above the last bound.
    """
    rows: dict[int | None, Level] = {}
    for row in table.split(","):
        bound, equals, level = (part.strip() for part in row.partition("="))
        if not equals or not (bound == "*" or (bound.isdecimal() and int(bound) > 0)):
            raise InvalidValueError(
                f"effort_table={table!r}: write {row!r} as BUDGET=LEVEL, such as 256=low, or as "
                "*=LEVEL for all larger budgets"
            )
        key = None if bound == "*" else int(bound)
        if key in rows:
            raise InvalidValueError(f"effort_table={table!r}: {bound} is given twice")
        rows[key] = _level(level)
    if None not in rows:
        raise InvalidValueError(
            f"effort_table={table!r}: no level for budgets above {max(filter(None, rows))}; add "
            "'*=high', or another level"
        )
    ascending = sorted(rows, key=lambda bound: float("inf") if bound is None else bound)
    levels = [get_args(Level).index(rows[bound]) for bound in ascending]
    if levels != sorted(levels):
        raise InvalidValueError(
            f"effort_table={table!r}: a larger budget has a lower level; levels are, ascending, "
            f"{', '.join(get_args(Level))}"
        )
    return {bound: rows[bound] for bound in ascending}


def _level(written: str) -> Level:
    for level in get_args(Level):
        if level == written:
            found: Level = level
            return found
    raise UnknownNameError("level in effort_table", written, get_args(Level))


def _names(control: str) -> tuple[str, ...]:
    names = control.split("+")
    for name in names:
        check_name("control", name, CONTROLS)
    in_order = tuple(name for name in CONTROLS if name in names)
    if tuple(names) != in_order:
        # one control has one label
        raise InvalidValueError(f"control={control}: write it as {'+'.join(in_order)}")
    for pair, why in _EXCLUSIVE:
        if {*pair} <= {*names}:
            raise InvalidValueError(f"control={control}: {why}; name {' or '.join(pair)}, not both")
    return in_order
