"""Putting the answers of several people beside each other, or saying why that cannot be. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tale_eval.errors import InvalidValueError
from tale_eval.records import Record, RunSettings


@dataclass(frozen=True)
class Source:
    """What one place holds.

    Attributes:
        name: What the user calls it.
        records: Its answers.
        settings: How its logs came to be.
    """

    name: str
    records: Sequence[Record]
    settings: Sequence[RunSettings]


@dataclass(frozen=True)
class Merged:
    """Everything on one table.

    Attributes:
        records: Every answer once, though several sources may hold it.
        settings: Every log once.
        notes: A sentence for every source of which something was there already.
    """

    records: list[Record]
    settings: list[RunSettings]
    notes: list[str]


def merged(sources: Iterable[Source]) -> Merged:
    """The answers of all sources.

    Raises:
        InvalidValueError: Two sources hold one answer and do not agree on it, or a task's answers
            were judged by several scorers or asked in versions that cannot be compared.
    """
    known: dict[tuple[object, ...], tuple[str, list[Record]]] = {}
    records: list[Record] = []
    settings: dict[object, RunSettings] = {}
    notes = []
    everything = list(sources)
    problems = [*_scorer_problems(everything), *_version_problems(everything)]
    for source in everything:
        answers = _by_answer(source.records)
        problems += _conflicts(source.name, answers, known)
        new = {key: found for key, found in answers.items() if key not in known}
        if count := len(answers) - len(new):
            notes.append(f"{source.name}: {count:,} of its answers are in another source, too")
        known |= {key: (source.name, found) for key, found in new.items()}
        records += [record for found in new.values() for record in found]
        for run in source.settings:
            # one log may be in several sources; nobody asked for the hash of others
            settings.setdefault(run.sha256 or (source.name, run.log), run)
    if problems:
        raise InvalidValueError("; ".join(problems))
    return Merged(records, list(settings.values()), notes)


def _by_answer(records: Iterable[Record]) -> dict[tuple[object, ...], list[Record]]:
    """Records by what was asked of whom; a source may hold several runs of one row."""
    found: dict[tuple[object, ...], list[Record]] = defaultdict(list)
    for each in records:
        found[each.model, each.task, each.variant, each.sample_id, each.epoch].append(each)
    return found


def _conflicts(
    name: str,
    answers: dict[tuple[object, ...], list[Record]],
    known: dict[tuple[object, ...], tuple[str, list[Record]]],
) -> Iterator[str]:
    """A sentence for each row and source with other answers to the same questions."""
    found: dict[tuple[str, ...], list[Record]] = defaultdict(list)
    for key, records in answers.items():
        other, theirs = known.get(key, ("", records))
        if sorted(map(_said, records)) != sorted(map(_said, theirs)):
            first = records[0]
            row = (first.model, first.task, first.method, str(first.setting), other)
            found[row].append(first)
    for (model, task, method, _, other), records in found.items():
        yield (
            f"{model}, {task}, {method}: {name} and {other} hold other answers to the same "
            f"{len(records):,} questions, such as {records[0].sample_id!r} in epoch "
            f"{records[0].epoch}; give one of them, or the logs of both in one folder to have "
            "them counted as repetitions"
        )


def _said(record: Record) -> str:
    """What two records of one answer must agree on: a text may be in one of them alone."""
    costs = {key: None if value is None else float(value) for key, value in record.costs.items()}
    correct = None if record.correct is None else float(record.correct)
    return repr((correct, record.unread, record.error is not None, costs))


def _scorer_problems(sources: Iterable[Source]) -> Iterator[str]:
    found: dict[str, dict[str, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
    for source in sources:
        for record in source.records:
            if record.scorer is not None:
                found[record.task][record.scorer][source.name] = None
    for task, scorers in found.items():
        if len(scorers) > 1:
            yield (
                f"{task}: judged by {_who(scorers)}, and so not to be compared; --score NAME takes "
                "one that all logs have, and `inspect score` judges a log again"
            )


def _version_problems(sources: Iterable[Source]) -> Iterator[str]:
    found: dict[tuple[str, bool], dict[str, dict[str, None]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for source in sources:
        for run in source.settings:
            versions = run.values.get("versions", {})
            if (version := versions.get("task")) is not None:
                # each harness counts its versions itself
                found[run.task, "lm_eval" in versions][_comparable(version)][source.name] = None
    for (task, _), versions in found.items():
        if len(versions) > 1:
            yield f"{task}: asked in versions {_who(versions)}, whose scores cannot be compared"


def _comparable(version: object) -> str:
    """Of a version such as "2-B" the number, which is raised when scores stop being comparable."""
    found = re.fullmatch(r"(\d+)-[A-Z]+", str(version))
    return found[1] if found else str(version)


def _who(names: dict[str, dict[str, None]]) -> str:
    return " and ".join(f"{name} in {', '.join(who)}" for name, who in sorted(names.items()))
