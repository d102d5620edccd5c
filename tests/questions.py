"""A small GSM8K file, and the scripted model that answers it."""

import json
import re
from pathlib import Path


def gsm8k_file(folder: Path, size: int) -> Path:
    """Write questions 0 to size - 1 in the upstream's layout: what is n plus n?"""
    path = folder / "gsm8k.jsonl"
    rows = [{"question": f"What is {n} plus {n}?", "answer": f"#### {2 * n}"} for n in range(size)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def number_in(prompt: str) -> int:
    """The number n of the question in a prompt."""
    (found,) = re.findall(r"What is (\d+) plus", prompt)
    return int(found)


def asks_for_budget(prompt: str) -> bool:
    """Whether a prompt is the budget estimator's."""
    return "estimate the minimum number of tokens" in prompt
