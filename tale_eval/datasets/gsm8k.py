"""GSM8K: grade-school word problems (Cobbe et al., 2021), MIT."""

import re
from typing import Literal, get_args

from inspect_ai.dataset import Sample

from tale_eval.datasets.rows import Row
from tale_eval.datasets.samples import content_hash, make_sample
from tale_eval.datasets.sources import HubFile, Source, load_rows
from tale_eval.errors import check_name

REPO = "openai/gsm8k"
REVISION = "cc7b047b6e5bb11b4f1af84efc572db110a51b3c"
Split = Literal["test", "train"]

# a whole number may be written in groups of three, but "1,2" is not a number
NUMBER = re.compile(r"-?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?")


def gsm8k(split: Split = "test", source: Source = None) -> list[Sample]:
    """Load GSM8K: 1319 questions in the test split, 7473 in the training split.

    The target is the number after the last `####`, without commas ("2,125" gives "2125");
    the worked solution before it is kept as metadata "solution".

    Args:
        split: "test" or "train".
        source: Where from (see `tale_eval.datasets.sources`): a `.jsonl` or `.parquet`
            file, or a folder with `<split>.jsonl` or the hub's `main/` in it.

    Raises:
        UnknownNameError: No such split.
        SourceError: The data is not there.
        RowError: A row has no question, no `####`, or a gold that is not a number.
    """
    check_name("split of gsm8k", split, get_args(Split))
    parquet = f"main/{split}-00000-of-00001.parquet"
    rows = load_rows(
        source,
        folder="gsm8k",
        files=[f"{split}.jsonl", parquet],
        hub=HubFile(REPO, REVISION, parquet),
    )
    return [_sample(row, split) for row in rows]


def _sample(row: Row, split: str) -> Sample:
    question = row.text("question")
    solution, mark, final = row.text("answer").rpartition("####")
    gold = final.strip()
    if not mark:
        raise row.error("answer", "no '####' before the final answer")
    if not NUMBER.fullmatch(gold):
        raise row.error("answer", f"expected a number after '####', got {gold!r}")
    gold = gold.replace(",", "")
    return make_sample(
        row,
        sample_id=f"gsm8k-{split}-{row.line:05d}-{content_hash(question, None, gold)}",
        question=question,
        gold=gold,
        benchmark="gsm8k",
        subset=split,
        language="en",
        solution=solution.strip(),
    )
