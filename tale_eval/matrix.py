"""Running the matrix: models x tasks x methods, each an eval set of Inspect's own.

Every combination is one `inspect eval-set` in its own log folder. So progress, resume,
S3 folders and every option are Inspect's, one failing combination loses no other, and
a second call runs only what is missing.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from tale_eval.asking.arguments import checked_arguments
from tale_eval.asking.method import Method
from tale_eval.errors import InvalidValueError
from tale_eval.models.adapters import named_model
from tale_eval.settings import MAX_RETRIES
from tale_eval.solvers import methods, resolve
from tale_eval.tasks import named_benchmark, task_arguments


@dataclass(frozen=True)
class Combination:
    """One model on one task by one method, all as the user wrote them."""

    task: str
    method: str
    model: str

    def __str__(self) -> str:
        return f"{self.task} · {self.method} · {self.model}"


def combinations(
    tasks: Iterable[str], methods: Iterable[str], models: Iterable[str]
) -> list[Combination]:
    """Every combination, checked: a typing error is found before anything runs.

    Args:
        tasks: Ours ("gsm8k", "mathbench/college", "chain_sum:size=50") or anybody's
            ("inspect_evals/gsm8k", "path/to/task.py").
        methods: Such as "cot" or "budget:tokens=50".
        models: Inspect's model names; local models and adapters as `named_model` takes them.

    Raises:
        UnknownNameError: A task or method that does not exist.
        InvalidValueError: Nothing to run, an argument without a value, or two models of one
            name.
    """
    named = product(dict.fromkeys(tasks), dict.fromkeys(methods), dict.fromkeys(models))
    found = [Combination(*names) for names in named]
    if not found:
        raise InvalidValueError("name at least one task, one --method and one --model")
    for combination in found:
        _check_task(combination.task)
        resolve(combination.method)
        named_model(combination.model)
    _check_names(dict.fromkeys(combination.model for combination in found))
    return found


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


def command(combination: Combination, log_dir: str, options: Sequence[str]) -> list[str]:
    """The command that runs a combination; `options` are passed on to Inspect."""
    task, arguments = task_arguments(combination.task)
    words = ["eval-set", task, *named_model(combination.model).options()]
    words += ["--log-dir", log_folder(combination, log_dir)]
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
    return [sys.executable, "-m", "inspect_ai", *words, *options]


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


def log_folder(combination: Combination, log_dir: str) -> str:
    """A combination's own folder below the log folder, local or on S3."""
    parts = (combination.task, combination.method, named_model(combination.model).name)
    return "/".join([log_dir.rstrip("/"), *(_file_name(part) for part in parts)])


def run_matrix(
    found: Sequence[Combination], log_dir: str, options: Sequence[str]
) -> list[Combination]:
    """Run every combination, one after the other; those that failed are returned."""
    return [
        combination
        for combination in found
        if subprocess.run(command(combination, log_dir, options), check=False).returncode != 0
    ]


def _file_name(text: str) -> str:
    """A name that stays in its folder on every file system."""
    return re.sub(r"[^\w.=,-]+", "_", text).strip("._") or "_"
