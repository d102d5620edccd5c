"""A setting is a value: what changes what a model writes."""

from tale_eval.asking.setting import Setting


def test_a_setting_keeps_what_changes_what_is_written() -> None:
    generation = {
        "reasoning_effort": "high",
        "max_tokens": 512,
        "max_connections": 64,
        "timeout": None,
        "seed": 7,
        "extra_body": {"thinking_token_budget": 100, "chat_template_kwargs": {"thinking": True}},
    }
    assert str(Setting.of(generation)) == (
        "extra_body.chat_template_kwargs.thinking=true, extra_body.thinking_token_budget=100, "
        "max_tokens=512, reasoning_effort=high"
    )


def test_the_order_and_the_type_of_a_number_make_no_other_setting() -> None:
    first = Setting.of({"temperature": 0.0, "top_p": 0.95})
    assert first == Setting.of({"top_p": 0.95, "temperature": 0})
    assert hash(first) == hash(Setting.of({"top_p": 0.95, "temperature": 0}))
    assert first != Setting.of({"top_p": 0.95})


def test_part_of_a_setting() -> None:
    assert str(Setting.of({"effort": "low", "top_p": 0.5}).only({"effort"})) == "effort=low"


def test_the_rest_of_a_setting() -> None:
    assert str(Setting.of({"effort": "low", "top_p": 0.5}).without({"effort"})) == "top_p=0.5"


def test_a_large_number_keeps_all_its_digits() -> None:
    assert str(Setting.of({"max_tokens": 1234567.0, "top_p": 0.1234567})) == (
        "max_tokens=1234567, top_p=0.1234567"
    )


def test_a_model_argument_counts_where_it_is_a_generation_setting() -> None:
    arguments = {"do_sample": False, "dtype": "float16", "device": "cuda:0", "temperature": 0.5}
    assert str(Setting.of_run({"max_tokens": 9}, arguments)) == (
        "do_sample=false, max_tokens=9, temperature=0.5"
    )
    # the run's own word holds, and what it leaves open is open
    assert str(Setting.of_run({"temperature": 1, "top_p": None}, {"temperature": 0})) == (
        "temperature=1"
    )
