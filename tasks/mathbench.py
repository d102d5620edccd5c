"""MathBench: 17 subsets from arithmetic to college, English and Chinese
(Liu et al., arXiv 2405.12209; Apache-2.0).

inspect eval tale_eval/mathbench -T level=college -T language=en -T method=tale_ep
inspect eval tale_eval/mathbench -T level=high -T circular=true
"""

from typing import Literal

from inspect_ai import Task, task

from tale_eval import datasets
from tale_eval.datasets.mathbench import Language, Level
from tale_eval.inspect_ext.plain_errors import shown_plainly
from tale_eval.inspect_ext.scorers import circular_metrics
from tale_eval.tasks.benchmark import benchmark_task

VERSION = "1-A"


@task
@shown_plainly()
def mathbench(
    level: Literal[Level, "all"] = "all",
    language: Literal[Language, "all"] = "all",
    circular: bool = False,
    method: str = "cot",
    source: str | None = None,
) -> Task:
    """MathBench, 3,709 questions over all levels and languages.

    Args:
        level: "arithmetic", "primary", "middle", "high", "college", the last four
            with "_knowledge" for their theory part, or "all".
        language: "en", "cn" or "all".
        circular: Ask each choice question four times with rotated options, as
            OpenCompass does; the question counts as right if all four are. The paper
            uses plain accuracy.
        method: How the model is asked, such as "tale_ep" or "budget:tokens=50".
        source: A file or folder in the upstream's layout, or "hub"; by default the
            folder named by TALE_EVAL_DATA, else the hub.
    """
    return benchmark_task(
        datasets.mathbench(level, language, circular, source),
        method=method,
        version=VERSION,
        metrics=circular_metrics() if circular else None,
    )
