"""What is said of somebody else's task before a method asks it, and after."""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

LOGGER = logging.getLogger(__name__)
"""`tale-eval lm-eval` shows its warnings as notes, apart from lm_eval's own lines."""

ENOUGH_TOKENS = 1024
"""Cap on a reply below which its reasoning may be cut: that of our own tasks."""

_CAPS = ("max_gen_toks", "max_tokens", "max_completion_tokens", "max_new_tokens")


def before_asking(requests: Iterable[Any], model: Any) -> None:
    """Say what would make the answers something else than the method's, once a task.

    Args:
        requests: lm_eval's; those without a method around them are left alone.
        model: The model that will answer.
    """
    default = getattr(model, "max_gen_toks", None) or getattr(model, "_max_gen_toks", None)
    of_task = {request.task_name: request for request in requests if hasattr(request, "around")}
    for task, request in of_task.items():
        around = request.around
        for caution in _cautions(around, request.args[1], default):
            LOGGER.warning("%s by %s: %s", task, around.method, caution)


def after_asking(task: str, method: str, replies: Sequence[Any]) -> None:
    """Say how many answers were cut."""
    told = [reply for reply in replies if getattr(reply, "calls", ())]
    capped = sum(reply.calls[-1].truncated is True for reply in told)
    stopped = sum(cuts_reasoning(reply.stopped_at or "") for reply in told)
    for count, why in ((capped, "the cap on a reply"), (stopped, "a stop text")):
        if count:
            LOGGER.warning(
                "%s by %s: %d of %d answers were cut at %s", task, method, count, len(replies), why
            )


def cuts_reasoning(stop: str) -> bool:
    """Whether a stop text stands in ordinary reasoning: a line break, a full stop or the like."""
    return bool(stop) and len(stop.strip()) <= 1 and not stop.strip().isalnum()


def _cautions(around: Any, settings: Mapping[str, Any], default: int | None) -> Iterator[str]:
    if around.asked_to_reason is not None:
        yield (
            f"the task's own prompt asks for reasoning ({around.asked_to_reason!r}), which the "
            "method asks to leave out: what is measured is no direct answering"
        )
        return
    if around.without_reasoning:
        return
    if around.compares_whole:
        yield (
            "its metric compares the whole reply with the answer, so a reply that reasons counts "
            "as wrong; run a task whose filter takes the answer out"
        )
    named = next((name for name in _CAPS if settings.get(name) is not None), None)
    cap = default if named is None else settings[named]
    if cap is not None and int(cap) < ENOUGH_TOKENS and not around.caps:
        whose = "lm_eval's default" if named is None else f"the task's {named}"
        yield (
            f"a reply ends after {cap} tokens ({whose}), which may cut the reasoning; "
            f"--gen_kwargs max_gen_toks={ENOUGH_TOKENS}"
        )
    until = settings.get("until") or []
    stops = [until] if isinstance(until, str) else list(until)
    if cutting := [stop for stop in stops if cuts_reasoning(stop)]:
        kept = json.dumps({"until": [s for s in stops if s not in cutting]}, ensure_ascii=False)
        yield (
            f"a reply ends at {', '.join(map(repr, cutting))}, which may cut the reasoning; "
            f"--gen_kwargs '{kept}'"
        )
