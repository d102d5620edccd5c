"""The answers of one row, with what is asked of them again and again. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

from tale_eval.records import Record

Value = Callable[[Record], float | None]
"""From an answer to a number; None where it has none."""


class Counted(list[Record]):
    """Answers that nobody changes any more: what is counted of them twice is counted once."""

    @property
    def scored(self) -> "Counted":
        """Those that a scorer judged."""
        return self if self._scored is None else self._scored

    @cached_property
    def _scored(self) -> "Counted | None":
        """None for all of them: what holds itself goes only when the collector finds it."""
        found = [record for record in self if record.correct is not None]
        return None if len(found) == len(self) else Counted(found)

    @cached_property
    def questions(self) -> list[str]:
        """The question of each."""
        return [record.rotation_of or record.sample_id for record in self]

    @cached_property
    def once(self) -> bool:
        """Whether each question was answered once."""
        return len(set(self.questions)) == len(self)

    @cached_property
    def epochs(self) -> set[int]:
        """The different epochs."""
        return {record.epoch for record in self}

    def by_question(self, value: Value) -> Mapping[str, Sequence[float]]:
        """The known values of each question, in the order of the answers."""
        found = self._kept.get(value)
        return self._by_question(value) if found is None else found

    def keep(self, *values: Value) -> None:
        """Count these values now: they will be asked for again."""
        self._kept.update((value, self._by_question(value)) for value in values)

    def _by_question(self, value: Value) -> dict[str, list[float]]:
        values = list(map(value, self))
        pairs = zip(self.questions, values, strict=True)
        if self.once:
            return {question: [known] for question, known in pairs if known is not None}
        found: dict[str, list[float]] = defaultdict(list)
        for question, known in pairs:
            if known is not None:
                found[question].append(known)
        return found

    @cached_property
    def _kept(self) -> dict[Value, Mapping[str, Sequence[float]]]:
        return {}


def counted(records: Iterable[Record]) -> Counted:
    """These answers, which nobody changes any more."""
    return records if isinstance(records, Counted) else Counted(records)
