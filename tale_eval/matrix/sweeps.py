r"""`--sweep KEY=V1,V2`: one run for each value, every value checked before anything runs.

KEY is a generation setting of Inspect's ("reasoning_effort", "extra_body.thinking_token_budget")
or an argument of a method that --method names ("budget.tokens"). A comma within a value is
written ``\,``.
"""

import inspect
import json
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import reduce
from operator import or_
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import yaml
from inspect_ai.model import GenerateConfig
from pydantic import ValidationError

from tale_eval.asking.arguments import checked_arguments
from tale_eval.asking.method import Method
from tale_eval.asking.setting import WRITES_NOTHING, Setting
from tale_eval.errors import InvalidValueError, UnknownNameError, check_name
from tale_eval.inspect_ext.command_line import Options
from tale_eval.solvers import methods, resolve

_PIECE = re.compile(r"\\[\\,]|[^\\,]+|[\\,]")
_ESCAPED = re.compile(r"\\([\\,])")
# a seed writes another answer, though it is no other setting
_WRITING = [
    name for name in GenerateConfig.model_fields if name not in WRITES_NOTHING or name == "seed"
]


@dataclass(frozen=True)
class Sweep:
    """The values of one setting.

    Attributes:
        key: A generation setting's name or path, or a method's argument.
        values: In the order in which they were written; a method's as text.
        method: The method whose argument it is; None for a generation setting.
    """

    key: str
    values: tuple[Any, ...]
    method: str | None = None


def read_sweeps(
    written: Sequence[str], named: Sequence[str], options: Options | None = None
) -> list[Sweep]:
    """Read the sweeps of a matrix.

    Args:
        written: Such as "reasoning_effort=low,high" and "budget.tokens=50,100".
        named: The methods of the matrix, as the user wrote them.
        options: What all its runs are given.

    Raises:
        UnknownNameError: No such setting, method or argument; a value outside a closed set.
        InvalidValueError: A value of another type, or given twice; a key that is swept twice or
            has a plain value too; a method that the matrix has not.
    """
    given = [Method.parse(method) for method in named]
    sweeps = [_read(text, given, options or Options()) for text in written]
    keys = [(sweep.method, sweep.key) for sweep in sweeps]
    for sweep in sweeps:
        if keys.count((sweep.method, sweep.key)) > 1:
            raise InvalidValueError(
                f"--sweep {_name(sweep)} is given twice: write all values after one ="
            )
        _check_apart(sweep, sweeps)
    return sweeps


def _read(text: str, given: Sequence[Method], options: Options) -> Sweep:
    key, equals, rest = text.partition("=")
    texts = _split(rest)
    if not equals or not all(texts):
        raise InvalidValueError(
            f"--sweep {text!r}: write NAME=V1,V2, each value with something in it; a comma within "
            r"a value is \,"
        )
    head, _, argument = key.partition(".")
    if argument and head in methods():
        return _of_method(head, argument, texts, given)
    allowed = [*_WRITING, "extra_body.NAME", *_arguments(given)]
    if head in GenerateConfig.model_fields and head not in _WRITING:
        raise InvalidValueError(
            f"--sweep {key}: {head} does not change what a model writes, so there is nothing to "
            f"compare; give one value after the tasks, as --{head.replace('_', '-')} VALUE"
        )
    check_name("sweep", key if head != "extra_body" else head, allowed)
    _check_no_plain_value(key, options)
    values = tuple(_typed(key, value) for value in texts)
    _check_different(key, texts, [Setting.of({"value": value}) for value in values])
    return Sweep(key, values)


def _arguments(given: Sequence[Method]) -> list[str]:
    return [
        f"{name}.{argument}"
        for name in dict.fromkeys(method.name for method in given)
        if name in methods()
        for argument in methods()[name].parameters
    ]


def _of_method(name: str, argument: str, texts: Sequence[str], given: Sequence[Method]) -> Sweep:
    check_name(f"argument of method {name}", argument, methods()[name].parameters)
    named = [method for method in given if method.name == name]
    if not named:
        raise InvalidValueError(
            f"--sweep {name}.{argument}: no --method names {name}; named are "
            f"{', '.join(dict.fromkeys(method.name for method in given)) or 'none'}: add "
            f"--method {name}"
        )
    for method in named:
        if argument in method.arguments:
            raise InvalidValueError(
                f"--sweep {name}.{argument}: --method {method} has a value for it too; leave out "
                "one of the two"
            )
    checked = [
        checked_arguments(f"method {name}", methods()[name].signature, {argument: text})[argument]
        for text in texts
    ]
    _check_different(f"{name}.{argument}", texts, [str(value) for value in checked])
    return Sweep(argument, tuple(texts), name)


