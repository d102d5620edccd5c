"""The card of a trained adapter. Pure."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tale_eval.shown.names import in_markdown, visible


def model_card(name: str, provenance: Mapping[str, Any]) -> str:
    """The README.md of an adapter's folder.

    Args:
        name: The folder's name.
        provenance: What `provenance.json` holds.
    """
    base, kind, recipe = provenance["base_model"], provenance["kind"], provenance["recipe"]
    lora = recipe["lora"] is not None
    front = {
        "base_model": base,
        "library_name": "peft" if lora else "transformers",
        "tags": ["trl", kind, "tale", *(["lora"] if lora else [])],
    }
    metrics = [f"| {key} | {value:.6g} |" for key, value in provenance["metrics"].items()]
    rows = ", ".join(f"{count} {split}" for split, count in provenance["rows"].items())
    tagged = f"{visible(name)}-{provenance['sha256'][:8]}"
    lines = [
        "---",
        yaml.safe_dump(front, sort_keys=False).strip(),
        "---",
        f"# {in_markdown(name)}",
        "",
        f"{'A LoRA adapter' if lora else 'All weights'} of {in_markdown(Path(base).name)}, "
        f"trained by {kind} to answer vanilla chain-of-thought prompts in fewer tokens (TALE-PT, "
        "arXiv 2412.18547, section 4.2). Made by tale-eval; `provenance.json` says from what.",
        "",
        "```",
        f"inspect eval tale_eval/gsm8k -T method=cot --model hf/{tagged} -M model_path=FOLDER",
        "tale-eval compare gsm8k --method cot --model hf/FOLDER",
        "```",
        "",
        "The digits in the name are the weights' hash: Inspect's cache goes by the name alone.",
        "",
        f"- recipe: {recipe['name']}{_changed(recipe)}, {recipe['batch_size']} rows a step",
        f"- rows: {rows} (sha256 {provenance['corpus_sha256'][:16]}…)",
        "",
        "| at the end | |",
        "|---|---:|",
        *metrics,
        "",
    ]
    return "\n".join(lines)


def _changed(recipe: Mapping[str, Any]) -> str:
    """What was set beside the recipe."""
    values = [f"{key} {value:g}" for key, value in recipe.get("overrides", {}).items()]
    return f" but {', '.join(values)}" if values else ""
