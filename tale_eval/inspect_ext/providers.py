"""Which control of budgets a model can take, by Inspect's provider, and what it is called there.

Read in the code of Inspect's providers (0.3.285) and, where Inspect passes a setting through,
in the documentation of the servers: docs/reasoning-models.md has the sources. Inspect reads what
a model can do from its name; where we go by that, or where nobody knows beforehand whether a
server obeys, a note says so once a run.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from inspect_ai.model import GenerateConfig, Model, get_model_info

# which model a task or solver is being made for is not public in Inspect
from inspect_ai.model._model import active_model

from tale_eval.asking.control import CONTROLS, Control
from tale_eval.budgets.plan import Ask, check_accepted
from tale_eval.errors import InvalidValueError

_LOGGER = logging.getLogger(__name__)

Body = Callable[[int], dict[str, Any]]
"""A thinking budget in tokens, as fields of the request that Inspect passes through."""


@dataclass(frozen=True)
class Taken:
    """What a model can take of the two controls that not every model can.

    Attributes:
        no_effort: Why it takes no level of effort; empty if it takes one.
        no_thinking: Why it takes no thinking budget; empty if it takes one.
        floor: The smallest thinking budget that its provider accepts, in tokens.
        body: How Inspect is told the thinking budget, if not by `reasoning_tokens`.
        notes: What is not certain, by control.
    """

    no_effort: str = ""
    no_thinking: str = ""
    floor: int = 1
    body: Body | None = None
    notes: Mapping[str, str] | None = None

    def refusals(self) -> dict[str, str]:
        """Why it cannot take a control, for each that it cannot take."""
        found = {"effort": self.no_effort, "thinking": self.no_thinking}
        return {name: reason for name, reason in found.items() if reason}


def check_active(control: Control, budget: int | None = None) -> None:
    """Refuse a control that the model of this run cannot take, before anything is asked.

    Args:
        control: How budgets are imposed.
        budget: The one budget of all questions, in tokens, if there is one.

    Raises:
        InvalidValueError: Its provider cannot take it, or accepts no budget so small.
    """
    model = active_model()
    if model is not None and control.settings:
        check_accepted(budget, smallest(model, control), str(model))


def smallest(model: Model, control: Control) -> int:
    """The smallest budget, in tokens, that can be imposed on a model so.

    Raises:
        InvalidValueError: Its provider cannot take this control, or the run has a setting that
            would override it.
    """
    if not control.settings:
        return 1
    taken = taken_by(model)
    refusals = taken.refusals()
    for name in control.settings:
        if name in refusals:
            can = ", ".join(known for known in CONTROLS if known not in refusals)
            raise InvalidValueError(
                f"control={control}: {model} cannot take {name!r}: {refusals[name]}; it can take "
                f"{can}"
            )
        _check_overridden(model, name)
        if taken.notes and name in taken.notes:
            _note(f"{model}: {taken.notes[name]}")
    return taken.floor if "thinking" in control.settings else 1


def request_settings(model: Model, asked: Ask) -> dict[str, Any]:
    """An ask's abstract settings as Inspect's generate() takes them.

    A cap replaces the run's own. A thinking budget comes on top of the run's cap, which was
    chosen for the reply: a provider counts both against it, and some refuse a larger budget.
    So does what Inspect adds for a level of effort, where it sizes the cap itself.
    """
    settings = asked.settings
    if not settings:
        # what a run has set is put together anew each time, at a cost that every call would bear
        return {}
    config = _run_config(model)
    sent: dict[str, Any] = {}
    if "effort" in settings:
        sent["reasoning_effort"] = settings["effort"]
        if config.max_tokens is not None and (room := _room(model, config, sent)):
            sent["max_tokens"] = config.max_tokens + room
    if "thinking" in settings:
        tokens = int(settings["thinking"])
        if config.max_tokens is not None:
            sent["max_tokens"] = config.max_tokens + tokens
        if body := taken_by(model).body:
            sent["extra_body"] = {**(config.extra_body or {}), **body(tokens)}
        else:
            sent["reasoning_tokens"] = tokens
    if "cap" in settings:
        sent["max_tokens"] = settings["cap"]
    return sent


def _room(model: Model, config: GenerateConfig, sent: Mapping[str, Any]) -> int:
    """By how many tokens Inspect raises its own default of `max_tokens` for these settings."""
    before = model.api.max_tokens_for_config(config)
    after = model.api.max_tokens_for_config(config.merge(GenerateConfig(**sent)))
    return 0 if before is None or after is None else after - before


def taken_by(model: Model) -> Taken:
    """What a model can take, by its provider."""
    provider, _, rest = str(model).partition("/")
    # what another package's provider does with a setting is its own affair
    taken = _PROVIDERS.get(provider, _passed_on)(model.api, rest)
    if not taken.no_effort and _has_no_scale(model):
        taken = Taken(_NO_SCALE, taken.no_thinking, taken.floor, taken.body, taken.notes)
    return taken


def _check_overridden(model: Model, name: str) -> None:
    """Of effort and thinking tokens providers obey one, and Inspect does not say which."""
    config = _run_config(model)
    other, value = {
        "effort": ("reasoning_tokens", config.reasoning_tokens),
        "thinking": ("reasoning_effort", config.reasoning_effort),
    }.get(name, ("", None))
    if value is not None:
        raise InvalidValueError(
            f"control={name}: the run sets {other}={value}, and of the two providers obey one; "
            f"leave out {other}"
        )


def _run_config(model: Model) -> GenerateConfig:
    # what the model, the task and the command line together say is not public in Inspect
    return model._resolve_config(None)


def _has_no_scale(model: Model) -> bool:
    info = get_model_info(model)
    return info is not None and info.reasoning_effort_default == "fixed"


@cache
def _note(text: str) -> None:
    """Say something once a run."""
    _LOGGER.warning(text)


_NO_SCALE = "by Inspect's model data it has no scale of effort"
_NO_BUDGET = "its provider has no thinking budget"
_LOCAL = "Inspect runs it in this process, where nothing counts or ends its thinking"
_UNKNOWN = "whether the server obeys {} is not known beforehand: the report shows what it wrote"
_EFFORT_UNKNOWN = _UNKNOWN.format("reasoning_effort")
_PASSED_ON = {
    "effort": _EFFORT_UNKNOWN,
    "thinking": "whether its provider sends reasoning_tokens, and whether the server obeys, is "
    "not known beforehand: the report shows what it wrote",
}
_BY_NAME = "that it takes this control is what Inspect reads from its name"


def _anthropic(api: Any, rest: str) -> Taken:
    """Claude thinks from 3.7 on; from 4.7 on nobody can say for how many tokens."""
    if not api.is_thinking_model():
        return Taken("it does not think", "it does not think")
    notes = {"effort": _BY_NAME, "thinking": _BY_NAME}
    if api.is_claude_4_7_or_later():
        return Taken(no_thinking="Claude 4.7 and later have no thinking budget", notes=notes)
    return Taken(floor=1024, notes=notes)


def _bedrock(api: Any, rest: str) -> Taken:
    """Of Bedrock's models Inspect sends a thinking budget to Claude alone."""
    if api.is_claude():
        taken = _anthropic(api, rest)
        if taken.no_effort or api.is_claude_4_6_or_later():
            return taken
        # elsewhere Inspect turns a level into tokens for these
        no_effort = "on Bedrock, Inspect sends levels of effort to Claude 4.6 and later alone"
        return Taken(no_effort, taken.no_thinking, taken.floor, notes=taken.notes)
    takes = api.is_gpt_oss() or (api.is_nova() and api.supports_nova_reasoning())
    no_effort = "" if takes else "on Bedrock, Inspect sends it none"
    return Taken(no_effort, "on Bedrock, Inspect sends it to Claude alone", notes=_PASSED_ON)


