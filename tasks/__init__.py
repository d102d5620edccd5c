"""The benchmarks as Inspect tasks: what is asked, and how it is graded."""

from tale_eval.tasks.chain_sum import chain_sum
from tale_eval.tasks.gpqa import gpqa
from tale_eval.tasks.gsm8k import gsm8k
from tale_eval.tasks.gsm8k_zero import gsm8k_zero
from tale_eval.tasks.gsm_symbolic import gsm_symbolic
from tale_eval.tasks.mathbench import mathbench

__all__ = ["chain_sum", "gpqa", "gsm8k", "gsm8k_zero", "gsm_symbolic", "mathbench"]
