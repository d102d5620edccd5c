"""GSM8K-Zero: questions whose answer stands in the question (Chiang & Lee, arXiv 2401.11467;
no licence stated).

inspect eval tale_eval/gsm8k_zero -T method=tale_ep
"""

from decimal import Decimal

from inspect_ai import Task, task
from inspect_ai.dataset import Sample

from tale_eval.datasets.benchmark import Benchmark
from tale_eval.datasets.rows import DataRow
from tale_eval.datasets.samples import content_hash, make_sample
from tale_eval.datasets.sources import HubFile, Source, load_rows
from tale_eval.inspect_ext.plain_errors import shown_plainly
from tale_eval.tasks import benchmark_task

VERSION = "1-A"
REPO = "dcml0714/GSM8K-Zero"
# the commit that added the data; later ones touch the dataset card alone
REVISION = "f39c43ecf9c6dc9a102505e7519d08102f41267b"


def load(source: Source = None) -> list[Sample]:
    """Load GSM8K-Zero: 2978 questions.

    The golds are floats in the file. The target is the same number, exactly: "48" for
    48.0, "0.5" for 0.5.

    Args:
        source: Where from (see `tale_eval.datasets.sources`): a file of JSON lines, or a
            folder with `test.jsonl`, the hub's `test.json` or the authors'
            `gsm8k_zero.json` in it.

    Raises:
        SourceError: The data is not there.
        RowError: A row has no question, or a gold that is not a finite number.
    """
    rows = load_rows(
        source,
        folder="gsm8k_zero",
        files=["test.jsonl", "test.json", "gsm8k_zero.json"],
        hub=HubFile(REPO, REVISION, "test.json"),
    )
    return [_sample(row) for row in rows]


BENCHMARK = Benchmark(
    name="gsm8k_zero",
    title="GSM8K-Zero",
    licence="unknown",
    source=f"hub {REPO} at {REVISION[:8]}, file",
    rows="2,978",
    load=load,
)


@task
@shown_plainly()
def gsm8k_zero(method: str = "cot", source: str | None = None) -> Task:
    """GSM8K-Zero, 2,978 questions; its authors call about 85 % of them valid.

    Args:
        method: How the model is asked, such as "tale_ep" or "budget:tokens=50".
        source: A file or folder in the upstream's layout, or "hub"; by default the
            folder named by TALE_EVAL_DATA, else the hub.
    """
    return benchmark_task(load(source), method=method, version=VERSION)


def plain_number(value: Decimal) -> str:
    """A number without exponent and without zeros at the end of its decimals."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _sample(row: DataRow) -> Sample:
    question = row.text("question")
    gold = plain_number(row.number("answer"))
    return make_sample(
        row,
        sample_id=f"gsm8k_zero-test-{row.line:05d}-{content_hash(question, None, gold)}",
        question=question,
        gold=gold,
        benchmark="gsm8k_zero",
        subset="test",
        language="en",
    )
