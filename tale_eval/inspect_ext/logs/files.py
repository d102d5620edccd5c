"""Which logs count: all in the places that a user names, but those that a later one took up."""

import zlib
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING
from zipfile import BadZipFile

from zstandard import ZstdError

from tale_eval.inspect_ext.logs.headers import Header, read_header
from tale_eval.inspect_ext.logs.names import INSPECT_LOGS
from tale_eval.places import as_path, find_files, store_of
from tale_eval.records import MALFORMED, reason

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

# what is large in a sample and not needed here
UNREAD = {"events", "events_data", "messages", "attachments", "timelines"}

# what a cut, foreign or hostile file makes Inspect raise
UNREADABLE_LOG = (*MALFORMED, OSError, BadZipFile, zlib.error, ZstdError)


def each_log(locations: list[str], problems: list[str]) -> "Iterator[EvalLog]":
    """Every readable log, one at a time, but those that a later one took up again.

    What is wrong with the others goes into `problems`.

    Raises:
        SourceError: If there is no log at all.
    """
    from inspect_ai.log import read_eval_log

    (names,) = find_files(locations, [INSPECT_LOGS], problems)
    for header in each_header(names, problems):
        try:
            yield read_eval_log(as_path(header.location), exclude_fields=UNREAD)
        except UNREADABLE_LOG as error:
            problems.append(unreadable(header.location, error))


def each_header(names: list[str], problems: list[str]) -> Iterator[Header]:
    """The newest readable log of each run, without its samples.

    A retry, and a copy that was scored again, carry the task id of the first run.
    """
    headers: list[Header] = []
    for name in names:
        try:
            headers.append(read_header(name))
        except UNREADABLE_LOG as error:
            problems.append(unreadable(name, error))
    newest = {_run(header): header for header in sorted(headers, key=_age)}
    for header in headers:
        name, successor = header.location, newest[_run(header)]
        if header is not successor:
            problems.append(f"{name}: left out, {successor.location} is a newer log of this run")
            continue
        if header.status != "success":
            problems.append(f"{name}: the run ended with status {header.status}")
        yield header


def _run(log: Header) -> tuple[str, ...]:
    """What a run, its retries and its copies share, and no other run has."""
    spec = log.eval
    # NeMo Evaluator's exports have the task's name in place of an id, the same in all runs
    own = spec.eval_id if spec.task_id == spec.task else ""
    return spec.task_id, spec.model, own


def _age(log: Header) -> tuple[str, datetime]:
    # a copy that was scored again is as old as the first by its header
    files, path = store_of(log.location)
    return log.eval.created, files.modified(path)


def unreadable(name: str, error: Exception) -> str:
    """The problem of a log that cannot be used."""
    return f"{name}: not a readable log ({reason(error)})"
