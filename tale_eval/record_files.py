"""One file of records: Parquet, which pandas, DuckDB and others read. Pure.

A row is an answer. What an answer cost stands in typed columns of its own; how the runs were made
is JSON in the file's metadata. Such a file may be published: of a log it has the name and the
hash, and what was asked only if its writer wanted that.
"""

import hashlib
import json
import os
import re
import secrets
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from tale_eval.asking.setting import Setting
from tale_eval.errors import InvalidValueError, SourceError
from tale_eval.grading.choice import ScoreChoice
from tale_eval.grading.same import form_of
from tale_eval.places import FileKind, as_path, store_of
from tale_eval.records import MALFORMED, Record, RunSettings, reason
from tale_eval.shown.masking import masked_text
from tale_eval.tokens.costs import COST_KEYS

SCHEMA_VERSION = 1
"""Raised when a column changes its meaning or goes; a new one may come without."""

_NAMED = re.compile(r"\.parquet$")
RECORD_FILES = FileKind(
    "file of records (.parquet)",
    # the same answers may lie beside it as logs
    in_a_folder=re.compile(r"(?!)"),
    named=_NAMED,
)

_VERSION_KEY = b"tale_eval.schema_version"
_RUNS_KEY = b"tale_eval.runs"
_NOTES_KEY = b"tale_eval.notes"
_ARROW_KEY = b"ARROW:schema"
"""Under which Parquet files hold Arrow's schema, in base64."""

_DECIMAL = {"dollars", "scorer_dollars", "seconds"}
_YES_OR_NO = {
    "within_budget",
    "truncated",
    "cut_in_reasoning",
    "budget_missing",
    "budget_echoed",
    "budget_outside",
    "estimate_cut_off",
    "unsolved",
    "no_smaller_budget",
}
_HASHED = "sha256:"
_ROW_GROUP = 1 << 14
"""Answers that are written at once: so many are held as rows."""
_MOST = 1 << 63
_KIND_OF_ERROR = re.compile(r"\w[\w.]{0,79}(?=\s*[:(]|\s*$)")


class RecordFile:
    """A file of records that is being written, some of its rows at a time.

    Args:
        file: What is written.
        texts: Whether what was asked is written, and the whole of what failed.

    Attributes:
        count: Its answers so far.
    """

    def __init__(self, file: BinaryIO, *, texts: bool = False) -> None:
        import pyarrow
        import pyarrow.parquet

        self._texts = texts
        self._schema = _schema(pyarrow)
        self._new_table = pyarrow.Table.from_pydict
        self._writer = pyarrow.parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._waiting: list[Record] = []
        self.count = 0

    def write(self, records: Sequence[Record]) -> None:
        """Add answers.

        Raises:
            InvalidValueError: A count is no whole number of 64 bits, or a flag neither 0 nor 1.
            OSError: The file cannot be written.
        """
        self.count += len(records)
        for start in range(0, len(records), _ROW_GROUP):
            self._waiting += records[start : start + _ROW_GROUP]
            if len(self._waiting) >= _ROW_GROUP:
                self._flush()

    def finish(self, settings: Iterable[RunSettings], notes: Iterable[str] = ()) -> None:
        """Say how the runs were made: the file is whole then.

        Args:
            settings: How their logs came to be, as `hashed` says it.
            notes: What a reader must know before he trusts the numbers.
        """
        if self._waiting or not self.count:
            self._flush()
        metadata = {
            _VERSION_KEY: str(SCHEMA_VERSION).encode(),
            _RUNS_KEY: _json([_run(each) for each in settings]),
            _NOTES_KEY: _json(list(notes)),
        }
        # what is said last is in the file's metadata alone; Arrow's readers look into its schema
        told = self._schema.with_metadata(metadata).serialize().to_pybytes()
        self._writer.add_key_value_metadata(metadata | {_ARROW_KEY: b64encode(told)})
        self.close()

    def close(self) -> None:
        """Write no more."""
        self._writer.close()

    def _flush(self) -> None:
        rows = [_row(each, self._texts) for each in self._waiting]
        self._waiting = []
        # by columns: by rows it takes twice as long
        columns = {name: [row[name] for row in rows] for name in self._schema.names}
        self._writer.write_table(self._new_table(columns, schema=self._schema))


