"""Exchanging one user text for another in a prompt as lm_eval built it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tale_eval.errors import InvalidValueError


def exchanged(context: Any, old: str, new: str) -> Any:
    """A prompt with its last user text exchanged for another.

    Args:
        context: What a model is sent: a text, messages, or lm_eval's text of messages.
        old: The text, or its end where worked examples stand before it in the same message.
        new: What is asked instead.

    Raises:
        InvalidValueError: The text is not there.
    """
    if isinstance(context, str):
        return _exchanged_text(context, old, new)
    if isinstance(context, list):
        return _exchanged_message(context, old, new)
    # lm_eval's JsonChatStr, a tuple of one JSON text
    messages = _exchanged_message(json.loads(context.prompt), old, new)
    return type(context)(json.dumps(messages, ensure_ascii=False))


def _exchanged_text(text: str, old: str, new: str) -> str:
    # chat templates may trim a message
    old, new = (old, new) if old in text else (old.strip(), new.strip())
    before, found, after = text.rpartition(old)
    if not found:
        raise InvalidValueError("the chat template changes the text of the question")
    return before + new + after


def _exchanged_message(
    messages: Sequence[Mapping[str, Any]], old: str, new: str
) -> list[dict[str, Any]]:
    # the beginning of an answer, lm_eval's gen_prefix, may stand after it
    last = max(i for i, message in enumerate(messages) if message["role"] == "user")
    content = _exchanged_text(messages[last]["content"], old, new)
    return [
        {**message, "content": content} if i == last else dict(message)
        for i, message in enumerate(messages)
    ]
