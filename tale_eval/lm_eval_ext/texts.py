"""What the samples of a file of lm_eval's ask, for those who want it beside their records."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tale_eval.records import MALFORMED, Record


def with_texts(lines: Iterable[bytes], records: Iterable[Record]) -> list[Record]:
    """The records of a file, each with what it was asked.

    Args:
        lines: Of the file, those without a sample among them.
        records: What was made of them.
    """
    texts: dict[str, str | None] = {}
    for line in lines:
        try:
            row = json.loads(line)
            texts[sample_id(row)] = _text(row)
        except MALFORMED:
            continue  # a line that gave no record, and was named for it
    return [replace(each, text=texts.get(each.sample_id)) for each in records]


def sample_id(row: Mapping[str, Any]) -> str:
    """What was asked, by the names that our tasks and others give it."""
    document = row["doc"]
    if isinstance(document, Mapping) and "prompt_version" in document:
        return str(document["id"])
    # older versions of lm_eval have no hash
    return str(row["doc_hash"] if "doc_hash" in row else row["doc_id"])


def _text(row: Mapping[str, Any]) -> str | None:
    """The question of a task of ours; of another's the whole prompt."""
    document = row["doc"]
    if isinstance(document, Mapping) and isinstance(document.get("question"), str):
        return str(document["question"])
    asked = row["arguments"]
    first = asked["gen_args_0"]["arg_0"] if isinstance(asked, Mapping) else asked[0][0]
    while isinstance(first, list):
        first = first[0]
    return first if isinstance(first, str) else None
