"""A scripted model that answers the prompts of every method, and is right about n plus n.

Direct answers and chains of thought to odd questions waver: a sample with an odd number gives the
wrong sum. Which sample it is, the server sees by the request's seed.
"""

import re
from typing import Any

from server import Reply

BASE_SEEDS = (0, 1024, 1234)
"""The seed of a run without one, of our tasks in Inspect, and of lm-eval's models."""


def reasons(prompt: str, request: dict[str, Any]) -> Reply:
    """What the model says; as many tokens as words."""
    text = _said(prompt, _sample(request))
    return Reply(text, output_tokens=len(text.split()), input_tokens=len(prompt.split()))


def asked_number(prompt: str) -> int:
    """The number n of the question, which stands behind all worked examples."""
    return int(re.findall(r"What is (\d+) plus", prompt)[-1])


def _sample(request: dict[str, Any]) -> int:
    seed = request.get("seed", 0)
    (sample,) = (seed - base for base in BASE_SEEDS if 0 <= seed - base < 200)
    return int(sample)


def _said(prompt: str, sample: int) -> str:
    n = asked_number(prompt)
    total = 2 * n + (n % 2) * (sample % 2)
    if "estimate the minimum number of tokens" in prompt:
        return "Budget: [[30]]"
    if "Break the question below down" in prompt:
        return f"1. What is {n}?\nHint: it stands there.\n2. What is the sum?\nHint: add."
    if "is worth 100 points" in prompt:
        return "Level: 1\n1: 60\n2: 40"
    if "Three shorthands" in prompt:
        return "chunked_symbolism"
    if "an answer that somebody gave at once" in prompt:
        return "yes" if n % 2 == 0 else "no"
    if "minimum draft" in prompt:
        return f"{n} + {n} = {total}. #### {total}"
    if "Chunked Symbolism" in prompt:
        return f"<think>\na = {n}\ns = a + a\n</think>\n\\boxed{{{total}}}"
    if "directly without any reasoning" in prompt:
        return f"Answer: [[{total}]]"
    return f"There are {n} and {n} more, which makes {total}. Answer: [[{total}]]"
