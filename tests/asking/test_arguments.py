"""Arguments in the types that a signature names."""

from collections.abc import Callable
from typing import Literal

import pytest

from tale_eval.asking.arguments import checked_arguments, split_arguments
from tale_eval.errors import InvalidValueError, UnknownNameError


def method(
    text: str = "x",
    tokens: int = 1,
    bound: int | None = None,
    tolerance: float = 0.1,
    speculative: bool = False,
    style: Literal["paper", "answer_last"] = "paper",
    size: Literal[5, 10] = 5,
    ending: Literal["dot"] | None = None,
    either: int | Literal["all"] = 1,
) -> None:
    """What arguments are for."""


@pytest.mark.parametrize(
    ("key", "written", "value"),
    [
        ("tokens", "50", 50),
        ("tokens", 50, 50),
        ("bound", "50", 50),
        ("bound", None, None),
        ("bound", "none", None),
        ("bound", "None", None),
        ("size", "10", 10),
        ("ending", "none", None),
        ("ending", "dot", "dot"),
        ("either", "all", "all"),
        ("either", "7", 7),
        ("tolerance", "0.5", 0.5),
        ("speculative", "true", True),
        ("style", "answer_last", "answer_last"),
        # a text stays what was written, whatever YAML makes of it
        ("text", "no", "no"),
        ("text", "@x", "@x"),
        ("text", "", ""),
        ("text", None, ""),
        ("text", ["Think", " then answer."], "Think, then answer."),
    ],
)
def test_a_value_gets_its_type(key: str, written: object, value: object) -> None:
    found = checked_arguments("method m", method, {key: written})[key]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("key", "written", "message"),
    [
        ("tokens", "many", "method m: tokens=many: must be a whole number"),
        ("tokens", "2.5", "method m: tokens=2.5: must be a whole number"),
        ("tokens", True, "method m: tokens=True: must be a whole number"),
        ("bound", "abc", "method m: bound=abc: must be a whole number or none"),
        ("bound", True, "method m: bound=True: must be a whole number or none"),
        ("tolerance", "low", "method m: tolerance=low: must be a number"),
        ("speculative", "perhaps", "method m: speculative=perhaps: must be true or false"),
        ("text", 5, "method m: text=5: must be a text"),
    ],
)
def test_a_value_of_another_type_is_refused(key: str, written: object, message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        checked_arguments("method m", method, {key: written})


def test_names_outside_a_closed_set_are_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"argument of method m 'stile'.*'style'"):
        checked_arguments("method m", method, {"stile": "paper"})
    with pytest.raises(UnknownNameError, match=r"unknown style 'papr'.*'paper'"):
        checked_arguments("method m", method, {"style": "papr"})
    with pytest.raises(
        UnknownNameError, match=r"unknown ending 'dott'; allowed: dot, none\..*'dot'"
    ):
        checked_arguments("method m", method, {"ending": "dott"})
    with pytest.raises(InvalidValueError, match="either=al: must be a whole number or all"):
        checked_arguments("method m", method, {"either": "al"})


def no_type(x=1) -> None:  # type: ignore[no-untyped-def]
    """An argument that says nothing of its type."""


def no_name(x: int = 1, /) -> None:
    """An argument without a name for those who call."""


def any_name(**x: int) -> None:
    """Arguments of any name."""


def not_there(x: "Nowhere" = 1) -> None:  # type: ignore[name-defined] # noqa: F821
    """An argument whose type is not there."""


@pytest.mark.parametrize(
    ("create", "message"),
    [
        (no_type, "method m: x has no type; annotate it, as in 'x: int'"),
        (no_name, "method m: 'x: int = 1' cannot be given by its name"),
        (any_name, r"method m: '\*\*x: int' cannot be given by its name; .* without /, \*args"),
        (not_there, "annotations cannot be read .*'Nowhere' is not defined.* TYPE_CHECKING"),
    ],
)
def test_an_argument_that_nobody_can_give_is_named_with_the_fix(
    create: Callable[..., None], message: str
) -> None:
    with pytest.raises(InvalidValueError, match=message):
        checked_arguments("method m", create, {"x": "1"})


class Unreadable:
    """No type that a text is read as."""


def test_an_argument_of_a_type_of_ones_own_is_named_with_the_fix() -> None:
    def create(x: Unreadable = Unreadable()) -> None:  # noqa: B008
        """An argument that no text can be read as."""

    with pytest.raises(InvalidValueError, match=r"no text can be read as x: .*str, int, float"):
        checked_arguments("method m", create, {"x": "1"})


def test_a_name_with_arguments_is_split() -> None:
    assert split_arguments("task", "a/b:x=1:y=k=v") == ("a/b", {"x": "1", "y": "k=v"})
    with pytest.raises(InvalidValueError, match="write 'x' as x=VALUE"):
        split_arguments("task", "a:x")
    with pytest.raises(InvalidValueError, match="x is given twice"):
        split_arguments("task", "a:x=1:x=2")
