"""Keys and passwords are not shown: not in a report, a note or an error. Pure.

Logs hold the arguments that a run was given, and a user may have given a key among them.
"""

import re
from collections.abc import Mapping
from typing import Any

from tale_eval.patterns import pattern

MASK = "***"

_WORDS = pattern(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRETS = {"key", "apikey", "secret", "password", "passwd", "credential", "credentials",
            "authorization", "token", "accesstoken", "authtoken"}  # fmt: skip
# "token" is a key, "pad_token" is a setting ("max_tokens" is neither)
_BEFORE_A_SETTING = {"pad", "eos", "bos", "unk", "sep", "cls", "mask", "start", "end", "stop",
                     "special", "image", "think", "max", "min", "num", "per", "new"}  # fmt: skip

# every length is bounded or every start is: time grows with the text, and no faster
_ASSIGNED = pattern(r"(?<![\w-])(?P<name>[A-Za-z][\w-]{0,255})\\?['\"]?\s*[=:]\s*")
_VALUE = pattern(
    r"(?P<quote>\\?['\"])(?:(?!(?P=quote)|\n).)*(?P=quote)"
    r"|(?P<kept>\\?['\"]?(?:(?:Bearer|Basic|Token)\s+)?)[^\s,;&'\"}\])\\]+",
    re.IGNORECASE,
)
_KEY = pattern(
    r"(?P<before>\w{1,20}://)[^/\s'\"]+(?P<after>@)"
    r"|(?P<bearer>\bBearer\s+)[\w.~+/=-]{4,}"
    # hf_meta-llama_… is the folder of a model's logs, and no key
    r"|\b(?:sk|gsk|xai)[-_][\w-]{16,}|\bhf_[A-Za-z0-9]{30,}"
    r"|\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|(?-i:AKIA[A-Z0-9]{16}|AIza[\w-]{30,}))",
    re.IGNORECASE,
)


def masked(value: Any) -> Any:
    """The same value, its keys and passwords replaced; mappings and lists all through."""
    if isinstance(value, Mapping):
        return {
            name: MASK if item and _names_a_secret(str(name)) else masked(item)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [masked(item) for item in value]
    return masked_text(value) if isinstance(value, str) else value


def masked_text(text: str) -> str:
    """The text without the user of a URL, key=VALUE, a bearer's token, or sk-…"""
    return _KEY.sub(_shape_masked, _assignments_masked(text))


def _names_a_secret(name: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(name[-256:])]
    if not words or words[-1] not in _SECRETS:
        return False
    return not (words[-1] == "token" and words[-2:-1] and words[-2] in _BEFORE_A_SETTING)


def _assignments_masked(text: str) -> str:
    parts, end = [], 0
    for found in _ASSIGNED.finditer(text):
        # what stands within a value that is masked already goes with it
        if found.start() < end or not _names_a_secret(found["name"]):
            continue
        if value := _VALUE.match(text, found.end()):
            quote = value["quote"] or ""
            parts.append(text[end : found.end()] + quote + (value["kept"] or "") + MASK + quote)
            end = value.end()
    return "".join(parts) + text[end:]


def _shape_masked(found: re.Match[str]) -> str:
    return (found["before"] or found["bearer"] or "") + MASK + (found["after"] or "")
