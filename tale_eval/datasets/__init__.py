"""The benchmarks: one loader each, from a file, a folder, the hub or a generator.

Every loader returns a list of Inspect samples with stable ids, the bare question
as input and the exact gold answer as target. `sources` explains where the data
comes from.
"""

from tale_eval.datasets.generated import chain_sum, gsm_symbolic
from tale_eval.datasets.gpqa import gpqa
from tale_eval.datasets.gsm8k import gsm8k
from tale_eval.datasets.gsm8k_zero import gsm8k_zero
from tale_eval.datasets.mathbench import mathbench

BENCHMARKS = ("gsm8k", "gsm8k_zero", "mathbench", "gpqa", "gsm_symbolic", "chain_sum")

__all__ = [
    "BENCHMARKS",
    "chain_sum",
    "gpqa",
    "gsm8k",
    "gsm8k_zero",
    "gsm_symbolic",
    "mathbench",
]
