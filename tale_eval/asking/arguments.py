"""Arguments as users write them, "name:key=value", and as a signature wants them. Pure."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from tale_eval.errors import InvalidValueError, UnknownNameError, check_name


def split_arguments(
    what: str, text: str, segments: Sequence[str] | None = None
) -> tuple[str, dict[str, str]]:
    """A name and the arguments after it, as in "chain_sum:size=50:terms=2".

    Args:
        what: What the name stands for, such as "task".
        text: As the user wrote it.
        segments: The text's parts, where they are not simply cut at every colon.

    Raises:
        InvalidValueError: If an argument has no value, or comes twice.
    """
    name, *pairs = text.split(":") if segments is None else segments
    arguments: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise InvalidValueError(f"{what} {text!r}: write {key!r} as {key}=VALUE")
        if key in arguments:
            raise InvalidValueError(f"{what} {text!r}: {key} is given twice")
        arguments[key] = value
    return name, arguments


def checked_arguments(
    what: str, create: Callable[..., Any], arguments: Mapping[str, object]
) -> dict[str, Any]:
    """Arguments in the types that a function's signature names; "50" is 50 for an int.

    Args:
        what: What the function makes, such as "method cot".
        create: The function.
        arguments: As text or as values, by name.

    Raises:
        UnknownNameError: No such argument, or a value outside a closed set.
        InvalidValueError: A value of another type.
    """
    parameters = inspect.signature(create, eval_str=True).parameters
    for key in arguments:
        check_name(f"argument of {what}", key, parameters)
    return {
        key: _checked(what, key, value, parameters[key].annotation)
        for key, value in arguments.items()
    }


def _checked(what: str, key: str, value: object, annotation: Any) -> Any:
    if annotation is str:
        value = as_written(value)
    try:
        checked = TypeAdapter(annotation).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "literal_error":
            raise UnknownNameError(key, value, get_args(annotation)) from error
        raise InvalidValueError(f"{what}: {key}={value}: {first['msg']}") from error
    if isinstance(value, bool) and not isinstance(checked, bool):
        raise InvalidValueError(f"{what}: {key}={value}: Input should be a number")
    return checked


def as_written(value: Any) -> Any:
    """A text again, where Inspect's -S and -T read nothing at all, or a list at its commas."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return value
