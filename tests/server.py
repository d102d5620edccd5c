"""A real HTTP server that speaks OpenAI's chat completions, and remembers what it did.

Tests give it a function that answers; its record is what ledgers are compared with.
"""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol


@dataclass(frozen=True)
class Reply:
    """What the scripted model says, and the usage that the server reports for it.

    Without a text the server sends no choice at all, and without `usage` no usage.
    """

    text: str | None
    output_tokens: int = 10
    input_tokens: int = 20
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    finish_reason: str = "stop"
    usage: bool = True
    copies: int = 1
    """How often the one choice stands in the reply."""
    reported: dict[str, Any] = field(default_factory=dict)
    """What the usage says in place of these counts."""
    reasoning_text: str | None = None


Answer = Callable[[str, dict[str, Any]], Reply]
"""(text of the last user message, the whole request) -> reply."""


class Fault(Protocol):
    """A way to send a reply badly; tests/faulty_server.py knows several."""

    @property
    def delivers(self) -> bool:
        """Whether the client has the reply all the same."""

    def send(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        """Send the reply, or what comes instead of it."""


@dataclass
class ChatServer:
    """The server's address and its own record of every reply that reached the client.

    `faults` are those that a request met, whether or not they delivered.
    """

    base_url: str = ""
    replies: list[Reply] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def variables(self) -> dict[str, str]:
        """Environment in which openai/NAME and openai-api/loop/NAME are this server."""
        return {
            "OPENAI_BASE_URL": self.base_url,
            "OPENAI_API_KEY": "none",
            "LOOP_BASE_URL": self.base_url,
            "LOOP_API_KEY": "none",
        }

    def prompts(self) -> list[str]:
        """Text of the last user message of every request."""
        return [last_user_text(request) for request in self.requests]

    def total(self, name: str) -> int:
        """Sum of one usage field over all replies."""
        return sum(getattr(reply, name) for reply in self.replies)


@contextmanager
def chat_server(
    answer: Answer,
    latency: float = 0.0,
    fault_of: Callable[[dict[str, Any]], Fault | None] = lambda request: None,
    port: int = 0,
) -> Iterator[ChatServer]:
    """Serve `answer` on loopback until the block ends, with the fault of each request.

    Port 0 is any that is free.
    """
    record = ChatServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            reply = answer(last_user_text(request), request)
            time.sleep(latency)
            body = json.dumps(_completion(request["model"], reply)).encode()
            fault = fault_of(request)
            with record.lock:
                if fault:
                    record.faults.append(fault)
                if fault is None or fault.delivers:
                    record.replies.append(reply)
                    record.requests.append(request)
            if fault:
                fault.send(self, body)
            else:
                send(self, 200, body)

        def log_message(self, *args: object) -> None:
            """Keep the test's output clean."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 512
        daemon_threads = True

        def handle_error(self, *request: object) -> None:
            """A client that hangs up is no error of the server's."""
            if not isinstance(sys.exception(), ConnectionError):
                super().handle_error(*request)

    server = Server(("127.0.0.1", port), Handler)
    record.base_url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield record
    finally:
        server.shutdown()
        server.server_close()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    """Send one whole HTTP response."""
    handler.send_response(status)
    lengths = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    for name, value in {**lengths, **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def last_user_text(request: dict[str, Any]) -> str:
    """Text of the request's last user message, whichever way it is written."""
    content = [m for m in request["messages"] if m["role"] == "user"][-1]["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def _completion(model: str, reply: Reply) -> dict[str, Any]:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": reply.text}
        | ({"reasoning_content": reply.reasoning_text} if reply.reasoning_text else {}),
        "finish_reason": reply.finish_reason,
    }
    usage = {
        "prompt_tokens": reply.input_tokens,
        "completion_tokens": reply.output_tokens,
        "total_tokens": reply.input_tokens + reply.output_tokens,
        "prompt_tokens_details": {"cached_tokens": reply.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": reply.reasoning_tokens},
        **reply.reported,
    }
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [] if reply.text is None else [choice] * reply.copies,
        **({"usage": usage} if reply.usage else {}),
    }
