"""Where a benchmark's data comes from: `source` of every loader.

None    the folder of that benchmark under $TALE_EVAL_DATA if the variable is set
        (never silently something else), otherwise the hub
"hub"   the Hugging Face Hub, whatever the variable says
a path  one data file, or the benchmark's folder in the layout of its authors
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import httpx

from tale_eval.datasets.rows import DataRow, Origin, read_rows
from tale_eval.errors import SourceError

DATA_VARIABLE = "TALE_EVAL_DATA"
HUB = "hub"

Source = str | os.PathLike[str] | None


@dataclass(frozen=True)
class HubFile:
    """One file of a dataset on the hub, at one commit."""

    repo: str
    revision: str
    name: str


def load_rows(source: Source, *, folder: str, files: Sequence[str], hub: HubFile) -> list[DataRow]:
    """Read the one file of a benchmark from wherever `source` says.

    Args:
        source: See the module's docstring.
        folder: The benchmark's folder under $TALE_EVAL_DATA.
        files: Names that the file may have inside a folder; the first one there is read.
        hub: The file on the hub.

    Raises:
        SourceError: The data is not there or cannot be read.
        RowError: A line cannot be read.
    """
    path = locate(source, folder)
    return read_rows(_hub_file(hub) if path is None else find_file(path, files))


def locate(source: Source, folder: str) -> Path | None:
    """The file or folder that `source` stands for, None for the hub."""
    if source == HUB:
        return None
    if source is not None:
        path = Path(source).expanduser().absolute()
        if not path.exists():
            raise SourceError(
                f"source={os.fspath(source)!r}: there is no {path}; "
                f"expected a data file, the folder of {folder}, or {HUB!r}"
            )
        return path
    root = os.environ.get(DATA_VARIABLE)
    if not root:
        return None
    path = Path(root).expanduser().absolute() / folder
    if not path.is_dir():
        raise SourceError(
            f"{DATA_VARIABLE}={root!r}: there is no folder {path}; "
            f"put the data there, or pass source=PATH or source={HUB!r}"
        )
    return path


def find_file(path: Path, names: Sequence[str]) -> Origin:
    """The data file: `path` itself, or the first of `names` in the folder `path`."""
    if path.is_file():
        return Origin("file", str(path), path.name)
    for name in names:
        if (path / name).exists():
            return Origin("file", str(path / name), name)
    raise SourceError(f"{path}: expected a data file, or a folder with {' or '.join(names)} in it")


def hub_folder(repo: str, revision: str, pattern: str) -> Path:
    """Download the files of a hub dataset that match `pattern`; returns their root folder."""
    from huggingface_hub import snapshot_download

    with _hub_errors(repo, revision):
        return Path(
            snapshot_download(repo, repo_type="dataset", revision=revision, allow_patterns=pattern)
        )


def check_content(origin: Origin, expected: str, repo: str) -> None:
    """Refuse a downloaded file that is not the one that was pinned.

    Args:
        origin: The file.
        expected: SHA-256 of its bytes, in hex digits.
        repo: Where it was downloaded from.

    Raises:
        SourceError: It has another hash.
    """
    found = sha256(Path(origin.path).read_bytes()).hexdigest()
    if found != expected:
        raise SourceError(
            f"{origin.name} of {repo} on the Hugging Face Hub has changed: expected sha256 "
            f"{expected}, found {found} in {origin.path}\nGet the authors' release and pass "
            f"source=PATH, or set {DATA_VARIABLE}; what you name yourself is not checked."
        )


def _hub_file(file: HubFile) -> Origin:
    # the file itself, not datasets.load_dataset: that one guesses types, which turns an
    # answer "None" into no answer and a column of digits into numbers
    from huggingface_hub import hf_hub_download

    with _hub_errors(file.repo, file.revision):
        path = hf_hub_download(file.repo, file.name, repo_type="dataset", revision=file.revision)
    return Origin("hub", path, file.name)


@contextmanager
def _hub_errors(repo: str, revision: str) -> Iterator[None]:
    from huggingface_hub.errors import EntryNotFoundError

    try:
        yield
    except (OSError, ValueError, httpx.HTTPError, EntryNotFoundError) as error:
        raise SourceError(
            f"cannot load {repo} (revision {revision}) from the Hugging Face Hub: {error}\n"
            f"Download it and pass source=PATH, or set {DATA_VARIABLE}. If the dataset is gated, "
            "accept its terms on its page and log in with `hf auth login`."
        ) from error
