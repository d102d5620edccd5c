"""Arguments as users write them, "name:key=value", and as a signature wants them. Pure."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

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
    what: str,
    create: Callable[..., Any] | inspect.Signature,
    arguments: Mapping[str, object],
) -> dict[str, Any]:
    """Arguments in the types that a function's signature names; "50" is 50 for an int.

    Args:
        what: What the function makes, such as "method cot".
        create: The function, or its signature as `signature_of` gives it.
        arguments: As text or as values, by name.

    Raises:
        UnknownNameError: No such argument, or a value outside a closed set.
        InvalidValueError: A value of another type, or a type that no user can give.
    """
    known = create if isinstance(create, inspect.Signature) else signature_of(what, create)
    parameters = known.parameters
    for key in arguments:
        check_name(f"argument of {what}", key, parameters)
    return {key: _checked(what, parameters[key], value) for key, value in arguments.items()}


def signature_of(what: str, create: Callable[..., Any]) -> inspect.Signature:
    """A function's signature, its annotations resolved.

    Raises:
        InvalidValueError: One names what is not there when the program runs.
    """
    try:
        return inspect.signature(create, eval_str=True)
    # an annotation is any expression
    except Exception as error:
        raise InvalidValueError(
            f"{what}: its annotations cannot be read ({type(error).__name__}: {error}); import "
            "what they name outside of TYPE_CHECKING"
        ) from error


def check_parameter(what: str, parameter: inspect.Parameter) -> None:
    """Raise InvalidValueError unless users can give this argument by its name, as a text."""
    _adapter(what, parameter)


def _adapter(what: str, parameter: inspect.Parameter) -> TypeAdapter[Any]:
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise InvalidValueError(
            f"{what}: {str(parameter)!r} cannot be given by its name; name each parameter, "
            "without /, *args and **kwargs"
        )
    if parameter.annotation is parameter.empty:
        raise InvalidValueError(
            f"{what}: {parameter.name} has no type; annotate it, as in '{parameter.name}: int'"
        )
    try:
        return TypeAdapter(parameter.annotation)
    except PydanticUserError as error:
        raise InvalidValueError(
            f"{what}: no text can be read as {parameter!s}; annotate it with str, int, float, "
            "bool or Literal, each | None or not"
        ) from error


_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def _checked(what: str, parameter: inspect.Parameter, value: object) -> Any:
    adapter, key = _adapter(what, parameter), parameter.name
    kinds = [*_kinds(parameter.annotation)]
    if kinds == [str]:
        value = as_written(value)
    try:
        checked = adapter.validate_python(_as_meant(value, kinds))
    except ValidationError as error:
        if all(map(_is_closed, kinds)):
            raise UnknownNameError(key, value, _names(kinds)) from error
        wanted = _wanted(kinds) or error.errors()[0]["msg"]
        raise InvalidValueError(f"{what}: {key}={value}: {wanted}") from error
    if isinstance(value, bool) and not isinstance(checked, bool):
        raise InvalidValueError(f"{what}: {key}={value}: {_wanted(kinds) or 'is no number'}")
    return checked


def _kinds(annotation: Any) -> Iterator[Any]:
    """What a type is a choice among; itself if it is none."""
    if get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from _kinds(part)
    else:
        yield annotation


def _is_closed(kind: Any) -> bool:
    return kind is NoneType or get_origin(kind) is Literal


def _names(kinds: Sequence[Any]) -> dict[str, object]:
    """The members of the closed sets among these types, by how they are written."""
    named: dict[str, object] = {}
    for kind in filter(_is_closed, kinds):
        members = (None,) if kind is NoneType else get_args(kind)
        named |= {"none" if member is None else str(member): member for member in members}
    return named


def _as_meant(value: object, kinds: Sequence[Any]) -> object:
    """A text as the member of a closed set, or the None, that it names; else the value."""
    if not isinstance(value, str) or str in kinds:
        return value
    # a label writes None as Python does
    return _names(kinds).get("none" if value == "None" else value, value)


def _wanted(kinds: Sequence[Any]) -> str:
    """What would have been allowed; empty where a type has no words of ours."""
    words = [words for kind, words in _WORDS.items() if kind in kinds]
    if len(words) + sum(map(_is_closed, kinds)) < len(kinds):
        return ""
    return f"must be {' or '.join([*words, *_names(kinds)])}"


def as_written(value: Any) -> Any:
    """A text again, where Inspect's -S and -T read nothing at all, or a list at its commas."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return value
