"""Fitted estimators on disk: arrays, a card, and a hash that tells one content from another. Pure.

A folder holds `card.json` (what it is, how it came to be, how good it is), the arrays that
the card names and `README.md`, which is for people and may be changed. No file can run code.
"""

import hashlib
import inspect
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tale_eval.asking.question import Question
from tale_eval.budgets import estimators as registry
from tale_eval.budgets.estimators import Estimating, Estimator
from tale_eval.budgets.reading import BudgetReading
from tale_eval.errors import InvalidValueError, OutputError, SourceError, UnknownNameError

if TYPE_CHECKING:
    from tale_eval.budgets.features import Arrays, Embed
    from tale_eval.budgets.learning import Learner

FORMAT = 1
"""Raised when folders that were written before can no longer be read."""

CARD, README, ESTIMATOR, CHANCES = "card.json", "README.md", "estimator.npz", "chances.npz"

HASH_LENGTH = 12
"""Hexadecimal digits of a hash in labels and records."""

Embedder = Callable[[str], "Embed"]
"""The name of features to what gives a text's vector."""


@dataclass(frozen=True)
class Fitted:
    """A fitted estimator of a folder.

    Attributes:
        folder: Where it lies.
        card: What its card says.
        learner: What estimates.
    """

    folder: Path
    card: Mapping[str, Any]
    learner: "Learner"

    @property
    def name(self) -> str:
        """Which estimator it is, such as "knn"."""
        return str(self.card["estimator"])

    @property
    def signature(self) -> str:
        """What it is and the hash of its content, as in labels and records: "knn-0123456789ab"."""
        return f"{self.name}-{str(self.card['sha256'])[:HASH_LENGTH]}"

    def estimate(self, question: Question) -> Estimating | BudgetReading:
        """What it says of a question, under its hash."""
        reading = self.learner.estimate(question)
        embedded = getattr(self.learner.embed, "spent", None)
        return replace(reading, estimator=self.signature, embedded=embedded)

    def arrays(self, name: str) -> "Arrays":
        """Further arrays of the folder.

        Raises:
            SourceError: It has none of this name.
        """
        if name not in self.card["files"]:
            raise SourceError(
                f"{self.folder} has no {name}, from which budgets are allocated: name a folder "
                "that 'tale-eval fit' wrote"
            )
        return _arrays((self.folder / name).read_bytes())


def named_estimator(
    name: str,
    offered: Mapping[str, object],
    expected_hash: str | None = None,
    embedder: Embedder | None = None,
) -> tuple[Estimator, dict[str, str]]:
    """The estimator of this name, or of this folder, ready to be asked.

    Args:
        name: Of an estimator that asks a model, or a folder.
        offered: Settings, of which an estimator that asks takes those that it names.
        expected_hash: What the folder's hash must be; None for any.
        embedder: Gives the vectors of features that need a model.

    Returns:
        The estimator, and what a method's label must say of it.

    Raises:
        UnknownNameError: Neither an estimator nor a folder.
        InvalidValueError: One that must be fitted first; a folder that was changed, that
            another version wrote, or that has another hash.
    """
    learns = name in registry.estimators() and hasattr(registry.estimators()[name], "fit")
    # of an estimator that learns the name alone means nothing: a folder may well have it
    if name in registry.estimators() and not (learns and Path(name, CARD).is_file()):
        if expected_hash is not None:
            raise InvalidValueError(
                f"estimator_hash={expected_hash}: the estimator {name} asks a model and has no "
                "hash; leave it out, or name a folder"
            )
        made = registry.make_estimator(name, offered)
        check_fitted = getattr(made, "check_fitted", None)
        if check_fitted is not None:
            check_fitted()
        return made, {}
    if not (Path(name).exists() or "/" in name or "\\" in name):
        allowed = [*registry.estimators().offered, "a folder that 'tale-eval fit' wrote"]
        raise UnknownNameError("estimator", name, allowed)
    found = read_fitted(Path(name), embedder)
    if expected_hash not in (None, found.signature):
        raise InvalidValueError(
            f"estimator {name}: its hash is {found.signature}, not {expected_hash}: it was fitted "
            "anew since; leave out estimator_hash to take it as it is"
        )
    return found, {"estimator_hash": found.signature}


