"""GSM8K: grade-school word problems (Cobbe et al., arXiv 2110.14168; MIT).

inspect eval tale_eval/gsm8k -T method=tale_ep --limit 20
inspect eval tasks/gsm8k.py -T source=$PWD/data/gsm8k
"""

import re
from typing import Literal, get_args

from inspect_ai import Task, task
from inspect_ai.dataset import Sample

from tale_eval.asking.prompts import cot_prompt, direct_prompt
from tale_eval.datasets.benchmark import Benchmark
from tale_eval.datasets.rows import DataRow
from tale_eval.datasets.samples import content_hash, make_sample
from tale_eval.datasets.sources import HubFile, Source, load_rows
from tale_eval.errors import check_name
from tale_eval.inspect_ext.plain_errors import shown_plainly
from tale_eval.tasks import benchmark_task

VERSION = "1-A"
REPO = "openai/gsm8k"
REVISION = "cc7b047b6e5bb11b4f1af84efc572db110a51b3c"
Split = Literal["test", "train"]

GROUND_TRUTH = "ground truth"

# a whole number may be written in groups of three, but "1,2" is not a number
NUMBER = re.compile(r"-?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?")


def load(split: Split = "test", source: Source = None) -> list[Sample]:
    """Load GSM8K: 1319 questions in the test split, 7473 in the training split.

    The target is the number after the last `####`, without commas ("2,125" gives "2125");
    the worked solution before it is kept as metadata "solution".

    Args:
        split: "test" or "train".
        source: Where from (see `tale_eval.datasets.sources`): a `.jsonl` or `.parquet`
            file, or a folder with `<split>.jsonl` or the hub's `main/` in it. Rows may have
            the fields of the paper's released code too: "question", bare or as its prompts
            ask it, and "ground truth", the number alone.

    Raises:
        UnknownNameError: No such split.
        SourceError: The data is not there.
        RowError: A row has no question, no `####` (nor a ground truth), or a gold that is not
            a number.
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


def training(split: Split = "test", source: Source = None) -> list[Sample]:
    """The training split, from where the questions come from."""
    return load("train", source)


BENCHMARK = Benchmark(
    name="gsm8k",
    title="GSM8K",
    licence="mit",
    source=f"hub {REPO} at {REVISION[:8]}, file",
    rows="1,319 / 7,473",
    load=load,
    short=("split",),
    training=training,
)


@task
@shown_plainly()
def gsm8k(split: Split = "test", method: str = "cot", source: str | None = None) -> Task:
    """GSM8K, 1,319 test or 7,473 training questions.

    Args:
        split: "test" or "train".
        method: How the model is asked, such as "tale_ep" or "budget:tokens=50".
        source: A file or folder in the upstream's layout, or "hub"; by default the
            folder named by TALE_EVAL_DATA, else the hub.
    """
    return benchmark_task(
        load(split, source),
        method=method,
        version=VERSION,
        training=BENCHMARK.training_split(split=split, source=source),
    )


def _sample(row: DataRow, split: str) -> Sample:
    question = row.text("question")
    if GROUND_TRUTH in row.fields and "answer" not in row.fields:
        question, solution, gold = _bare(question), "", _ground_truth(row)
    else:
        solution, gold = _solution(row)
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


def _solution(row: DataRow) -> tuple[str, str]:
    """The worked solution, and the number after the last `####`."""
    solution, mark, final = row.text("answer").rpartition("####")
    gold = final.strip()
    if not mark:
        raise row.error("answer", "no '####' before the final answer")
    if not NUMBER.fullmatch(gold):
        raise row.error("answer", f"expected a number after '####', got {gold!r}")
    return solution, gold


def _ground_truth(row: DataRow) -> str:
    value = row.fields[GROUND_TRUTH]
    gold = row.text(GROUND_TRUTH) if isinstance(value, str) else f"{row.number(GROUND_TRUTH):f}"
    if not NUMBER.fullmatch(gold):
        raise row.error(GROUND_TRUTH, f"expected a number, got {gold!r}")
    return gold


def _bare(question: str) -> str:
    """A question without the released code's prompt around it."""
    for prompt in (cot_prompt, direct_prompt):
        before, _, after = prompt("{}", "cloze", "en", "bracketed").strip().partition("{}")
        if question.startswith(before) and question.endswith(after):
            return question.removeprefix(before).removesuffix(after).strip()
    return question
