"""What makes a function in `solvers/` a method: checked arguments, its label, plain errors.

A method's function says what is asked, as a plan that both harnesses follow, or, where it
cannot do without Inspect, as an Inspect solver.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, ParamSpec, overload

from inspect_ai.solver import Generate, Solver, TaskState

from tale_eval.asking.arguments import checked_arguments
from tale_eval.asking.method import Method
from tale_eval.budgets.plan import Plan
from tale_eval.errors import InvalidValueError
from tale_eval.inspect_ext.asking import follow
from tale_eval.inspect_ext.plain_errors import shown_plainly
from tale_eval.inspect_ext.record import record_method

P = ParamSpec("P")

_DEFINITION = "tale_eval_method"


@dataclass(frozen=True)
class Definition:
    """A method as its file defines it.

    Attributes:
        name: Its function's, and its file's stem.
        create: The function: a plan, or an Inspect solver, for given arguments.
        example: Arguments that have no default, as lm-eval's task of this method has them.
        factory: What stands in the file under Inspect's decorator: solvers that it knows.
    """

    name: str
    create: Callable[..., Plan | Solver]
    example: Mapping[str, Any] = field(default_factory=dict)
    factory: Callable[..., Solver] | None = None

    @property
    def plans(self) -> bool:
        """Whether it gives a plan, which lm-eval can follow too."""
        return inspect.signature(self.create, eval_str=True).return_annotation is Plan

    @property
    def registered_name(self) -> str:
        """Inspect's name of the solver: its package's, then its own."""
        return f"{self.create.__module__.partition('.')[0]}/{self.name}"

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """Its arguments by name, their annotations resolved."""
        return inspect.signature(self.create, eval_str=True).parameters

    def arguments(self, given: Mapping[str, object]) -> dict[str, Any]:
        """The given arguments in their types.

        Raises:
            UnknownNameError: No such argument, or a value outside a closed set.
            InvalidValueError: A value of another type.
        """
        return checked_arguments(f"method {self.name}", self.create, given)

    def method(self, given: Mapping[str, object]) -> Method:
        """The value for these arguments, those at their default left out.

        Raises:
            UnknownNameError, InvalidValueError: As `arguments` does; and an argument that
                makes no sense, or one that is missing.
        """
        arguments = self.arguments(given)
        self._created(arguments)
        return self._value(arguments)

    def _value(self, arguments: Mapping[str, Any]) -> Method:
        parameters = self.parameters
        changed = {
            key: str(value) for key, value in arguments.items() if value != parameters[key].default
        }
        # in the order of the signature, so that one method has one label
        return Method(self.name, {key: changed[key] for key in parameters if key in changed})

    def plan(self, arguments: Mapping[str, object]) -> Plan:
        """The plan for these arguments.

        Raises:
            InvalidValueError: The method needs Inspect; an argument that makes no sense, or
                one that is missing.
        """
        if not self.plans:
            raise InvalidValueError(
                f"method {self.name} runs in Inspect alone: it is no plan of asks and replies"
            )
        plan = self._created(self.arguments(arguments))
        assert isinstance(plan, Plan)
        return plan

    def solver(self, arguments: Mapping[str, object]) -> Solver:
        """The solver for these arguments; every sample records the method's label."""
        checked = self.arguments(arguments)
        created = self._created(checked)
        label = str(self._value(checked))

        async def solve(state: TaskState, generate: Generate) -> TaskState:
            record_method(state, label)
            if isinstance(created, Plan):
                return await follow(state, generate, created)
            return await created(state, generate)

        return solve

    def _created(self, checked: Mapping[str, Any]) -> Plan | Solver:
        missing = [
            name
            for name, parameter in self.parameters.items()
            if parameter.default is parameter.empty and name not in checked
        ]
        if missing:
            names = ", ".join(self.parameters)
            raise InvalidValueError(
                f"method {self.name}: missing a required argument: {missing[0]!r}; "
                f"its arguments: {names}"
            )
        return self.create(**checked)


@overload
def method(create: Callable[P, Plan | Solver]) -> Callable[P, Solver]: ...
@overload
def method(
    *, example: Mapping[str, Any]
) -> Callable[[Callable[P, Plan | Solver]], Callable[P, Solver]]: ...
def method(
    create: Callable[P, Plan | Solver] | None = None, *, example: Mapping[str, Any] | None = None
) -> Callable[P, Solver] | Callable[[Callable[P, Plan | Solver]], Callable[P, Solver]]:
    """Make a function a method; Inspect's own `@solver` stands above it.

    Args:
        create: Gives the method's plan, or its solver.
        example: Values for the arguments without a default, which lm-eval's task of this
            method has where nobody gives others.
    """
    if create is None:
        return lambda function: _method(function, example or {})
    return _method(create, {})


def definition_of(factory: Any) -> Definition:
    """What a decorated function defines.

    Raises:
        TypeError: It is no method.
    """
    definition = getattr(factory, _DEFINITION, None)
    if not isinstance(definition, Definition):
        raise TypeError("expected a function under @solver and @method")
    return replace(definition, factory=factory)


def _method(create: Callable[P, Plan | Solver], example: Mapping[str, Any]) -> Callable[P, Solver]:
    definition = Definition(create.__name__, create, example)
    signature = inspect.signature(create)

    @wraps(create)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> Solver:
        with shown_plainly():
            return definition.solver(_bound(definition.name, signature, args, kwargs))

    # wraps() hands it on to what Inspect's decorator makes of this
    setattr(wrapped, _DEFINITION, definition)
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