def undivided(name: str, estimator: Estimator, total: int) -> str | None:
    """Why budgets of this estimator do not share a total; None where its plan divides it.

    Args:
        name: The estimator's, as the user wrote it.
        estimator: The same, ready to be asked.
        total: Tokens.

    Raises:
        InvalidValueError: An estimator that says nothing of chances, or the plan of another
            total.
    """
    if not isinstance(estimator, Fitted):
        raise InvalidValueError(
            f"total={total}: the estimator {name} does not say where tokens help most; name a "
            "folder that 'tale-eval fit' wrote, as in tale_ep:estimator=FOLDER:total=200000"
        )
    divided = estimator.card.get("plan", {}).get("total")
    if divided == total:
        return None
    if divided is not None:
        raise InvalidValueError(
            f"total={total}: the plan {name} divides {divided} tokens; give that number, or name "
            "the estimator that it was divided by"
        )
    return (
        f"total={total}: a method sees one question, and a total is divided over all of a run: run "
        f"it with 'tale-eval compare', or divide it by 'tale-eval allocate {name} TASK --total "
        f"{total} --out PLAN' and name estimator=PLAN"
    )


def read_fitted(folder: Path, embedder: Embedder | None = None) -> Fitted:
    """Read a folder that `write_fitted` wrote; read once as long as its files stay the same.

    Raises:
        SourceError: It is no such folder, or a file is missing or cannot be read.
        InvalidValueError: It was changed, or another version wrote it.
    """
    path = folder.expanduser().resolve()
    try:
        stamps = tuple(
            (f.name, f.stat().st_mtime_ns, f.stat().st_size) for f in sorted(path.iterdir())
        )
    except OSError as error:
        raise SourceError(
            f"estimator {folder}: {path} is no folder that can be read ({error.strerror}); name "
            f"one that 'tale-eval fit' wrote, or one of {', '.join(registry.estimators().offered)}"
        ) from error
    return _read(path, stamps, embedder)


@lru_cache(maxsize=8)
def _read(folder: Path, stamps: tuple[object, ...], embedder: Embedder | None) -> Fitted:
    card = read_card(folder)
    contents = {name: _checked(folder, name, said) for name, said in card["files"].items()}
    learner = _made(folder, card, embedder).restore(_arrays(contents[ESTIMATOR]))
    if not learner.embeds_as_fitted():
        raise InvalidValueError(
            f"{folder}: {card['parameters']['features']} gives other vectors than when this was "
            "fitted: name the same model, or fit it again"
        )
    return Fitted(folder, card, learner)


def read_card(folder: Path) -> dict[str, Any]:
    """The card of a folder, unchanged and of this version.

    Raises:
        SourceError: There is none, or it cannot be read.
        InvalidValueError: It was changed, or another version wrote it.
    """
    written = _bytes(folder, CARD)
    try:
        card: dict[str, Any] = json.loads(written)
        version, said = card["format"], card["sha256"]
    except (ValueError, TypeError, LookupError) as error:
        raise InvalidValueError(
            f"{folder / CARD}: no card of an estimator, or one that was changed "
            f"({type(error).__name__}: {error}); fit it again"
        ) from error
    if version != FORMAT:
        raise InvalidValueError(
            f"{folder}: written by tale-eval {card.get('versions', {}).get('tale-eval')} in format "
            f"{version}, and this one reads format {FORMAT}: fit it again, or install that version"
        )
    if said != _card_hash(card) or written != _dumped(card):
        raise _changed(folder / CARD)
    return card


