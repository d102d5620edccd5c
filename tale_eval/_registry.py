"""What Inspect finds under the name tale_eval (entry point group "inspect_ai").

Kept light: if this import fails, Inspect only says "not found".
"""

from tale_eval.inspect_ext.metrics import circular_accuracy, unreduced_mean
from tale_eval.inspect_ext.scorers import tale, token_cost
from tale_eval.solvers import budget, budget_search, cot, direct, tale_ep
from tale_eval.tasks import chain_sum, gpqa, gsm8k, gsm8k_zero, gsm_symbolic, mathbench

__all__ = [
    "budget",
    "budget_search",
    "chain_sum",
    "circular_accuracy",
    "cot",
    "direct",
    "gpqa",
    "gsm8k",
    "gsm8k_zero",
    "gsm_symbolic",
    "mathbench",
    "tale",
    "tale_ep",
    "token_cost",
    "unreduced_mean",
]
