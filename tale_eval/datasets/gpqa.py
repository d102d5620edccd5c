"""GPQA: graduate-level science questions (Rein et al., 2023), CC-BY-4.0, gated on the hub."""

from random import Random
from typing import Literal, get_args

from inspect_ai.dataset import Sample

from tale_eval.datasets.rows import Row
from tale_eval.datasets.samples import LETTERS, content_hash, make_sample, reordered
from tale_eval.datasets.sources import HubFile, Source, load_rows
from tale_eval.errors import check_name

REPO = "Idavidrein/gpqa"
REVISION = "633f5ee89ab8ad4522a9f850766b73f62147ffdd"
Subset = Literal["diamond", "main", "extended"]

# the right answer is always in the first of these columns
ANSWERS = ("Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3")


def gpqa(subset: Subset = "diamond", seed: int = 1024, source: Source = None) -> list[Sample]:
    """Load GPQA: 198 (diamond), 448 (main) or 546 (extended) questions.

    The options of each question are shuffled by the seed and the question alone, so a
    question has the same order in every subset and wherever it stands in a file. Its id
    does not depend on the seed.

    Args:
        subset: "diamond", "main" or "extended".
        seed: Seed of the options' order.
        source: Where from (see `tale_eval.datasets.sources`): a `.csv` file, or a folder
            with `gpqa_<subset>.csv` in it.

    Raises:
        UnknownNameError: No such subset.
        SourceError: The data is not there, or the hub's terms were not accepted.
        RowError: A row lacks its question or an answer, or repeats a Record ID.
    """
    check_name("subset of gpqa", subset, get_args(Subset))
    name = f"gpqa_{subset}.csv"
    rows = load_rows(source, folder="gpqa", files=[name], hub=HubFile(REPO, REVISION, name))
    _check_record_ids(rows)
    return [_sample(row, subset, seed) for row in rows]


def _check_record_ids(rows: list[Row]) -> None:
    lines: dict[str, int] = {}
    for row in rows:
        record = row.optional_text("Record ID")
        if record is None:
            continue
        if record in lines:
            raise row.error("Record ID", f"{record!r} stands on line {lines[record]} already")
        lines[record] = row.line


def _sample(row: Row, subset: str, seed: int) -> Sample:
    question = row.text("Question")
    answers = [row.text(column) for column in ANSWERS]
    digest = content_hash(question, answers, LETTERS[0])
    record = row.optional_text("Record ID")
    order = list(range(len(answers)))
    Random(f"{seed}-{record or digest}").shuffle(order)
    options, gold = reordered(answers, LETTERS[0], order)
    return make_sample(
        row,
        sample_id=f"gpqa-{subset}-{record or f'{row.line:05d}'}-{digest}",
        question=question,
        gold=gold,
        options=options,
        benchmark="gpqa",
        subset=f"gpqa_{subset}",
        language="en",
        domain=row.optional_text("High-level domain"),
        subdomain=row.optional_text("Subdomain"),
    )
