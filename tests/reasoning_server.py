"""A real HTTP server whose scripted model thinks before it speaks, and obeys controls as told.

It speaks OpenAI's chat completions (with vLLM's and DashScope's thinking budgets) and
Anthropic's messages, whole or streamed. Its model writes one word a token. Its record says of
every request what was asked and what was written, to the token: ledgers and tables are compared
with that.
"""

import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, NamedTuple

from server import last_user_text, send

Mode = Literal["honour", "ignore", "half", "refuse"]
"""What the server makes of a control: what it says, nothing, half of it, or an HTTP 400.

"half" writes what lies half-way between the model's natural length and what was asked.
"""

EFFORTS: Mapping[str, float] = {
    "none": 0.0,
    "minimal": 0.1,
    "low": 0.25,
    "medium": 0.5,
    "high": 1.0,
    "xhigh": 1.5,
    "max": 2.0,
}
"""How much of its natural thinking the model does at each level, where it honours levels."""

TOO_SMALL = 1024
"""Anthropic's smallest thinking budget; a smaller one is refused in its own words."""


class Natural(NamedTuple):
    """What the model would write if nothing held it back.

    Attributes:
        thinking: Tokens of thinking.
        visible: Tokens of the visible reply, its answer (the last word) included.
        answer: The last word, such as "[[42]]".
    """

    thinking: int
    visible: int
    answer: str


@dataclass(frozen=True)
class Behaviour:
    """What the model makes of each control.

    Attributes:
        effort: Of "reasoning_effort", and of Anthropic's "output_config.effort".
        cap: Of "max_tokens" and "max_completion_tokens". It holds thinking and reply together.
        thinking: Of vLLM's "thinking_token_budget", DashScope's "thinking_budget", SGLang's
            "custom_params.thinking_budget" and Anthropic's "thinking.budget_tokens".
        prompt: Of "less than N tokens" and "at most N words" in the prompt: the visible reply.
        thinks: Whether the model thinks at all; False for one without hidden reasoning.
        reports: Whether the usage says how many of the output tokens were thinking.
    """

    effort: Mode = "honour"
    cap: Mode = "honour"
    thinking: Mode = "honour"
    prompt: Mode = "honour"
    thinks: bool = True
    reports: bool = True


@dataclass(frozen=True)
class Exchange:
    """A request, what it asked for, and what was written.

    Attributes:
        path: Of the request.
        request: Its whole body.
        prompt: Text of the last user message.
        effort: The level that was asked for; None for none, as with the two that follow.
        cap: The cap on all tokens.
        thinking: The thinking budget.
        natural: What the model would have written.
        thought: Tokens of thinking that were written.
        visible: Tokens of visible text that were written.
        cut: The cap cut the reply.
        refused: The control that was refused with HTTP 400; None if none was.
        user_agent: Of the client.
    """

    path: str
    request: dict[str, Any]
    prompt: str
    effort: str | None
    cap: int | None
    thinking: int | None
    natural: Natural
    thought: int = 0
    visible: int = 0
    cut: bool = False
    refused: str | None = None
    user_agent: str = ""

    @property
    def written(self) -> int:
        """All output tokens."""
        return self.thought + self.visible

    @property
    def text(self) -> str:
        """The visible text."""
        return " ".join([*["so"] * (self.natural.visible - 1), self.natural.answer][: self.visible])

    @property
    def thoughts(self) -> str:
        """The text of the thinking."""
        return " ".join(["hm"] * self.thought)


Ability = Callable[[str], Natural]
"""What the model would write by itself, given a prompt."""