def write_fitted(
    folder: Path,
    learner: "Learner",
    card: Mapping[str, Any],
    readme: Callable[[Mapping[str, Any]], str],
    further: Mapping[str, "Arrays"] | None = None,
) -> Fitted:
    """Write a fitted estimator beside the folder, and move the finished whole there.

    Args:
        folder: Where to; nothing may lie there.
        learner: What was fitted.
        card: What is to be said of it, "estimator" and "parameters" among it.
        readme: The card as a text for people.
        further: More arrays, by the name of their file.

    Raises:
        InvalidValueError: Something lies there.
        OutputError: It cannot be written.
    """
    check_free(folder)
    arrays = {ESTIMATOR: learner.arrays_, **(further or {})}
    contents = {name: _packed(parts) for name, parts in arrays.items()}
    files = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    whole = {"format": FORMAT, **card, "files": files}
    whole = {"sha256": _card_hash(whole), **whole}
    contents |= {CARD: _dumped(whole), README: readme(whole).encode()}
    workshop = folder.with_name(folder.name + ".partial")
    with _naming(folder):
        shutil.rmtree(workshop, ignore_errors=True)
        workshop.mkdir(parents=True)
        for name, content in contents.items():
            (workshop / name).write_bytes(content)
        workshop.rename(folder)
    return Fitted(folder, json.loads(_dumped(whole)), learner)


def check_free(folder: Path) -> None:
    """Raise InvalidValueError where something lies in the folder's place."""
    if folder.exists():
        raise InvalidValueError(f"{folder} exists: choose another --out, or remove it first")


def parameters(learner: "Learner") -> dict[str, Any]:
    """A learner's parameters by name, without what gives the vectors: no file can hold that."""
    named = inspect.signature(type(learner)).parameters
    return {name: getattr(learner, name) for name in named if name != "embed"}


def _made(folder: Path, card: Mapping[str, Any], embedder: Embedder | None) -> "Learner":
    from tale_eval.budgets.features import TFIDF

    given = dict(card["parameters"])
    if given.get("features", TFIDF) != TFIDF:
        if embedder is None:
            raise InvalidValueError(
                f"{folder}: its features are vectors of {given['features']}, and nothing is given "
                "that makes them (embedder=tale_eval.models.embeddings.embedder)"
            )
        given["embed"] = embedder(given["features"])
    made: Any = registry.make_estimator(card["estimator"], given)
    if not hasattr(made, "restore"):
        raise InvalidValueError(f"{folder}: {card['estimator']} is no estimator that is fitted")
    learner: Learner = made
    return learner


def _checked(folder: Path, name: str, said: str) -> bytes:
    content = _bytes(folder, name)
    if hashlib.sha256(content).hexdigest() != said:
        raise _changed(folder / name)
    return content


def _changed(path: Path) -> InvalidValueError:
    return InvalidValueError(
        f"{path}: not as it was written: its hash is another one. Copy the folder anew, or fit it "
        "again"
    )


def _bytes(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise SourceError(
            f"{folder}: its {name} cannot be read ({error.strerror}); name a folder that "
            "'tale-eval fit' or 'tale-eval allocate' wrote"
        ) from error


def _card_hash(card: Mapping[str, Any]) -> str:
    """Of all that the card says, the hashes of the other files among it."""
    rest = {key: value for key, value in card.items() if key != "sha256"}
    return hashlib.sha256(_dumped(rest)).hexdigest()


def _dumped(card: Mapping[str, Any]) -> bytes:
    return (json.dumps(card, indent=1, ensure_ascii=False) + "\n").encode()


def _packed(arrays: "Arrays") -> bytes:
    """The same arrays are the same bytes, at any time and by any hand."""
    import numpy as np

    buffer = BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **{n: arrays[n] for n in sorted(arrays)})
    return buffer.getvalue()


def _arrays(content: bytes) -> "Arrays":
    import numpy as np

    # allow_pickle=False: arrays of plain numbers and texts, which run nothing
    with np.load(BytesIO(content), allow_pickle=False) as found:
        return {name: found[name] for name in found.files}


@contextmanager
def _naming(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error}; choose another --out") from error
