"""A user's mistake in front of Inspect's command line: one line, no traceback."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

# the one exception that Inspect prints plainly is not part of its public API
from inspect_ai._util.error import PrerequisiteError
from rich.markup import escape

from tale_eval.errors import InvalidValueError, TaleEvalError


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


_REFUSED = (400, 422)
"""What a server answers to a request that it does not understand, or will not take."""
_REASON = 300
"""Characters of a server's reason that are kept."""


@contextmanager
def naming_what_was_refused(model: str, settings: Mapping[str, object]) -> Iterator[None]:
    """Where a server refuses a request, give its own reason in one line.

    Args:
        model: Who was asked.
        settings: What the method set for this request; the run's own are in its log.

    Raises:
        InvalidValueError: It does.
    """
    try:
        yield
    except Exception as error:
        if getattr(error, "status_code", None) in _REFUSED:
            asked = ", ".join(f"{name}={value}" for name, value in settings.items())
            request = f"a request with {asked}" if asked else "the request"
            raise InvalidValueError(f"{model} refuses {request}: {_reason(error)}") from error
        raise


def _reason(error: BaseException) -> str:
    """The server's words in a client's error, on one line."""
    # Inspect puts the whole request before them, and keeps the client's error as the cause
    while getattr(error, "body", None) is None and error.__cause__ is not None:
        error = error.__cause__
    found: object = getattr(error, "body", None) or str(error)
    while isinstance(found, Mapping):
        # {"error": {"message": …}} of Anthropic's, {"message": …} of OpenAI's
        found = next((found[key] for key in ("error", "message") if found.get(key)), str(error))
    return " ".join(str(found).split())[:_REASON]
