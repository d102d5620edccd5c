"""GSM-Symbolic-like word problems, generated offline by reasoning-gym
(templates after Mirzadeh et al., arXiv 2410.05229; Apache-2.0).

inspect eval tale_eval/gsm_symbolic -T size=200 -T seed=7 -T method=tale_ep
"""

from inspect_ai import Task, task

from tale_eval import datasets
from tale_eval.inspect_ext.plain_errors import shown_plainly
from tale_eval.tasks.benchmark import benchmark_task

VERSION = "1-A"


@task
@shown_plainly()
def gsm_symbolic(size: int = 100, seed: int = 1024, method: str = "cot") -> Task:
    """Word problems in the manner of GSM8K with fresh names and numbers.

    Args:
        size: Number of questions.
        seed: The same seed gives the same questions.
        method: How the model is asked, such as "tale_ep" or "budget:tokens=50".
    """
    return benchmark_task(datasets.gsm_symbolic(size, seed), method=method, version=VERSION)
