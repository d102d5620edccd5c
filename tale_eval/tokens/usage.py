"""How many tokens a usage record stands for, where providers count differently. Pure."""


def tokens_used(
    read: int,
    written: int,
    *,
    reasoning: int | None,
    total: int | None,
    replied: bool,
    cached: int = 0,
) -> tuple[int | None, int | None]:
    """Input and output tokens of a usage record; None where it cannot be right.

    Some providers and gateways leave the reasoning out of the output tokens: then the total
    exceeds its parts, or the reasoning the output that should hold it. Some leave the cached
    tokens out of the input, or the input out altogether: then the total exceeds its parts by
    these. Some report nothing but zeros.

    Args:
        read: Input tokens, cached ones included.
        written: Output tokens, as they are reported.
        reasoning: Tokens of hidden reasoning.
        total: Tokens in all; None or 0 where they are not reported.
        replied: The model said something.
        cached: Input tokens from, and to, the provider's cache.
    """
    if cached > read and not total:
        read += cached
    missing = max(0, (total or 0) - read - written)
    if missing and missing != reasoning and (not read or missing == cached):
        read += missing
    elif missing:
        written += missing
    elif reasoning is not None and reasoning > written:
        written += reasoning
    if replied:
        # whoever says something has read something
        return read or None, written or None
    return read, written


def reasoning_used(reported: int | None, *, thought: bool) -> int | None:
    """Tokens of hidden reasoning; None where a server cannot have counted them.

    Some of vLLM's reasoning parsers count what lies between two markers in the reply. Where the
    chat template opens the reasoning, the first marker is in the prompt: the usage says 0, and
    the text of the reasoning comes all the same.

    Args:
        reported: As the usage record says; None where it does not.
        thought: A text of hidden reasoning came with the reply.
    """
    return None if thought and reported == 0 else reported
