"""Faults of a flaky API, drawn by a seed, for the scripted server.

    faults = Faults(share=0.1, seed=1)
    with chat_server(faults.odd(answer), fault_of=faults.draw) as server: ...

Two sorts: the transport fails, and the client must ask again; or a whole reply comes that
is not as it should be. A third, a server that is not there, needs none. Nothing here knows
which client asks.
"""

import json
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from typing import Any

from server import Answer, Reply, send

PATIENCE_SECONDS = 60
"""How long a client should wait until it gives up a stalled reply: so long that a busy machine
hardly makes it give up a good one. Where that happens all the same, it costs time:
`ChatServer.taken` tells the two apart."""
JITTER_SECONDS = 0.05
BURST = 5
"""Requests that fail one after the other once an overload begins."""


@dataclass(frozen=True)
class Fault:
    """A way to send a reply badly."""

    name: str
    way: Callable[[BaseHTTPRequestHandler, bytes], None]
    delivers: bool = False

    def send(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        self.way(handler, body)


def error(status: int, **headers: str) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    body = b'{"error": {"message": "injected", "type": "injected", "code": null}}'
    return lambda handler, _: send(handler, status, body, **headers)


def _reset(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """End the connection with RST: what a crashed server or a proxy does."""
    at_once = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    handler.close_connection = True
    handler.rfile.close()  # it holds the socket open
    handler.connection.close()


def _cut(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """Promise the whole reply and send half of it."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def _stall(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """Say nothing until the client hangs up: how long that takes is the client's affair."""
    handler.rfile.read(1)
    handler.close_connection = True


def _invalid(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    send(handler, 200, body[: len(body) // 2])


def _twice(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """The same response again in the same packet, unasked, before the connection is closed.

    On a connection that stays open, httpcore takes the second one for the reply to the
    next request: no client above it could tell.
    """
    connection, handler.wfile = handler.wfile, BytesIO()
    send(handler, 200, body, Connection="close")
    packet = handler.wfile.getvalue()
    handler.wfile = connection
    handler.wfile.write(packet * 2)


OVERLOADS = (Fault("500", error(500)), Fault("503", error(503)))
STALL = Fault("stall", _stall)
SENT_TWICE = Fault("sent twice", _twice, delivers=True)
"""httpx takes the first one; aiohttp refuses both."""
TRANSIENT = (
    Fault("429", error(429)),
    Fault("429 with Retry-After", error(429, Retry_After="1")),
    Fault("reset", _reset),
    Fault("cut", _cut),
    STALL,
    SENT_TWICE,
    *OVERLOADS,
)
"""A client that asks again gets its reply."""

INVALID_JSON = Fault("invalid JSON", _invalid)
"""A client does not ask again: this is no fault of the transport."""

ODD_REPLIES: dict[str, Callable[[Reply], Reply]] = {
    "empty choices": lambda reply: replace(reply, text=None),
    "no usage": lambda reply: replace(reply, usage=False),
    "content filter": lambda reply: replace(reply, text="", finish_reason="content_filter"),
    "two choices": lambda reply: replace(reply, copies=2),
    "length": lambda reply: replace(reply, text="So we", finish_reason="length"),
}


class Gate:
    """Lets every request pass until it is shut; then holds each until its client hangs up."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.passes: int | None = None
        self.heeds: Callable[[dict[str, Any]], bool] = lambda request: True

    def shut_after(
        self, passes: int, heeds: Callable[[dict[str, Any]], bool] = lambda request: True
    ) -> None:
        """Let so many more of the requests pass that it heeds, and every other."""
        self.passes = passes
        self.heeds = heeds

    def lift(self) -> None:
        """Let every request pass that comes from now on."""
        self.passes = None

    def fault_of(self, request: dict[str, Any]) -> Fault | None:
        """Nothing for a request that passes."""
        with self.lock:
            if self.passes is None or not self.heeds(request):
                return None
            self.passes -= 1
            return STALL if self.passes < 0 else None


@dataclass
class Faults:
    """Draws a fault for a share of the requests, one after the other, by a seed.

    No way comes again before all the others have: each is met in a short run too.

    Replies wait a random while, so that they come out of order. Which request meets which
    fault depends on that order, and so on the machine: one that has met as many as a burst
    holds meets no more, so that a client with its usual number of tries gets its reply.

    Attributes:
        share: Chance of a transport fault, and likewise of an odd reply.
        ways: The transport faults drawn from.
        odd_replies: Names of the odd replies drawn from.
    """

    share: float
    seed: int = 0
    ways: Sequence[Fault] = (*TRANSIENT, INVALID_JSON)
    odd_replies: Sequence[str] = tuple(ODD_REPLIES)
    burst: list[Fault] = field(default_factory=list)
    deck: list[Fault] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def draw(self, request: dict[str, Any]) -> Fault | None:
        """The fault that this request meets, if any."""
        with self.lock:
            pause = self.dice.uniform(0, JITTER_SECONDS)
            fault = self._bounded(json.dumps(request, sort_keys=True))
        time.sleep(pause)
        return fault

    def _bounded(self, request: str) -> Fault | None:
        if self.met[request] == BURST:
            return None
        fault = self._next()
        self.met[request] += fault is not None
        return fault

    def _next(self) -> Fault | None:
        if self.burst:
            return self.burst.pop()
        if self.dice.random() >= self.share:
            return None
        if not self.deck:
            self.deck = self.dice.sample(self.ways, len(self.ways))
        fault = self.deck.pop()
        if fault in OVERLOADS:
            self.burst = [fault] * (BURST - 1)
        return fault

    def odd(self, answer: Answer) -> Answer:
        """The same model, but for a share of odd replies: the same prompt, the same oddity."""

        def disturbed(prompt: str, request: dict[str, Any]) -> Reply:
            dice = random.Random(f"{self.seed} {prompt}")
            reply = answer(prompt, request)
            if dice.random() >= self.share:
                return reply
            return ODD_REPLIES[dice.choice(self.odd_replies)](reply)

        return disturbed
