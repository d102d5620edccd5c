"""GPQA: graduate-level choice questions (Rein et al., arXiv 2311.12022; CC-BY-4.0).

inspect eval tale_eval/gpqa -T subset=diamond -T method=tale_ep
"""

from inspect_ai import Task, task

from tale_eval import datasets
from tale_eval.datasets.gpqa import Subset
from tale_eval.inspect_ext.plain_errors import shown_plainly
from tale_eval.tasks.benchmark import benchmark_task

VERSION = "1-A"


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
    return benchmark_task(datasets.gpqa(subset, seed, source), method=method, version=VERSION)
