"""Rows of data files; each knows the line it stands on, so that errors can name it.

Three formats, told by the file's suffix: JSON lines (`.jsonl`, `.json`), `.csv` with a
header, `.parquet`. Blank lines are skipped, a byte order mark and CRLF are understood,
and JSON numbers keep the digits that are written in the file.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal

from tale_eval.errors import RowError, SourceError

OriginKind = Literal["file", "hub", "generated"]

LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Origin:
    """Where rows come from.

    Attributes:
        kind: "file", "hub" or "generated".
        path: The file as errors shall name it.
        name: The file relative to its benchmark's folder, None for generated rows.
    """

    kind: OriginKind
    path: str
    name: str | None


@dataclass(frozen=True)
class DataRow:
    """One row of a data file: its fields, and accessors that check them.

    Attributes:
        origin: The file.
        line: Line from 1 (of a parquet file or a generator: the row).
        fields: Values by field name, not checked yet.
    """

    origin: Origin
    line: int
    fields: Mapping[str, object]

    def error(self, field: str, problem: str) -> RowError:
        """The error to raise when a field of this row cannot be used."""
        return RowError(self.origin.path, self.line, f"field {field!r}: {problem}")

    def text(self, field: str) -> str:
        """A text that must be there, without the whitespace around it."""
        return self._checked_text(field, self._required(field))

    def optional_text(self, field: str) -> str | None:
        """A text that may be missing or blank, which both give None."""
        value = self.fields.get(field)
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        return self._checked_text(field, value)

    def texts(self, field: str, count: int) -> list[str]:
        """A list of exactly `count` texts."""
        values = self._required(field)
        if not isinstance(values, list) or len(values) != count:
            raise self.error(field, f"expected a list of {count} texts, got {values!r}")
        return [self._checked_text(f"{field}[{i}]", value) for i, value in enumerate(values)]

    def number(self, field: str) -> Decimal:
        """A finite number, exactly as written."""
        value = self._required(field)
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise self.error(field, f"expected a number, got {value!r}")
        number = Decimal(str(value))
        if not number.is_finite():
            raise self.error(field, f"expected a finite number, got {value!r}")
        return number

    def _required(self, field: str) -> object:
        if field not in self.fields:
            raise self.error(field, f"missing; this row has {', '.join(self.fields) or 'no field'}")
        return self.fields[field]

    def _checked_text(self, field: str, value: object) -> str:
        if not isinstance(value, str):
            raise self.error(field, f"expected a text, got {value!r}")
        if not value.strip():
            raise self.error(field, "empty")
        if LONE_SURROGATE.search(value):
            raise self.error(
                field, f"half a surrogate pair, which no UTF-8 log can hold: {value!r}"
            )
        return value.strip()


def read_rows(origin: Origin) -> list[DataRow]:
    """Read every row of a file.

    Raises:
        SourceError: The file cannot be read, is of another format, or holds no rows.
        RowError: A line is not UTF-8, not JSON, or not CSV.
    """
    readers = {
        ".jsonl": _json_lines,
        ".json": _json_lines,
        ".csv": _csv_records,
        ".parquet": _parquet_rows,
    }
    suffix = Path(origin.path).suffix
    if suffix not in readers:
        raise SourceError(f"{origin.path}: expected one of {', '.join(readers)} as the suffix")
    rows = [DataRow(origin, line, fields) for line, fields in readers[suffix](origin.path)]
    if not rows:
        raise SourceError(f"{origin.path} holds no rows; download it again or name another file")
    return rows


def _json_lines(path: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    # not splitlines(): JSON texts may hold U+2028 and the like, which end no line here
    for line, text in enumerate(_decoded(path).split("\n"), start=1):
        if not text.strip():
            continue
        try:
            fields = json.loads(text, parse_float=Decimal)
        except json.JSONDecodeError as error:
            problem = f"not valid JSON: {error.msg} at column {error.colno}"
            raise RowError(path, line, problem) from error
        except (ValueError, InvalidOperation, RecursionError) as error:
            # a number of thousands of digits, or lists within lists without end
            raise RowError(path, line, f"JSON beyond what can be read: {error}") from error
        if not isinstance(fields, dict):
            raise RowError(path, line, f"expected one JSON object a line, got {text.strip()[:40]}")
        yield line, fields


def _csv_records(path: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    reader = csv.reader(io.StringIO(_decoded(path), newline=""), strict=True)
    header: list[str] = []
    while True:
        # a quoted cell may span lines: a record is named by its first line
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise RowError(path, line, f"not valid CSV: {error}") from error
        if cells is None:
            return
        if not cells:
            continue
        if not header:
            header = cells
        elif len(cells) != len(header):
            raise RowError(path, line, f"{len(cells)} cells, but the header has {len(header)}")
        else:
            yield line, dict(zip(header, cells, strict=True))


def _parquet_rows(path: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    import pandas

    try:
        table = pandas.read_parquet(path)
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot read {path} as a parquet file: {error}") from error
    for number, fields in enumerate(table.to_dict("records"), start=1):
        yield number, {str(name): value for name, value in fields.items()}


def _decoded(path: str) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}; expected a file") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise RowError(path, line, f"not UTF-8: {error.reason}; save the file as UTF-8") from error
