"""Keys and passwords are not shown: not in a report, a note or an error. Pure.

Logs hold the arguments that a run was given, and a user may have given a key among them.
"""

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"

# "token" is a key, "max_tokens" and "pad_token" are settings
_NAME = (
    r"(?:[\w-]*[-_])?(?:api[-_]?key|key|secret|passw(?:or)?d|credentials?|authorization)"
    r"|(?:(?:hf|hub|hugging_?face|auth|access|api|bearer|session|use_auth)[-_]?)?token"
)
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
_IN_TEXT = re.compile(
    r"(?P<before>\w+://)[^/\s@'\"]+(?P<after>@)"
    r"|(?P<bearer>\bBearer\s+)[\w.~+/=-]{4,}"
    rf"|(?P<name>(?<![\w-])(?:{_NAME})['\"]?\s*[=:]\s*['\"]?(?:(?:Bearer|Basic)\s+)?)[^\s,;&'\"}}\])]+"
    # hf_meta-llama_… is the folder of a model's logs, and no key
    r"|\b(?:sk|gsk|xai)[-_][\w-]{16,}|\bhf_[A-Za-z0-9]{30,}",
    re.IGNORECASE,
)


def masked(value: Any) -> Any:
    """The same value, its keys and passwords replaced; mappings and lists all through."""
    if isinstance(value, Mapping):
        return {
            name: MASK if item and _SECRET_NAME.fullmatch(str(name)) else masked(item)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [masked(item) for item in value]
    return masked_text(value) if isinstance(value, str) else value


def masked_text(text: str) -> str:
    """The text without the user of a URL, key=VALUE, a bearer's token, or sk-…"""
    return _IN_TEXT.sub(_replaced, text)


def _replaced(found: re.Match[str]) -> str:
    kept = found["before"] or found["bearer"] or found["name"] or ""
    return kept + MASK + (found["after"] or "")