def _google(api: Any, rest: str) -> Taken:
    """Gemini 2.5 takes tokens; Gemini 3 and later take levels, and deprecate tokens."""
    notes = {"effort": _BY_NAME, "thinking": _BY_NAME}
    if api.is_gemini_3_plus():
        deprecated = "from Gemini 3 on Google deprecates the thinking budget for levels of effort"
        return Taken(no_thinking=deprecated, notes=notes)
    if not api.is_gemini_2_5():
        return Taken("it does not think", "it does not think")
    family = api.model_family()
    floor = 128 if "-pro" in family else 512 if "flash-lite" in family else 1
    return Taken(floor=floor, notes=notes)


def _openai(api: Any, rest: str) -> Taken:
    no_thinking = "OpenAI has levels of effort, and no thinking budget"
    if not api.has_reasoning_options():
        return Taken("by its name Inspect takes it for a model that does not reason", no_thinking)
    return Taken(no_thinking=no_thinking, notes={"effort": _BY_NAME})


def _grok(api: Any, rest: str) -> Taken:
    takes = api.is_grok_3_mini() or (api.is_at_least_grok_4() and not api.is_grok_4_original())
    no_effort = "" if takes else "Inspect sends it none, as xAI refuses it for this model"
    return Taken(no_effort, "xAI has no thinking budget", notes={"effort": _BY_NAME})


