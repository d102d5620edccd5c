"""Running the cells of a matrix: several at once that wait for an API, one that computes.

Each cell is an `inspect eval-set` in a process and a log folder of its own, so that progress,
resume, S3 and every option are Inspect's and one that fails loses no other. On Linux the
processes are forked from a server that has loaded Inspect already.
"""

import multiprocessing
import os
import re
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from multiprocessing import connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType, ModuleType

from inspect_ai.log import read_eval_log_sample_summaries

from tale_eval.errors import SourceError
from tale_eval.inspect_ext.collector import FAST, USUAL
from tale_eval.inspect_ext.command_line import Options, read_options
from tale_eval.inspect_ext.logs.files import UNREADABLE_LOG
from tale_eval.inspect_ext.logs.headers import read_header
from tale_eval.inspect_ext.logs.names import INSPECT_LOGS
from tale_eval.matrix.cell import GRACE_SECONDS, holder, kill, kill_group, run_cell
from tale_eval.matrix.combination import Combination, eval_set_words
from tale_eval.matrix.folders import asked_of, folders, mark
from tale_eval.matrix.share import Share, mark_share
from tale_eval.models.adapters import named_model
from tale_eval.places import find_files

_BATCHED_BY_INSPECT = {"hf", "nnterp", "transformer_lens"}
_IN_PROCESS = _BATCHED_BY_INSPECT | {"openvino-genai"}
MOST_IN_PROCESS = 64
"""Connections to a model that Inspect batches itself: each that waits holds up all others, and at
256 the gap between two batches is two minutes."""
_OWN_SERVER = {"vllm", "vllm-completions", "sglang", "ollama", "llama-cpp-python"}
_DISPLAYS = {"full", "rich", "conversation"}
_UNSEEN = ("--no-score-display",)
"""What costs a run time and nobody sees where it has no terminal."""

_SHOWN_LINES = 40
_REASON = 400
"""Characters of a failed run's reason that are shown."""
_LOOK_SECONDS = 1.0
"""How often it is looked whether another run has left a folder."""
QUIET_SECONDS = 60.0
"""How long nothing finishes before it is said what is at work."""
_ANSWERED = re.compile(r"\bSamples: *(\d+)/")
"""In a line of Inspect's plain display: questions answered so far."""


@dataclass(frozen=True)
class Cell:
    """A combination, ready to run.

    Attributes:
        combination: What it is.
        folder: Its log folder.
        asked: What its options change of what the task says.
        words: What follows `inspect`.
        local: It computes on this machine, and so runs while no other such cell does.
    """

    combination: Combination
    folder: str
    asked: Mapping[str, str]
    words: tuple[str, ...]
    local: bool
    share: Share | None = None
    """The share of its questions that it asks; None if it asks all."""
    collector: tuple[int, int, int] = USUAL
    """The thresholds of Python's collector in its process."""

    @property
    def of_the_run(self) -> str:
        """The log folder that it has together with the other shares of its run."""
        return self.folder if self.share is None else self.folder.rpartition("/")[0]

    def __str__(self) -> str:
        share = f", share {self.share}" if self.share else ""
        return f"{self.combination}{share}"


@dataclass(frozen=True)
class Finished:
    """What became of a cell.

    Attributes:
        cell: The cell.
        problem: Why it failed; None if it did not.
        output: The last lines that it said, where they were not shown.
        seconds: Wall time.
        questions: How many its log holds, one for each epoch.
    """

    cell: Cell
    problem: str | None
    output: str
    seconds: float
    questions: int


@dataclass(frozen=True)
class Waits:
    """A cell whose folder another run works in; it waits until that has ended."""

    cell: Cell
    holder: str


@dataclass(frozen=True)
class AtWork:
    """What is being run, when nothing has finished for a while.

    Attributes:
        runs: How many.
        answered: Questions that they have answered so far.
    """

    runs: int
    answered: int


Watch = Callable[[Finished | Waits | AtWork], None]
Divide = Callable[[Cell], Sequence[Cell]]


