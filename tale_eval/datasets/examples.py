"""Where worked examples come from: a benchmark's training split, or a user's file.

A method stands below the benchmarks and cannot ask for one. So whoever puts a benchmark's
questions to a model, in either harness, offers their training split here first; it is loaded
only if a method shows examples.
"""

from collections.abc import Callable, Sequence
from functools import cache

from inspect_ai.dataset import Sample

from tale_eval.asking.prompts import with_options
from tale_eval.asking.shots import SHOTS_SEED, Shot, Shots, drafted, explained, without
from tale_eval.datasets.rows import DataRow, Origin, read_rows
from tale_eval.errors import InvalidValueError

_OFFERED: dict[tuple[str, str], Callable[[Shots], tuple[Shot, ...]]] = {}


def offer(samples: Sequence[Sample], training: Callable[[], Sequence[Sample]] | None) -> None:
    """Let methods show worked examples to these questions; the last offer for a subset holds.

    Args:
        samples: What is asked.
        training: Loads the training split; None if the benchmark has none. Questions that are
            asked are left out of it, unless the training split itself is asked: then each
            question leaves out itself (see `Shots.drawn`).
    """
    asked = [question_text(sample) for sample in samples]
    ids = {sample.id for sample in samples}

    @cache
    def candidates(wanted: Shots) -> tuple[Shot, ...]:
        assert training is not None
        split = training()
        shots = tuple(map(_shot, filter(_is_worked, split)))
        itself = ids & {sample.id for sample in split}
        return wanted.candidates(shots if itself else without(shots, asked))

    for key in {_key(sample) for sample in samples}:
        if training is None:
            _OFFERED.pop(key, None)
        else:
            _OFFERED[key] = candidates


def shots_for(text: str, shots: Shots | None, benchmark: str, subset: str) -> tuple[Shot, ...]:
    """The worked examples to show before a question.

    Args:
        text: The question's.
        shots: Which are wanted; None for none.
        benchmark: The question's; empty of somebody else's task.
        subset: The question's.

    Raises:
        InvalidValueError: Too few, or none to be had.
    """
    if shots is None:
        return ()
    if shots.file is not None:
        return shots.drawn(text, shots.candidates(shots.file))
    candidates = _OFFERED.get((benchmark, subset))
    if candidates is None:
        what = f"benchmark {benchmark}" if benchmark else "this task"
        raise InvalidValueError(
            f"shots={shots.count}: {what} has no training split that is known here; give worked "
            "examples of your own with shots_file=PATH"
        )
    return shots.drawn(text, candidates(shots))


def make_shots(
    count: int, file: str | None = None, seed: int = SHOTS_SEED, *, drafts: bool = False
) -> Shots | None:
    """Which worked examples a method's arguments ask for.

    Args:
        count: How many; 0 for none, and with a file for all that it holds.
        file: A file of the user's: see `read_shots`; empty or None for none.
        seed: Draws them.
        drafts: They must have a draft. What a file gives as the reasoning is one.

    Raises:
        InvalidValueError: A count that makes no sense.
        SourceError, RowError: The file cannot be read.
    """
    if count < 0:
        raise InvalidValueError(f"shots={count}: must be a whole number from 0 up")
    if not file:
        return Shots(count, seed, drafts=drafts) if count else None
    held = read_shots(file)
    if count > len(held):
        raise InvalidValueError(
            f"shots={count}: {file} holds {len(held)} worked examples; ask for at most "
            f"{len(held)}, or leave shots out to show them all"
        )
    return Shots(count or None, seed, held, file)


def read_shots(file: str) -> tuple[Shot, ...]:
    """A user's worked examples: `.jsonl`, `.csv` or `.parquet`.

    A row has "question" and "answer", "reasoning" if it is not to be shown without any, and of
    a choice question its "options", a list; its answer is the letter of the right one.

    Raises:
        SourceError: There is no such file, or no row in it.
        RowError: A row of another shape.
    """
    return tuple(_row_shot(row) for row in read_rows(Origin("file", file, None)))


def question_text(sample: Sample) -> str:
    """A sample's question, options included."""
    text = str(sample.input)
    return with_options(text, sample.choices) if sample.choices else text


_FIELDS = ("question", "reasoning", "answer", "options")


def _row_shot(row: DataRow) -> Shot:
    for field in row.fields:
        if field not in _FIELDS:
            raise row.error(
                field, f"not known; a worked example has {', '.join(_FIELDS[:3])}, and options"
            )
    question, answer = row.text("question"), row.text("answer")
    if row.fields.get("options") is not None:
        options = row.fields["options"]
        count = len(options) if isinstance(options, list) else 2
        question = with_options(question, row.texts("options", count))
    reasoning = row.optional_text("reasoning") or ""
    return Shot(question, reasoning, answer, reasoning or None)


def _key(sample: Sample) -> tuple[str, str]:
    metadata = sample.metadata or {}
    return metadata["benchmark"], metadata["subset"]


def _is_worked(sample: Sample) -> bool:
    return bool((sample.metadata or {}).get("solution"))


def _shot(sample: Sample) -> Shot:
    solution = (sample.metadata or {})["solution"]
    return Shot(question_text(sample), explained(solution), str(sample.target), drafted(solution))
