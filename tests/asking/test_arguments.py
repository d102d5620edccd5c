"""Arguments in the types that a signature names."""

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
) -> None:
    """What arguments are for."""


@pytest.mark.parametrize(
    ("key", "written", "value"),
    [
        ("tokens", "50", 50),
        ("tokens", 50, 50),
        ("bound", "50", 50),
        ("bound", None, None),
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
        ("tokens", "many", "method m: tokens=many: Input should be a valid integer"),
        ("tokens", "2.5", "method m: tokens=2.5: "),
        ("tokens", True, "method m: tokens=True: Input should be a number"),
        ("speculative", "perhaps", "method m: speculative=perhaps: "),
        ("text", 5, "method m: text=5: Input should be a valid string"),
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


def test_a_name_with_arguments_is_split() -> None:
    assert split_arguments("task", "a/b:x=1:y=k=v") == ("a/b", {"x": "1", "y": "k=v"})
    with pytest.raises(InvalidValueError, match="write 'x' as x=VALUE"):
        split_arguments("task", "a:x")
    with pytest.raises(InvalidValueError, match="x is given twice"):
        split_arguments("task", "a:x=1:x=2")
