"""What is shown of a control: one list, which terminal, page, CSV and JSON iterate over. Pure."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tale_eval.analysis.measures import Unit, Value
from tale_eval.analysis.obedience import ControlledRow
from tale_eval.analysis.sweeps import MARGIN, Sweep

CONTROL_NOTES = (
    "asked and came: prompt, cap and effort are compared with all output tokens of the answer's "
    "call, thinking with its hidden reasoning, words with its visible words",
    "within: answers with no more than was asked for, in %; ÷ asked: what came over what was asked",
)
"""What a reader of the table must know."""


def sweep_notes(swept: Iterable[Sweep]) -> list[str]:
    """What a reader of the sweeps must know, where there are any."""
    levels = [level for sweep in swept for level in sweep.levels]
    if not levels:
        return []
    together = "the intervals of a sweep hold together at 95 %"
    unmoved = [e.ratio.questions for e in levels if e.effect == "no effect" and e.ratio]
    if not unmoved:
        return [together]
    within = f"the whole interval of the token ratio lies within {100 * MARGIN:g} % of 1"
    fewest = min(unmoved)
    # a kind of question with this share is in none of so few with a chance of 2.5 %
    rarest = 1 - 0.025 ** (1 / fewest)
    kinds = (
        f"{fewest} questions say nothing of an effect on a kind of question that comes less "
        f"often than once in {1 / rarest:.0f}"
    )
    return [f"no effect: {within}; {together}", kinds]


@dataclass(frozen=True)
class ControlMeasure:
    """A column after model, task, method and control, the earlier the more it matters.

    Attributes:
        name: Its key in CSV and JSON.
        title, note: Its heading, and what it means in a sentence.
        of: What it says of a row.
        unit: How that is written.
        short: Its heading in a terminal, if not the title.
        shown: In a terminal and on the page; else in files alone.
        interval: Its interval is in files, under its name with _low and _high.
    """

    name: str
    title: str
    note: str
    of: Callable[[ControlledRow], Value]
    unit: Unit
    short: str = ""
    shown: bool = True
    interval: bool = False


def _asked(row: ControlledRow) -> Value:
    return Value(row.asked, order=row.span[0] if row.span else None)


def _within(row: ControlledRow) -> Value:
    found = row.within
    if found is None:
        return Value()
    return Value(found.value, found.interval, detail=found.reason or "")


def _follows(row: ControlledRow) -> Value:
    found = row.follows
    return Value(found.value, found.interval, detail=found.reason or "") if found else Value()


def _no_effect(row: ControlledRow) -> Value:
    return Value(row.count("no effect") if row.compared and row.span else None)


CONTROL_MEASURES: tuple[ControlMeasure, ...] = (
    ControlMeasure(
        "asked", "Asked", "What the control said, from the least to the most", _asked, "word"
    ),
    ControlMeasure(
        "came",
        "Came",
        "Mean of what the control governs",
        lambda row: Value(row.came),
        "tokens",
    ),
    ControlMeasure(
        "within",
        "Within",
        "Answers with no more than was asked for, of those known",
        _within,
        "share",
        interval=True,
    ),
    ControlMeasure(
        "median_ratio",
        "Median ÷ asked",
        "What came over what was asked for, the median",
        lambda row: Value(row.median),
        "ratio",
        short="median\n÷ asked",
    ),
    ControlMeasure(
        "p90_ratio",
        "90 % ÷ asked",
        "What came over what was asked for, the 90th percentile",
        lambda row: Value(row.p90),
        "ratio",
        short="90 %\n÷ asked",
    ),
    ControlMeasure(
        "unknown",
        "Not known",
        "Answers of which nobody counted what the control governs",
        lambda row: Value(row.unknown or None),
        "count",
        short="not\nknown",
    ),
    ControlMeasure(
        "no_effect",
        "No effect",
        "Answers that were over, and no shorter than one to the same question without the control",
        _no_effect,
        "count",
        short="no\neffect",
    ),
    ControlMeasure(
        "follows",
        "Follows",
        "Spearman's correlation of what came with what was asked, over questions; harder questions "
        "may explain some of it",
        _follows,
        "plain",
        short="follows",
        interval=True,
    ),
    ControlMeasure(
        "reasoning",
        "Reasoning",
        "Mean hidden reasoning tokens of the answers whose parts are known",
        lambda row: Value(row.reasoning),
        "tokens",
        short="reason-\ning",
    ),
    ControlMeasure(
        "visible",
        "Visible",
        "Mean visible tokens of the answers whose parts are known",
        lambda row: Value(row.visible),
        "tokens",
    ),
    ControlMeasure(
        "over_by",
        "Over by",
        "How much too much came, the median of the answers that were over",
        lambda row: Value(row.over_by),
        "tokens",
        short="over\nby",
    ),
    ControlMeasure(
        "answers",
        "Answers",
        "Answers under the control",
        lambda row: Value(row.number),
        "count",
    ),
    ControlMeasure(
        "governs",
        "Governs",
        "What is compared: output, reasoning or words",
        lambda row: Value(row.governs),
        "word",
        shown=False,
    ),
    ControlMeasure(
        "asked_least",
        "Least asked",
        "The smallest number that was asked for",
        lambda row: Value(row.span[0] if row.span else None),
        "tokens",
        shown=False,
    ),
    ControlMeasure(
        "asked_most",
        "Most asked",
        "The largest number that was asked for",
        lambda row: Value(row.span[1] if row.span else None),
        "tokens",
        shown=False,
    ),
    ControlMeasure(
        "over",
        "Over",
        "Answers with more than was asked for, those without effect included",
        lambda row: Value(row.count("over") + row.count("no effect") if row.span else None),
        "count",
        shown=False,
    ),
    ControlMeasure(
        "parts_unknown",
        "Parts not known",
        "Answers whose reasoning nobody counted",
        lambda row: Value(row.parts_unknown),
        "count",
        shown=False,
    ),
    ControlMeasure(
        "words_as_tokens",
        "Words as tokens",
        "No text was at hand to count words in: visible tokens stand for some of them",
        lambda row: Value(row.in_tokens),
        "mark",
        shown=False,
    ),
)
"""Every measure of a control, the first ones first where there is little room."""


def control_rows(rows: Iterable[ControlledRow]) -> Iterator[dict[str, object]]:
    """One flat row for each control of a model, task, method and setting."""
    for row in rows:
        found: dict[str, object] = {
            "model": row.model,
            "task": row.task,
            "label": row.label,
            "control": row.control,
        }
        for measure in CONTROL_MEASURES:
            value = measure.of(row)
            found[measure.name] = value.value
            if measure.interval:
                found[f"{measure.name}_low"] = value.interval.low if value.interval else None
                found[f"{measure.name}_high"] = value.interval.high if value.interval else None
        yield found


def sweep_rows(swept: Iterable[Sweep]) -> Iterator[dict[str, object]]:
    """One flat row for each level of a sweep against its first."""
    for sweep in swept:
        for level, sentence in zip(sweep.levels, sweep.sentences, strict=True):
            found: dict[str, object] = {
                "model": sweep.model,
                "task": sweep.task,
                "label": sweep.label,
                "key": sweep.key,
                "value": level.value,
                "first": sweep.first,
                "governs": sweep.governs,
                "tokens": level.tokens,
                "first_tokens": level.first_tokens,
                "effect": level.effect,
                "p": level.p,
                "same": level.same,
                "questions": level.ratio.questions if level.ratio else 0,
            }
            ratios = {
                "ratio": level.ratio,
                "reasoning_ratio": level.reasoning,
                "visible_ratio": level.visible,
            }
            for name, ratio in ratios.items():
                ends = ratio.interval if ratio else None
                found |= {
                    name: ratio.value if ratio else None,
                    f"{name}_low": ends.low if ends else None,
                    f"{name}_high": ends.high if ends else None,
                }
            yield {**found, "sentence": sentence}


def control_problems(rows: Sequence[ControlledRow]) -> list[str]:
    """What cannot be said of a control, one sentence each."""
    found = []
    for row in rows:
        name = f"{row.model}, {row.task}: {row.label}"
        if row.unknown:
            what = {"reasoning": "reasoned", "words": "said", "output": "wrote"}[row.governs]
            found.append(
                f"{name}: nobody counted what {row.unknown} of {row.number} answers {what}, "
                f"so whether they kept to their control {row.control!r} is not known"
            )
        if row.in_tokens and row.came is not None:
            found.append(
                f"{name}: no text was at hand to count words in; visible tokens stand for them"
            )
    return found
