"""All that a report needs of one log, and the same as bytes. Pure, and loads no Inspect.

The bytes go from one process to another, and into the index. They hold no key or password, not
where the log lies, and no texts but answers of a few words and what failed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic_core import from_json
from zstandard import ZstdCompressor, ZstdDecompressor, ZstdError

from tale_eval.grading.choice import ScoreChoice
from tale_eval.inspect_ext.logs.facts import Columns, deciding, records_of
from tale_eval.inspect_ext.logs.headers import LogHeader
from tale_eval.inspect_ext.logs.labels import row_labels, run_settings
from tale_eval.records import Record, RunSettings
from tale_eval.shown.masking import masked, masked_text

BROKEN = (ZstdError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
"""What bytes that are none of these make `Facts.of_bytes` and `Facts.records` raise."""


@dataclass(frozen=True)
class Facts:
    """What a log says of its run and answers.

    Attributes:
        header: How the run was made.
        method: The run's `labels.method_label`.
        estimator: Its `labels.estimator_settings`.
        notes: What is wrong with it, without its name.
        columns: What came of each sample.
    """

    header: LogHeader
    method: str
    estimator: Mapping[str, object] = field(default_factory=dict)
    notes: Sequence[str] = ()
    columns: Columns = field(default_factory=lambda: Columns.of([]))

    def records(self, problems: list[str], choice: ScoreChoice) -> list[Record]:
        """One record per sample, by epoch and id.

        Args:
            problems: Gets what is wrong with the log, and a line where several scores could
                decide.
            choice: Which score says right or wrong.
        """
        location = self.header.location
        problems += [f"{location}: {note}" for note in self.notes]
        which = deciding(location, self.columns.scores(), problems, choice)
        spec: Any = self.header.eval
        config: Any = self.header.plan.config
        return records_of(row_labels(spec, config, self.method), self.columns, which)

    def settings(self) -> RunSettings:
        """How the run came to be."""
        return run_settings(self.header, self.method, self.estimator)

    def to_bytes(self) -> bytes:
        """As `of_bytes` reads it."""
        header = self.header.model_dump(mode="json", exclude={"location"})
        run = {
            "header": masked(header),
            "method": masked_text(self.method),
            "estimator": self.estimator,
            "notes": [masked_text(note) for note in self.notes],
        }
        answers = {"count": self.columns.count, "columns": self.columns.values}
        # apart: whose answers they are is asked before any of them is wanted
        first = _packed(run)
        return len(first).to_bytes(_LENGTH) + first + _packed(answers)

    @classmethod
    def of_bytes(cls, content: bytes, location: str) -> "Facts":
        """What `to_bytes` wrote of the log that lies here.

        Raises:
            BROKEN: It is none.
        """
        answers = _unpacked(content[_end_of_run(content) :])
        columns = Columns(answers["count"], answers["columns"])
        return replace(cls.without_answers(content, location), columns=columns)

    @classmethod
    def without_answers(cls, content: bytes, location: str) -> "Facts":
        """The same as if the log had none: reads in little time what is said of the run.

        Raises:
            BROKEN: It is none.
        """
        values = _unpacked(content[_LENGTH : _end_of_run(content)])
        header = LogHeader.model_validate(values["header"])
        header.location = location
        return cls(header, values["method"], values["estimator"], values["notes"])


_LENGTH = 4
"""Bytes that say where the part on the run ends."""


def _end_of_run(content: bytes) -> int:
    return _LENGTH + int.from_bytes(content[:_LENGTH])


def _packed(values: Mapping[str, Any]) -> bytes:
    written = json.dumps(values, separators=(",", ":")).encode("ascii")
    return ZstdCompressor(level=1).compress(written)


def _unpacked(content: bytes) -> Any:
    return _parsed(ZstdDecompressor().decompress(content))


def _parsed(content: bytes) -> Any:
    try:
        return from_json(content)
    except ValueError:
        # half a surrogate pair
        return json.loads(content)
