"""How a benchmark describes itself: everything that is known of it stands in one value."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from inspect_ai.dataset import Sample

from tale_eval.asking.prompts import Language, QuestionKind
from tale_eval.errors import InvalidValueError, SourceError, TaleEvalError

_CLOSED = {"kind": get_args(QuestionKind), "language": get_args(Language)}
_METADATA = ("benchmark", "subset", "kind", "language")


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
        training: Gives the samples of its training split, of which methods show worked examples:
            those with a metadata "solution". It takes `load`'s arguments, as a run has them; None
            where there is no such split.

    Raises:
        InvalidValueError: A name that no file could have.
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
    training: Callable[..., list[Sample]] | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\w[\w.-]*", self.name):
            raise InvalidValueError(
                f"benchmark {self.name!r}: a name has letters, digits, '_', '-' and '.' alone"
            )
        if not self.task:
            # how a frozen dataclass sets a default that depends on another attribute
            object.__setattr__(self, "task", f"tale_eval/{self.name}")

    @property
    def arguments(self) -> tuple[str, ...]:
        """What chooses among its questions: the loader's arguments but where the data lies."""
        return tuple(name for name in inspect.signature(self.load).parameters if name != "source")

    def samples(self, **arguments: Any) -> list[Sample]:
        """What its loader gives, checked.

        Raises:
            SourceError: The loader fails in a way of its own.
            InvalidValueError: A sample says too little of itself.
        """
        try:
            loaded = self.load(**arguments)
        except TaleEvalError:
            raise
        # somebody else's loader may fail in any way
        except Exception as error:
            raise SourceError(
                f"benchmark {self.name}: its questions cannot be loaded "
                f"({type(error).__name__}: {error})"
            ) from error
        return checked_samples(loaded, f"benchmark {self.name}")

    def training_split(self, **arguments: Any) -> Callable[[], list[Sample]] | None:
        """Loads the training split that belongs to a run with these arguments; None if none."""
        training = self.training
        if training is None:
            return None
        return lambda: checked_samples(training(**arguments), f"benchmark {self.name}")


def checked_samples(samples: Iterable[Sample], what: str) -> list[Sample]:
    """Samples that say of themselves what grading, logs and both harnesses look up.

    Args:
        samples: As a loader gives them. One without an id gets its number, as in Inspect.
        what: Whose they are, such as "benchmark gsm8k": the words that errors use.

    Raises:
        InvalidValueError: There is none, or one that says too little of itself.
    """
    found = list(samples) if isinstance(samples, Iterable) else [samples]
    if not found:
        raise InvalidValueError(f"{what} has no questions: load() returned none")
    return [_checked_sample(sample, what, number) for number, sample in enumerate(found, start=1)]


def _checked_sample(sample: Any, what: str, number: int) -> Sample:
    if not isinstance(sample, Sample):
        raise InvalidValueError(
            f"{what}, question {number}: load() returns Inspect's samples, and this is {sample!r}"
        )
    metadata = sample.metadata or {}
    for key in _METADATA:
        allowed = _CLOSED.get(key, ())
        value = metadata.get(key)
        if not isinstance(value, str) or (allowed and value not in allowed):
            says = f"is {value!r}" if key in metadata else "is not there"
            wanted = f"one of {', '.join(allowed)}" if allowed else "a text"
            raise InvalidValueError(
                f"{what}, question {number}: metadata {key!r} {says}; give it {wanted}, as "
                "tale_eval.datasets.samples.make_sample does"
            )
    if (metadata["kind"] == "choice") != bool(sample.choices):
        raise InvalidValueError(
            f"{what}, question {number}: metadata 'kind' is {metadata['kind']!r}, and it has "
            f"{len(sample.choices or ())} choices; 'choice' is for those that have some"
        )
    return sample if sample.id is not None else sample.model_copy(update={"id": number})


def table(benchmarks: Iterable[Benchmark]) -> list[str]:
    """The lines of a Markdown table, one a benchmark after the two of its head."""
    lines = ["| task | arguments | rows | source | licence |", "|---|---|---|---|---|"]
    for benchmark in benchmarks:
        arguments = ", ".join(f"`{name}`" for name in benchmark.arguments)
        cells = [f"`{benchmark.name}`", arguments, benchmark.rows, benchmark.source]
        padded = (f" {cell} " if cell else " " for cell in [*cells, benchmark.licence])
        lines.append(f"|{'|'.join(padded)}|")
    return lines
