"""How a run of lm_eval's made its model write, in the words of the Inspect side. Pure."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from tale_eval.asking.setting import Setting
from tale_eval.shown.masking import masked

_SAME = {
    "chat_template_args": "chat_template_kwargs",
    "max_completion_tokens": "max_tokens",
    "max_gen_toks": "max_tokens",
    "max_new_tokens": "max_tokens",
    "until": "stop_seqs",
}
"""lm_eval's names of what Inspect has another name for."""


def run_setting(
    generation: Mapping[str, Any],
    model_arguments: Mapping[str, Any],
    system_instruction: str | None = None,
    *,
    chat_template: bool = True,
) -> Setting:
    """The setting of a run.

    Args:
        generation: A task's generation_kwargs, with those of ``--gen_kwargs`` in them.
        model_arguments: Of ``--model_args``.
        system_instruction: Of ``--system_instruction``.
        chat_template: Its prompts were put into the model's chat template.
    """
    given = _sampled(_read(_renamed(generation)))
    if system_instruction:
        given["system_message"] = system_instruction
    if not chat_template:
        given["chat_template"] = "none"
    return Setting.of_run(masked(given), masked(_read(_renamed(model_arguments))))


def _renamed(values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        # lm_eval takes its own name of the cap where there are several
        if name == "max_gen_toks" or _SAME.get(name, name) not in found:
            found[_SAME.get(name, name)] = value
    stops = found.get("stop_seqs")
    if isinstance(stops, str):
        found["stop_seqs"] = [stops]
    return {name: value for name, value in found.items() if value not in ([], "")}


def _sampled(generation: dict[str, Any]) -> dict[str, Any]:
    """Greedy is temperature 0, in whichever of its ways lm_eval was told so.

    "do_sample" says nothing more where it agrees with the temperature; where they differ, the
    backends do too, and both are kept.
    """
    if not generation:
        return {}
    samples, temperature = generation.get("do_sample"), generation.get("temperature") or 0
    if not samples and not temperature:
        generation = generation | {"temperature": 0}
    agrees = samples is None or bool(samples) == (temperature != 0)
    return {k: v for k, v in generation.items() if k != "do_sample" or not agrees}


def _read(values: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as typed values, where a log has them as they were typed."""
    return {
        name: _value(value) if isinstance(value, str) else value for name, value in values.items()
    }


def _value(text: str) -> Any:
    words: Iterable[tuple[str, Any]] = (("true", True), ("false", False), ("none", None))
    for word, value in words:
        if text.lower() == word:
            return value
    for number in (int, float):
        with suppress(ValueError):
            return number(text)
    return text
