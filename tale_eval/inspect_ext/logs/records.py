"""Records from Inspect's logs: one per sample and epoch.

Most of our own logs say enough in their header and summaries, which are read without Inspect;
of the others Inspect reads the whole samples.
"""

from functools import partial

from tale_eval.grading.choice import ScoreChoice
from tale_eval.inspect_ext.logs.files import UNREADABLE_LOG, Judged, Progress, judged, unreadable
from tale_eval.inspect_ext.logs.index import Index, open_index
from tale_eval.inspect_ext.logs.reading import Anew, Reader
from tale_eval.inspect_ext.logs.told import Facts
from tale_eval.records import Found, Part, Record, RunSettings
from tale_eval.tokens.pricing import Prices


def read_inspect_logs(
    names: list[str],
    prices: Prices | None,
    problems: list[str],
    choice: ScoreChoice | None = None,
    texts: bool = False,
    progress: Progress | None = None,
) -> tuple[list[Record], list[RunSettings]]:
    """Records and settings of these logs; what is wrong with one goes into `problems`.

    Args:
        names, prices, choice, texts, progress: As in `inspect_parts`.
    """
    records: list[Record] = []
    settings: list[RunSettings] = []
    for part in inspect_parts(names, prices, choice or ScoreChoice(), texts, progress):
        found = part.read()
        records += found.records
        settings += found.settings
        problems += found.problems
    return records, settings


def inspect_parts(
    names: list[str],
    prices: Prices | None,
    choice: ScoreChoice,
    texts: bool = False,
    progress: Progress | None = None,
) -> list[Part]:
    """A part for each of these logs.

    Until its answers are wanted, of a log a few bytes an answer are held.

    Args:
        names: Where the logs lie; of several of one run the newest counts.
        prices: A user's own prices; dollars are worked out anew with them.
        choice: Which score says right or wrong; whether one was found is known when all are read.
        texts: Whether the records have what was asked.
        progress: Told how many logs are read.
    """
    # of calls nothing is kept, and a user's prices need these
    reader = Reader(open_index() if prices is None else Index(None), prices, progress)
    logs = reader.look(names)
    parts = [Part.told(unreadable(log.name, log.failure)) for log in logs if log.head is None]
    by_head = {log.head: log for log in logs if log.head is not None}
    counting = judged(list(by_head))
    read = reader.read([by_head[each.head] for each in counting if each.counts])
    for log in counting:
        if log.counts:
            parts.append(_part(log, read.pop(by_head[log.head].name), choice, texts))
        else:
            parts.append(Part.told(*log.notes))
    return parts


def _part(log: Judged, anew: Anew, choice: ScoreChoice, texts: bool) -> Part:
    location = log.head.location
    if anew.facts is None:
        return Part.told(*log.notes, unreadable(location, anew.failure))
    try:
        run = Facts.without_answers(anew.facts, location).settings()
    except UNREADABLE_LOG as error:
        return Part.told(*log.notes, unreadable(location, error))
    read = partial(_found, log, anew.facts, run, choice, texts)
    return Part(frozenset({(run.model, run.task)}), read)


def _found(log: Judged, facts: bytes, run: RunSettings, choice: ScoreChoice, texts: bool) -> Found:
    location, problems = log.head.location, list(log.notes)
    try:
        records = Facts.of_bytes(facts, location).records(problems, choice)
        if texts:
            records = _with_texts(location, records)
    except UNREADABLE_LOG as error:
        return Found([], [], [*problems, unreadable(location, error)])
    if not records:
        problems.append(f"{location}: holds no finished sample")
    return Found(records, [run] if records else [], problems)


def _with_texts(location: str, records: list[Record]) -> list[Record]:
    from tale_eval.inspect_ext.logs.texts import with_texts

    return with_texts(location, records)