def _compatible(api: Any, rest: str) -> Taken:
    """A server that speaks OpenAI's language: what it obeys, only its usage shows."""
    service = rest.partition("/")[0]
    body = _BODIES.get(service, _vllm_body)
    field = ", ".join(body(1))
    notes = {"effort": _EFFORT_UNKNOWN, "thinking": _UNKNOWN.format(field)}
    return Taken(body=body, notes=notes)


def _vllm_body(tokens: int) -> dict[str, Any]:
    return {"thinking_token_budget": tokens}


def _sglang_body(tokens: int) -> dict[str, Any]:
    # enforced with --enable-strict-thinking alone
    return {"custom_params": {"thinking_budget": tokens}}


def _dashscope_body(tokens: int) -> dict[str, Any]:
    return {"enable_thinking": True, "thinking_budget": tokens}


_BODIES: Mapping[str, Body] = {"sglang": _sglang_body, "dashscope": _dashscope_body}
"""By the name of an OpenAI-compatible service; all others are asked in vLLM's way."""


def _vllm(api: Any, rest: str) -> Taken:
    thinking = "vLLM needs --reasoning-parser to obey thinking_token_budget"
    return Taken(body=_vllm_body, notes={"effort": _EFFORT_UNKNOWN, "thinking": thinking})


def _sglang(api: Any, rest: str) -> Taken:
    thinking = "SGLang needs --enable-strict-thinking to obey thinking_budget"
    return Taken(body=_sglang_body, notes={"effort": _EFFORT_UNKNOWN, "thinking": thinking})


def _effort_alone(api: Any, rest: str) -> Taken:
    return Taken(no_thinking=_NO_BUDGET, notes={"effort": _EFFORT_UNKNOWN})


def _neither(api: Any, rest: str) -> Taken:
    return Taken(_LOCAL, _LOCAL)


def _sends_neither(api: Any, rest: str) -> Taken:
    none = "Inspect's provider sends neither effort nor thinking tokens"
    return Taken(none, none)


def _completions(api: Any, rest: str) -> Taken:
    no_effort = "Inspect's provider sends no level of effort"
    return Taken(no_effort, body=_vllm_body, notes=_vllm(api, rest).notes)


def _passed_on(api: Any, rest: str) -> Taken:
    return Taken(notes=_PASSED_ON)


def _everything(api: Any, rest: str) -> Taken:
    return Taken()


_PROVIDERS: Mapping[str, Callable[[Any, str], Taken]] = {
    "anthropic": _anthropic,
    "azureai": _sends_neither,
    "bedrock": _bedrock,
    "cloudflare": _effort_alone,
    "deepseek": _effort_alone,
    "fireworks": _effort_alone,
    "google": _google,
    "grok": _grok,
    "groq": _effort_alone,
    "hf": _neither,
    "hf-inference-providers": _effort_alone,
    "litellm-proxy": _effort_alone,
    "llama-cpp-python": _effort_alone,
    "meta": _effort_alone,
    "mistral": _effort_alone,
    "mockllm": _everything,
    "moonshot": _effort_alone,
    "nnterp": _neither,
    "ollama": _effort_alone,
    "openai": _openai,
    "openai-api": _compatible,
    "openai-api-completions": _completions,
    "openrouter": _passed_on,
    "openvino-genai": _neither,
    "perplexity": _effort_alone,
    "sagemaker": _effort_alone,
    "sambanova": _effort_alone,
    "sglang": _sglang,
    "together": _effort_alone,
    "transformer_lens": _neither,
    "vllm": _vllm,
    "vllm-completions": _completions,
}
"""Inspect's providers; one of another package is passed what its `GenerateConfig` has."""
