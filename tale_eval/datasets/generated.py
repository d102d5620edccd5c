"""Questions made on the spot by the package reasoning-gym (Apache-2.0): no download at all."""

import re
from importlib.metadata import version

from inspect_ai.dataset import Sample

from tale_eval.datasets.rows import Origin, Row
from tale_eval.datasets.samples import content_hash, make_sample
from tale_eval.errors import InvalidValueError, MissingExtraError


def gsm_symbolic(size: int = 100, seed: int = 1024) -> list[Sample]:
    """Make GSM8K-like word problems from templates with fresh numbers and names.

    Args:
        size: Number of questions.
        seed: The same seed and version of reasoning-gym give the same questions, and a
            larger size only adds to them.

    Raises:
        InvalidValueError: size below 1.
        MissingExtraError: reasoning-gym is not installed.
    """
    return _generated("gsm_symbolic", f"seed{seed}", size, seed)


def chain_sum(
    size: int = 100, seed: int = 1024, terms: int | str = 2, digits: int | str = 1
) -> list[Sample]:
    """Make sums and differences of whole numbers, such as 4 - 1 - 7.

    Question i is drawn from seed + i, so two seeds that differ by less than `size` share
    questions: keep the seeds of training and test data further apart than that.

    Args:
        size: Number of questions.
        seed: The same seed gives the same questions, and a larger size only adds to them.
        terms: How many numbers a question has: 3, or a range with both ends, "2-4".
        digits: How many digits each has, likewise.

    Raises:
        InvalidValueError: size below 1, or a range that is none.
        MissingExtraError: reasoning-gym is not installed.
    """
    terms_range = _bounds("terms", terms)
    digits_range = _bounds("digits", digits)
    return _generated(
        "chain_sum",
        f"terms{_span(*terms_range)}-digits{_span(*digits_range)}-seed{seed}",
        size,
        seed,
        min_terms=terms_range[0],
        max_terms=terms_range[1],
        min_digits=digits_range[0],
        max_digits=digits_range[1],
    )


def _bounds(name: str, value: int | str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]+)(?:-([0-9]+))?", str(value))
    if match:
        low, high = int(match[1]), int(match[2] or match[1])
        if 1 <= low <= high:
            return low, high
    raise InvalidValueError(
        f"{name}={value!r}: expected a whole number from 1, or a range such as '2-4'"
    )


def _span(low: int, high: int) -> str:
    return f"{low}" if low == high else f"{low}-{high}"


def _generated(benchmark: str, subset: str, size: int, seed: int, **settings: int) -> list[Sample]:
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
        row = Row(origin, number, entry)
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
            )
        )
    return samples
