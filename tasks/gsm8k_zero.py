"""GSM8K-Zero: questions whose answer stands in the question (Chiang & Lee, arXiv 2401.11467).

inspect eval tale_eval/gsm8k_zero -T method=tale_ep
"""

from inspect_ai import Task, task

from tale_eval import datasets
from tale_eval.inspect_ext.plain_errors import shown_plainly
from tale_eval.tasks.benchmark import benchmark_task

VERSION = "1-A"


@task
@shown_plainly()
def gsm8k_zero(method: str = "cot", source: str | None = None) -> Task:
    """GSM8K-Zero, 2,978 questions; its authors call about 85 % of them valid.

    Args:
        method: How the model is asked, such as "tale_ep" or "budget:tokens=50".
        source: A file or folder in the upstream's layout, or "hub"; by default the
            folder named by TALE_EVAL_DATA, else the hub.
    """
    return benchmark_task(datasets.gsm8k_zero(source), method=method, version=VERSION)
