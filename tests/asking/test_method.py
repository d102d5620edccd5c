"""A method as a value: what users write, what logs keep, and that both are the same."""

from typing import Any

import pytest
import yaml
from hypothesis import given, strategies as st

from tale_eval.asking.method import Method, as_method
from tale_eval.errors import InvalidValueError

NAMES = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)
# colons and backslashes are what could break, so they come often
VALUES = st.text(st.sampled_from(":\\=ab \n思") | st.characters(exclude_categories=["Cs"]))


@given(NAMES, st.dictionaries(NAMES, VALUES, max_size=4))
def test_what_is_written_reads_as_the_same_method(name: str, arguments: dict[str, str]) -> None:
    method = Method(name, arguments)
    assert Method.parse(str(method)) == method
    assert Method.of_label(str(method)) == method


@given(st.text())
def test_every_label_reads_as_something(label: str) -> None:
    assert isinstance(Method.of_label(label).name, str)


@given(st.text(st.sampled_from(":\\=a b") | st.characters()), st.text(st.sampled_from(":= a1\\")))
def test_a_method_that_could_not_be_read_back_is_refused(name: str, key: str) -> None:
    try:
        method = Method(name, {key: "1"})
    except InvalidValueError:
        return
    assert Method.parse(str(method)) == Method.of_label(str(method)) == method


@pytest.mark.parametrize(
    ("name", "key", "message"),
    [
        ("a:b", "x", "method 'a:b': a method's name has no colon"),
        ("a\\", "x", "no backslash"),
        ("cot", "a:b", "method cot: 'a:b' is no argument's name: it has letters"),
        ("cot", " style", "method cot: ' style' is no argument's name"),
        ("cot", "", "'' is no argument's name"),
    ],
)
def test_a_name_with_a_colon_and_a_key_that_is_none_are_refused(
    name: str, key: str, message: str
) -> None:
    with pytest.raises(InvalidValueError, match=message):
        Method(name, {key: "1"})


def test_a_value_that_is_no_text_is_written_as_one() -> None:
    assert str(Method("budget", {"tokens": 50})) == "budget:tokens=50"  # type: ignore[dict-item]


def test_a_method_with_arguments() -> None:
    method = Method.parse("budget:tokens=50:style=answer_last")
    assert (method.name, method.arguments) == ("budget", {"tokens": "50", "style": "answer_last"})
    assert str(method) == "budget:tokens=50:style=answer_last"
    assert str(Method.parse("cot")) == "cot"


def test_the_order_of_arguments_makes_no_other_method() -> None:
    one, other = Method.parse("m:a=1:b=2"), Method.parse("m:b=2:a=1")
    assert one == other
    assert hash(one) == hash(other)
    assert one != Method.parse("m:a=1:b=3")


def test_a_colon_in_a_value_is_escaped_and_other_backslashes_stay() -> None:
    method = Method.parse(r"cot:system_prompt=Note\: use \boxed{}:style=paper")
    assert method.arguments["system_prompt"] == r"Note: use \boxed{}"
    assert str(method) == r"cot:system_prompt=Note\: use \boxed{}:style=paper"
    assert str(Method("m", {"a": "ends in \\"})) == r"m:a=ends in \\"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("budget:50", "write '50' as 50=VALUE"),
        ("budget:tokens=1:tokens=2", "tokens is given twice"),
    ],
)
def test_what_nobody_can_mean_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        Method.parse(text)


def test_a_label_of_version_0_1_0_has_plain_colons() -> None:
    method = Method.of_label("cot:system_prompt=Be brief: two lines: no more:style=paper")
    assert method.arguments == {
        "system_prompt": "Be brief: two lines: no more",
        "style": "paper",
    }
    assert Method.of_label("generate(x=1): odd").name == "generate(x=1): odd"


def test_a_method_is_given_as_a_value_or_as_a_text() -> None:
    assert as_method("cot") == as_method(Method("cot"))
    with pytest.raises(InvalidValueError, match="expected a text such as 'cot'"):
        as_method(5)  # type: ignore[arg-type]


def test_a_text_that_yaml_takes_for_something_else_is_shown_how_to_quote() -> None:
    """As Inspect gives it after -T 'method=cot:system_prompt=Note\\: be brief'."""
    read: Any = {"cot:system_prompt=Note\\": "be brief"}
    with pytest.raises(InvalidValueError) as refused:
        as_method(read)
    quoted = r"'cot:system_prompt=Note\: be brief'"
    assert str(refused.value).endswith(f'so quote it within: -T "method={quoted}"')
    assert as_method(yaml.safe_load(quoted)).arguments == {"system_prompt": "Note: be brief"}


def test_a_method_that_inspect_cut_at_its_commas_is_whole_again() -> None:
    cut = ["tale_ep:control=effort:effort_table=256=low", "*=high"]
    assert as_method(cut).arguments["effort_table"] == "256=low,*=high"
