"""A scripted server on loopback, in a process of its own: its work is not measured."""

import multiprocessing
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

# the scripted server and its questions are the tests'
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from server import Answer, chat_server


def _serve(answer: Answer, latency: float, pipe: Connection) -> None:
    """Tell the address, then the number of calls so far whenever asked."""
    with chat_server(answer, latency) as server:
        pipe.send(server.base_url)
        while pipe.recv():
            pipe.send(len(server.requests))


@contextmanager
def served(answer: Answer, latency: float) -> Iterator[tuple[str, Callable[[], int]]]:
    """Serve until the block ends: the address, and how many calls were answered so far."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(answer, latency, theirs))
    process.start()

    def calls() -> int:
        ours.send(True)
        return int(ours.recv())

    try:
        yield ours.recv(), calls
    finally:
        ours.send(False)
        process.join()
