"""GSM8K-Zero: questions that state their own answer (Chiang & Lee, 2024); no licence stated."""

from decimal import Decimal

from inspect_ai.dataset import Sample

from tale_eval.datasets.rows import Row
from tale_eval.datasets.samples import content_hash, make_sample
from tale_eval.datasets.sources import HubFile, Source, load_rows

REPO = "dcml0714/GSM8K-Zero"
# the commit that added the data; later ones touch the dataset card alone
REVISION = "f39c43ecf9c6dc9a102505e7519d08102f41267b"


def gsm8k_zero(source: Source = None) -> list[Sample]:
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


def plain_number(value: Decimal) -> str:
    """A number without exponent and without zeros at the end of its decimals."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _sample(row: Row) -> Sample:
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
