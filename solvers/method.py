"""What every method has in common: its label in the log, and plain errors."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from inspect_ai.solver import Generate, Solver, TaskState

from tale_eval.errors import InvalidValueError, shown_plainly
from tale_eval.recorder import record_of

P = ParamSpec("P")


def method(create: Callable[P, Solver]) -> Callable[P, Solver]:
    """Make a solver factory a method: every sample records its label.

    The label is the factory's name with the arguments that are not at their default,
    such as "budget:tokens=50": what `tale_eval.solvers.method_solver` reads.
    """
    signature = inspect.signature(create)

    @wraps(create)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> Solver:
        with shown_plainly():
            label = _label(create.__name__, signature, args, kwargs)
            inner = create(*args, **kwargs)

        async def solve(state: TaskState, generate: Generate) -> TaskState:
            record_of(state).method = label
            return await inner(state, generate)

        return solve

    return wrapped


def _label(
    name: str, signature: inspect.Signature, args: tuple[object, ...], kwargs: dict[str, object]
) -> str:
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise InvalidValueError(f"method {name}: {error}; it takes {signature}") from error
    return ":".join(
        [
            name,
            *(
                f"{key}={value}"
                for key, value in bound.arguments.items()
                if value != signature.parameters[key].default
            ),
        ]
    )