@contextmanager
def new_record_file(path: Path, *, texts: bool = False) -> Iterator[RecordFile]:
    """A file of records to write into: it is there when it is whole, or not at all.

    Args:
        path: The file; one of this name is replaced in the end.
        texts: Whether what was asked is written, and the whole of what failed.

    Raises:
        OSError: The file cannot be written.
    """
    target = Path(os.path.realpath(path))
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with part.open("xb") as file, closing(RecordFile(file, texts=texts)) as made:
            yield made
        os.replace(part, target)
    finally:
        # what was broken off
        part.unlink(missing_ok=True)


def write_record_file(
    path: Path,
    records: Sequence[Record],
    settings: Iterable[RunSettings],
    notes: Iterable[str] = (),
    *,
    texts: bool = False,
) -> None:
    """Write records into one file.

    Args:
        path: The file.
        records: One per answer.
        settings, notes: As `RecordFile.finish` takes them.
        texts: Whether what was asked is written, and the whole of what failed.

    Raises:
        InvalidValueError: A count is no whole number of 64 bits, or a flag neither 0 nor 1.
        OSError: The file cannot be written.
    """
    with new_record_file(path, texts=texts) as file:
        file.write(records)
        file.finish(settings, notes)


def hashed(settings: Iterable[RunSettings]) -> list[RunSettings]:
    """The same runs, each with its log's own name in place of its path, and its hash.

    Raises:
        SourceError: A log cannot be read.
    """
    return [each if each.sha256 else _hashed(each) for each in settings]


def told_twice(settings: Iterable[RunSettings]) -> list[str]:
    """A note for logs that are there again, as they are or in a file of records.

    Args:
        settings: How the logs came to be, as `hashed` says it.
    """
    seen = Counter((each.sha256, each.model, each.task, each.method) for each in settings)
    again = sum(1 for count in seen.values() if count > 1)
    if not again:
        return []
    return [
        f"logs that are there more than once: {again:,}; their answers count each time: name each "
        "log, or the file that holds its answers, once"
    ]


def without_places(notes: Iterable[str], settings: Iterable[RunSettings]) -> list[str]:
    """Notes that name logs by their own names, and not by where they lie."""
    places = sorted({each.log for each in settings}, key=len, reverse=True)
    found = []
    for note in notes:
        for place in places:
            note = note.replace(place, log_name(place))
        found.append(masked_text(note))
    return found


def log_name(place: str) -> str:
    """A log's own name, wherever it lies."""
    return (log_parts(place) or [place])[-1]


def log_parts(place: str) -> list[str]:
    """The folders that a place lies in, and its name."""
    parts = urlsplit(place)
    path = unquote(parts.path) if parts.scheme else place
    return [part for part in path.split("/") if part]


def read_record_files(
    names: Sequence[str],
    problems: list[str],
    choice: ScoreChoice | None = None,
) -> tuple[list[Record], list[RunSettings]]:
    """Records and settings of these files; what their writers noted goes into `problems`.

    Args:
        names: Where the files lie: paths and URLs.
        problems: Gets a line for each note.
        choice: The score that says right or wrong, which these files know by name alone.

    Raises:
        InvalidValueError: A file is none of records, or of another schema version.
        SourceError: It cannot be read.
    """
    choice = choice or ScoreChoice()
    records: list[Record] = []
    settings: list[RunSettings] = []
    for name in map(as_path, dict.fromkeys(names)):
        more, made, notes = _read(name)
        scorers = {each.scorer for each in more if each.scorer is not None}
        choice.offered |= dict.fromkeys(sorted(scorers))
        choice.found = choice.found or choice.wanted in scorers
        records += more
        settings += made
        problems += notes
    return records, settings


