"""What a reply says outside its thinking, in whatever clothes the thinking comes. Pure.

The one table of them: grader, budget reader and the counting of bare answers look here.
"""

import re
from collections.abc import Iterator

from tale_eval.patterns import pattern

_TAGS = (
    r"(?:think(?:ing)?|thoughts?|reasoning|reflection|scratchpad|analysis|seed:think|rationale|cot"
    r"|chain_of_thought|(?:inner|internal)_(?:monologue|thoughts?))"
)
# what a block of thinking begins with; a harmony channel that is not the final one is thinking
_OPENING = (
    rf"<{_TAGS}(?:\s[^<>]{{0,100}})?>|\[THINK\]|◁think▷|<\|(?:begin_of_thought|START_THINKING)\|>"
    r"|<\|channel\|>(?:analysis|commentary)[^<]{0,100}<\|message\|>"
    # harmony with its special tokens dropped
    r"|\Aanalysis(?-i:(?=[A-Z]))"
)
# what it ends with; other tags may stand inside it
_CLOSING = (
    rf"</{_TAGS}\s?>|\[/THINK\]|◁/think▷|<\|(?:end_of_thought|END_THINKING)\|>"
    r"|<\|channel\|>final[^<]{0,100}<\|message\|>"
)
# "<|end|>" closes what is open, and ends many an answer
_BORDER = pattern(rf"(?P<opening>{_OPENING})|(?P<closing>{_CLOSING})|<\|end\|>", re.IGNORECASE)
_DROPPED_TOKENS = pattern(
    _BORDER.pattern.replace("(?P<closing>", "(?P<closing>assistantfinal|"), re.IGNORECASE
)
# what a chat template leaves around a message
_TOKENS = pattern(
    r"<\|start\|>(?:assistant)?|<\|(?:return|end|im_end|eot_id|endoftext|begin_of_solution"
    r"|end_of_solution|START_RESPONSE|END_RESPONSE)\|>"
)
_ANSWER_TAG = pattern(r"<(/)?answer>", re.IGNORECASE)


def without_thinking(text: str) -> tuple[str, bool]:
    """What a reply says outside its blocks of thinking, and whether anything is in them.

    Nothing after a block that was never closed counts: the reply was cut off inside it.
    Everything before one that was never opened was thought: the prompt opened it.
    """
    if not _may_think(text):
        return text, False
    said: list[str] = []
    thought: list[str] = []
    inside, start = False, 0
    for border in _borders(text):
        before = text[start : border.start()]
        if border["closing"] is not None and not inside:  # it was open all the time
            thought += [*said, before]
            said = []
        else:
            (thought if inside else said).append(before)
        inside, start = border["opening"] is not None, border.end()
    (thought if inside else said).append(text[start:])
    return _without_tokens(said), bool(_without_tokens(thought).strip())


def answer_tags(text: str) -> list[tuple[int, int]]:
    """Where the contents of <answer>…</answer> lie; one left open ends with the text."""
    if "<" not in text:
        return []
    spans: list[tuple[int, int]] = []
    start: int | None = None
    for tag in _ANSWER_TAG.finditer(text):
        if tag[1] is None:
            start = tag.end()
        elif start is not None:
            spans.append((start, tag.start()))
            start = None
    return spans if start is None else [*spans, (start, len(text))]


def _may_think(text: str) -> bool:
    # most replies hold no tag at all, and these are found ten times as fast
    return "<" in text or "think" in text or "THINK]" in text or text.startswith("analysis")


def _borders(text: str) -> Iterator[re.Match[str]]:
    dropped = text.startswith("analysis")
    return (_DROPPED_TOKENS if dropped else _BORDER).finditer(text)


def _without_tokens(parts: list[str]) -> str:
    text = "\n".join(filter(None, parts))  # what stood apart must not grow together
    return _TOKENS.sub("", text) if "<|" in text else text
