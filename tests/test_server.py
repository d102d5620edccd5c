"""The scripted server's own record: what ledgers are compared with must not depend on time."""

import json
from collections.abc import Callable
from http.client import HTTPConnection
from time import sleep
from typing import Any
from urllib.parse import urlsplit

import pytest
from faulty_server import BURST, INVALID_JSON, STALL, Faults, Gate
from server import ChatServer, Reply, chat_server

REQUEST = {"model": "m", "messages": [{"role": "user", "content": "What is 1 plus 1?"}]}


def two(prompt: str, request: dict[str, Any]) -> Reply:
    return Reply("[[2]]")


def connect(server: ChatServer) -> HTTPConnection:
    return HTTPConnection(urlsplit(server.base_url).netloc)


def send(connection: HTTPConnection) -> None:
    connection.request("POST", "/v1/chat/completions", json.dumps(REQUEST))


def ask(connection: HTTPConnection) -> bytes:
    send(connection)
    return connection.getresponse().read()


def wait_for(condition: Callable[[], object]) -> None:
    while not condition():
        sleep(0.001)


def give_up(server: ChatServer) -> None:
    """Ask, and hang up without reading what the server has sent, if anything."""
    before = len(server.exchanges)
    connection = connect(server)
    send(connection)
    wait_for(lambda: len(server.exchanges) > before and server.exchanges[-1].reply)
    connection.close()


def test_a_reply_that_was_given_up_and_asked_for_again_is_taken_once() -> None:
    with chat_server(two) as server:
        give_up(server)
        ask(connect(server))
    assert len(server.replies) == 2
    assert server.taken() == [server.exchanges[1]]


def test_whoever_takes_two_replies_to_one_question_has_two() -> None:
    with chat_server(two) as server:
        connection = connect(server)
        ask(connection)
        ask(connection)
    assert len(server.taken()) == len(server.replies) == 2


def test_a_reply_is_given_up_as_often_as_the_client_itself_says() -> None:
    with chat_server(two) as server:
        connection = connect(server)
        for _ in range(3):
            ask(connection)
    assert server.taken({"What is 1 plus 1?": 1}) == server.exchanges[1:]
    # but for the last one there is no other that could have been taken in its place
    assert server.taken({"What is 1 plus 1?": 9}) == server.exchanges[2:]
    assert server.taken({"What is 2 plus 2?": 9}) == server.exchanges


def test_a_reply_that_was_given_up_is_not_taken_if_the_next_try_fails() -> None:
    faults = iter([None, INVALID_JSON])
    with chat_server(two, fault_of=lambda request: next(faults)) as server:
        give_up(server)
        ask(connect(server))
    assert (len(server.replies), server.taken()) == (1, [])


def test_a_reply_that_nobody_asked_for_again_is_taken() -> None:
    with chat_server(two) as server:
        ask(connect(server))
    assert server.taken() == server.exchanges


def test_a_gate_lets_so_many_pass_and_holds_the_others_until_they_hang_up() -> None:
    gate = Gate()
    with chat_server(two, fault_of=gate.fault_of) as server:
        gate.shut_after(1)
        ask(connect(server))
        give_up(server)
        gate.lift()
        ask(connect(server))
    assert [exchange.fault for exchange in server.exchanges] == [None, STALL, None]
    assert len(server.replies) == 2


def test_a_server_that_is_not_started_refuses() -> None:
    with chat_server(two, started=False) as server:
        with pytest.raises(ConnectionRefusedError):
            ask(connect(server))
        server.start()
        assert b"[[2]]" in ask(connect(server))


def test_one_request_meets_a_bounded_number_of_faults() -> None:
    faults = Faults(share=1.0, seed=1)
    drawn = [faults.draw(REQUEST) for _ in range(BURST + 2)]
    assert [fault is None for fault in drawn] == [False] * BURST + [True] * 2
    assert faults.draw(REQUEST | {"model": "other"}) is not None
