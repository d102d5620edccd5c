r"""`--sweep KEY=V1,V2`: what it stands for, and what is refused before anything runs."""

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tale_eval.errors import InvalidValueError, TaleEvalError, UnknownNameError
from tale_eval.inspect_ext.command_line import option_words, read_options
from tale_eval.matrix.combination import Combination, combinations, eval_set_words
from tale_eval.matrix.sweeps import read_sweeps, swept_methods, swept_settings, with_swept


def values(written: str, *methods: str) -> tuple[Any, ...]:
    (sweep,) = read_sweeps([written], methods or ["cot"])
    return sweep.values


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("reasoning_effort=none,low", ("none", "low")),
        ("max_tokens=100,200", (100, 200)),
        ("temperature=0,0.5", (0.0, 0.5)),
        ("seed=1,2,3", (1, 2, 3)),
        ("parallel_tool_calls=true,false", (True, False)),
        ("stop_seqs=[a],[b]", (["a"], ["b"])),
        ("extra_body.thinking_token_budget=100,200", (100, 200)),
        ("extra_body.chat_template_kwargs.enable_thinking=true,false", (True, False)),
        (r"system_message=Be brief\, please,Think", ("Be brief, please", "Think")),
        (r"system_message=a\\b,c\d", ("a\\b", "c\\d")),
        ("system_message=a=b,c", ("a=b", "c")),
    ],
)
def test_values_have_the_type_of_their_setting(written: str, expected: tuple[Any, ...]) -> None:
    assert values(written) == expected
    assert [type(value) for value in values(written)] == [type(value) for value in expected]


@given(st.lists(st.text("ab,\\ =", min_size=1), min_size=1, max_size=4, unique=True))
def test_every_text_can_be_swept_once_commas_and_backslashes_are_escaped(texts: list[str]) -> None:
    escaped = [text.replace("\\", "\\\\").replace(",", "\\,") for text in texts]
    assert values(f"system_message={','.join(escaped)}") == tuple(texts)


@pytest.mark.parametrize(
    ("sweeps", "options", "error", "message"),
    [
        (["reasoning_efort=low"], [], UnknownNameError, "Did you mean 'reasoning_effort'"),
        (["reasoning_effort=hgh,low"], [], UnknownNameError, "'hgh'.*Did you mean 'high'"),
        (["max_tokens=5,x"], [], InvalidValueError, "max_tokens=x: must be a whole number"),
        (["prompt_logprobs=1"], [], InvalidValueError, "does not change what a model writes"),
        (["max_connections=1,2"], [], InvalidValueError, "give one value .* --max-connections"),
        (["top_p"], [], InvalidValueError, "write NAME=V1,V2"),
        (["top_p="], [], InvalidValueError, "each value with something in it"),
        (["top_p=0.1,"], [], InvalidValueError, "each value with something in it"),
        (["temperature=0,0.0"], [], InvalidValueError, "'0.0' stands twice, as '0' is the same"),
        (["top_p=0.1", "top_p=0.2"], [], InvalidValueError, "top_p is given twice"),
        (["max_tokens=5,6"], ["--max-tokens", "7"], InvalidValueError, "plain value 7"),
        (
            ["extra_body.a.b=1,2"],
            ["--extra-body", '{"a": {"b": 3}}'],
            InvalidValueError,
            "plain value 3",
        ),
        (["extra_body.a.b=1,2"], ["--extra-body", '{"a": 3}'], InvalidValueError, "plain value 3"),
        (
            ["extra_body.a=1,2", "extra_body.a.b=1,2"],
            [],
            InvalidValueError,
            "sweep one of the two",
        ),
        (["extra_body.a=[1,2"], [], InvalidValueError, "is no YAML"),
        (["budget.tokens=5"], [], InvalidValueError, "no --method names budget; named are cot"),
        (["cot.stile=paper"], [], UnknownNameError, "argument of method cot 'stile'.*'style'"),
        (["cot.style=papr"], [], UnknownNameError, "Did you mean 'paper'"),
        (["cott.style=paper"], [], UnknownNameError, "unknown sweep.*cot.style"),
    ],
)
def test_typing_errors_are_found_before_anything_runs(
    sweeps: list[str], options: list[str], error: type[TaleEvalError], message: str
) -> None:
    with pytest.raises(error, match=message):
        combinations(["gsm8k"], ["cot"], ["mockllm/model"], sweeps, read_options(options))


