"""What a matrix is made of: tasks x methods x models x settings, and the command of each."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from tale_eval.asking.arguments import checked_arguments
from tale_eval.asking.method import Method
from tale_eval.errors import InvalidValueError
from tale_eval.inspect_ext.command_line import Options, option_words, read_options
from tale_eval.matrix.sweeps import (
    Swept,
    read_sweeps,
    swept_methods,
    swept_settings,
    with_swept,
)
from tale_eval.models.adapters import named_model
from tale_eval.settings import MAX_RETRIES
from tale_eval.solvers import methods
from tale_eval.tasks import named_benchmark, task_arguments


@dataclass(frozen=True)
class Combination:
    """One model on one task by one method at one setting, all as the user wrote them.

    Attributes:
        task, method, model: Such as "gsm8k", "cot" and "openai/gpt-4o-mini".
        swept: The generation settings that differ between the combinations of a sweep.
    """

    task: str
    method: str
    model: str
    swept: Swept = ()

    def __str__(self) -> str:
        values = ((key, json.loads(value)) for key, value in self.swept)
        setting = ", ".join(
            f"{key}={value if isinstance(value, str) else json.dumps(value)}"
            for key, value in values
        )
        return " · ".join([self.task, self.method, self.model, *([setting] if setting else [])])


def combinations(
    tasks: Iterable[str],
    methods: Iterable[str],
    models: Iterable[str],
    sweeps: Sequence[str] = (),
    options: Options | None = None,
) -> list[Combination]:
    """Every combination, checked: a typing error is found before anything runs.

    Args:
        tasks: Ours ("gsm8k", "mathbench/college", "chain_sum:size=50") or anybody's
            ("inspect_evals/gsm8k", "path/to/task.py").
        methods: Such as "cot" or "budget:tokens=50".
        models: Inspect's model names; local models and adapters as `named_model` takes them.
        sweeps: Such as "reasoning_effort=low,high" or "budget.tokens=50,100".
        options: What every run is given.

    Raises:
        UnknownNameError: A task, a method or the key of a sweep that does not exist.
        InvalidValueError: Nothing to run, an argument without a value, two models of one
            name, or a sweep that makes no sense.
    """
    written = [*dict.fromkeys(methods)]
    found = read_sweeps(sweeps, written, options)
    asked = [each for method in written for each in swept_methods(method, found)]
    named = product(
        dict.fromkeys(tasks), dict.fromkeys(asked), dict.fromkeys(models), swept_settings(found)
    )
    matrix = [Combination(*names) for names in named]
    if not matrix:
        raise InvalidValueError("name at least one task, one --method and one --model")
    for combination in matrix:
        _check_task(combination.task)
        named_model(combination.model)
    _check_names(dict.fromkeys(combination.model for combination in matrix))
    return matrix


def _check_names(models: Iterable[str]) -> None:
    """Two models of one name would share a log folder, a cache and a row of the report."""
    written: dict[str, str] = {}
    for model in models:
        name = named_model(model).name
        if name in written:
            raise InvalidValueError(
                f"--model {written[name]} and --model {model} are both called {name}: rename one "
                "of the folders, or link to it under another name"
            )
        written[name] = model


_AFTER_A_FAILURE = {
    "--continue-on-fail",
    "--no-continue-on-fail",
    "--fail-on-error",
    "--no-fail-on-error",
}
"""A user's own word on whether a failed sample ends the run, and so leaves others undone."""


def eval_set_words(combination: Combination, folder: str, options: Sequence[str]) -> list[str]:
    """What follows `inspect`; `options` are passed on to it."""
    task, arguments = task_arguments(combination.task)
    words = ["eval-set", task, *named_model(combination.model).options(), "--log-dir", folder]
    if named_benchmark(combination.task):
        words += ["-T", f"method={_quoted(combination.method)}"]
    else:
        method = Method.parse(combination.method)
        definition = methods()[method.name]
        words += ["--solver", definition.registered_name]
        for key, value in definition.arguments(method.arguments).items():
            words += ["-S", f"{key}={_quoted(value)}"]
        given = {option.partition("=")[0] for option in options}
        # the benchmarks' own tasks say both themselves
        if "--max-retries" not in given:
            words += ["--max-retries", str(MAX_RETRIES)]
        if not given & _AFTER_A_FAILURE:
            words += ["--continue-on-fail"]
    for key, value in arguments.items():
        words += ["-T", f"{key}={value}"]
    return [*words, *options, *_swept_words(combination, options)]


def command(combination: Combination, log_dir: str, options: Sequence[str]) -> list[str]:
    """The command that runs a combination by itself; `options` are passed on to Inspect."""
    from tale_eval.matrix.folders import log_folder

    folder = log_folder(combination, log_dir)
    return [sys.executable, "-m", "inspect_ai", *eval_set_words(combination, folder, options)]


def _swept_words(combination: Combination, options: Sequence[str]) -> list[str]:
    """The options of a combination's own setting."""
    if not combination.swept:
        return []
    merged = with_swept(read_options(options).generation, combination.swept)
    names = dict.fromkeys(key.partition(".")[0] for key, _ in combination.swept)
    return option_words({name: merged[name] for name in names})


def _check_task(written: str) -> None:
    """A misspelt argument of a benchmark's task; of others Inspect knows more."""
    benchmark = named_benchmark(written)
    if benchmark is not None:
        _, arguments = task_arguments(written)
        if "method" in arguments:
            raise InvalidValueError(
                f"task {written!r}: the method is named by --method {arguments['method']}"
            )
        checked_arguments(f"task {benchmark.name}", benchmark.load, arguments)


def _quoted(value: object) -> str:
    """A value as -S and -T read it back: they take plain text for YAML, and "no" for false."""
    return json.dumps(value, ensure_ascii=False)
