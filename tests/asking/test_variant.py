"""A method at a setting: what a row is called, and what a user may call it."""

import pytest
from hypothesis import given, strategies as st

from tale_eval.asking.setting import Setting
from tale_eval.asking.variant import Variant, differing, label, order, written


def at(method: str = "cot", **generation: object) -> Variant:
    return Variant(method, Setting.of(generation))


def labels(*variants: Variant) -> list[str]:
    keys = differing(variants)
    return [label(variant, keys) for variant in variants]


def test_a_label_shows_what_differs_and_nothing_else() -> None:
    assert labels(
        at(reasoning_effort="low", max_tokens=512), at(reasoning_effort="high", max_tokens=512)
    ) == ["cot · reasoning_effort=low", "cot · reasoning_effort=high"]
    assert labels(at(max_tokens=512), at("direct", max_tokens=512)) == ["cot", "direct"]


def test_what_one_row_leaves_to_the_provider_is_its_default() -> None:
    assert labels(at(), at(reasoning_effort="high")) == [
        "cot · reasoning_effort=default",
        "cot · reasoning_effort=high",
    ]


def test_several_settings_stand_by_name() -> None:
    assert labels(at(temperature=0, max_tokens=64), at(temperature=1, max_tokens=128)) == [
        "cot · max_tokens=64, temperature=0",
        "cot · max_tokens=128, temperature=1",
    ]


def test_a_nested_name_is_shown_by_its_end_unless_two_end_alike() -> None:
    on, off = ({"extra_body": {"chat_template_kwargs": {"thinking": on}}} for on in (True, False))
    assert labels(at(**on), at(**off)) == ["cot · thinking=true", "cot · thinking=false"]
    assert labels(at(thinking="x", **on), at(thinking="y", **off)) == [
        "cot · extra_body.chat_template_kwargs.thinking=true, thinking=x",
        "cot · extra_body.chat_template_kwargs.thinking=false, thinking=y",
    ]


def test_a_long_value_is_cut_and_stays_another_than_those_that_begin_alike() -> None:
    one, other = labels(
        at(system_message="You are a careful mathematician."),
        at(system_message="You are a careful physicist, who thinks aloud."),
    )
    assert one.startswith("cot · system_message=You are a carefu…")
    assert len(one) == len(other) == len("cot · system_message=") + 21
    assert one != other


VALUES = st.one_of(st.integers(0, 9), st.sampled_from(["low", "high"]), st.text(max_size=40))
SETTINGS = st.dictionaries(st.sampled_from(["a", "b", "x.a", "x.b"]), VALUES, max_size=3)


@given(st.lists(SETTINGS, min_size=2, max_size=5))
def test_rows_of_different_numbers_words_or_texts_have_different_labels(
    settings: list[dict[str, object]],
) -> None:
    variants = {Variant("cot", Setting.of(setting)) for setting in settings}
    # what a user may write that a label itself is made of
    odd = {"default"}
    plain = [
        v
        for v in variants
        if not any(x in odd or "," in x or "=" in x for x in v.setting.values.values())
    ]
    assert len(set(labels(*plain))) == len(plain)


@pytest.mark.parametrize(
    ("text", "method", "settings"),
    [
        ("cot · reasoning_effort=low", "cot", {"reasoning_effort": "low"}),
        ("cot, reasoning_effort=low", "cot", {"reasoning_effort": "low"}),
        ("cot,max_tokens=64,top_p=1", "cot", {"max_tokens": "64", "top_p": "1"}),
        ("budget:tokens=50 · effort=low", "budget:tokens=50", {"effort": "low"}),
        ("m(a=1, b=2) · effort=low", "m(a=1, b=2)", {"effort": "low"}),
        ("cot @ mine · effort=low", "cot @ mine", {"effort": "low"}),
    ],
)
def test_a_label_is_read_as_it_is_written(text: str, method: str, settings: dict[str, str]) -> None:
    assert written(text) == (method, settings)


@pytest.mark.parametrize("text", ["cot", "cot:style=answer", "", "a, b"])
def test_a_method_alone_names_no_setting(text: str) -> None:
    assert written(text) is None


def test_rows_go_by_method_then_from_the_default_to_the_most() -> None:
    efforts = ["high", "low", "none", "medium", "minimal"]
    rows = [at(reasoning_effort=effort) for effort in efforts] + [at(), at("a")]
    assert [
        v.setting.values.get("reasoning_effort", v.method) for v in sorted(rows, key=order)
    ] == [
        *("a", "cot"),
        *("none", "minimal", "low", "medium", "high"),
    ]
    caps = sorted([at(max_tokens=n) for n in (1024, 512, 64)], key=order)
    assert [variant.setting.values["max_tokens"] for variant in caps] == ["64", "512", "1024"]
