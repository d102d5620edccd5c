"""What every method has in common: checked arguments, its label in the log, plain errors."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from inspect_ai.solver import Generate, Solver, TaskState

from tale_eval.asking.arguments import checked_arguments
from tale_eval.errors import InvalidValueError
from tale_eval.inspect_ext.plain_errors import shown_plainly
from tale_eval.inspect_ext.record import record_method

P = ParamSpec("P")


def method(create: Callable[P, Solver]) -> Callable[P, Solver]:
    """Make a solver factory a method: its arguments are checked, every sample records its label.

    The label is the factory's name with the arguments that are not at their default,
    such as "budget:tokens=50": what `tale_eval.solvers.method_solver` reads.
    """
    name, signature = create.__name__, inspect.signature(create)

    @wraps(create)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> Solver:
        with shown_plainly():
            bound = _bound(name, signature, args, kwargs)
            arguments = checked_arguments(f"method {name}", create, bound)
            inner = create(**arguments)  # type: ignore[call-arg] # by name, not as P says
        label = _label(name, signature, arguments)

        async def solve(state: TaskState, generate: Generate) -> TaskState:
            record_method(state, label)
            return await inner(state, generate)

        return solve

    return wrapped


def _bound(
    name: str, signature: inspect.Signature, args: tuple[object, ...], kwargs: dict[str, object]
) -> dict[str, object]:
    """The arguments by name."""
    try:
        return signature.bind(*args, **kwargs).arguments
    except TypeError as error:
        names = ", ".join(signature.parameters)
        raise InvalidValueError(f"method {name}: {error}; its arguments: {names}") from error


def _label(name: str, signature: inspect.Signature, arguments: dict[str, object]) -> str:
    changed = (
        f"{key}={value}"
        for key, value in arguments.items()
        if value != signature.parameters[key].default
    )
    return ":".join([name, *changed])
