"""What a matrix will run, before it does: how many runs and questions, and at what cost."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from inspect_ai.model import GenerateConfig

from tale_eval.analysis.forecast import Forecast, Seen, ToCome, forecast
from tale_eval.asking.arguments import checked_arguments
from tale_eval.errors import InvalidValueError, SourceError, TaleEvalError
from tale_eval.inspect_ext.command_line import Options
from tale_eval.inspect_ext.logged import is_batch
from tale_eval.inspect_ext.logs.files import UNREADABLE_LOG
from tale_eval.inspect_ext.logs.headers import Header, read_header
from tale_eval.inspect_ext.logs.labels import method_label, task_label
from tale_eval.inspect_ext.logs.names import INSPECT_LOGS
from tale_eval.matrix.folders import as_asked
from tale_eval.matrix.running import Cell
from tale_eval.models.adapters import named_model
from tale_eval.places import find_files, store_of
from tale_eval.shown.masking import masked
from tale_eval.solvers import resolve
from tale_eval.tasks import named_benchmark, task_arguments
from tale_eval.tokens.ledger import Call
from tale_eval.tokens.pricing import Prices

_ROWS_NAMED = 6

_Sizes = dict[tuple[str, object], int | None]
"""How many questions a task has that is called so and reads this source."""


@dataclass(frozen=True)
class PlannedRun:
    """One run of a plan.

    Attributes:
        cell: What is run.
        questions: How many are left to ask, one for each epoch; None if nobody knows.
        dollars: What they will cost; None if that is unknown.
        unknown: Why it is; None where it is not.
    """

    cell: Cell
    questions: int | None
    dollars: float | None
    unknown: str | None

    def values(self) -> dict[str, object]:
        """The run as plain values, without keys and passwords."""
        combination, share = self.cell.combination, self.cell.share
        return {
            "task": combination.task,
            "method": combination.method,
            "model": combination.model,
            "settings": masked(self.cell.asked),
            "share": None if share is None else f"{share.number}/{share.asked.of}",
            "folder": self.cell.folder,
            "questions": self.questions,
            "dollars": self.dollars,
            "unknown": self.unknown,
        }


@dataclass(frozen=True)
class Plan:
    """What is to come.

    Attributes:
        runs: Combinations in all.
        to_come: Those that have something to ask, or may have.
        forecast: What they will cost.
        each: Every run, in the order of the matrix.
    """

    runs: int
    to_come: tuple[ToCome, ...]
    forecast: Forecast
    each: tuple[PlannedRun, ...] = ()

    def values(self) -> dict[str, object]:
        """The plan as plain values; a sum is None where a part of it is."""
        return {
            "done": self.runs - len(self.to_come),
            "questions": _sum([run.questions for run in self.each]),
            "dollars": _sum([run.dollars for run in self.each]),
            "runs": [run.values() for run in self.each],
        }

    def lines(self) -> Iterator[str]:
        """The plan, as a user reads it."""
        known = [run.questions for run in self.to_come if run.questions is not None]
        asked = f"{sum(known):,} questions to ask" if known else "nothing left to ask"
        rest = len(self.to_come) - len(known)
        if rest:
            asked = f"{asked} in {len(known)} of them, and in {rest} it is not known how many"
            asked = asked if known else f"how many questions {rest} of them ask is not known"
        yield f"{_runs(self.runs)}, {self.runs - len(self.to_come)} of them done; {asked}"
        yield from self._cost()

    def _cost(self) -> Iterator[str]:
        found = self.forecast
        if found.dollars is not None:
            runs, named = _runs(found.known), _named(found.rows, "; ")
            yield f"cost to come: about ${found.dollars:,.4g} for {runs}, by {named}"
        for reason, lacking in found.unknown.items():
            why = _why(reason, [*dict.fromkeys(lacking)])
            yield f"cost to come: unknown for {_runs(len(lacking))}: {why}"


def _sum(numbers: Sequence[float | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None


def _why(reason: str, lacking: Sequence[str]) -> str:
    """A reason of a forecast's, with what it lacks; a name may hold braces."""
    return reason.replace("{}", _named(lacking, ", "))


def _runs(number: int) -> str:
    return f"{number} run" if number == 1 else f"{number} runs"


def _named(names: Sequence[str], between: str) -> str:
    """The first of them, and how many more there are."""
    more = len(names) - _ROWS_NAMED
    shown = [*names[:_ROWS_NAMED], *([f"and {more} more"] if more > 0 else [])]
    return between.join(shown)


def plan_of(
    cells: Sequence[Cell],
    log_dir: str,
    options: Options,
    prices: Prices | None = None,
) -> Plan:
    """The plan of these cells, by the logs that are there.

    Our benchmarks are loaded to count their questions, where no log says it.

    Args:
        cells: Of the matrix.
        log_dir: Its log folder.
        options: What is passed on to Inspect.
        prices: A user's own prices.

    Raises:
        InvalidValueError: --limit leaves no question of a task whose questions are counted.
    """
    headers = _headers(log_dir)
    sizes: _Sizes = {}
    for header in headers:
        spec: Any = header.eval
        sizes[task_label(spec), spec.task_args_passed.get("source")] = spec.dataset.samples
    runs = [_to_come(cell, headers, sizes, options) for cell in cells]
    waiting = tuple(run for run in runs if run.questions != 0)
    each = tuple(_planned_run(*pair, prices) for pair in zip(cells, runs, strict=True))
    return Plan(len(cells), waiting, forecast(waiting, prices), each)