def short_names(places: Iterable[str]) -> dict[str, str]:
    """The name of each of these places, and as much of its path as tells it from the others."""
    parts = {place: log_parts(place) for place in places}
    found = {}
    for place, own in parts.items():
        others = [other for each, other in parts.items() if each != place]
        ends = ("/".join(own[-count:]) for count in range(1, len(own) + 1))
        telling = (e for n, e in enumerate(ends, 1) if all(o[-n:] != own[-n:] for o in others))
        found[place] = next(telling, place)
    return found


# --- Writing ---


def _row(record: Record, texts: bool) -> dict[str, Any]:
    whole = {key: _as_typed(key, value) for key, value in record.costs.items()}
    error = record.error
    return {
        "model": _text(record.model),
        "task": _text(record.task),
        "method": _text(record.method),
        "setting": sorted((_text(k), _text(v)) for k, v in record.setting.values.items()),
        "sample_id": _text(record.sample_id),
        "epoch": record.epoch,
        "rotation_of": _text(record.rotation_of),
        "correct": record.correct,
        "unread": record.unread,
        "undecided": record.undecided,
        "bare": record.bare,
        "scorer": _text(record.scorer),
        "error": _text(error if texts or error is None else kind_of_error(error), masks=True),
        "controls": json.dumps(dict(record.controls), sort_keys=True),
        "text": _text(record.text) if texts else None,
        "answer": _text(record.answer if texts else _hidden(record.answer)),
        "until_decided": record.until_decided,
        **whole,
    }


def _hidden(answer: str | None) -> str | None:
    """What an answer says, equal for two that say the same, and no more than that."""
    if not answer or answer.startswith(_HASHED):
        return answer
    said = str(form_of(answer)).encode(errors="replace")
    return f"{_HASHED}{hashlib.sha256(said).hexdigest()[:16]}"


def kind_of_error(error: str) -> str:
    """What an error calls itself: what follows may repeat what was asked."""
    found = _KIND_OF_ERROR.match(error)
    return found[0] if found else "failed"


def _as_typed(key: str, value: float | None) -> float | None:
    if value is None or key in _DECIMAL:
        return value
    if key in _YES_OR_NO:
        if value not in (0, 1):
            raise InvalidValueError(f"{key} is {value!r}; expected 0 or 1")
        return bool(value)
    if value != int(value) or abs(value) >= _MOST:
        raise InvalidValueError(f"{key} is {value!r}; expected a whole number below 2^63")
    return int(value)


def _schema(pyarrow: Any) -> Any:
    """The columns of version 1."""
    text = pyarrow.string()
    # few values, many rows
    label = pyarrow.dictionary(pyarrow.int32(), text)
    columns = {
        "model": label,
        "task": label,
        "method": label,
        "setting": pyarrow.map_(text, text),
        "sample_id": text,
        "epoch": pyarrow.int64(),
        "rotation_of": text,
        "correct": pyarrow.float64(),
        "unread": pyarrow.bool_(),
        "undecided": pyarrow.bool_(),
        "bare": pyarrow.bool_(),
        "scorer": label,
        "error": text,
        "controls": text,
        "text": text,
        "answer": text,
        "until_decided": pyarrow.int64(),
    }
    for key in COST_KEYS:
        kinds = ((_DECIMAL, pyarrow.float64()), (_YES_OR_NO, pyarrow.bool_()))
        columns[key] = next((kind for keys, kind in kinds if key in keys), pyarrow.int64())
    return pyarrow.schema(list(columns.items()))


def _run(run: RunSettings) -> dict[str, object]:
    return {
        "model": run.model,
        "task": run.task,
        "method": run.method,
        "setting": dict(run.setting.values),
        "log": run.log,
        "sha256": run.sha256,
        "values": run.values,
    }


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True, default=str).encode("ascii")


def _text(text: str | None, masks: bool = False) -> str | None:
    if text is None:
        return None
    # half a surrogate pair has no bytes in UTF-8
    return (masked_text(text) if masks else text).encode("utf-8", "backslashreplace").decode()