@dataclass
class ReasoningServer:
    """The server's address and its own record, in the order in which replies were ready.

    Attributes:
        root: The address without a path, as Anthropic's client wants it.
        exchanges: Every request that was answered or refused.
    """

    root: str = ""
    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        """The address as OpenAI's clients want it."""
        return f"{self.root}/v1"

    @property
    def variables(self) -> dict[str, str]:
        """Environment in which openai-api/loop/NAME, vllm/NAME, sglang/NAME and anthropic/NAME
        are this server."""
        names = ("OPENAI", "LOOP", "VLLM", "SGLANG")
        keys = {f"{name}_API_KEY": "none" for name in (*names, "ANTHROPIC")}
        return (
            keys
            | {f"{n}_BASE_URL": self.base_url for n in names}
            | {"ANTHROPIC_BASE_URL": self.root}
        )

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The body of every request."""
        return [exchange.request for exchange in self.exchanges]


@contextmanager
def reasoning_server(
    ability: Ability, behaviour: Behaviour = Behaviour(), latency: float = 0.0
) -> Iterator[ReasoningServer]:
    """Serve a model on loopback until the block ends.

    Args:
        ability: What the model would write by itself.
        behaviour: What it makes of each control.
        latency: Seconds until each reply.
    """
    record = ReasoningServer()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        """Serves one connection."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            # clients of local servers ask which models there are
            send(self, 200, json.dumps({"object": "list", "data": [{"id": "m"}]}).encode())

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:  # it hung up in the middle of its request
                return
            request = json.loads(body)
            if self.path.endswith("/count_tokens"):
                send(self, 200, json.dumps({"input_tokens": _words(request)}).encode())
                return
            anthropic = self.path.endswith("/messages")
            exchange = _exchange(
                self.path, request, ability, behaviour, self.headers.get("User-Agent", "")
            )
            time.sleep(latency)
            with lock:
                record.exchanges.append(exchange)
            if exchange.refused:
                send(self, 400, json.dumps(_refusal(exchange, anthropic)).encode())
            elif anthropic and request.get("stream"):
                _stream(self, _message(exchange, behaviour))
            else:
                reply = _message if anthropic else _completion
                send(self, 200, json.dumps(reply(exchange, behaviour)).encode())

        def log_message(self, *args: object) -> None:
            """Keep the test's output clean."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 512
        daemon_threads = True

        def handle_error(self, *request: object) -> None:
            """A client that hangs up is no error of the server's."""
            if not isinstance(sys.exception(), ConnectionError):
                super().handle_error(*request)

    server = Server(("127.0.0.1", 0), Handler)
    record.root = f"http://127.0.0.1:{server.server_port}"
    # it looks so often, in seconds, whether the block has ended
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield record
    finally:
        server.shutdown()
        server.server_close()


def _exchange(
    path: str, request: dict[str, Any], ability: Ability, behaviour: Behaviour, agent: str
) -> Exchange:
    """What this request asks for, and what the model writes then."""
    prompt = last_user_text(request)
    thinking = request.get("thinking") or {}
    asked = Exchange(
        path=path,
        request=request,
        prompt=prompt,
        effort=_first(request, "reasoning_effort")
        or _first(request.get("reasoning") or {}, "effort")
        or _first(request.get("output_config") or {}, "effort"),
        cap=_first(request, "max_completion_tokens", "max_tokens"),
        thinking=_first(request, "thinking_token_budget", "thinking_budget")
        or _first(thinking, "budget_tokens")
        or _first(request.get("custom_params") or {}, "thinking_budget"),
        natural=ability(prompt),
        user_agent=agent,
    )
    refused = _refused(asked, behaviour)
    if refused is not None:
        return _with(asked, refused=refused)
    thought = _thought(asked, behaviour)
    visible = _visible(asked, behaviour)
    allowed = thought + visible
    if asked.cap is not None:
        allowed = _obeyed(behaviour.cap, thought + visible, asked.cap)
    cut = allowed < thought + visible
    thought = min(thought, allowed)
    return _with(asked, thought=thought, visible=min(visible, allowed - thought), cut=cut)


def _with(exchange: Exchange, **changes: Any) -> Exchange:
    return Exchange(**{**vars(exchange), **changes})


