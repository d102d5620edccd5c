"""What all commands say and write, and how."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from tale_eval.errors import OutputError, TaleEvalError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What the system refuses while a file is written is said of it.

    Raises:
        OutputError: The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except TaleEvalError:
        # some of these are OSErrors, too
        raise
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error


def write_files(*outputs: tuple[Path | None, Callable[[Path], object]]) -> None:
    """Write the files that were asked for; one that cannot be written costs no other."""
    failed = []
    for path, write in outputs:
        if path is None:
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path)
        except TaleEvalError as error:
            failed.append(f"{path}: {error}")
        except OSError as error:
            failed.append(f"{path}: cannot be written ({error.strerror})")
    if failed:
        raise OutputError("; ".join(failed))


def write_json(value: object, path: Path | None) -> None:
    """Write plain values that were asked for as JSON; the path "-" is standard output."""
    text = json.dumps(value, indent=1, ensure_ascii=False)
    if path == Path("-"):
        print(text)
    else:
        write_files((path, lambda file: file.write_text(f"{text}\n", encoding="utf-8")))


def console() -> Console:
    """What standard output is written with."""
    # a pipe has no width of its own: do not fold a table that goes into a file
    return Console() if sys.stdout.isatty() else Console(width=160)


_SECONDS_BETWEEN = 3.0


def progress(doing: str) -> Callable[[int, int], None] | None:
    """Says every few seconds, on standard error, how far a long work is; None if nobody watches.

    Args:
        doing: What is done, such as "reading logs".
    """
    if not sys.stderr.isatty():
        return None
    last = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _SECONDS_BETWEEN and done < total:
            last = time.monotonic()
            say(f"{doing}: {done:,} of {total:,}")

    return tell


def note(problems: Iterable[str]) -> None:
    """Say what a user must know, a line each, on standard error."""
    for problem in problems:
        say(f"note: {problem}")


def say(message: str, style: str | None = None) -> None:
    """Say one thing on standard error, without keys and control characters."""
    from tale_eval.shown.masking import masked_text
    from tale_eval.shown.names import visible_lines

    # soft: one message is one line, however narrow the terminal
    shown = visible_lines(masked_text(message))
    Console(stderr=True).print(shown, style=style, markup=False, highlight=False, soft_wrap=True)
