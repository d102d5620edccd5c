"""A folder of pages that open offline: a leaderboard, and a page for each of its rows."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from tale_eval.analysis.curves import curves
from tale_eval.analysis.frontiers import frontiers, pass_frontiers
from tale_eval.analysis.leaderboard import LeaderboardRow
from tale_eval.analysis.obedience import ControlledRow
from tale_eval.analysis.results import shown_method
from tale_eval.analysis.sweeps import Sweep
from tale_eval.asking.variant import differing, label
from tale_eval.record_files import kind_of_error, write_record_file
from tale_eval.records import Labelled, Record, RunSettings
from tale_eval.report.charts import security_policy
from tale_eval.report.columns import (
    ANSWER_COLUMNS,
    AnswerColumn,
    Cell,
    answer_cell,
    known_measures,
    row_cell,
)
from tale_eval.report.page import BoardLinks, template, template_text, write_page
from tale_eval.report.tables import SURROGATES
from tale_eval.shown.masking import masked_text

HOME = "index.html"
DATA = "records.parquet"
ROWS = "rows"

_OURS = re.compile(r"[a-z0-9-]*-[0-9a-f]{8}\.html")


@dataclass(frozen=True)
class Answer:
    """One line of a row's page.

    Attributes:
        question, epoch: What was asked.
        outcome: How it was judged, in a word.
        baseline: How the baseline's answer was; empty where there is none.
        error: Why it failed; empty if it did not.
        cells: What it cost, by the columns of its row.
        text: What was asked; None unless texts are shown.
    """

    question: str
    epoch: int
    outcome: str
    baseline: str
    error: str
    cells: list[Cell]
    text: str | None


def write_board(
    folder: Path,
    rows: Sequence[LeaderboardRow],
    records: Sequence[Record],
    settings: Sequence[RunSettings],
    notes: Sequence[str],
    *,
    data_notes: Sequence[str] = (),
    sources: Sequence[str] = (),
    controls: Sequence[ControlledRow] = (),
    swept: Sequence[Sweep] = (),
    title: str = "Leaderboard",
    margin: float = 0.02,
    texts: bool = False,
) -> None:
    """Write the pages, and the records that they were made of.

    Args:
        folder: Where the pages go; those of an earlier board's rows are replaced.
        rows: The leaderboard of these records.
        records: One per answer.
        settings: One per log, as `tale_eval.record_files.hashed` has them.
        notes: What a reader must know before he trusts the rows.
        data_notes: What must be known of the logs, whatever is made of them.
        sources: Where the answers come from, a sentence each.
        controls, swept, title, margin: As in `write_page`.
        texts: Whether what was asked is shown, and the whole of what failed.

    Raises:
        MissingExtraError: If Altair or Jinja2 is not installed.
        OSError: A file cannot be written.
    """
    pages = folder / ROWS
    pages.mkdir(parents=True, exist_ok=True)
    names = {key_of(row): page_name(row) for row in rows}
    write_page(
        folder / HOME,
        rows,
        records,
        settings,
        notes,
        controls=controls,
        swept=swept,
        curves=curves(rows),
        frontiers=frontiers(rows),
        passes=pass_frontiers(rows),
        title=title,
        margin=margin,
        board=BoardLinks(lambda row: f"{ROWS}/{names[key_of(row)]}", DATA, sources),
    )
    for old in pages.iterdir():
        if _OURS.fullmatch(old.name) and old.name not in names.values():
            old.unlink()
    runs: dict[object, list[RunSettings]] = {}
    for run in settings:
        runs.setdefault(key_of(run), []).append(run)
    write = _page_writer(notes, title, texts)
    for row in rows:
        key = key_of(row)
        page = write(row, runs.get(key, []))
        (pages / names[key]).write_text(page, encoding="utf-8", errors=SURROGATES)
    write_record_file(folder / DATA, records, settings, data_notes, texts=texts)


def key_of(each: Labelled | LeaderboardRow) -> tuple[object, ...]:
    """What a row is about."""
    return each.model, each.task, each.variant


def page_name(row: LeaderboardRow) -> str:
    """The name of a row's page: the same whenever the board is made."""
    named = f"{row.task} {row.method} {row.model}"
    words = "-".join(re.findall(r"[a-z0-9]+", named.lower()))
    setting = sorted(row.setting.values.items())
    whole = repr((row.model, row.task, row.method, setting))
    digest = sha256(whole.encode("utf-8", SURROGATES)).hexdigest()
    return f"{words[:60].strip('-')}-{digest[:8]}.html"


def outcome(record: Record) -> str:
    """How an answer was judged, in a word."""
    if record.error is not None:
        return "failed"
    if record.unread:
        return "unread"
    if record.correct is None:
        return "no score"
    return {0.0: "wrong", 1.0: "right"}.get(float(record.correct), f"{record.correct:.2f}")


def _page_writer(notes: Sequence[str], title: str, texts: bool) -> Any:
    """From a row and its runs to its page; what all pages share is made once."""
    script = template_text("table.js") + template_text("row.js")
    made = template("row.html.j2")
    shared = {
        "style": template_text("report.css"),
        "script": script,
        "policy": security_policy([script]),
        "title": title,
        "home": f"../{HOME}",
        "texts": texts,
        "row_cell": row_cell,
        "shown_method": shown_method,
    }

    def write(row: LeaderboardRow, runs: Sequence[RunSettings]) -> str:
        baseline = _baseline_answers(row)
        columns = [each for each in ANSWER_COLUMNS if _is_known(each, row.records)]
        answers = [_answer(each, columns, baseline, texts) for each in _sorted(row.records)]
        page: str = made.render(
            **shared,
            row=row,
            runs=runs,
            measures=known_measures([row]),
            notes=[note for note in notes if note.startswith(f"{row.model}, {row.task}: ")],
            baseline=row.comparison.baseline if row.comparison else "",
            outcomes=sorted({answer.outcome for answer in answers}),
            answers=answers,
            columns=columns,
        )
        return page

    return write


def _is_known(column: AnswerColumn, records: Iterable[Record]) -> bool:
    return any(record.costs[column.key] is not None for record in records)


def _sorted(records: Iterable[Record]) -> list[Record]:
    return sorted(records, key=lambda each: (each.sample_id, each.epoch))


def _baseline_answers(row: LeaderboardRow) -> Mapping[tuple[str, int], str]:
    """How the baseline answered, by question and epoch; empty where it did so more than once."""
    if row.comparison is None:
        return {}
    methods = row.group.methods
    keys = differing(methods)
    base = next(r for v, r in methods.items() if label(v, keys) == row.comparison.baseline)
    found: dict[tuple[str, int], list[str]] = {}
    for each in base:
        found.setdefault((each.sample_id, each.epoch), []).append(outcome(each))
    return {key: words[0] for key, words in found.items() if len(words) == 1}


def _answer(
    record: Record,
    columns: Iterable[AnswerColumn],
    baseline: Mapping[tuple[str, int], str],
    texts: bool,
) -> Answer:
    error = record.error or ""
    return Answer(
        question=record.sample_id,
        epoch=record.epoch,
        outcome=outcome(record),
        baseline=baseline.get((record.sample_id, record.epoch), ""),
        error=masked_text(error if texts or not error else kind_of_error(error)),
        cells=[answer_cell(column, record) for column in columns],
        text=record.text if texts else None,
    )
