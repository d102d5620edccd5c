"""The door to corpora on disk: Parquet files that `datasets.load_dataset(FOLDER)` reads."""

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tale_eval.errors import InvalidValueError, RowError, SourceError
from tale_eval.training.corpus import FILTERS, Corpus, Kind

if TYPE_CHECKING:
    from datasets import Dataset

CARD = "README.md"
COLUMNS: dict[Kind, tuple[str, ...]] = {
    "sft": ("prompt", "completion"),
    "dpo": ("prompt", "chosen", "rejected"),
}
"""What TRL reads; each is a list of chat messages. The other columns say where from."""


def check_free(folder: Path) -> None:
    """Raise InvalidValueError if something lies there: no corpus is written over another."""
    if folder.exists():
        raise InvalidValueError(f"{folder} exists: choose another --out, or remove it first")


def write_corpus(corpus: Corpus, folder: Path, card: str) -> None:
    """Write the rows and the card beside the folder, and move the finished whole there.

    Raises:
        InvalidValueError: The folder exists, or there is no row to train on.
    """
    from datasets import Dataset, disable_progress_bars

    disable_progress_bars()
    check_free(folder)
    if not corpus.train:
        raise InvalidValueError(empty_message(corpus))
    workshop = folder.with_name(folder.name + ".partial")
    if workshop.exists():
        shutil.rmtree(workshop)
    workshop.mkdir(parents=True)
    for split, rows in (("train", corpus.train), ("validation", corpus.validation)):
        if rows:
            Dataset.from_list(rows).to_parquet(workshop / f"{split}.parquet")
    (workshop / CARD).write_text(card, encoding="utf-8")
    workshop.rename(folder)


def empty_message(corpus: Corpus) -> str:
    """Why there is nothing to train on: what each filter took, and why."""
    if corpus.validation:
        return (
            f"all {len(corpus.validation)} usable questions fell into the validation split: "
            "give more logs, or a smaller --validation"
        )
    taken = [
        f"\n  {count} {name}: {FILTERS[name]}" for name, count in corpus.left_out.items() if count
    ]
    return f"no usable row among {corpus.read} questions:{''.join(taken)}"


def read_corpus(folder: Path, kind: Kind) -> dict[str, "Dataset"]:
    """The splits of a corpus, every row checked.

    Args:
        folder: Where `train.parquet` and perhaps `validation.parquet` lie.
        kind: What it must hold.

    Raises:
        SourceError: There is no corpus, or it cannot be read.
        InvalidValueError: It is a corpus of the other kind.
        RowError: A row is not in TRL's conversational format.
    """
    from datasets import Dataset

    if not (folder / "train.parquet").is_file():
        raise SourceError(
            f"{folder}: no train.parquet in it; make a corpus with `tale-eval corpus {kind}`"
        )
    splits = {}
    for path in sorted(folder.glob("*.parquet")):
        _check(path, kind)
        splits[path.stem] = Dataset.from_parquet(str(path), keep_in_memory=True)
    return splits


def corpus_sha256(folder: Path) -> str:
    """One hash of all rows of a corpus."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.parquet")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _check(path: Path, kind: Kind) -> None:
    import pyarrow
    from pyarrow.parquet import read_table

    try:
        table = read_table(path)
    except (OSError, pyarrow.ArrowInvalid) as error:
        raise SourceError(f"{path}: not a readable Parquet file ({error})") from error
    missing = [name for name in COLUMNS[kind] if name not in table.column_names]
    if missing:
        other: Kind = "dpo" if kind == "sft" else "sft"
        fits = set(COLUMNS[other]) <= set(table.column_names)
        hint = f": these are rows for `tale-eval train {other}`" if fits else ""
        raise InvalidValueError(
            f"{path}: training {kind} needs the columns {', '.join(COLUMNS[kind])}; "
            f"there is no {', '.join(missing)}{hint}"
        )
    for line, row in enumerate(table.select(list(COLUMNS[kind])).to_pylist(), start=1):
        for column, messages in row.items():
            problem = _message_problem(messages, answer=column != "prompt")
            if problem:
                raise RowError(path, line, f"{column}: {problem}")


def _message_problem(messages: Any, *, answer: bool) -> str | None:
    """What keeps these from being chat messages; None if nothing does."""
    if not isinstance(messages, list) or not messages:
        return f"expected a list of chat messages, not {messages!r}"
    for message in messages:
        if not isinstance(message, dict) or not {"role", "content"} <= message.keys():
            return f"expected messages with role and content, not {message!r}"
        if not isinstance(message["content"], str):
            return f"expected a text as content, not {message['content']!r}"
    roles = [message["role"] for message in messages]
    if answer and roles != ["assistant"]:
        return f"expected one message of the assistant, not roles {', '.join(roles)}"
    if not answer and roles[-1] != "user":
        return f"expected the user's message last, not roles {', '.join(roles)}"
    return None
