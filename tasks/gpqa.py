"""GPQA: graduate-level choice questions (Rein et al., arXiv 2311.12022; CC-BY-4.0, gated).

inspect eval tale_eval/gpqa -T subset=diamond -T method=tale_ep
"""

from random import Random
from typing import Literal, get_args

from inspect_ai import Task, task
from inspect_ai.dataset import Sample

from tale_eval.datasets.benchmark import Benchmark
from tale_eval.datasets.rows import DataRow
from tale_eval.datasets.samples import LETTERS, content_hash, make_sample, reordered
from tale_eval.datasets.sources import HubFile, Source, load_rows
from tale_eval.errors import check_name
from tale_eval.inspect_ext.plain_errors import shown_plainly
from tale_eval.tasks import benchmark_task

VERSION = "1-A"
REPO = "Idavidrein/gpqa"
REVISION = "633f5ee89ab8ad4522a9f850766b73f62147ffdd"
Subset = Literal["diamond", "main", "extended"]

# the right answer is always in the first of these columns
ANSWERS = ("Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3")


def load(subset: Subset = "diamond", seed: int = 1024, source: Source = None) -> list[Sample]:
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


BENCHMARK = Benchmark(
    name="gpqa",
    title="GPQA",
    licence="cc-by-4.0",
    source=f"hub {REPO} (gated) at {REVISION[:8]}, file",
    rows="198 / 448 / 546",
    load=load,
    short=("subset",),
)


@task
@shown_plainly()
def gpqa(
    subset: Subset = "diamond", seed: int = 1024, method: str = "cot", source: str | None = None
) -> Task:
    """GPQA, 198 (diamond), 448 (main) or 546 (extended) questions.

    Args:
        subset: "diamond", "main" or "extended".
        seed: Shuffles each question's options; the right one stands first upstream.
        method: How the model is asked, such as "tale_ep" or "budget:tokens=50".
        source: A file or folder in the upstream's layout, or "hub" (gated: log in
            first); by default the folder named by TALE_EVAL_DATA, else the hub.
    """
    return benchmark_task(load(subset, seed, source), method=method, version=VERSION)


def _check_record_ids(rows: list[DataRow]) -> None:
    lines: dict[str, int] = {}
    for row in rows:
        record = row.optional_text("Record ID")
        if record is None:
            continue
        if record in lines:
            raise row.error("Record ID", f"{record!r} stands on line {lines[record]} already")
        lines[record] = row.line


def _sample(row: DataRow, subset: str, seed: int) -> Sample:
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
