"""The data card of a corpus."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from tale_eval.asking.prompts import SYSTEM_PROMPT
from tale_eval.shown.names import in_markdown
from tale_eval.tasks import licence
from tale_eval.training.corpus import FILTERS, Corpus, Target
from tale_eval.training.overlap import N


@dataclass(frozen=True)
class Settings:
    """How a corpus came to be.

    Attributes:
        model: Who wrote the answers.
        logs: Names of the logs' files.
        against: What was kept out, as the user named it.
        held_out: How many questions that was.
        system_prompt: Of every row's prompt; empty for none.
        warnings: What whoever trains on it should know.
    """

    model: str
    logs: Sequence[str]
    target: Target
    against: Sequence[str]
    held_out: int
    style: str
    answer_format: str
    validation: float
    seed: int
    system_prompt: str = SYSTEM_PROMPT
    warnings: Sequence[str] = ()


def data_card(corpus: Corpus, settings: Settings) -> str:
    """The README.md of a corpus, with the front matter that the hub and `datasets` read."""
    rows = corpus.train + corpus.validation
    benchmarks = sorted({row["benchmark"] for row in rows})
    licences = sorted({licence(name) for name in benchmarks})
    front = {
        "license": licences[0] if len(licences) == 1 else "other",
        "task_categories": ["text-generation"],
        "tags": ["trl", corpus.kind, "tale"],
        "configs": [{"config_name": "default", "data_files": _data_files(corpus)}],
    }
    taken = [(name, count, FILTERS[name]) for name, count in corpus.left_out.items()]
    lines = [
        "---",
        yaml.safe_dump(front, sort_keys=False, allow_unicode=True).strip(),
        "---",
        f"# Corpus for {corpus.kind.upper()}: short answers of {in_markdown(settings.model)}",
        "",
        "Right answers that the model wrote itself, to be learnt as its answers to vanilla "
        "chain-of-thought prompts (TALE-PT, arXiv 2412.18547, section 4.2). Made by tale-eval.",
        "",
        *_bullets(settings, benchmarks),
        "",
        "| questions | | |",
        "|---|---:|---|",
        f"| read | {corpus.read} | |",
        *(f"| {name} | {count} | {why} |" for name, count, why in taken),
        f"| kept | {len(rows)} | {len(corpus.train)} to train on, "
        f"{len(corpus.validation)} to validate |",
        "",
        *_token_table(rows),
        "",
    ]
    return "\n".join(lines)


def _data_files(corpus: Corpus) -> list[dict[str, str]]:
    splits = ["train", *(["validation"] if corpus.validation else [])]
    return [{"split": split, "path": f"{split}.parquet"} for split in splits]


def _bullets(settings: Settings, benchmarks: Sequence[str]) -> list[str]:
    against = ", ".join(map(in_markdown, settings.against)) or "nothing"
    licences = "; ".join(f"{name}: {licence(name)}" for name in benchmarks)
    return [
        f"- model: {in_markdown(settings.model)}",
        f"- target: {settings.target}; prompt style: {settings.style}; "
        f"answer format: {settings.answer_format}",
        f"- system prompt: {_system_prompt(settings.system_prompt)}",
        f"- kept out: {against} ({settings.held_out} questions), by their whole text or {N} "
        "words in a row",
        f"- validation: {settings.validation:g} of the questions, seed {settings.seed}",
        f"- licence of the questions: {licences}",
        f"- logs: {', '.join(map(in_markdown, settings.logs))}",
        *(f"- **warning:** {in_markdown(warning)}" for warning in settings.warnings),
    ]


def _system_prompt(text: str) -> str:
    return in_markdown(text) if text else "none; evaluate with `cot:system_prompt=`"


def _token_table(rows: Sequence[dict[str, Any]]) -> list[str]:
    import numpy

    names = {"tokens": "target", "rejected_tokens": "rejected"}
    table = ["| tokens | mean | lower quartile | median | upper quartile | longest |"]
    table.append("|---|---:|---:|---:|---:|---:|")
    for key, name in names.items():
        values = [row[key] for row in rows if key in row]
        if values:
            cells = (f"{v:g}" for v in numpy.quantile(values, (0.25, 0.5, 0.75, 1)))
            table.append(f"| {name} | {numpy.mean(values):.1f} | {' | '.join(cells)} |")
    return table
