"""The answers of each model and task, of which those of one are held at a time. Pure.

Rows of different models and tasks are never compared with each other. So a leaderboard of any
number of logs takes the memory of its largest group; what a row is asked for later, and was not
worked out while its answers were there, has them read again.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from tale_eval.analysis.counted import Counted
from tale_eval.asking.variant import Variant
from tale_eval.records import Names, Record

Methods = Mapping[Variant, Sequence[Record]]
"""The answers of each method at each setting, of one model and task; none is empty."""


def by_variant(records: Iterable[Record]) -> Methods:
    """The answers of one model and task, by method and setting."""
    found: dict[Variant, Counted] = {}
    # the same few settings stand in all records of a log: each is looked at once
    known: dict[tuple[str, int], Counted] = {}
    for record in records:
        key = record.method, id(record.setting)
        if key not in known:
            known[key] = found.setdefault(record.variant, Counted())
        known[key].append(record)
    return found


class Groups:
    """All answers, by model and task.

    Args:
        names: Whose answers there are.
        read: Reads those of one model and task.
    """

    def __init__(self, names: Iterable[Names], read: Callable[[Names], Iterable[Record]]) -> None:
        self._names = sorted(names)
        self._read = read
        self._last: tuple[Names, Methods] | None = None

    @classmethod
    def of(cls, records: Iterable[Record]) -> "Groups":
        """Those of records that are there already."""
        found: dict[Names, list[Record]] = defaultdict(list)
        for record in records:
            found[record.model, record.task].append(record)
        return cls(found, found.__getitem__)

    def __iter__(self) -> Iterator[Names]:
        """The models and tasks, sorted."""
        return iter(self._names)

    def methods(self, names: Names) -> Methods:
        """The answers of one model to one task; they are held until others are asked for."""
        if self._last is None or self._last[0] != names:
            # before the next are read, so that there are never two groups
            self._last = None
            self._last = names, by_variant(self._read(names))
        return self._last[1]

    def again(self, names: Names) -> Methods:
        """The same, read when it is looked into."""
        return _Again(self, names)


class _Again(Mapping[Variant, Sequence[Record]]):
    def __init__(self, groups: Groups, names: Names) -> None:
        self._groups = groups
        self._names = names

    def __getitem__(self, variant: Variant) -> Sequence[Record]:
        return self._groups.methods(self._names)[variant]

    def __iter__(self) -> Iterator[Variant]:
        return iter(self._groups.methods(self._names))

    def __len__(self) -> int:
        return len(self._groups.methods(self._names))
