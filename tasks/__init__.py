"""The benchmarks, one a file: what is asked, and how it is graded.

Every file here that does not begin with an underscore is one, in one order: its paper and
commands, where the data lies, `load`, `BENCHMARK`, the Inspect task of the file's name. Other
packages bring theirs by entry points of the group "tale_eval.benchmarks".
"""

from collections.abc import Callable
from functools import cache

from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import GenerateConfig

from tale_eval.asking.arguments import as_written, split_arguments
from tale_eval.asking.prompts import PROMPT_VERSION
from tale_eval.datasets.benchmark import Benchmark, checked_samples
from tale_eval.datasets.examples import offer
from tale_eval.discovery import Registry, check_called
from tale_eval.errors import InvalidValueError, UnknownNameError
from tale_eval.inspect_ext.scorers import Metrics, tale
from tale_eval.settings import MAX_RETRIES
from tale_eval.solvers import method_solver

PAPER_CONFIG = GenerateConfig(temperature=0.1, seed=1024, max_tokens=1024, max_retries=MAX_RETRIES)
"""Temperature and seed of the paper (appendix A.3), token cap of its released code.

A reply that hits the cap is counted as truncated. A failing call is tried again a bounded
number of times (docs/faults.md). The user's flags win.
"""


@cache
def benchmarks() -> Registry[Benchmark]:
    """Every benchmark by name, ours first; see `tale_eval.discovery.Registry`."""
    return Registry(
        "benchmark",
        package="tale_eval.tasks",
        group="tale_eval.benchmarks",
        pick=lambda module, stem: _checked(module.BENCHMARK, stem),
        read=_checked,
    )


def named_benchmark(task: str) -> Benchmark | None:
    """The benchmark that a task names, None for a task that Inspect alone knows.

    Raises:
        UnknownNameError: Only a benchmark could be called so, and none is.
        InvalidValueError: The benchmark's package cannot be imported, or two have the name.
    """
    name, _ = split_arguments("task", task)
    head, *rest = _parts(name)
    # "gsm8k" and "tale_eval/gsm8k" are ours; "task.py@second" and "package/task" are not
    if name.startswith("tale_eval/") or head in benchmarks() or (not rest and ".py" not in name):
        if head not in benchmarks():
            raise UnknownNameError("task", head, benchmarks().offered)
        return benchmarks()[head]
    return None


def task_arguments(task: str) -> tuple[str, dict[str, str]]:
    """Inspect's name of a task, and the arguments that the short form names."""
    name, arguments = split_arguments("task", task)
    benchmark = named_benchmark(task)
    if benchmark is None:
        return name, arguments
    head, *rest = _parts(name)
    if len(rest) > len(benchmark.short):
        raise InvalidValueError(
            f"task {task!r}: {head} takes at most {len(benchmark.short)} parts after it"
        )
    return benchmark.task, dict(zip(benchmark.short, rest, strict=False)) | arguments


def _parts(name: str) -> list[str]:
    return name.removeprefix("tale_eval/").split("/")


def licence(name: str) -> str:
    """The licence of a benchmark's questions; "unknown" where no benchmark has the name.

    Raises:
        InvalidValueError: One has it, but its package cannot be imported, or two have it.
    """
    return benchmarks()[name].licence if name in benchmarks() else "unknown"


def benchmark_task(
    samples: list[Sample],
    *,
    method: str,
    version: str,
    metrics: Metrics | None = None,
    training: Callable[[], list[Sample]] | None = None,
) -> Task:
    """A task over these samples.

    Args:
        samples: What is asked.
        method: How it is asked (see `tale_eval.solvers.method_solver`); ``--solver``
            overrides it.
        version: "N-X": N changes when scores stop being comparable, X when only the
            interface changes.
        metrics: Used instead of the scorer's own.
        training: Loads the training split: see `Benchmark.training_split`.

    Raises:
        UnknownNameError: No such method, or argument of it.
        InvalidValueError: A sample that says too little of itself; an argument that makes no
            sense.
    """
    samples = checked_samples(samples, "this task")
    offer(samples, training)
    method = as_written(method)
    subsets = sorted({(sample.metadata or {})["subset"] for sample in samples})
    return Task(
        dataset=MemoryDataset(samples, name=(samples[0].metadata or {})["benchmark"]),
        solver=method_solver(method),
        scorer=tale(),
        metrics=metrics,
        config=PAPER_CONFIG,
        # the others go on; the log then ends with status error, and a retry asks what failed
        continue_on_fail=True,
        version=version,
        metadata={"method": method, "prompt_version": PROMPT_VERSION, "subsets": subsets},
    )


def _checked(member: object, name: str) -> Benchmark:
    if not isinstance(member, Benchmark):
        raise TypeError(f"expected a tale_eval.datasets.benchmark.Benchmark, got {member!r}")
    check_called("benchmark", member.name, name)
    return member