def _hashed(run: RunSettings) -> RunSettings:
    files, path = store_of(run.log)
    digest = hashlib.sha256()
    try:
        with files.open(path, "rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    except OSError as error:
        raise SourceError(f"{run.log}: cannot be read ({reason(error)})") from error
    return replace(run, log=log_name(run.log), sha256=digest.hexdigest())


# --- Reading ---


def _read(name: str) -> tuple[list[Record], list[RunSettings], list[str]]:
    """The records, runs and notes of one file."""
    import pyarrow.parquet

    files, path = store_of(name)
    try:
        with files.open(path, "rb") as file:
            # here, so that a file of another schema costs no more than its footer
            opened = pyarrow.parquet.ParquetFile(file)
            metadata: Mapping[bytes, bytes] = opened.schema_arrow.metadata or {}
            _check_version(name, metadata)
            columns = opened.read().to_pydict()
    except OSError as error:
        raise SourceError(f"{name}: cannot be read ({reason(error)})") from error
    except pyarrow.ArrowException as error:
        raise _unreadable(name, error) from error
    try:
        setting, controls = lru_cache(_setting), lru_cache(_controls)
        names, columns = list(columns), columns.values()
        rows = (dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True))
        records = [_checked(_record(row, setting, controls)) for row in rows]
        runs = [_run_settings(each) for each in json.loads(metadata[_RUNS_KEY])]
        # each names its log, wherever this file lies
        notes = [str(note) for note in json.loads(metadata[_NOTES_KEY])]
    except MALFORMED as error:
        raise _unreadable(name, error) from error
    return records, runs, notes


def _unreadable(name: str, error: Exception) -> InvalidValueError:
    return InvalidValueError(f"{name}: not a file of records ({reason(error)})")


def _check_version(name: str, metadata: Mapping[bytes, bytes]) -> None:
    said = metadata.get(_VERSION_KEY)
    if said is None:
        raise InvalidValueError(
            f"{name}: a Parquet file, but not one of records; `tale-eval records LOGS --out "
            "FILE.parquet` writes one"
        )
    if said != str(SCHEMA_VERSION).encode():
        raise InvalidValueError(
            f"{name}: records of schema version {said.decode(errors='replace')}; this tale-eval "
            f"reads version {SCHEMA_VERSION}: write the file again from its logs with `tale-eval "
            "records`, or read it with the version of tale-eval that wrote it"
        )


def _setting(pairs: tuple[tuple[str, str], ...]) -> Setting:
    return Setting(dict(pairs))


def _controls(text: str) -> dict[str, int | str]:
    found: dict[str, int | str] = json.loads(text)
    return found


def _record(
    row: Mapping[str, Any],
    setting: Callable[[tuple[tuple[str, str], ...]], Setting],
    controls: Callable[[str], dict[str, int | str]],
) -> Record:
    return Record(
        model=row["model"],
        task=row["task"],
        method=row["method"],
        setting=setting(tuple(row["setting"] or ())),
        sample_id=row["sample_id"],
        epoch=row["epoch"],
        correct=row["correct"],
        error=row["error"],
        bare=row["bare"],
        # a file of an earlier tale-eval may lack a column
        costs={key: row.get(key) for key in COST_KEYS},
        rotation_of=row["rotation_of"],
        unread=bool(row["unread"]),
        undecided=row["undecided"],
        controls=controls(row["controls"]),
        scorer=row["scorer"],
        text=row["text"],
        answer=row.get("answer"),
        until_decided=row.get("until_decided"),
    )


def _checked(record: Record) -> Record:
    """The record, if its numbers can be an answer's.

    Raises:
        InvalidValueError: They cannot.
    """
    if not isinstance(record.epoch, int) or record.epoch < 1:
        raise InvalidValueError(f"epoch is {record.epoch!r}; expected a whole number from 1 up")
    for key, value in record.costs.items():
        if value is not None and value < 0:
            raise InvalidValueError(f"{key} is {value!r}; expected 0 or more")
    return record


def _run_settings(run: Mapping[str, Any]) -> RunSettings:
    return RunSettings(
        model=run["model"],
        task=run["task"],
        method=run["method"],
        setting=Setting(dict(run["setting"])),
        log=run["log"],
        values=run["values"],
        sha256=run["sha256"],
    )
