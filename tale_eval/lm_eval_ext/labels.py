"""The names of tasks and models: the same as on the Inspect side. Pure."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tale_eval.shown.masking import masked, masked_text

OWN_PROMPT = "task's own prompt"
"""What stands for a method where somebody else's task is asked as it is."""


BESIDE_METRICS = frozenset(
    {"asked_to_reason", "budget_status", "calls", "cut_at_stop", "error", "failed", "method"}
)
"""What is written beside the metrics of somebody else's task, and the costs of
`tale_eval.tokens.costs.COST_KEYS`."""


def task_label(benchmark: str, arguments: Mapping[str, Any]) -> str:
    """A task with the arguments that choose its questions: "mathbench(level=college)"."""
    chosen = [f"{k}={v}" for k, v in sorted(masked(arguments).items()) if k != "source"]
    return f"{benchmark}({', '.join(chosen)})" if chosen else benchmark


def model_label(backend: str, arguments: Mapping[str, Any]) -> str:
    """A model, such as "hf/gpt2" or "openai/gpt-4o-mini".

    Args:
        backend: The name after ``--model``.
        arguments: What stands in ``--model_args``. A folder counts by its own name, and
            an adapter follows its base: "hf/gpt2+adapter".
    """
    name = str(arguments.get("model") or arguments.get("pretrained") or "")
    adapter = str(arguments.get("peft") or arguments.get("lora_local_path") or "")
    parts = [Path(part).name if Path(part).is_absolute() else part for part in (name, adapter)]
    provider = "openai" if backend.startswith("openai-") else backend
    return masked_text(f"{provider}/{'+'.join(filter(None, parts))}".rstrip("/"))