def _planned_run(cell: Cell, run: ToCome, prices: Prices | None) -> PlannedRun:
    if run.questions == 0:
        return PlannedRun(cell, 0, 0.0, None)
    found = forecast([run], prices)
    why = next((_why(*pair) for pair in found.unknown.items()), None)
    return PlannedRun(cell, run.questions, found.dollars, why)


def _to_come(cell: Cell, headers: Sequence[Header], sizes: _Sizes, options: Options) -> ToCome:
    combination = cell.combination
    name, arguments = task_arguments(combination.task)
    spec: Any = _Named(name, arguments)
    if cell.share is not None:
        planned: int | None = _epochs(options) * cell.share.size
    else:
        planned = _questions(combination.task, (task_label(spec), arguments), sizes, options)
    own = [header for header in headers if _lies_in(header, cell.folder)]
    answered = max((_answered(header) for header in own), default=0)
    method = str(resolve(combination.method))
    seen = (_seen(h, method) for h in headers if as_asked(h, combination.task, cell.asked))
    return ToCome(
        named_model(combination.model).name,
        task_label(spec),
        method,
        None if planned is None else max(0, planned - answered),
        tuple(each for each in seen if each is not None),
        partial(_placed, options, named_model(combination.model).name),
    )


def _placed(options: Options, model: str, call: Call) -> Call:
    """A call with the batch, and the task's own model with the tier, that the options say."""
    batch = is_batch(call.model, GenerateConfig(batch=options.generation.get("batch")))
    tier = options.service_tier if call.model == model else None
    return call.model_copy(update={"batch": batch, "service_tier": tier})


def _questions(
    task: str,
    called: tuple[str, dict[str, str]],
    sizes: _Sizes,
    options: Options,
) -> int | None:
    """How many questions a whole run of a task has; None if nobody knows."""
    label, arguments = called
    counted = (label, arguments.get("source"))
    if counted not in sizes:
        sizes[counted] = _counted(task, arguments)
    planned = _planned(sizes[counted], options)
    if planned != 0:
        return planned
    # the data may have grown since the log that counted it
    size = _counted(task, arguments)
    if size is not None and _planned(size, options) == 0:
        raise InvalidValueError(
            f"--limit {options.given.get('limit')} leaves no question of {task}, which has {size}"
        )
    return None if size is None else _planned(size, options)


def _planned(size: int | None, options: Options) -> int | None:
    """How many questions a run over so many has, each epoch one more."""
    if "sample_id" in options.given:
        return None  # a pattern may name any number
    limits = limits_of(options)
    if limits is not None:
        first, last = limits
        last = last if size is None else min(last, size)
        size = max(0, last - first + 1)
    return size and size * _epochs(options)


def _epochs(options: Options) -> int:
    epochs = options.given.get("epochs")
    return epochs if isinstance(epochs, int) else 1


def limits_of(options: Options) -> tuple[int, int] | None:
    """The first and last question of --limit, from 1; None without it.

    Raises:
        InvalidValueError: It leaves no question, or is no number and no range.
    """
    written = options.given.get("limit")
    if written is None:
        return None
    found = re.fullmatch(r"(?:(\d+)-)?(\d+)", str(written).strip())
    if found is None:
        raise InvalidValueError(f"--limit {written}: write a number or a range, as 100 or 101-200")
    first, last = int(found[1] or 1), int(found[2])
    if not 1 <= first <= last:
        raise InvalidValueError(
            f"--limit {written} leaves no question: ranges count from 1, as in 1-30"
        )
    return first, last


@dataclass(frozen=True)
class _Named:
    """What a label is made of."""

    task: str
    task_args_passed: dict[str, str]
    packages: dict[str, str] = field(default_factory=dict)


def _counted(task: str, arguments: dict[str, str]) -> int | None:
    """How many questions one of our benchmarks has; None where it cannot be loaded."""
    benchmark = named_benchmark(task)
    if benchmark is None:
        return None
    try:
        checked = checked_arguments(f"task {benchmark.name}", benchmark.load, arguments)
        return len(benchmark.samples(**checked))
    except (TaleEvalError, OSError):
        # the run will say why; here it is only not known how many there are
        return None


def _headers(log_dir: str) -> list[Header]:
    """The headers of all finished runs in a folder."""
    try:
        (names,) = find_files([log_dir], [INSPECT_LOGS], [])
    except SourceError:
        return []
    found = []
    for name in names:
        try:
            found.append(read_header(name))
        except UNREADABLE_LOG:
            # the report names it
            continue
    return [header for header in found if header.status == "success" and header.results]


def _answered(header: Header) -> int:
    return header.results.completed_samples if header.results is not None else 0


def _lies_in(header: Header, folder: str) -> bool:
    return store_of(header.location)[1].startswith(f"{store_of(folder)[1]}/")


def _seen(header: Header, method: str) -> Seen | None:
    """What a run has shown; None if it is another method's, or was not counted."""
    spec: Any = header.eval
    called = method_label(spec, None)
    # whose estimates they were follows a method's name
    own = called == method or called.startswith(f"{method} ")
    answered = _answered(header)
    if not own or not answered or not header.stats.model_usage:
        return None
    calls = tuple(_mean(name, use, answered) for name, use in header.stats.model_usage.items())
    return Seen(spec.model, task_label(spec), method, answered, calls)


def _mean(model: str, usage: Any, answered: int) -> Call:
    read, written = (
        (usage.input_tokens_cache_read or 0) // answered,
        (usage.input_tokens_cache_write or 0) // answered,
    )
    return Call(
        purpose="answer",
        model=model,
        input_tokens=round(usage.input_tokens / answered) + read + written,
        cache_read_tokens=read,
        cache_write_tokens=written,
        output_tokens=round(usage.output_tokens / answered),
        counted_by="provider",
        summed=True,
    )
