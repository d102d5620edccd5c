"""The server with a thinking model: what it writes under each control, in each mode."""

import json
from dataclasses import replace
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from reasoning_server import Behaviour, Exchange, Mode, Natural, reasoning_server

# 400 tokens of thinking, 40 of reply
NATURAL = Natural(400, 40, "[[2]]")
HONEST = Behaviour()


def asked(
    behaviour: Behaviour = HONEST,
    prompt: str = "What?",
    path: str = "/v1/chat/completions",
    **fields: Any,
) -> Exchange:
    with reasoning_server(lambda _: NATURAL, behaviour) as server:
        connection = HTTPConnection(urlsplit(server.root).netloc)
        request = {"model": "m", "messages": [{"role": "user", "content": prompt}], **fields}
        connection.request("POST", path, json.dumps(request))
        connection.getresponse().read()
    (exchange,) = server.exchanges
    return exchange


def written(exchange: Exchange) -> tuple[int, int, bool]:
    return exchange.thought, exchange.visible, exchange.cut


@pytest.mark.parametrize(
    ("mode", "effort", "cap", "thinking", "prompt"),
    [
        # low is a quarter of the thinking; the cap holds both, thinking first
        ("honour", (100, 40, False), (300, 0, True), (60, 40, False), (400, 10, False)),
        ("ignore", (400, 40, False), (400, 40, False), (400, 40, False), (400, 40, False)),
        # half-way: (400 + 100) / 2, (440 + 300) / 2, (400 + 60) / 2, (40 + 10) / 2
        ("half", (250, 40, False), (370, 0, True), (230, 40, False), (400, 25, False)),
    ],
)
def test_a_control_is_honoured_ignored_or_half_honoured(
    mode: Mode, effort: Any, cap: Any, thinking: Any, prompt: Any
) -> None:
    all_so = Behaviour(effort=mode, cap=mode, thinking=mode, prompt=mode)
    assert written(asked(all_so, reasoning_effort="low")) == effort
    assert written(asked(all_so, max_tokens=300)) == cap
    assert written(asked(all_so, max_completion_tokens=300)) == cap
    assert written(asked(all_so, thinking_token_budget=60)) == thinking
    assert written(asked(all_so, thinking_budget=60)) == thinking
    assert written(asked(all_so, custom_params={"thinking_budget": 60})) == thinking
    assert written(asked(all_so, prompt="use less than 10 tokens:")) == prompt
    assert written(asked(all_so, prompt="use at most 10 words:")) == prompt


def test_a_cap_after_the_thinking_cuts_the_answer_off() -> None:
    exchange = asked(max_tokens=430)
    assert written(exchange) == (400, 30, True)
    assert "[[2]]" not in exchange.text
    assert asked().text.endswith("so [[2]]")


@pytest.mark.parametrize("control", ["effort", "cap", "thinking"])
def test_a_control_is_refused_with_its_name(control: str) -> None:
    field = {"effort": "reasoning_effort", "cap": "max_tokens", "thinking": "thinking_budget"}
    value = "low" if control == "effort" else 10
    exchange = asked(replace(Behaviour(), **{control: "refuse"}), **{field[control]: value})
    assert exchange.refused == f"the {control} of {value} is not supported by this model"


def test_anthropics_thinking_has_a_floor_and_stays_below_the_cap() -> None:
    def thinks(tokens: int, cap: int) -> Exchange:
        told = {"type": "enabled", "budget_tokens": tokens}
        return asked(path="/v1/messages", thinking=told, max_tokens=cap)

    assert "greater than or equal to 1024" in str(thinks(1023, 5000).refused)
    assert "`max_tokens` must be greater" in str(thinks(1024, 1024).refused)
    assert written(thinks(1024, 2000)) == (400, 40, False)
    # it thinks where it is told to
    assert written(asked(path="/v1/messages", max_tokens=2000)) == (0, 40, False)
