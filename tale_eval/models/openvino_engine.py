"""A local model answered by OpenVINO's engine on the CPU, in float32 and in running batches."""

import contextlib
import itertools
import json
import os
import queue
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tale_eval.errors import InvalidValueError, RunError
from tale_eval.models.adapters import MODEL_CONFIG, base_folder
from tale_eval.models.building import own_process
from tale_eval.models.openvino_export import attention_shape, exported_folder

TOKENIZER = "tokenizer.json"
BATCH_SIZE = 32
CACHE_GB = 1
_STEP_TOKENS = 256
"""Tokens that one step reads and writes at most: what a long prompt makes the others wait for."""
_FLOAT_BYTES = 4
_SHOWN = 500
"""Characters of the worker's last words that an error shows."""


@dataclass(frozen=True)
class Asked:
    """A prompt and how it is to be answered.

    Attributes:
        prompt: Token ids; at least one.
        max_tokens: Cap on the reply, in tokens.
        ends: Token ids that end a reply.
        stops: Texts that end a reply; they stay in it, with the token that completes them.
        do_sample: Draw each token; otherwise the most probable one is taken.
        temperature: Of the draw, above 0.
        top_p: Draw from the most probable tokens with this share of the probability.
        top_k: Draw from so many.
        rng_seed: Of the draw. The same prompt with the same seed has the same reply.
        scores: Report the log probability of every token written.
    """

    prompt: Sequence[int]
    max_tokens: int
    ends: Sequence[int]
    stops: Sequence[str] = ()
    do_sample: bool = False
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    rng_seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    repetition_penalty: float | None = None
    scores: bool = False


@dataclass(frozen=True)
class Written:
    """A reply.

    Attributes:
        ids: Token ids, without the one that ended it.
        scores: Log probabilities by token, where they were asked for; natural logarithms, of the
            model's own distribution before temperature.
        cut: It ended at its cap.
        seconds: From its arrival at the engine to its end.
    """

    ids: tuple[int, ...]
    scores: tuple[float, ...]
    cut: bool
    seconds: float


class OpenVinoEngine:
    """A model in a process of its own, which answers what it is asked in running batches.

    Args:
        model: A local folder of transformers', or an adapter's; it is exported on the first use.
        threads: Of the engine; None is what OMP_NUM_THREADS says, else all cores.
        batch_size: Prompts that are answered at once; the others wait.
        cache_gb: Memory for keys and values, in GiB.

    Raises:
        MissingExtraError, InvalidValueError, SourceError: As `exported_folder` does.
        RunError: The engine does not start.
    """

    def __init__(
        self,
        model: Path,
        threads: int | None = None,
        batch_size: int = BATCH_SIZE,
        cache_gb: int = CACHE_GB,
    ) -> None:
        self.model = model
        given = {"threads": threads, "batch_size": batch_size, "cache_gb": cache_gb}
        for name, value in given.items():
            if value is not None and value < 1:
                raise InvalidValueError(f"{name}={value}: at least 1")
        told = {
            "folder": str(exported_folder(model)),
            "tokenizer": str(tokenizer_folder(model) / TOKENIZER),
            "threads": threads or int((os.environ.get("OMP_NUM_THREADS") or "0").split(",")[0]),
            "batch_size": batch_size,
            "cache_gb": cache_gb,
            "step_tokens": max(_STEP_TOKENS, batch_size),
            "prefix_caching": True,
        }
        self.capacity = _capacity(model, cache_gb)
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future[Written]] = {}
        self._lock = threading.Lock()
        self._words = tempfile.TemporaryFile()  # noqa: SIM115  # as long as the process
        self._process = _started(self._words)
        weakref.finalize(self, _end, self._process)
        # what is asked is written by a thread: the engine does not read while it computes, and
        # the harness must not wait for it
        self._unsent: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._send, daemon=True).start()
        self._unsent.put(told)
        line = self._process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            raise self._died()
        self.version: str = json.loads(line)["version"]
        threading.Thread(target=self._listen, daemon=True).start()

    def ask(self, asked: Asked) -> Future[Written]:
        """Answer a prompt beside those that are being answered; cancel the future to give up.

        The future raises RunError where the engine cannot answer it, or has died.
        """
        number, future = next(self._numbers), Future[Written]()
        line = {"id": number, **asdict(asked)}
        with self._lock:
            if not self.is_alive():
                raise self._died()
            self._waiting[number] = future
        future.add_done_callback(lambda done: self._give_up(number) if done.cancelled() else None)
        self._unsent.put(line)
        return future

    def is_alive(self) -> bool:
        """Whether its process runs and can be asked."""
        pipe = self._process.stdin
        return self._process.poll() is None and pipe is not None and not pipe.closed

    def close(self) -> None:
        """End the engine's process."""
        _end(self._process)

    def _give_up(self, number: int) -> None:
        with self._lock:
            known = self._waiting.pop(number, None)
        if known is not None:
            self._unsent.put({"cancel": number})

    def _send(self) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        # a process that died, or a pipe that was closed: the listener tells whoever waits
        with contextlib.suppress(BrokenPipeError, ValueError):
            while True:
                pipe.write(json.dumps(self._unsent.get()).encode() + b"\n")
                pipe.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if not line.endswith(b"\n"):
                break  # it died in the middle of a reply
            said = json.loads(line)
            with self._lock:
                future = self._waiting.pop(said["id"], None)
            if future is None or not future.set_running_or_notify_cancel():
                continue
            if "error" in said:
                future.set_exception(RunError(f"{self.version}: {said['error']}"))
            else:
                future.set_result(_written(said))
        self._process.wait()
        with self._lock:
            left, self._waiting = self._waiting, {}
        for future in left.values():
            if future.set_running_or_notify_cancel():
                future.set_exception(self._died())

    def _died(self) -> RunError:
        code = self._process.wait()
        self._words.seek(0)
        words = self._words.read().decode("utf-8", "replace").strip()[-_SHOWN:]
        return RunError(f"the process of the OpenVINO engine ended ({code}): {words or 'no words'}")


