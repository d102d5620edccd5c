"""Regular expressions that are compiled when they are first used. Pure.

The readers alone have some hundred and fifty. Inspect loads this package in every one of its runs,
also in those that read no answer.
"""

import re
from typing import Any, cast


def pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """As `re.compile`, but a mistake in the text is found at the first use."""
    return cast("re.Pattern[str]", _Pattern(text, flags))


class _Pattern:
    """Stands for a pattern; from the first use on its methods are the compiled one's own."""

    def __init__(self, text: str, flags: int) -> None:
        self.pattern = text
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # copying asks for these
        compiled = re.compile(self.pattern, self._flags)
        methods = {each: getattr(compiled, each) for each in dir(compiled) if each[0] != "_"}
        self.__dict__.update(methods)
        return getattr(compiled, name)
