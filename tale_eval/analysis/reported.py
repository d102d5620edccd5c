"""All that a report shows, worked out for one model and task at a time. Pure.

The answers of a group are dropped when its rows are done: what is shown of them stays with the
rows. Only what is rarely shown has them read again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tale_eval.analysis.curves import curves
from tale_eval.analysis.family import Correction
from tale_eval.analysis.following import Following, group_followings
from tale_eval.analysis.frontiers import Passes
from tale_eval.analysis.groups import Groups
from tale_eval.analysis.leaderboard import LeaderboardRow, group_rows
from tale_eval.analysis.measures import MEASURES
from tale_eval.analysis.obedience import ControlledRow, group_controls
from tale_eval.analysis.results import Group
from tale_eval.analysis.seeds import Joined, Joins, Seeds
from tale_eval.analysis.statistics import check_margin
from tale_eval.analysis.sweeps import Sweep, group_sweeps
from tale_eval.records import Names, Record

Read = Callable[[Names], Iterable[Record]]
"""Reads the answers of one model and task."""


@dataclass(frozen=True)
class Report:
    """What a report shows, by model and task.

    Attributes:
        rows: The leaderboard, adapters of several seeds joined.
        seeds: How far these seeds spread.
        followings: Asked against actual tokens.
        controls, swept: What was asked of each row, and what came; what each sweep did.
        passes: The cost-of-pass frontiers.
        labels: The labels of the rows that were joined.
    """

    rows: list[LeaderboardRow] = field(default_factory=list)
    seeds: list[Seeds] = field(default_factory=list)
    followings: list[Following] = field(default_factory=list)
    controls: list[ControlledRow] = field(default_factory=list)
    swept: list[Sweep] = field(default_factory=list)
    passes: Passes = field(default_factory=Passes)
    labels: Joins = field(default_factory=dict)

    @property
    def answers(self) -> int:
        """How many answers it is made of."""
        return sum(row.n + row.errors + row.unread for row in self.rows)


def report_of(
    names: Iterable[Names],
    read: Read,
    baseline: str | None = "cot",
    margin: float = 0.02,
    correction: Correction = "holm",
    *,
    drawn: bool = False,
) -> Report:
    """What a report shows of these answers.

    Args:
        names: Whose answers there are.
        read: Called once for each; and again where something is asked of a row that was not
            worked out.
        baseline, margin, correction: As `leaderboard` takes them.
        drawn: Whether charts will be drawn, and what these show is worked out, too.

    Raises:
        InvalidValueError: If the margin is no share.
    """
    check_margin(margin)
    joining, found = _Joining(read), Report()
    groups = Groups(names, joining)
    for each in groups:
        _add(found, groups, each, joining, (baseline, margin, correction), drawn)
    return found


def leaderboard_of(
    names: Iterable[Names],
    read: Read,
    baseline: str | None,
    margin: float,
    correction: Correction,
    ask: Callable[[Sequence[LeaderboardRow]], object],
) -> list[LeaderboardRow]:
    """The leaderboard of these answers, of which those of one group are held at a time.

    Args:
        names, read, baseline, margin, correction: As `report_of` takes them.
        ask: Asks the rows of a group for what will be wanted of them.

    Raises:
        InvalidValueError: If the margin is no share.
    """
    check_margin(margin)
    groups, found = Groups(names, read), list[LeaderboardRow]()
    for each in groups:
        found += _asked(groups, each, (baseline, margin, correction), ask)
    return found


def _asked(
    groups: Groups,
    names: Names,
    asked: tuple[str | None, float, Correction],
    ask: Callable[[Sequence[LeaderboardRow]], object],
) -> list[LeaderboardRow]:
    """The rows of one group, settled when they were asked."""
    rows = group_rows(groups.methods(names), *asked)
    ask(rows)
    again = Group(groups.again(names))
    return [row.settled(again) for row in rows]


class _Joining:
    """Reads a group and joins its seeds; the last one's are held, as long as its records are."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self.last: Joined | None = None

    def __call__(self, names: Names) -> Iterable[Record]:
        # before the next are read
        self.last = None
        self.last = Joined(self._read(names))
        return self.last.records


def _add(
    found: Report,
    groups: Groups,
    names: Names,
    joining: _Joining,
    asked: tuple[str | None, float, Correction],
    drawn: bool,
) -> None:
    baseline, margin, _ = asked
    methods = groups.methods(names)
    assert joining.last is not None
    found.seeds.extend(joining.last.seeds(baseline, margin))
    found.labels.update(joining.last.labels)
    found.followings.extend(group_followings(methods))
    found.controls.extend(row.settled() for row in group_controls(methods, baseline))
    found.swept.extend(group_sweeps(methods))

    def ask(rows: Sequence[LeaderboardRow]) -> None:
        found.passes.add(rows)
        _work_out(rows, drawn)

    found.rows.extend(_asked(groups, names, asked, ask))


def _work_out(rows: Sequence[LeaderboardRow], drawn: bool) -> None:
    """Ask the rows of one model and task for all that will be shown of them."""
    # of rows on a curve this asks what they spent; of the others a chart shows it beside one
    beside = _BESIDE_A_CURVE if curves(rows) and drawn else ()
    for row in rows:
        for measure in MEASURES:
            row.value_of(measure)
        for name in (*_SHOWN, *(_DRAWN if drawn else ()), *beside):
            getattr(row, name)


_SHOWN = ("rival", "mean_costs", "commonest_error")
"""What frontiers and notes are made of."""
_DRAWN = ("spread", "steps")
_BESIDE_A_CURVE = ("spent",)
