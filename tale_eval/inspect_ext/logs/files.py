"""Which logs count: all in the places that a user names, but those that a later one took up."""

import zlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zipfile import BadZipFile

from inspect_ai.log import EvalLog, read_eval_log
from zstandard import ZstdError

from tale_eval.inspect_ext.logs.names import INSPECT_LOGS
from tale_eval.places import as_path, find_files, store_of
from tale_eval.records import MALFORMED, reason

# what is large in a sample and not needed here
UNREAD = {"events", "events_data", "messages", "attachments", "timelines"}

# what a cut, foreign or hostile file makes Inspect raise
UNREADABLE_LOG = (*MALFORMED, OSError, BadZipFile, zlib.error, ZstdError)


def each_log(locations: list[str], problems: list[str]) -> Iterator[EvalLog]:
    """Every readable log, one at a time, but those that a later one took up again.

    What is wrong with the others goes into `problems`.

    Raises:
        SourceError: If there is no log at all.
    """
    (names,) = find_files(locations, [INSPECT_LOGS], problems)
    for header in each_header(names, problems):
        log = _read(header.location, problems, exclude_fields=UNREAD)
        if log is not None:
            yield log


def each_header(names: list[str], problems: list[str]) -> Iterator[EvalLog]:
    """The newest readable log of each run, without its samples.

    A retry, and a copy that was scored again, carry the task id of the first run.
    """
    headers = [log for name in names if (log := _read(name, problems, header_only=True))]
    newest = {header.eval.task_id: header for header in sorted(headers, key=_age)}
    for header in headers:
        name, successor = header.location, newest[header.eval.task_id]
        if header is not successor:
            problems.append(f"{name}: left out, {successor.location} is a newer log of this run")
            continue
        if header.status != "success":
            problems.append(f"{name}: the run ended with status {header.status}")
        yield header


def _age(log: EvalLog) -> tuple[str, datetime]:
    # a copy that was scored again is as old as the first by its header
    files, path = store_of(log.location)
    return log.eval.created, files.modified(path)


def _read(name: str, problems: list[str], **options: Any) -> EvalLog | None:
    name = as_path(name)
    try:
        return read_eval_log(name, **options)
    except UNREADABLE_LOG as error:
        problems.append(unreadable(name, error))
        return None


def unreadable(name: str, error: Exception) -> str:
    """The problem of a log that cannot be used."""
    return f"{name}: not a readable log ({reason(error)})"
