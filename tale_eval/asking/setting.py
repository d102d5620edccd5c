"""A setting as a value: what a run said to the model beside the prompt. Pure.

"reasoning_effort=high, max_tokens=512" is a setting. Two answers belong to one row of a table
only if their settings are the same; what cannot change what a model writes is no part of one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

WRITES_NOTHING = frozenset(
    {
        "adaptive_connections",
        "attempt_timeout",
        "batch",
        "cache",
        "cache_prompt",
        "extra_headers",
        "fail_on_refusal",
        "fallback_models",
        "logprobs",
        "max_connections",
        "max_retries",
        "prompt_logprobs",
        "reasoning_history",
        "reasoning_summary",
        "seed",
        "stream_idle_timeout",
        "timeout",
        "top_logprobs",
    }
)
"""Inspect's generation settings that change how a model is asked, and not what it writes.

A seed changes the draw and not what is drawn from: runs of several seeds are one row.
A setting that is not named here counts, so that no new one is merged in silence.
"""

IN_MODEL_ARGUMENTS = frozenset(
    {
        "chat_template_args",
        "chat_template_kwargs",
        "default_chat_template_kwargs",
        "do_sample",
        "enable_thinking",
        "extra_body",
        "max_completion_tokens",
        "max_gen_toks",
        "max_new_tokens",
        "max_tokens",
        "min_p",
        "override_generation_config",
        "reasoning_effort",
        "temperature",
        "thinking_budget",
        "top_k",
        "top_p",
    }
)
"""Generation settings that some backends of either harness take as arguments of the model.

A model's other arguments, such as its dtype, are how it is run, and part of no setting.
"""


@dataclass(frozen=True)
class Setting:
    """Generation settings by name. Two are equal if all values are, in whatever order.

    Attributes:
        values: As text, such as {"reasoning_effort": "high"}; a nested one under its path,
            such as "extra_body.thinking_token_budget".
    """

    values: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, generation: Mapping[str, object]) -> "Setting":
        """What of these settings changes what is written; those that are None are not set."""
        return cls(dict(_flat({k: v for k, v in generation.items() if k not in WRITES_NOTHING})))

    @classmethod
    def of_run(
        cls, generation: Mapping[str, object], model_arguments: Mapping[str, object]
    ) -> "Setting":
        """As `of`, with what the model's own arguments say of how it writes.

        Where both say it, the generation settings hold: so it is in the backends.
        """
        given = {k: v for k, v in model_arguments.items() if k in IN_MODEL_ARGUMENTS}
        return cls.of(given | {k: v for k, v in generation.items() if v is not None})

    def __str__(self) -> str:
        """Such as "effort=high, max_tokens=512", by name."""
        return ", ".join(f"{key}={self.values[key]}" for key in sorted(self.values))

    def __hash__(self) -> int:
        return hash(frozenset(self.values.items()))

    def only(self, keys: "frozenset[str] | set[str]") -> "Setting":
        """The part of it under these names."""
        return Setting({key: value for key, value in self.values.items() if key in keys})

    def without(self, keys: "frozenset[str] | set[str]") -> "Setting":
        """The part of it under other names."""
        return Setting({key: value for key, value in self.values.items() if key not in keys})


def _flat(values: Mapping[str, object], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        elif value is not None:
            yield f"{above}{key}", _text(value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    # 0 and 0.0 are one temperature
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
