"""The demonstration: three methods on generated questions, with the embedded model."""

from pathlib import Path

from inspect_ai import eval_set
from inspect_ai.model import Model, ModelInfo, get_model, set_model_info
from rich.console import Console

EMBEDDED = "hf/smollm2-135m-instruct"
METHODS = ("direct", "cot", "tale_ep")
# the embedded model rambles where it should estimate
EMBEDDED_METHODS = ("direct", "cot", "tale_ep:estimator_max_tokens=32")
# the embedded model writes to the cap when it loses its way: a lower cap saves minutes
MAX_TOKENS = 256
BATCH = 24

TINY = """\
[bold]SmolLM2-135M[/bold] is a tiny model: it shows that everything works, not that TALE does.
For that, swap in a real one: tale-eval demo --model openai/gpt-4o-mini  (or vllm/…, hf/…)"""


def run_demo(model_name: str | None, size: int, log_dir: Path) -> None:
    """Run each method on the same generated sums, with Inspect's own progress display.

    Args:
        model_name: An Inspect model; None is the embedded SmolLM2-135M-Instruct.
        size: Questions for each method.
        log_dir: Where the logs go. What is already there is not run again.
    """
    from tale_eval.tasks import chain_sum

    console = Console(stderr=True)
    if model_name is None:
        console.print(TINY)
        methods, model, batch = EMBEDDED_METHODS, _embedded(), BATCH
    else:
        methods, model, batch = METHODS, get_model(model_name), None
    eval_set(
        [chain_sum(size=size, method=method) for method in methods],
        log_dir=str(log_dir),
        model=model,
        max_tokens=MAX_TOKENS,
        max_connections=batch,
        max_tasks=len(methods),
        retry_attempts=1,
    )


def _embedded() -> Model:
    from tale_eval.smollm2 import CONTEXT_LENGTH, model_folder

    # a model that Inspect does not know, it looks up on the hub
    set_model_info(
        EMBEDDED, ModelInfo(model="SmolLM2-135M-Instruct", context_length=CONTEXT_LENGTH)
    )
    return get_model(EMBEDDED, model_path=str(model_folder()))
