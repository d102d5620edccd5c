"""Records from Inspect's logs: one per sample and epoch.

Most of our own logs say enough in their header and summaries, which are read without Inspect;
of the others Inspect reads the whole samples.
"""

from tale_eval.grading.choice import ScoreChoice
from tale_eval.inspect_ext.logs.files import UNREADABLE_LOG, each_header, unreadable
from tale_eval.inspect_ext.logs.headers import Header
from tale_eval.inspect_ext.logs.labels import estimator_settings, run_settings
from tale_eval.inspect_ext.logs.summaries import summary_records
from tale_eval.records import Record, RunSettings
from tale_eval.tokens.ledger import Call
from tale_eval.tokens.pricing import Prices


def read_inspect_logs(
    names: list[str],
    prices: Prices | None,
    problems: list[str],
    choice: ScoreChoice | None = None,
    texts: bool = False,
) -> tuple[list[Record], list[RunSettings]]:
    """Records and settings of these logs; what is wrong with one goes into `problems`.

    Args:
        names: Where the logs lie; of several of one run the newest counts.
        prices: A user's own prices; dollars are worked out anew with them.
        choice: Which score says right or wrong.
        texts: Whether the records have what was asked.
    """
    choice = choice or ScoreChoice()
    records: list[Record] = []
    settings: list[RunSettings] = []
    for header in each_header(names, problems):
        try:
            # summaries lie in the order in which their samples ended
            rows, calls = _records(header, prices, problems, choice)
            found = sorted(rows, key=lambda r: (r.epoch, r.sample_id))
            if texts:
                found = _with_texts(header.location, found)
            estimator = estimator_settings(calls)
            made = [run_settings(header, found[0].method, estimator)] if found else []
        except UNREADABLE_LOG as error:
            problems.append(unreadable(header.location, error))
            continue
        records += found
        settings += made
        if not found:
            problems.append(f"{header.location}: holds no finished sample")
    return records, settings


def _with_texts(location: str, records: list[Record]) -> list[Record]:
    from tale_eval.inspect_ext.logs.texts import with_texts

    return with_texts(location, records)


def _records(
    header: Header, prices: Prices | None, problems: list[str], choice: ScoreChoice
) -> tuple[list[Record], list[Call]]:
    """One record per sample. Beside them the calls of one, which say how the run asked."""
    # a user's prices need the calls, and these are in the samples alone
    if prices is None and header.status == "success":
        said = summary_records(header, problems, choice)
        if said is not None:
            return said
    from tale_eval.inspect_ext.logs.whole import whole_records

    return whole_records(header.location, prices, problems, choice)