def _split(text: str) -> list[str]:
    """The text, cut at the commas that no backslash escapes."""
    values = [""]
    for piece in _PIECE.findall(text):
        if piece == ",":
            values.append("")
        else:
            values[-1] += piece
    return [_ESCAPED.sub(r"\1", value) for value in values]


def _typed(key: str, text: str) -> Any:
    """A value as Inspect's own model of generation settings takes it."""
    name, _, path = key.partition(".")
    if path:
        return _plain(text)
    what, parameter = "--sweep", _parameter(name)
    try:
        value = checked_arguments(what, inspect.Signature([parameter]), {name: text})[name]
    except UnknownNameError:
        raise
    except InvalidValueError:
        # lists and objects are written as YAML
        value = _plain(text)
        if isinstance(value, str):
            raise
        value = checked_arguments(what, inspect.Signature([parameter]), {name: value})[name]
    try:
        return getattr(GenerateConfig(**{name: value}), name)
    except ValidationError as error:
        raise InvalidValueError(f"--sweep {key}={text}: {error.errors()[0]['msg']}") from error


def _plain(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidValueError(f"--sweep: {text!r} is no YAML; quote it within") from error


def _parameter(name: str) -> inspect.Parameter:
    annotation = _without_none(GenerateConfig.model_fields[name].annotation)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation)


def _without_none(annotation: Any) -> Any:
    """The type without None: "none" is an effort, and no value at all is no value to sweep."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation
    kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    return reduce(or_, kinds[1:], kinds[0])


def _check_no_plain_value(key: str, options: Options) -> None:
    value: Any = options.generation
    for name in key.split("."):
        if not isinstance(value, Mapping):
            break
        if name not in value:
            return
        value = value[name]
    raise InvalidValueError(
        f"--sweep {key}: it has the plain value {value} too; leave out one of the two"
    )


def _check_different(key: str, texts: Sequence[str], values: Sequence[object]) -> None:
    for at, value in enumerate(values):
        if value in values[:at]:
            earlier = texts[values.index(value)]
            same = "" if earlier == texts[at] else f", as {earlier!r} is the same"
            raise InvalidValueError(f"--sweep {key}: the value {texts[at]!r} stands twice{same}")


def _check_apart(sweep: Sweep, sweeps: Sequence[Sweep]) -> None:
    for other in sweeps:
        if sweep.method is None is other.method and other.key.startswith(f"{sweep.key}."):
            raise InvalidValueError(
                f"--sweep {sweep.key} and --sweep {other.key}: sweep one of the two"
            )


def _name(sweep: Sweep) -> str:
    return f"{sweep.method}.{sweep.key}" if sweep.method else sweep.key


def swept_methods(written: str, sweeps: Sequence[Sweep]) -> list[str]:
    """A method with every combination of the values that its arguments are swept over.

    Raises:
        UnknownNameError, InvalidValueError: The method with these arguments makes no sense.
    """
    found = [Method.parse(written)]
    for sweep in sweeps:
        if sweep.method == found[0].name:
            found = [
                Method(method.name, {**method.arguments, sweep.key: value})
                for method in found
                for value in sweep.values
            ]
    if found == [Method.parse(written)]:
        resolve(written)
        return [written]
    for method in found:
        resolve(method)
    return [str(method) for method in found]


Swept = tuple[tuple[str, str], ...]
"""Generation settings by name or path, each value as JSON: what can be hashed."""


def swept_settings(sweeps: Sequence[Sweep]) -> list[Swept]:
    """Every combination of the generation settings' values; one empty one without a sweep."""
    found: list[Swept] = [()]
    for sweep in sweeps:
        if sweep.method is None:
            found = [
                (*swept, (sweep.key, json.dumps(value, ensure_ascii=False)))
                for swept in found
                for value in sweep.values
            ]
    return found


def with_swept(generation: Mapping[str, Any], swept: Swept) -> dict[str, Any]:
    """Generation settings, and those of a sweep among them."""
    merged = deepcopy(dict(generation))
    for key, value in swept:
        *above, name = key.split(".")
        place = merged
        for part in above:
            place = place.setdefault(part, {})
        place[name] = json.loads(value)
    return merged
