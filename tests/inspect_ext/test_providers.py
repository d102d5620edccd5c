"""Which control each of Inspect's providers can take, and how it is told."""

import logging
from typing import Any

import pytest
from inspect_ai._util.registry import registry_find, registry_unqualified_name
from inspect_ai.model import Model, get_model

from tale_eval.asking.control import control_of
from tale_eval.budgets.plan import under_budget
from tale_eval.errors import InvalidValueError
from tale_eval.inspect_ext import providers
from tale_eval.inspect_ext.providers import request_settings, smallest, taken_by

ADDRESS = "http://127.0.0.1:9/v1"


def model(name: str) -> Model:
    return get_model(name, base_url=ADDRESS, api_key="none", memoize=False)


def told(name: str, control: str, budget: int = 30) -> dict[str, Any]:
    return request_settings(model(name), under_budget(control_of(control), budget, "paper"))


def test_every_provider_of_inspects_is_known() -> None:
    found = registry_find(lambda info: info.type == "modelapi" and "inspect_ai/" in info.name)
    names = {registry_unqualified_name(provider) for provider in found}
    assert len(names) > 20
    # "none" asks nobody
    assert names - providers._PROVIDERS.keys() == {"none"}


@pytest.mark.parametrize(
    ("name", "thinking"),
    [
        ("openai-api/loop/m", {"extra_body": {"thinking_token_budget": 30}}),
        ("vllm/m", {"extra_body": {"thinking_token_budget": 30}}),
        ("sglang/m", {"extra_body": {"custom_params": {"thinking_budget": 30}}}),
        ("openai-api/sglang/m", {"extra_body": {"custom_params": {"thinking_budget": 30}}}),
        (
            "openai-api/dashscope/qwen-plus",
            {"extra_body": {"enable_thinking": True, "thinking_budget": 30}},
        ),
        ("openrouter/a/b", {"reasoning_tokens": 30}),
        ("mockllm/model", {"reasoning_tokens": 30}),
    ],
)
def test_a_thinking_budget_goes_by_each_providers_name(name: str, thinking: dict) -> None:
    assert told(name, "thinking") == thinking
    assert told(name, "effort") == {"reasoning_effort": "low"}
    assert told(name, "cap") == {"max_tokens": 50}
    assert told(name, "cap+thinking") == {"max_tokens": 50, **thinking}
    assert told(name, "prompt") == {}


@pytest.mark.parametrize(
    ("name", "control", "why"),
    [
        ("deepseek/deepseek-chat", "thinking", "no thinking budget; it can take prompt, words"),
        # by Inspect's table of models
        ("deepseek/deepseek-reasoner", "effort", "no scale of effort"),
        ("openai/gpt-5", "thinking", "it can take prompt, words, cap, effort"),
        ("openai/gpt-4o", "effort", "a model that does not reason"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_the_reason(name: str, control: str, why: str) -> None:
    with pytest.raises(InvalidValueError, match=f"{name} cannot take '{control}'") as caught:
        smallest(model(name), control_of(control))
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("name", "effort", "thinking", "floor"),
    [
        ("claude-3-5-sonnet-20241022", False, False, 1),
        ("claude-3-7-sonnet-20250219", True, True, 1024),
        ("claude-sonnet-4-5", True, True, 1024),
        ("claude-opus-4-6", True, True, 1024),
        ("claude-opus-4-7", True, False, 1),
        ("claude-sonnet-5", True, False, 1),
    ],
)
def test_claude_by_its_generation(name: str, effort: bool, thinking: bool, floor: int) -> None:
    pytest.importorskip("anthropic")
    taken = taken_by(model(f"anthropic/{name}"))
    can = {"effort": effort, "thinking": thinking}
    assert taken.refusals().keys() == {control for control, can in can.items() if not can}
    assert taken.floor == floor


@pytest.mark.parametrize(
    ("name", "effort", "thinking", "floor"),
    [
        ("gemini-2.0-flash", False, False, 1),
        ("gemini-2.5-pro", True, True, 128),
        ("gemini-2.5-flash", True, True, 1),
        ("gemini-2.5-flash-lite", True, True, 512),
        ("gemini-3-pro-preview", True, False, 1),
    ],
)
def test_gemini_by_its_generation(name: str, effort: bool, thinking: bool, floor: int) -> None:
    pytest.importorskip("google.genai")
    taken = taken_by(model(f"google/{name}"))
    can = {"effort": effort, "thinking": thinking}
    assert taken.refusals().keys() == {control for control, can in can.items() if not can}
    assert taken.floor == floor


def test_what_is_only_guessed_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    providers._note.cache_clear()
    asked = model("openai-api/loop/once")
    with caplog.at_level(logging.WARNING, logger=providers.__name__):
        for _ in range(3):
            smallest(asked, control_of("thinking"))
            smallest(asked, control_of("prompt+cap"))
    assert caplog.messages == [
        "openai-api/loop/once: whether the server obeys thinking_token_budget is not known "
        "beforehand: the report shows what it wrote"
    ]


def test_the_floor_holds_for_thinking_budgets_alone() -> None:
    pytest.importorskip("anthropic")
    claude = model("anthropic/claude-sonnet-4-5")
    assert smallest(claude, control_of("thinking")) == 1024
    assert smallest(claude, control_of("cap")) == smallest(claude, control_of("effort")) == 1
