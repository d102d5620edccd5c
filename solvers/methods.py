"""The one registry of methods, and the short way to write one with its arguments."""

import inspect
from collections.abc import Callable
from typing import Final

import yaml
from inspect_ai.solver import Solver

from tale_eval.errors import InvalidValueError, check_name
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
        InvalidValueError: If an argument has no value.
    """
    name, arguments = parse_method(method)
    return METHODS[name](**{key: yaml.safe_load(value) for key, value in arguments.items()})


def parse_method(method: str) -> tuple[str, dict[str, str]]:
    """A method's name and its arguments as written; see `method_solver`."""
    name, arguments = split_arguments("method", method)
    check_name("method", name, METHODS)
    parameters = inspect.signature(METHODS[name]).parameters
    for key in arguments:
        check_name(f"argument of method {name}", key, parameters)
    return name, arguments


def split_arguments(what: str, text: str) -> tuple[str, dict[str, str]]:
    """A name and the arguments after it, as in "chain_sum:size=50:terms=2".

    Raises:
        InvalidValueError: If an argument has no value.
    """
    name, *pairs = text.split(":")
    arguments = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise InvalidValueError(f"{what} {text!r}: write {key!r} as {key}=VALUE")
        arguments[key] = value
    return name, arguments
