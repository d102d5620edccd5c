"""The methods: how a model is asked, one method a file.

A method is found by its file's name, or in another package by the entry point group
`tale_eval.methods`, whose names are methods and whose values their functions.
"""

from functools import cache
from typing import Any

from inspect_ai.solver import Solver

from tale_eval.asking.method import Method, as_method
from tale_eval.discovery import Registry, check_called
from tale_eval.inspect_ext.method import Definition, definition_of
from tale_eval.inspect_ext.plain_errors import shown_by_the_caller


@cache
def methods() -> Registry[Definition]:
    """Every method by name."""
    return Registry(
        "method",
        package="tale_eval.solvers",
        group="tale_eval.methods",
        pick=lambda module, stem: _defined(getattr(module, stem), stem),
        read=_defined,
    )


def resolve(method: str | Method) -> Method:
    """A method with its arguments checked, in one order, and those at their default left out.

    Raises:
        UnknownNameError: If the method or one of its arguments does not exist.
        InvalidValueError: If an argument has no value, or one that makes no sense.
    """
    given = as_method(method)
    return methods()[given.name].method(given.arguments)


def method_solver(method: str | Method) -> Solver:
    """The solver of a method, such as "cot" or "budget:tokens=50:style=answer_last".

    Arguments follow the name after colons, as the method's own parameters.

    Raises:
        UnknownNameError: If the method or one of its arguments does not exist.
        InvalidValueError: If an argument has no value, or one that makes no sense.
    """
    given = as_method(method)
    definition = methods()[given.name]
    arguments = definition.arguments(given.arguments)
    assert definition.factory is not None
    with shown_by_the_caller():
        return definition.factory(**arguments)


def _defined(function: Any, name: str) -> Definition:
    definition = definition_of(function)
    check_called("method", definition.name, name)
    return definition
