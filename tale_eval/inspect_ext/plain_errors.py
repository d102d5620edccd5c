"""A user's mistake in front of Inspect's command line: one line, no traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

# the one exception that Inspect prints plainly is not part of its public API
from inspect_ai._util.error import PrerequisiteError
from rich.markup import escape

from tale_eval.errors import TaleEvalError


@contextmanager
def shown_plainly() -> Iterator[None]:
    """Make Inspect's command line print a user's error without a traceback.

    Also a decorator, for tasks, solvers and scorers. The original error stays the cause.
    """
    try:
        yield
    except TaleEvalError as error:
        raise PrerequisiteError(escape(f"ERROR: {error}")) from error


@contextmanager
def shown_by_the_caller() -> Iterator[None]:
    """Undo `shown_plainly` within: raise the original error for a caller that is not Inspect."""
    try:
        yield
    except PrerequisiteError as error:
        raise (error.__cause__ or error) from None
