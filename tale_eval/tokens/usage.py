"""How many tokens a usage record stands for, where providers count differently. Pure."""


def tokens_used(
    read: int, written: int, *, reasoning: int | None, total: int | None, replied: bool
) -> tuple[int | None, int | None]:
    """Input and output tokens of a usage record; None where it cannot be right.

    Some providers and gateways leave the reasoning out of the output tokens: then the total
    exceeds its parts, or the reasoning the output that should hold it. Some report nothing
    but zeros.

    Args:
        read: Input tokens, cached ones included.
        written: Output tokens, as they are reported.
        reasoning: Tokens of hidden reasoning.
        total: Tokens in all; None or 0 where they are not reported.
        replied: The model said something.
    """
    if total:
        written = max(written, total - read)
    elif reasoning is not None and reasoning > written:
        written += reasoning
    if replied and not written:
        return read or None, None
    return read, written