_lent: dict[tuple[Any, ...], tuple[OpenVinoEngine, int]] = {}
_lending = threading.Lock()


def lend(model: Path, **settings: int | None) -> OpenVinoEngine:
    """An engine that all who ask for the same model with the same settings share.

    Weights take memory: a role that is played by the model under test loads none of its own.

    Raises:
        MissingExtraError, InvalidValueError, SourceError, RunError: As `OpenVinoEngine`.
    """
    key = (model, *sorted(settings.items()))
    with _lending:
        engine, borrowers = _lent.get(key, (None, 0))
        if engine is None or not engine.is_alive():
            engine, borrowers = OpenVinoEngine(model, **settings), 0  # type: ignore[arg-type]
        _lent[key] = engine, borrowers + 1
        return engine


def give_back(engine: OpenVinoEngine) -> None:
    """End the engine when the last one who borrowed it gives it back."""
    with _lending:
        key = next((key for key, (lent, _) in _lent.items() if lent is engine), None)
        if key is None:
            return
        _, borrowers = _lent.pop(key)
        if borrowers > 1:
            _lent[key] = engine, borrowers - 1
        else:
            engine.close()


def _started(words: Any) -> "subprocess.Popen[bytes]":
    command, variables = own_process("tale_eval.models.openvino_worker")
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=variables, stdin=pipe, stdout=pipe, stderr=words)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End it at once: it has nothing to save."""
    process.terminate()
    # a pipe that is broken already cannot be flushed
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()  # type: ignore[union-attr]


def _written(said: dict[str, Any]) -> Written:
    return Written(tuple(said["ids"]), tuple(said["scores"]), said["cut"], said["seconds"])


def tokenizer_folder(model: Path) -> Path:
    """Where the tokenizer lies: an adapter has its own, or takes its base model's."""
    return model if (model / TOKENIZER).is_file() else base_folder(model)


def _capacity(model: Path, cache_gb: int) -> int:
    """How many tokens a prompt and its reply may have together."""
    config = json.loads((base_folder(model) / MODEL_CONFIG).read_text("utf-8"))
    layers, heads, size = attention_shape(config)
    kept = (cache_gb << 30) // (2 * layers * heads * size * _FLOAT_BYTES)
    return min(kept, config.get("max_position_embeddings") or kept)
