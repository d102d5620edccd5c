"""The verdicts of one table, held together to the error that one alone would have. Pure.

Several methods against one baseline are several chances of a false verdict. Holm's step-down
(Scandinavian Journal of Statistics, 1979) bounds the chance that any of them is false, however
the methods hang together: here at 2.5 % for "not worse" and at 2.5 % for "worse", as of one
verdict alone. The family is what is compared within a model and task.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Literal, TypeVar, get_args

from tale_eval.analysis.comparison import Comparison
from tale_eval.analysis.results import MethodResults
from tale_eval.analysis.statistics import LEVEL, Chances, Verdict
from tale_eval.errors import check_name

Correction = Literal["holm", "none"]
"""What is done about several verdicts."""

_Key = TypeVar("_Key")


def check_correction(written: str) -> Correction:
    """A correction by its name.

    Raises:
        UnknownNameError: There is none of that name.
    """
    check_name("correction", written, get_args(Correction))
    return "holm" if written == "holm" else "none"


def holm(chances: Sequence[float]) -> list[float]:
    """P values as they stand after Holm's correction, each to be held against the same level.

    The smallest is multiplied by how many there are, the next by one less, and so on; none comes
    out smaller than one before it.
    """
    adjusted = [1.0] * len(chances)
    largest = 0.0
    for place, index in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        largest = max(largest, min(1.0, (len(chances) - place) * chances[index]))
        adjusted[index] = largest
    return adjusted


def verdicts(chances: Sequence[Chances], correction: Correction) -> list[Verdict]:
    """The verdicts of one family by its p values; a pair without answers counts with 1."""
    not_worse, worse = [each.not_worse for each in chances], [each.worse for each in chances]
    if correction == "holm":
        not_worse, worse = holm(not_worse), holm(worse)
    return [
        "not worse" if harmless < LEVEL else "worse" if harmful < LEVEL else "undecided"
        for harmless, harmful in zip(not_worse, worse, strict=True)
    ]


def corrected(
    comparisons: Mapping[_Key, Comparison], correction: Correction
) -> dict[_Key, Comparison]:
    """The comparisons of one model and task, with the verdicts that hold together.

    A pair that carries no verdict, such as one of a single question, is not counted.
    """
    told = {key: each.chances for key, each in comparisons.items() if each.chances}
    adjusted = dict(told)
    if correction == "holm":
        not_worse = holm([each.not_worse for each in told.values()])
        worse = holm([each.worse for each in told.values()])
        adjusted = dict(zip(told, map(Chances, not_worse, worse), strict=True))
    return {
        key: _corrected(each, adjusted.get(key), len(told), correction)
        for key, each in comparisons.items()
    }


def _corrected(
    comparison: Comparison, adjusted: Chances | None, together: int, correction: Correction
) -> Comparison:
    verdict = comparison.verdict
    if adjusted and together > 1 and correction == "holm" and verdict != "undecided":
        chance = adjusted.worse if verdict == "worse" else adjusted.not_worse
        verdict = verdict if chance < LEVEL else "undecided"
    return replace(
        comparison,
        verdict=verdict,
        alone=comparison.verdict,
        adjusted=adjusted,
        correction=correction,
        together=together,
    )


def correction_notes(rows: Iterable[MethodResults]) -> list[str]:
    """What was done about the number of verdicts, and which would stand alone: for all surfaces.

    Nothing of tables with a single verdict.
    """
    tables: dict[str, list[str]] = defaultdict(list)
    undone = []
    for (model, task), group in groupby(rows, key=lambda row: (row.model, row.task)):
        compared = [row for row in group if row.comparison and row.comparison.together > 1]
        if not compared:
            continue
        tables[_words(compared[0].comparison)].append(f"{model}, {task}")
        undone += [f"{model}, {task}: {line}" for line in _undone(compared)]
    every = [words if len(tables) == 1 else _of(words, names) for words, names in tables.items()]
    return every + undone


def _of(words: str, names: Sequence[str]) -> str:
    return f"{words} ({'; '.join(names)})"


def _words(comparison: Comparison | None) -> str:
    assert comparison is not None
    if comparison.correction == "none":
        return (
            f"{comparison.together} verdicts, each at 2.5 % by itself: not corrected for their "
            "number"
        )
    return (
        f"{comparison.together} verdicts with Holm's correction: a false “not worse” among them in "
        "at most 2.5 % of tables, a false “worse” in as many; intervals are not corrected"
    )


def _undone(rows: Iterable[MethodResults]) -> Iterator[str]:
    """The rows whose verdict the correction took."""
    for row in rows:
        comparison = row.comparison
        if comparison and comparison.alone != comparison.verdict:
            yield f"{row.label}: “{comparison.alone}” by itself, undecided with the correction"