def _thought(asked: Exchange, behaviour: Behaviour) -> int:
    # Anthropic's models think where the request says so
    told = not asked.path.endswith("/messages") or "thinking" in asked.request
    tokens = asked.natural.thinking if behaviour.thinks and told else 0
    if asked.effort is not None:
        level = round(tokens * EFFORTS[asked.effort])
        tokens = {"honour": level, "half": (tokens + level) // 2}.get(behaviour.effort, tokens)
    if asked.thinking is not None:
        tokens = _obeyed(behaviour.thinking, tokens, asked.thinking)
    return tokens


def _visible(asked: Exchange, behaviour: Behaviour) -> int:
    tokens = asked.natural.visible
    for pattern in (r"less than (\d+) tokens", r"at most (\d+) words"):
        if found := re.search(pattern, asked.prompt):
            tokens = max(1, _obeyed(behaviour.prompt, tokens, int(found[1])))
    return tokens


def _obeyed(mode: Mode, natural: int, asked: int) -> int:
    """Tokens under an upper bound."""
    bounded = min(natural, asked)
    return {"honour": bounded, "half": (natural + bounded) // 2}.get(mode, natural)


def _refused(asked: Exchange, behaviour: Behaviour) -> str | None:
    if asked.path.endswith("/messages") and (asked.thinking or TOO_SMALL) < TOO_SMALL:
        return "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
    if asked.path.endswith("/messages") and (asked.thinking or 0) >= (asked.cap or 1):
        return "`max_tokens` must be greater than `thinking.budget_tokens`"
    controls = {"effort": asked.effort, "cap": asked.cap, "thinking": asked.thinking}
    return next(
        (
            f"the {name} of {value} is not supported by this model"
            for name, value in controls.items()
            if value is not None and getattr(behaviour, name) == "refuse"
        ),
        None,
    )


def _first(request: Mapping[str, Any], *names: str) -> Any:
    return next((request[name] for name in names if request.get(name) is not None), None)


def _words(request: Mapping[str, Any]) -> int:
    return len(last_user_text(dict(request)).split())


def _refusal(exchange: Exchange, anthropic: bool) -> dict[str, Any]:
    error = {"type": "invalid_request_error", "message": exchange.refused}
    return {"type": "error", "error": error} if anthropic else {"error": error}


def _completion(exchange: Exchange, behaviour: Behaviour) -> dict[str, Any]:
    thoughts = {"reasoning_content": exchange.thoughts} if exchange.thought else {}
    read = _words(exchange.request)
    details = {"completion_tokens_details": {"reasoning_tokens": exchange.thought}}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": exchange.request["model"],
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": exchange.text} | thoughts,
                "finish_reason": "length" if exchange.cut else "stop",
            }
        ],
        "usage": {
            "prompt_tokens": read,
            "completion_tokens": exchange.written,
            "total_tokens": read + exchange.written,
        }
        | (details if behaviour.reports else {}),
    }


def _message(exchange: Exchange, behaviour: Behaviour) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    if exchange.thought:
        content += [{"type": "thinking", "thinking": exchange.thoughts, "signature": "s"}]
    if exchange.visible:
        content += [{"type": "text", "text": exchange.text}]
    details = {"output_tokens_details": {"thinking_tokens": exchange.thought}}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": exchange.request["model"],
        "content": content,
        "stop_reason": "max_tokens" if exchange.cut else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": _words(exchange.request), "output_tokens": exchange.written}
        | (details if behaviour.reports else {}),
    }


def _stream(handler: BaseHTTPRequestHandler, message: dict[str, Any]) -> None:
    """Send a message as Anthropic's events, each block in one piece."""
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}}
    ]
    for index, block in enumerate(message["content"]):
        kind = block["type"]
        empty = {**block, kind: ""}
        deltas = [{"type": f"{kind}_delta", kind: block[kind]}]
        if kind == "thinking":
            empty["signature"] = ""
            deltas += [{"type": "signature_delta", "signature": block["signature"]}]
        events += [{"type": "content_block_start", "index": index, "content_block": empty}]
        events += [{"type": "content_block_delta", "index": index, "delta": d} for d in deltas]
        events += [{"type": "content_block_stop", "index": index}]
    end = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events += [{"type": "message_delta", "delta": end, "usage": message["usage"]}]
    events += [{"type": "message_stop"}]
    body = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events).encode()
    send(handler, 200, body, Content_Type="text/event-stream")
