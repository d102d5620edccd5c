"""The one registry of methods, and the short way to write one with its arguments."""

from collections.abc import Callable
from typing import Any, Final

from inspect_ai.solver import Solver

from tale_eval.asking.arguments import checked_arguments, split_arguments
from tale_eval.errors import check_name
from tale_eval.inspect_ext.plain_errors import shown_by_the_caller
from tale_eval.solvers.budget import budget
from tale_eval.solvers.budget_search import budget_search
from tale_eval.solvers.cot import cot
from tale_eval.solvers.direct import direct
from tale_eval.solvers.tale_ep import tale_ep

METHODS: Final[dict[str, Callable[..., Solver]]] = {
    "direct": direct,
    "cot": cot,
    "budget": budget,
    "tale_ep": tale_ep,
    "budget_search": budget_search,
}


def method_solver(method: str) -> Solver:
    """The solver of a method, such as "cot" or "budget:tokens=50:style=answer_last".

    Arguments follow the name after colons, as the solver's own parameters.

    Raises:
        UnknownNameError: If the method or one of its arguments does not exist.
        InvalidValueError: If an argument has no value, or one that makes no sense.
    """
    name, arguments = parse_method(method)
    with shown_by_the_caller():
        return METHODS[name](**arguments)


def parse_method(method: str) -> tuple[str, dict[str, Any]]:
    """A method's name and its arguments; see `method_solver`."""
    name, written = split_arguments("method", method)
    check_name("method", name, METHODS)
    return name, checked_arguments(f"method {name}", METHODS[name], written)