def usual_jobs(options: Options) -> int:
    """How many cells of API models run at once if nobody says it: two a core, 8 at most.

    One where somebody wants to see Inspect's own display, which has the terminal to itself.
    """
    if options.given.get("display") in _DISPLAYS or options.given.get("trace"):
        return 1
    return min(8, 2 * (os.cpu_count() or 1))


def cells_of(
    matrix: Sequence[Combination],
    log_dir: str,
    options: Options,
    jobs: int,
    divide: Divide = lambda cell: [cell],
) -> list[Cell]:
    """The cells of a matrix, in its order.

    Args:
        matrix: The combinations.
        log_dir: The log folder.
        options: What is passed on to Inspect.
        jobs: How many run at once.
        divide: The shares in which a cell is asked (`dividing`).

    Raises:
        InvalidValueError: Two of them would share a folder.
    """
    whole = []
    for combination, folder in zip(matrix, folders(matrix, log_dir, options), strict=True):
        words = eval_set_words(combination, folder, options.words)
        local = is_local(combination.model, options)
        whole.append(Cell(combination, folder, asked_of(combination, options), (*words,), local))
    cells = [share for cell in whole for share in divide(cell)]
    return [_bounded(cell, cells, options, jobs) for cell in cells]


def _bounded(cell: Cell, cells: Sequence[Cell], options: Options, jobs: int) -> Cell:
    """The cell with its part of a user's bound on connections.

    The bound is the model's, however many cells ask it at once.
    """
    given = options.generation.get("max_connections")
    if not isinstance(given, int):
        return cell
    model = cell.combination.model
    beside = sum(other.combination.model == model for other in cells)
    bound = max(1, given // min(jobs, beside))
    if _provider(model) in _BATCHED_BY_INSPECT:
        bound = min(bound, MOST_IN_PROCESS)
    if bound == given:
        return cell
    return replace(cell, words=(*cell.words, "--max-connections", str(bound)))


def fast(cell: Cell) -> Cell:
    """The cell without what can be left out of a run: the live view of its samples and scores.

    A hard kill loses the samples that Inspect has not written into its log yet.
    """
    words = (*cell.words, "--no-log-realtime", "--no-score-display")
    return replace(cell, words=words, collector=FAST)


def is_local(model: str, options: Options) -> bool:
    """Whether a model, or one in a role beside it, is computed by this machine."""
    roles = (re.findall(r"[\w-]+(?=/)", role) for role in options.roles.values())
    providers = [_provider(model), *chain.from_iterable(roles)]
    return any(_computes(provider, options) for provider in providers)


def bound_in_process(cells: Sequence[Cell], options: Options) -> int | None:
    """A user's bound on connections, where it is more than some cell's model can do with."""
    given = options.generation.get("max_connections")
    inside = any(_provider(cell.combination.model) in _BATCHED_BY_INSPECT for cell in cells)
    return given if isinstance(given, int) and inside and given > MOST_IN_PROCESS else None


def _provider(model: str) -> str:
    return named_model(model).name.partition("/")[0]


def _computes(provider: str, options: Options) -> bool:
    if provider in _IN_PROCESS:
        return True
    place = f"{provider.partition('-completions')[0].replace('-', '_').upper()}_BASE_URL"
    served = options.given.get("model_base_url") or os.environ.get(place)
    return provider in _OWN_SERVER and not served


def run_matrix(
    found: Sequence[Combination],
    log_dir: str,
    options: Options | Sequence[str] = (),
    jobs: int = 1,
    watch: Watch = lambda event: None,
    quiet: bool = False,
) -> list[Combination]:
    """Run every combination; those that failed are returned, in the matrix's order.

    Args:
        found: The combinations.
        log_dir: Where the logs go.
        options: What is passed on to Inspect.
        jobs: Cells of API models at once.
        watch: Is told of every cell that has finished.
        quiet: What a run says goes to `watch`, also where only one runs at a time.

    Raises:
        InvalidValueError: Two of them would share a folder, or an option is wrong.
    """
    read = options if isinstance(options, Options) else read_options(options)
    cells = cells_of(found, log_dir, read, jobs)
    failed = run_cells(cells, jobs, watch, quiet)
    return [cell.combination for cell in cells if cell.folder in failed]


def run_cells(cells: Sequence[Cell], jobs: int, watch: Watch, quiet: bool = False) -> set[str]:
    """Run every cell; the log folders of those that failed are returned.

    One that runs alone has the terminal, unless it is to be quiet.
    """
    alone = jobs == 1 or all(cell.local for cell in cells)
    failed: set[str] = set()
    with TemporaryDirectory() as outputs, _signals_end_us():
        kept = Path(outputs) if quiet or not alone else None
        run = _Run([*cells], 1 if alone else jobs, kept)
        try:
            while run.waiting or run.running:
                for event in run.step():
                    watch(event)
                    if isinstance(event, Finished) and event.problem is not None:
                        failed.add(event.cell.folder)
        except KeyboardInterrupt:
            run.end(by_the_terminal=_in_the_foreground())
            raise
        finally:
            run.end()
    return failed


@dataclass
class _Started:
    cell: Cell
    process: BaseProcess
    output: Path | None
    at: float


@dataclass
class _Run:
    """The state of a run: which cells wait, and which are running."""

    waiting: list[Cell]
    slots: int
    outputs: Path | None
    """Where what they say is kept; None where the one that runs has the terminal."""
    running: list[_Started] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    started: int = 0
    quiet_since: float = field(default_factory=time.monotonic)

    def step(self) -> Iterator[Finished | Waits | AtWork]:
        """Start what can be started, and wait until one has finished or a second is over."""
        yield from self._start_all()
        yield from self.at_work()
        if not self.running:
            time.sleep(_LOOK_SECONDS)
            return
        sentinels = [started.process.sentinel for started in self.running]
        ended = connection.wait(sentinels, timeout=_LOOK_SECONDS)
        for started in [s for s in self.running if s.process.sentinel in ended]:
            self.running.remove(started)
            self.quiet_since = time.monotonic()
            yield self._finished(started)

    def at_work(self) -> Iterator[AtWork]:
        """What is at work, once nothing has finished for a while.

        Of what is not shown: a run that has the terminal, or was told to be quiet, says nothing.
        """
        shown = [each for each in self.running if each.output and _plain_display(each.cell.words)]
        if not shown or time.monotonic() - self.quiet_since < QUIET_SECONDS:
            return
        self.quiet_since = time.monotonic()
        said = (_ANSWERED.findall(_text(each.output))[-1:] for each in shown)
        yield AtWork(len(shown), sum(int(number) for last in said for number in last))

    def _start_all(self) -> Iterator[Waits]:
        for cell in [*self.waiting]:
            if not self._has_room(cell):
                continue
            other = holder(cell.folder)
            if other is None:
                self.waiting.remove(cell)
                self.running.append(self._start(cell))
            elif cell.folder not in self.told:
                self.told.add(cell.folder)
                yield Waits(cell, other)

    def _has_room(self, cell: Cell) -> bool:
        """A local cell takes none of the places of those that wait for an API."""
        if self.slots == 1:
            return not self.running
        if cell.local:
            return not any(started.cell.local for started in self.running)
        return sum(not started.cell.local for started in self.running) < self.slots

    def _start(self, cell: Cell) -> _Started:
        mark(cell.of_the_run, cell.asked)
        if cell.share is not None:
            mark_share(cell.folder, cell.share)
        output = None
        words = cell.words
        if self.outputs is not None:
            self.started += 1
            output = self.outputs / str(self.started)
            words = (*words, *_plain_display(words), *_UNSEEN)
        process = _context().Process(  # type: ignore[attr-defined]  # every context has it
            target=run_cell,
            args=(words, cell.folder, str(output) if output else None, cell.collector),
        )
        with _no_main_module():
            process.start()
        return _Started(cell, process, output, time.monotonic())

    def _finished(self, started: _Started) -> Finished:
        started.process.join()
        said = _text(started.output)
        questions = _questions(started.cell.folder)
        problem = _problem(started.process.exitcode, questions, started.cell)
        if problem and started.output and started.process.pid:
            kill_group(started.process.pid)  # what it left behind
        lines = [line.rstrip() for line in said.splitlines() if line.strip()]
        shown = "\n".join(lines[-_SHOWN_LINES:])
        return Finished(started.cell, problem, shown, time.monotonic() - started.at, questions)

    def end(self, by_the_terminal: bool = False) -> None:
        """Interrupt what still runs, so that it writes down what was answered; then kill it."""
        for started in self.running:
            # one that has the terminal was told by it, and twice would be once too often
            if started.output or not by_the_terminal:
                _interrupt(started.process)
        until = time.monotonic() + GRACE_SECONDS
        try:
            for started in self.running:
                started.process.join(max(0, until - time.monotonic()))
        finally:
            for started in self.running:
                if started.process.is_alive() and started.process.pid:
                    kill(started.process.pid, of_a_group=started.output is not None)
            self.running.clear()


def _text(output: Path | None) -> str:
    if output is None or not output.exists():
        return ""
    return output.read_text("utf-8", errors="replace")


def _problem(status: int | None, questions: int, cell: Cell) -> str | None:
    if status is not None and status < 0:
        return f"it was killed by signal {-status}"
    if status != 0:
        reason = _reason(cell.folder)
        return f"Inspect ended with status {status}{': ' if reason else ''}{reason}"
    if questions == 0:
        return (
            "it ran no question: --limit (ranges count from 1), --sample-id or the task's "
            "arguments leave none"
        )
    if cell.share is not None and questions < cell.share.size:
        return (
            f"it ran {questions} questions of its {cell.share.size}: the task has fewer than "
            "when they were counted"
        )
    return None


def _questions(folder: str) -> int:
    """How many samples the folder's fullest log holds."""
    try:
        results = [read_header(name).results for name in _logs(folder)]
    except UNREADABLE_LOG:
        return 0
    return max((each.total_samples for each in results if each is not None), default=0)


def _reason(folder: str) -> str:
    """Why most samples of the folder's newest log failed, on one line; nothing where none did."""
    try:
        summaries = [read_eval_log_sample_summaries(name) for name in _logs(folder)[-1:]]
    except UNREADABLE_LOG:
        return ""
    errors = Counter(each.error for found in summaries for each in found if each.error)
    said = " ".join(errors.most_common(1)[0][0].split()) if errors else ""
    return said if len(said) <= _REASON else f"{said[:_REASON]}…"


def _logs(folder: str) -> list[str]:
    """A folder's logs, the oldest first: a log's name begins with its time."""
    try:
        (names,) = find_files([folder], [INSPECT_LOGS], [])
    except SourceError:
        return []
    return sorted(names)


def _plain_display(words: Sequence[str]) -> list[str]:
    """Lines, where several write at once: whoever asked for less has it."""
    said = " ".join(words)
    quiet = re.search(r"--display[ =](none|log|plain)\b", said)
    return [] if quiet else ["--display", "plain"]


def _interrupt(process: BaseProcess) -> None:
    if process.is_alive() and process.pid:
        os.kill(process.pid, signal.SIGINT)


def _in_the_foreground() -> bool:
    """Whether Ctrl-C in a terminal reaches us, and so the run that shares it with us."""
    try:
        return os.tcgetpgrp(sys.__stdin__.fileno()) == os.getpgrp()  # type: ignore[union-attr]
    except (AttributeError, OSError, ValueError):
        return False


def _context() -> BaseContext:
    """How processes are started: forked from a server that has loaded all, where that is safe."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tale_eval.matrix.warm"])
    return context


@contextmanager
def _no_main_module() -> Iterator[None]:
    """A started process would run the user's script anew; it needs nothing of it."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _signals_end_us() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end us as Ctrl-C does: with what still runs."""

    def end(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say what signals do
        return
    ends = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    # nohup has told us to ignore it
    ends = [number for number in ends if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in ends}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
