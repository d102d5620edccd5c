"""Every error that a user can mend.

Each class also inherits the standard type that it stands for, so callers may
catch either. Messages name the value, what would have been allowed, and the fix.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class TaleEvalError(Exception):
    """Base class: catch it to catch everything that tale-eval raises on purpose."""


class UnknownNameError(TaleEvalError, ValueError, KeyError):
    """A name outside a closed set: a method, benchmark, level, language, subset, style.

    A KeyError too, so that a mapping's `get` and `in` take it for a name that is not there.

    Args:
        what: What the name stands for, such as "method".
        name: The value that was given.
        allowed: Every value that would have been accepted.
    """

    def __init__(self, what: str, name: object, allowed: Iterable[str]) -> None:
        names = list(allowed)
        close = get_close_matches(str(name), names, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        super().__init__(f"unknown {what} {name!r}; allowed: {', '.join(names)}.{hint}")

    def __str__(self) -> str:
        # a KeyError shows its message in quotes
        return str(self.args[0])


class InvalidValueError(TaleEvalError, ValueError):
    """A parameter of the right name with a value that makes no sense."""


class SourceError(TaleEvalError, FileNotFoundError):
    """A data source that is missing or cannot be read."""


class OutputError(TaleEvalError, OSError):
    """A file or folder that cannot be written."""


class RowError(TaleEvalError, ValueError):
    """A row of a data file that cannot be used.

    Args:
        path: The file.
        line: Line number from 1.
        problem: What is wrong, naming the field.
    """

    def __init__(self, path: object, line: int, problem: str) -> None:
        super().__init__(f"{path}:{line}: {problem}")


class MissingExtraError(TaleEvalError, ImportError):
    """An optional dependency that is not installed.

    Args:
        feature: What needs it.
        extra: The extra of tale-eval that brings it.
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an extra: pip install 'tale-eval[{extra}]'")


class RunError(TaleEvalError, RuntimeError):
    """A run that Inspect could not finish; its own messages stand above."""


def check_name(what: str, name: str, allowed: Iterable[str]) -> None:
    """Raise UnknownNameError unless the name is one of those allowed."""
    names = tuple(allowed)
    if name not in names:
        raise UnknownNameError(what, name, names)
