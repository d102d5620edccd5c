"""Reading the logs of both harnesses: whatever lies in the places that a user names."""

from dataclasses import dataclass

from tale_eval.grading.choice import ScoreChoice
from tale_eval.inspect_ext.logs.names import INSPECT_LOGS
from tale_eval.lm_eval_ext.samples import SAMPLE_FILES, read_sample_files
from tale_eval.places import find_files
from tale_eval.records import Record, RunSettings
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


def read_records(
    locations: list[str], prices: Prices | None = None, score: str | None = None
) -> ReadLogs:
    """Read every log in these files and folders.

    Args:
        locations: Files and folders, local or on S3.
        prices: A user's own prices; dollars are worked out anew with them.
        score: The score that says right or wrong, where a log has it: a scorer's name or an
            lm-eval metric's, or "name.key" for a value of a scorer's dictionary. By default the
            first that can be read so.

    Raises:
        SourceError: If there is no log at all.
        UnknownNameError: If no log has such a score.
    """
    choice = ScoreChoice(score)
    problems: list[str] = []
    logs, samples = find_files(locations, [INSPECT_LOGS, SAMPLE_FILES], problems)
    records, settings = read_sample_files(samples, prices, problems, choice)
    if logs:
        # Inspect takes longer to load than a folder of lm_eval's takes to read
        from tale_eval.inspect_ext.logs.records import read_inspect_logs

        more_records, more_settings = read_inspect_logs(logs, prices, problems, choice)
        records, settings = records + more_records, settings + more_settings
    choice.check()
    return ReadLogs(records, settings, problems)
