"""The methods: how a model is asked. Each is an Inspect solver."""

from tale_eval.solvers.budget import budget
from tale_eval.solvers.budget_search import budget_search
from tale_eval.solvers.cot import cot
from tale_eval.solvers.direct import direct
from tale_eval.solvers.methods import METHODS, method_solver
from tale_eval.solvers.tale_ep import tale_ep

__all__ = ["METHODS", "budget", "budget_search", "cot", "direct", "method_solver", "tale_ep"]
