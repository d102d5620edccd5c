"""Files in the places that a user names: files and folders, local or on S3.

What a file is, its name says. Nothing is opened, so no harness need be loaded to look.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fsspec.core import url_to_fs  # type: ignore[import-untyped]
from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]

from tale_eval.errors import SourceError
from tale_eval.records import reason


@dataclass(frozen=True)
class FileKind:
    """Files that are known by their names.

    Attributes:
        called: One of them, in a message.
        in_a_folder: Found in the names of those that count among a folder's files.
        named: Found in the names of those that count where the user names the very file.
    """

    called: str
    in_a_folder: re.Pattern[str]
    named: re.Pattern[str]


def as_path(name: str) -> str:
    """A local file's plain path, any other's URL as it is.

    What fsspec calls a URL is "file://" and the path as it stands. Readers of URLs would take a
    "#" or "?" in it for the end of the path, and "%20" for a space.
    """
    return name.removeprefix("file://")


def store_of(name: str) -> tuple[Any, str]:
    """The file system that a path or URL belongs to, and the path in it."""
    local = as_path(name)
    if "://" in local:
        found: tuple[Any, str] = url_to_fs(local)
        return found
    # url_to_fs would take "a::b" for two URLs, one within the other
    files = LocalFileSystem()
    return files, files._strip_protocol(local)


def find_files(
    locations: Iterable[str], kinds: Sequence[FileKind], problems: list[str]
) -> list[list[str]]:
    """The files of each kind in these places, as URLs: a folder's at any depth, sorted.

    A place without any, or that cannot be looked into, goes into `problems`.

    Raises:
        SourceError: If there is none at all.
    """
    found: list[list[str]] = [[] for _ in kinds]
    missing = []
    for location in dict.fromkeys(locations):
        try:
            here = _files_of(location, kinds)
        except Exception as error:  # noqa: BLE001 (each store's library has its own)
            missing.append(f"{location}: cannot be looked into ({reason(error)})")
            continue
        for names, more in zip(found, here, strict=True):
            names += more
        if not any(here):
            missing.append(f"no {' and no '.join(kind.called for kind in kinds)} in {location}")
    if not any(found):
        raise SourceError("; ".join(missing))
    problems += missing
    return [list(dict.fromkeys(names)) for names in found]


def _files_of(location: str, kinds: Sequence[FileKind]) -> list[list[str]]:
    """The files of each kind in one place."""
    files, path = store_of(location)
    # a store's library remembers what it listed, and runs write while we read
    files.invalidate_cache(path)
    if not files.isdir(path):
        name = files.unstrip_protocol(path)
        return [[name] if kind.named.search(name) else [] for kind in kinds]
    below = files.walk(path, detail=True, on_error="raise")
    infos = [info for _, _, inside in below for info in inside.values()]
    # no pipe or socket: whoever reads one waits for ever
    names = sorted(files.unstrip_protocol(i["name"]) for i in infos if i["type"] != "other")
    return [[name for name in names if kind.in_a_folder.search(name)] for kind in kinds]
