"""What was read of logs, kept beside them, so that a second report need not read them again.

A log's entry lies in the folder INDEX beside it, or, where nobody may write there and for logs
on S3, in the user's cache. It counts for a log of this very content and for nobody else: it is
signed with a key of the user's, for whoever may write into a folder of logs could else make a
report say what no log does. All of it may be deleted at any time, and costs time alone.
"""

import hashlib
import hmac
import os
import secrets
import time
from contextlib import suppress
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple

from platformdirs import user_cache_path
from pydantic_core import from_json, to_json

from tale_eval.places import is_local, local_path

INDEX = ".tale-eval-index"
"""The folder beside logs."""

SWITCH = "TALE_EVAL_INDEX"
"""The environment variable: "off" keeps nothing, and takes nothing that was kept."""

FORMAT = 2
"""Raised when an entry, or what is read of a log, changes its meaning."""

_SIGNED = 32  # bytes
_NEW = "new-"
"""How files are called that are not whole yet."""
_HOUR = 3600.0
_NOT_THERE = (OSError, ValueError, TypeError)


class Kept(NamedTuple):
    """An entry.

    Attributes:
        mark: Of the log's content.
        head: Of a `files.Head` all but the location.
        facts: As `Facts.of_bytes` reads them.
    """

    mark: str
    head: tuple[str, str, str]
    facts: bytes


class Index:
    """The entries of this user.

    Args:
        key: What they are signed with; None keeps nothing.
        cache: The folder for those that cannot lie beside their logs.
    """

    def __init__(self, key: bytes | None, cache: Path | None = None) -> None:
        self._key = key
        self._cache = cache
        self._unwritable: set[Path] = set()
        self._tidied: set[Path] = set()

    def get(self, location: str, mark: str) -> Kept | None:
        """What is kept of a log of this content; None if nothing is, or it is none of ours."""
        for place in self._places(location):
            with suppress(*_NOT_THERE):
                # no pipe: whoever reads one waits for ever
                kept = self._opened(place.read_bytes(), mark) if place.is_file() else None
                if kept is not None:
                    return kept
        return None

    def put(self, location: str, kept: Kept) -> None:
        """Keep what was read of a log, in the first place that can be written."""
        for place in self._places(location):
            if place.parent in self._unwritable:
                continue
            try:
                self._write(place, kept)
                return
            except OSError:
                # it costs the next report its time, and this one nothing
                self._unwritable.add(place.parent)

    @cached_property
    def _whose(self) -> str:
        """What tells entries of several users apart, and of several versions of the reader."""
        return hashlib.sha256(b"whose" + (self._key or b"") + _reader()).hexdigest()[:12]

    def _places(self, location: str) -> list[Path]:
        if self._key is None:
            return []
        hashed = hashlib.sha256(location.encode(errors="surrogatepass")).hexdigest()[:32]
        places = [self._cache / f"{hashed}.{self._whose}"] if self._cache else []
        if is_local(location):
            path = Path(local_path(location))
            places.insert(0, path.parent / INDEX / f"{path.name}.{self._whose}")
        return places

    def _opened(self, content: bytes, mark: str) -> Kept | None:
        signature, signed = content[:_SIGNED], content[_SIGNED:]
        if not hmac.compare_digest(signature, self._signature(signed)):
            return None
        told, _, facts = signed.partition(b"\n")
        values = from_json(told)
        if values["mark"] != mark:
            return None
        run, created, status = values["head"]
        return Kept(mark, (run, created, status), facts)

    def _signature(self, signed: bytes) -> bytes:
        return hmac.digest((self._key or b"") + _reader(), signed, "sha256")

    def _write(self, place: Path, kept: Kept) -> None:
        signed = to_json({"mark": kept.mark, "head": kept.head}) + b"\n" + kept.facts
        place.parent.mkdir(parents=True, exist_ok=True)
        # whole or not at all, also for another report at the same time
        with NamedTemporaryFile(dir=place.parent, prefix=_NEW, delete=False) as file:
            try:
                file.write(self._signature(signed) + signed)
                file.close()
                os.replace(file.name, place)
            except OSError:
                Path(file.name).unlink(missing_ok=True)
                raise
        self._tidy(place.parent)

    def _tidy(self, folder: Path) -> None:
        """Forget logs that are no more, and what a killed report left."""
        if folder in self._tidied or folder.name != INDEX:
            return
        self._tidied.add(folder)
        own = f".{self._whose}"
        with suppress(OSError):
            for entry in folder.iterdir():
                log = folder.parent / entry.name.removesuffix(own)
                gone = entry.name.endswith(own) and not log.exists()
                if gone or (entry.name.startswith(_NEW) and _is_old(entry)):
                    entry.unlink(missing_ok=True)


def _is_old(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > _HOUR


def open_index() -> Index:
    """The index of this user; one that keeps nothing where that is not wanted, or not possible."""
    if os.environ.get(SWITCH) == "off":
        return Index(None)
    try:
        folder = _cache_folder()
        return Index(_key(folder), folder)
    except (OSError, RuntimeError):
        # no home, or one that cannot be written: nothing could be told from what others kept
        return Index(None)


def _cache_folder() -> Path:
    named = os.environ.get("TALE_EVAL_CACHE")
    return (Path(named).expanduser().resolve() if named else user_cache_path("tale-eval")) / "index"


def _key(folder: Path) -> bytes:
    """The user's key, made when it is first wanted."""
    path = folder / "key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = folder / f"key-{secrets.token_hex(8)}"
        with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
        with suppress(FileExistsError):
            # another report may have made one meanwhile: that counts
            os.link(made, path)
        made.unlink()
    key = path.read_bytes()
    if len(key) != 32:
        raise OSError(f"{path} is no key")
    return key


@cache
def _reader() -> bytes:
    """What read a log: another version may read something else, and price it otherwise."""
    parts = (str(FORMAT), *(f"{name} {version(name)}" for name in _READERS))
    return "\n".join(parts).encode()


_READERS = ("tale-eval", "inspect-ai", "genai-prices")
