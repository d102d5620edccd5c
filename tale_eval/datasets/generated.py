"""Questions made on the spot by the package reasoning-gym (Apache-2.0): no download at all."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from inspect_ai.dataset import Sample

from tale_eval.datasets.rows import DataRow, Origin
from tale_eval.datasets.samples import content_hash, make_sample
from tale_eval.errors import InvalidValueError, MissingExtraError

TRAINING_SIZE = 200
"""How many questions are made to choose worked examples from."""


def generated(
    benchmark: str,
    subset: str,
    size: int,
    seed: int,
    *,
    worked: Callable[[Mapping[str, Any]], str],
    **settings: int,
) -> list[Sample]:
    """Questions of one of reasoning-gym's data sets.

    Args:
        benchmark: Our name of it, and reasoning-gym's.
        subset: What the settings are called in the samples' ids and metadata.
        size: Number of questions.
        seed: The same seed and version of reasoning-gym give the same questions, and a
            larger size only adds to them.
        worked: The worked solution of a question, given what reasoning-gym says of it.
        settings: The data set's own.

    Raises:
        InvalidValueError: size below 1.
        MissingExtraError: reasoning-gym is not installed.
    """
    if not isinstance(size, int) or size < 1:
        raise InvalidValueError(f"size={size!r}: expected a whole number from 1")
    if not isinstance(seed, int):
        raise InvalidValueError(f"seed={seed!r}: expected a whole number")
    try:
        import reasoning_gym
    except ImportError as error:
        raise MissingExtraError(f"the benchmark {benchmark}", "symbolic") from error
    entries = reasoning_gym.create_dataset(benchmark, size=size, seed=seed, **settings)
    origin = Origin("generated", f"reasoning-gym/{benchmark}", None)
    generator = f"reasoning-gym {version('reasoning-gym')}"
    samples = []
    for number, entry in enumerate(entries, start=1):
        row = DataRow(origin, number, entry)
        question, gold = row.text("question"), row.text("answer")
        digest = content_hash(question, None, gold)
        samples.append(
            make_sample(
                row,
                sample_id=f"{benchmark}-{subset}-{number:05d}-{digest}",
                question=question,
                gold=gold,
                benchmark=benchmark,
                subset=subset,
                language="en",
                generator=generator,
                solution=worked(entry["metadata"]),
            )
        )
    return samples
