"""Which control of budgets lm_eval's models can take, and what it is called there. Pure.

Read in the payloads that lm_eval 0.4.13 builds: the API models pass on what they do not know.
"""

from collections.abc import Mapping
from typing import Any, Final

from tale_eval.asking.control import CONTROLS, Control
from tale_eval.budgets.plan import Ask
from tale_eval.errors import InvalidValueError

CAPS: Final = ("max_gen_toks", "max_tokens")
"""What lm_eval calls the cap on a reply; its own name comes first."""

_FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    "local-chat-completions": {
        "effort": "reasoning_effort",
        "thinking": "thinking_token_budget",
    },
    "local-completions": {"thinking": "thinking_token_budget"},
    "openai-chat-completions": {"effort": "reasoning_effort"},
    "azure-openai-chat-completions": {"effort": "reasoning_effort"},
}
"""The fields of the request by control, for each of lm_eval's models that sends them.

The local ones speak to vLLM, whose names these are. Whether a server obeys, its usage shows."""

_WHY: Final[Mapping[str, str]] = {
    "anthropic-chat": "lm_eval sends a temperature, which Anthropic refuses beside thinking: "
    "ask with Inspect",
    "anthropic-chat-completions": "lm_eval sends a temperature, which Anthropic refuses beside "
    "thinking: ask with Inspect",
    "local-completions": "vLLM has levels of effort for chats alone",
    "openai-chat-completions": "OpenAI has levels of effort, and no thinking budget",
    "azure-openai-chat-completions": "OpenAI has levels of effort, and no thinking budget",
}


def check_taken(backend: str, control: Control) -> None:
    """Refuse a control that a model of lm_eval's cannot take.

    Args:
        backend: The name after ``--model``.
        control: How budgets are imposed.

    Raises:
        InvalidValueError: It cannot.
    """
    can = {"cap", *_FIELDS.get(backend, {})}
    for name in control.settings:
        if name not in can:
            why = _WHY.get(backend, "lm_eval has no such setting for it")
            allowed = [known for known, entry in CONTROLS.items() if entry.unit or known in can]
            raise InvalidValueError(
                f"control={control}: --model {backend} cannot take {name!r}: {why}; it can take "
                f"{', '.join(allowed)}"
            )


def request_settings(backend: str, asked: Ask, run: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a request under an ask's controls.

    A cap replaces the run's own. A thinking budget comes on top of the run's cap, which was
    chosen for the reply.

    Args:
        backend: The name after ``--model``.
        asked: What is asked.
        run: The settings of the run.
    """
    settings, asked_for = dict(run), asked.settings
    fields = _FIELDS.get(backend, {})
    settings |= {fields[name]: value for name, value in asked_for.items() if name in fields}
    own = next((int(run[name]) for name in CAPS if run.get(name) is not None), None)
    cap = asked_for.get("cap")
    if cap is None and own is not None and "thinking" in asked_for:
        cap = own + int(asked_for["thinking"])
    if cap is not None:
        settings = {k: v for k, v in settings.items() if k not in CAPS} | {CAPS[0]: cap}
    return settings
