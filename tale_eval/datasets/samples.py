"""From a checked question to an Inspect sample: its id, its metadata, its options' order."""

import json
from collections.abc import Sequence
from hashlib import sha256

from inspect_ai.dataset import Sample

from tale_eval.datasets.rows import DataRow

LETTERS = "ABCD"


def content_hash(question: str, options: Sequence[str] | None, gold: str) -> str:
    """Eight hex digits that tell a question, its options and its gold from any other."""
    content = {"question": question, "options": options, "gold": gold}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode("ascii")).hexdigest()[:8]


def reordered(options: Sequence[str], gold: str, order: Sequence[int]) -> tuple[list[str], str]:
    """Options in another order, and the letter of the gold there.

    The gold is followed by its place, so options with equal texts cannot confuse it.

    Args:
        options: The texts in their present order.
        gold: Letter of the right one in that order.
        order: For each new place, the present place (from 0) of the option to put there.
    """
    return [options[i] for i in order], LETTERS[order.index(LETTERS.index(gold))]


def make_sample(
    row: DataRow,
    *,
    sample_id: str,
    question: str,
    gold: str,
    options: list[str] | None = None,
    benchmark: str,
    subset: str,
    language: str,
    **more: object,
) -> Sample:
    """Build a sample; `more` joins the metadata that every benchmark has."""
    return Sample(
        id=sample_id,
        input=question,
        choices=options,
        target=gold,
        metadata={
            "benchmark": benchmark,
            "subset": subset,
            "language": language,
            "kind": "choice" if options else "cloze",
            "source": row.origin.kind,
            "source_file": row.origin.name,
            **more,
        },
    )
