"""Who counts a call's tokens: the provider where it is right, else the tokenizer.

Inspect's hf provider runs requests in padded batches and reports the longest
member's length for every member. There the model's own tokenizer recounts the
texts: prompt as the chat template renders it, reply without the end-of-turn token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from inspect_ai.model import (
    ChatMessage,
    ContentReasoning,
    ContentText,
    Model,
    ModelOutput,
    ModelUsage,
)

from tale_eval.grading.thinking import without_thinking
from tale_eval.inspect_ext.logged import pads
from tale_eval.tokens.ledger import CountedBy
from tale_eval.tokens.usage import reasoning_used, tokens_used

_CUT_OFF = ("max_tokens", "model_length")


@dataclass(frozen=True)
class Count:
    """Token counts of one call; None where nobody counted.

    Attributes:
        reasoned: A text of hidden reasoning stands beside the reply.
        silent: Nothing of the reply can be seen beside its reasoning.
    """

    input_tokens: int | None
    output_tokens: int | None
    counted_by: CountedBy
    truncated: bool | None
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int | None = None
    reasoned: bool = False
    silent: bool | None = None


def count(
    output: ModelOutput,
    model_name: str,
    model: Model | None = None,
    messages: Sequence[ChatMessage] = (),
    max_tokens: int | None = None,
) -> Count:
    """Count the tokens of one call.

    Args:
        output: The model's reply.
        model_name: Inspect's name of the model, such as "hf/local".
        model: The model, if it is loaded in this process.
        messages: What the model was asked.
        max_tokens: The cap on the reply.
    """
    if pads(model_name) and output.usage is not None:
        if model is None:
            return _provider_count(output, counted_by="padded_batch")
        return _tokenizer_count(output, model, messages, max_tokens)
    return _provider_count(output, counted_by="provider" if output.usage else "nobody")


def stop_reason(output: ModelOutput) -> str:
    """Why the model stopped; "unknown" of a reply that a server sent without any choice."""
    return "unknown" if output.empty else output.stop_reason


def was_cut_off(output: ModelOutput) -> bool | None:
    """Whether a reply hit its cap, by what the provider says; None if it does not say."""
    reason = stop_reason(output)
    return None if reason == "unknown" else reason in _CUT_OFF


def reasoned(output: ModelOutput) -> bool:
    """Whether a text of hidden reasoning stands beside the reply."""
    content = [] if output.empty else output.message.content
    return not isinstance(content, str) and any(isinstance(c, ContentReasoning) for c in content)


def silent(output: ModelOutput) -> bool:
    """Whether a model did not come to anything but reasoning, be it beside its text or in it."""
    if output.empty or output.message.tool_calls:
        return output.empty
    content = output.message.content
    parts = [] if isinstance(content, str) else content
    if any(not isinstance(part, ContentText | ContentReasoning) for part in parts):
        return False
    return not without_thinking(output.completion)[0].strip()


def _showed_its_thoughts(output: ModelOutput) -> bool:
    content = [] if output.empty else output.message.content
    thoughts = [] if isinstance(content, str) else content
    return any(isinstance(c, ContentReasoning) and c.reasoning.strip() for c in thoughts)


def replied(output: ModelOutput) -> bool:
    """Whether the model said something, thought something or called a tool."""
    if output.empty:
        return False
    return bool(output.completion or output.message.tool_calls) or reasoned(output)


def _provider_count(output: ModelOutput, counted_by: CountedBy) -> Count:
    truncated = was_cut_off(output)
    if output.usage is None:
        return Count(None, None, counted_by, truncated, **_seen(output))
    counts = usage_counts(output.usage, replied(output))
    counts["reasoning_tokens"] = reasoning_used(
        counts["reasoning_tokens"], thought=_showed_its_thoughts(output)
    )
    if counts["output_tokens"] is None:
        counted_by = "nobody"
    return Count(**counts, counted_by=counted_by, truncated=truncated, **_seen(output))


def _seen(output: ModelOutput) -> dict[str, Any]:
    return {"reasoned": reasoned(output), "silent": silent(output)}


def usage_counts(usage: ModelUsage, replied: bool) -> dict[str, Any]:
    """The counts in a usage record of Inspect's, by their names in `Count`.

    Args:
        usage: Of one call or, added up, of several.
        replied: The model said something.
    """
    cache_read = usage.input_tokens_cache_read or 0
    cache_write = usage.input_tokens_cache_write or 0
    read, written = tokens_used(
        # Inspect leaves the cached tokens out of input_tokens
        usage.input_tokens + cache_read + cache_write,
        usage.output_tokens,
        reasoning=usage.reasoning_tokens,
        total=usage.total_tokens,
        replied=replied,
        cached=cache_read + cache_write,
    )
    return {
        "input_tokens": read,
        "output_tokens": written,
        "cache_read_tokens": cache_read,
        "cache_write_tokens": cache_write,
        "reasoning_tokens": usage.reasoning_tokens,
    }


def _tokenizer_count(
    output: ModelOutput, model: Model, messages: Sequence[ChatMessage], max_tokens: int | None
) -> Count:
    # the attributes of Inspect's HuggingFaceAPI, whose module would load torch
    api: Any = model.api
    prompt = api.hf_chat(list(messages), [])
    written = len(api.tokenizer(output.completion, add_special_tokens=False)["input_ids"])
    assert output.usage is not None
    truncated = _filled_the_cap(written, output.usage.output_tokens, max_tokens)
    return Count(
        input_tokens=len(api.tokenizer(prompt, **api.tokenizer_call_args)["input_ids"]),
        output_tokens=max_tokens if truncated and max_tokens else written,
        counted_by="tokenizer",
        truncated=truncated,
        **_seen(output),
    )


def _filled_the_cap(written: int, batch_length: int, max_tokens: int | None) -> bool:
    """Whether a reply was cut off, for a provider that does not say so.

    A reply that was cut off fills the cap to the last token, and so does its batch.
    Counted again as text it can come out one token short, where the cut broke a
    character or a merge. Measured on SmolLM2, at caps from 4 to 512 tokens: 2 % of the
    cut-off replies (25 % in the middle of a Chinese character), and never two tokens. It
    is counted as the cap, which it filled.
    """
    return max_tokens is not None and batch_length >= max_tokens and written >= max_tokens - 1