@pytest.mark.parametrize(
    ("method", "values", "message"),
    [
        ("budget", "50,50", "'50' stands twice"),
        ("budget", "50,050", "'050' stands twice, as '50' is the same"),
        ("budget", "fifty", "tokens=fifty: must be a whole number"),
        ("budget", "0", "tokens=0: must be a whole number from 1 up"),
        ("budget:tokens=5", "50", "has a value for it too"),
    ],
)
def test_the_values_of_a_methods_argument_are_checked_as_its_own(
    method: str, values: str, message: str
) -> None:
    with pytest.raises(InvalidValueError, match=message):
        combinations(["gsm8k"], [method], ["mockllm/model"], [f"budget.tokens={values}"])


def test_an_argument_is_swept_in_its_own_method_alone() -> None:
    found = combinations(["gsm8k"], ["cot", "budget"], ["a/b"], ["budget.tokens=50,100"])
    assert [each.method for each in found] == ["cot", "budget:tokens=50", "budget:tokens=100"]


def test_a_method_keeps_what_it_was_given_beside_the_sweep() -> None:
    sweeps = read_sweeps(["budget.tokens=50,100"], ["budget:style=answer_last"])
    assert swept_methods("budget:style=answer_last", sweeps) == [
        "budget:style=answer_last:tokens=50",
        "budget:style=answer_last:tokens=100",
    ]


def test_sweeps_multiply() -> None:
    sweeps = ["reasoning_effort=low,high", "max_tokens=100,200", "budget.tokens=50,60"]
    found = combinations(["gsm8k"], ["budget"], ["a/b"], sweeps)
    assert len(found) == len(set(found)) == 8
    assert str(found[0]) == (
        "gsm8k · budget:tokens=50 · a/b · reasoning_effort=low, max_tokens=100"
    )


def test_what_is_swept_follows_all_other_options_and_joins_what_they_give() -> None:
    swept = swept_settings(read_sweeps(["extra_body.b.c=1"], ["cot"]))[0]
    options = ["--extra-body", '{"a": 5, "b": {"d": 6}}', "--limit", "3"]
    words = eval_set_words(Combination("gsm8k", "cot", "a/b", swept), "logs", options)
    assert words[-6:-2] == options
    name, value = words[-2:]
    assert name == "--extra-body"
    assert json.loads(value) == {"a": 5, "b": {"d": 6, "c": 1}}
    # the last one counts, for Inspect too
    assert read_options([*options, name, value]).generation == {"extra_body": json.loads(value)}


def test_a_sweep_leaves_the_plain_settings_as_they_are() -> None:
    generation = {"extra_body": {"a": {"b": 1}}}
    assert with_swept(generation, (("extra_body.a.c", "2"),)) == {
        "extra_body": {"a": {"b": 1, "c": 2}}
    }
    assert generation == {"extra_body": {"a": {"b": 1}}}


@pytest.mark.parametrize(
    "generation",
    [
        {"reasoning_effort": "high", "max_tokens": 5},
        {"temperature": 0.25, "stop_seqs": ["a", "b"]},
        {"extra_body": {"a": [1, {"b": None}]}},
        {"logit_bias": {42: 10.0, 43: -10.0}},
        {"parallel_tool_calls": False},
        {"system_message": "-- no option"},
    ],
)
def test_settings_are_said_so_that_inspect_reads_the_same(generation: dict[str, Any]) -> None:
    assert read_options(option_words(generation)).generation == generation


def test_what_inspects_command_line_cannot_say_is_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"stop_seqs.*cannot be said"):
        option_words({"stop_seqs": ["a,b"]})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--limt", "5"], "No such option '--limt'.*--limit"),
        (["--max-tokens", "x"], "'--max-tokens': 'x' is not a valid integer"),
        (["--reasoning-effort", "hgh"], "'hgh' is not one of"),
        (["--generate-config", "nowhere.yaml"], "nowhere.yaml does not exist"),
        (["--limit"], "requires an argument"),
        (["--limit", "5", "gpqa"], "gpqa: name the tasks before the first option"),
        (["--detach"], "would live on"),
    ],
)
def test_a_wrong_option_of_inspects_is_found_before_anything_runs(
    options: list[str], message: str
) -> None:
    with pytest.raises(InvalidValueError, match=message):
        read_options(options)


def test_settings_are_known_wherever_they_are_written(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text("temperature: 0.5\nmax_tokens: 7\n")
    monkeypatch.setenv("INSPECT_EVAL_REASONING_EFFORT", "low")
    options = read_options(["--generate-config", str(config), "--max-tokens", "9"])
    assert options.generation == {
        "temperature": 0.5,
        "max_tokens": 9,
        "reasoning_effort": "low",
    }
