"""Reading the logs of both harnesses, sampled answers and files of records: what a user names."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tale_eval.grading.choice import ScoreChoice
from tale_eval.inspect_ext.logs.names import INSPECT_LOGS
from tale_eval.lm_eval_ext.samples import SAMPLE_FILES, read_sample_files
from tale_eval.places import as_path, find_files
from tale_eval.record_files import RECORD_FILES, read_record_files
from tale_eval.records import Names, Part, Record, RunSettings, Searched
from tale_eval.sampling.reading import read_sampled, read_sampled_searches
from tale_eval.sampling.results import SAMPLED_FILES
from tale_eval.tokens.pricing import Prices


@dataclass(frozen=True)
class ReadLogs:
    """What a set of logs gave.

    Attributes:
        records: One row per sample and epoch, errored samples included.
        settings: How each log came to be.
        problems: One line per log that could not be used, or only in part.
    """

    records: list[Record]
    settings: list[RunSettings]
    problems: list[str]


class OpenLogs:
    """A set of logs of which one model's task, or one log, can be read at a time.

    Args:
        parts: What there is, in the order in which all of it is told.
        choice: The score that says right or wrong.

    Attributes:
        names: The models and tasks of which there are answers, sorted. Of one of them all answers
            may turn out to be unusable.
    """

    def __init__(self, parts: Sequence[Part], choice: ScoreChoice) -> None:
        self._parts = parts
        self._choice = choice
        self._told: dict[int, tuple[list[RunSettings], list[str]]] = {}
        self._places: dict[Names, list[int]] = defaultdict(list)
        for place, part in enumerate(parts):
            for names in part.names:
                self._places[names].append(place)
            if not part.names:
                self._read(place)
        self.names = sorted(self._places)

    def __iter__(self) -> Iterator[list[Record]]:
        """All answers, those of one part at a time."""
        for place, part in enumerate(self._parts):
            if part.names:
                yield self._read(place)

    def of(self, names: Names) -> list[Record]:
        """The answers of one model to one task; they are read each time anew."""
        return [
            record
            for place in self._places[names]
            for record in self._read(place)
            if (record.model, record.task) == names
        ]

    @property
    def settings(self) -> list[RunSettings]:
        """How the runs came to be of which answers were read so far."""
        return [each for place in sorted(self._told) for each in self._told[place][0]]

    @property
    def problems(self) -> list[str]:
        """What is known so far to be unusable, or usable only in part."""
        return [each for place in sorted(self._told) for each in self._told[place][1]]

    def check(self) -> None:
        """To be called when all was read.

        Raises:
            UnknownNameError: If no log has the score that was wanted.
        """
        self._choice.check()

    def _read(self, place: int) -> list[Record]:
        found = self._parts[place].read()
        self._told[place] = found.settings, found.problems
        return found.records


def open_logs(
    locations: list[str],
    prices: Prices | None = None,
    score: str | None = None,
    *,
    texts: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> OpenLogs:
    """Every log in these files and folders, to be read group by group.

    Args:
        locations, prices, score, texts, progress: As in `read_records`.

    Raises:
        SourceError: If there is no log at all.
        InvalidValueError: A file of records is of another schema version, or is none.
    """
    choice = ScoreChoice(score)
    filed = [each for each in locations if _is_filed(each)]
    folders = [each for each in locations if not _is_filed(each)]
    parts = _filed_parts(filed, prices, choice) if filed else []
    if folders:
        parts += _logged_parts(folders, prices, choice, texts, progress)
    return OpenLogs(parts, choice)


def read_records(
    locations: list[str],
    prices: Prices | None = None,
    score: str | None = None,
    *,
    texts: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> ReadLogs:
    """Read every log in these files and folders.

    Args:
        locations: Files and folders, local or on S3; a file of records (.parquet) by its name.
        prices: A user's own prices; dollars are worked out anew with them.
        score: The score that says right or wrong, where a log has it: a scorer's name or an
            lm-eval metric's, or "name.key" for a value of a scorer's dictionary. By default the
            first that can be read so.
        texts: Whether the records have what was asked.
        progress: Told how many of Inspect's logs of how many are read.

    Raises:
        SourceError: If there is no log at all.
        InvalidValueError: A file of records is of another schema version, or is none.
        UnknownNameError: If no log has such a score.
    """
    logs = open_logs(locations, prices, score, texts=texts, progress=progress)
    records = [record for part in logs for record in part]
    logs.check()
    return ReadLogs(records, logs.settings, logs.problems)


def read_searches(
    locations: list[str], progress: Callable[[int, int], None] | None = None
) -> tuple[list[Searched], list[str]]:
    """Read the budget searches and the estimated budgets in these logs and sampled answers.

    Args:
        locations: Files and folders, local or on S3.
        progress: Told how many logs of how many are read.

    Returns:
        The searches and estimates, and one line per log that could not be used, or only
        in part.

    Raises:
        SourceError: If there is neither a log of Inspect's nor a sampled answer.
    """
    problems: list[str] = []
    logs, sampled = find_files(locations, [INSPECT_LOGS, SAMPLED_FILES], problems)
    found = read_sampled_searches(sampled, problems)
    if logs:
        from tale_eval.inspect_ext.logs.searches import read_searches as read_logged

        logged, more = read_logged(logs, progress)
        found, problems = logged + found, problems + more
    return found, problems


def _is_filed(location: str) -> bool:
    return RECORD_FILES.named.search(location) is not None


def _filed_parts(named: list[str], prices: Prices | None, choice: ScoreChoice) -> list[Part]:
    """What these files of records hold."""
    problems: list[str] = []
    (names,) = find_files(named, [RECORD_FILES], problems)
    if prices is not None:
        problems.append(
            f"{', '.join(map(as_path, names))}: holds no calls, so that its dollars stay as they "
            "were written; name its logs to have them priced anew"
        )
    return [Part.held(*read_record_files(names, problems, choice), problems)]


def _logged_parts(
    locations: list[str],
    prices: Prices | None,
    choice: ScoreChoice,
    texts: bool,
    progress: Callable[[int, int], None] | None,
) -> list[Part]:
    """What the logs of both harnesses in these places hold."""
    problems: list[str] = []
    kinds = [INSPECT_LOGS, SAMPLE_FILES, SAMPLED_FILES]
    logs, samples, sampled = find_files(locations, kinds, problems)
    asked = Part.held(*read_sample_files(samples, prices, problems, choice, texts))
    drawn = Part.held(*read_sampled(sampled, prices, problems, choice, texts))
    parts = [Part.told(*problems), asked, drawn]
    if logs:
        # Inspect takes longer to load than a folder of lm_eval's takes to read
        from tale_eval.inspect_ext.logs.records import inspect_parts

        parts += inspect_parts(logs, prices, choice, texts, progress)
    return parts
