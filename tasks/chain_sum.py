"""Sums and differences of a few numbers, generated offline by reasoning-gym (Apache-2.0).

inspect eval tale_eval/chain_sum -T size=50 -T terms=2-3 -T digits=2 -T method=tale_ep
"""

from inspect_ai import Task, task

from tale_eval import datasets
from tale_eval.inspect_ext.plain_errors import shown_plainly
from tale_eval.tasks.benchmark import benchmark_task

VERSION = "1-A"


@task
@shown_plainly()
def chain_sum(
    size: int = 100,
    seed: int = 1024,
    terms: int | str = 2,
    digits: int | str = 1,
    method: str = "cot",
) -> Task:
    """Chains such as 4 - 1 - 7, simple enough for the smallest models.

    Args:
        size: Number of questions.
        seed: The same seed gives the same questions.
        terms: Numbers in a chain: a count, or a range such as "2-4".
        digits: Digits of each number: a count, or a range such as "1-3".
        method: How the model is asked, such as "tale_ep" or "budget:tokens=50".
    """
    samples = datasets.chain_sum(size, seed, terms, digits)
    return benchmark_task(samples, method=method, version=VERSION)
