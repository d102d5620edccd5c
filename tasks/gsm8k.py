"""GSM8K: grade-school word problems (Cobbe et al., arXiv 2110.14168; MIT).

inspect eval tale_eval/gsm8k -T method=tale_ep --limit 20
inspect eval tasks/gsm8k.py -T source=$PWD/data/gsm8k
"""

from inspect_ai import Task, task

from tale_eval import datasets
from tale_eval.datasets.gsm8k import Split
from tale_eval.inspect_ext.plain_errors import shown_plainly
from tale_eval.tasks.benchmark import benchmark_task

VERSION = "1-A"


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
    return benchmark_task(datasets.gsm8k(split, source), method=method, version=VERSION)
