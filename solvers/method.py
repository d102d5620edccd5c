"""What every method has in common: checked arguments, its label in the log, plain errors."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, get_args

from inspect_ai.solver import Generate, Solver, TaskState
from pydantic import ValidationError, validate_call

from tale_eval.errors import InvalidValueError, TaleEvalError, UnknownNameError, shown_plainly
from tale_eval.recorder import record_method

P = ParamSpec("P")


def method(create: Callable[P, Solver]) -> Callable[P, Solver]:
    """Make a solver factory a method: every sample records its label.

    The label is the factory's name with the arguments that are not at their default,
    such as "budget:tokens=50": what `tale_eval.solvers.method_solver` reads.
    """
    signature = inspect.signature(create)
    checked: Callable[..., Solver] = validate_call(create)

    @wraps(create)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> Solver:
        with shown_plainly():
            arguments = _bound(create.__name__, signature, args, kwargs)
            try:
                inner = checked(**arguments)
            except ValidationError as error:
                raise _mistake(create.__name__, signature, error) from error
        label = _label(create.__name__, signature, arguments)

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


def _mistake(name: str, signature: inspect.Signature, error: ValidationError) -> TaleEvalError:
    """What is wrong with the first argument that has the wrong type."""
    first = error.errors()[0]
    key, value = str(first["loc"][0]), first["input"]
    if first["type"] == "literal_error":
        return UnknownNameError(key, value, get_args(signature.parameters[key].annotation))
    return InvalidValueError(f"method {name}: {key}={value!r}: {first['msg']}")


def _label(name: str, signature: inspect.Signature, arguments: dict[str, object]) -> str:
    changed = (
        f"{key}={value}"
        for key, value in arguments.items()
        if value != signature.parameters[key].default
    )
    return ":".join([name, *changed])
