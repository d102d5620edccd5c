"""From records to leaderboard rows. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from tale_eval.records import Record


@dataclass(frozen=True)
class Interval:
    """A 95 % confidence interval."""

    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """One model, task and method. Means run over the samples whose value is known.

    Attributes:
        n: Scored samples, epochs counted separately: the accuracy's denominator.
        errors: Samples that failed or were not scored; they are not in `n`.
        accuracy: Share right of `n`; None if nothing was scored.
        interval: Wilson's interval of the accuracy.
        bare: Share of answers without any reasoning before them.
        means: Mean of each cost, None where no sample knows it.
    """

    model: str
    task: str
    method: str
    n: int
    errors: int
    accuracy: float | None
    interval: Interval | None
    bare: float | None
    means: dict[str, float | None]


def leaderboard(records: Iterable[Record]) -> list[Row]:
    """One row per model, task and method, in the order of their names."""

    def key(record: Record) -> tuple[str, str, str]:
        return record.model, record.task, record.method

    groups = groupby(sorted(records, key=key), key=key)
    return [_row(*names, list(group)) for names, group in groups]


def wilson(successes: float, n: int) -> Interval:
    """Wilson's score interval of a share, 95 %."""
    z = 1.959963984540054
    share = successes / n
    centre = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return Interval((centre - spread) / scale, (centre + spread) / scale)


def _row(model: str, task: str, method: str, records: Sequence[Record]) -> Row:
    scores = [r.correct for r in records if r.correct is not None]
    n = len(scores)
    return Row(
        model=model,
        task=task,
        method=method,
        n=n,
        errors=len(records) - n,
        accuracy=math.fsum(scores) / n if n else None,
        interval=wilson(math.fsum(scores), n) if n else None,
        bare=_mean(r.bare for r in records),
        means={key: _mean(r.costs[key] for r in records) for key in records[0].costs},
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None
