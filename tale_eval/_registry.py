"""What Inspect finds under the name tale_eval (entry point group "inspect_ai").

Kept light: if this import fails, Inspect only says "not found".
"""

from importlib import import_module

from tale_eval.inspect_ext.metrics import circular_accuracy, unreduced_mean
from tale_eval.inspect_ext.scorers import tale, token_cost
from tale_eval.solvers import budget, budget_search, cot, direct, tale_ep
from tale_eval.tasks import own_modules

__all__ = [
    "budget",
    "budget_search",
    "circular_accuracy",
    "cot",
    "direct",
    "tale",
    "tale_ep",
    "token_cost",
    "unreduced_mean",
]

for _module in own_modules():
    # its @task tells Inspect
    import_module(_module)
