"""How a benchmark describes itself: everything that is known of it stands in one value."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from inspect_ai.dataset import Sample


@dataclass(frozen=True)
class Benchmark:
    """A benchmark, ours or somebody else's.

    Another package brings one by an entry point of the group "tale_eval.benchmarks" that names
    such a value. Its Inspect task, which that package registers with Inspect, takes `load`'s
    arguments and "method"; `tale_eval.tasks.benchmark_task` makes it.

    Attributes:
        name: The name of its file, or of its entry point; also in every sample's metadata.
        title: As its authors write it.
        licence: Of the questions, as the hub names licences; "unknown" if none is stated.
        source: Where the data comes from: repository and revision, or the generator.
        rows: How many questions it has.
        load: Gives its samples.
        short: The arguments that may follow the name after slashes, in that order: with level
            and language, "mathbench/college/en".
        variants: The fixed arguments of each lm-eval task. A benchmark of several subsets
            names each, because lm-eval averages over tasks.
        task: Inspect's name of its task; one of ours by default.
    """

    name: str
    title: str
    licence: str
    source: str
    rows: str
    load: Callable[..., list[Sample]]
    short: tuple[str, ...] = ()
    variants: tuple[Mapping[str, str], ...] = ({},)
    task: str = ""

    def __post_init__(self) -> None:
        if not self.task:
            # how a frozen dataclass sets a default that depends on another attribute
            object.__setattr__(self, "task", f"tale_eval/{self.name}")

    @property
    def arguments(self) -> tuple[str, ...]:
        """What chooses among its questions: the loader's arguments but where the data lies."""
        return tuple(name for name in inspect.signature(self.load).parameters if name != "source")


def table(benchmarks: Iterable[Benchmark]) -> list[str]:
    """The lines of a Markdown table, one a benchmark after the two of its head."""
    lines = ["| task | arguments | rows | source | licence |", "|---|---|---|---|---|"]
    for benchmark in benchmarks:
        arguments = ", ".join(f"`{name}`" for name in benchmark.arguments)
        cells = [f"`{benchmark.name}`", arguments, benchmark.rows, benchmark.source]
        padded = (f" {cell} " if cell else " " for cell in [*cells, benchmark.licence])
        lines.append(f"|{'|'.join(padded)}|")
    return lines
