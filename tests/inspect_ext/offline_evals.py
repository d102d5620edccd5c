"""Rows in the layouts that evals of inspect_evals load, made up, so that nothing is downloaded.

The package is as it was installed; only `datasets.load_dataset` and one download are taken
from it, and they give these rows.
"""

import base64
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import datasets

ROWS = 12
# one white pixel
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4////fwAJ+wP9KobjigAAAABJRU5ErkJg"
    "gg=="
)
WORDS = ("cedar", "granite", "violin", "harbour", "meadow", "lantern", "bridge", "kettle")


def sums() -> list[tuple[int, str]]:
    return [(2 * n, f"What is {n} plus {n}?") for n in range(3, 3 + ROWS)]


def options(right: int) -> list[str]:
    """Four options of which the second is right."""
    return [str(right + step) for step in (5, 0, 7, 9)]


def answers(*spans: str) -> dict[str, Any]:
    return {"number": "", "date": {"day": "", "month": "", "year": ""}, "spans": list(spans)}


def drop_row(number: int, word: str) -> dict[str, Any]:
    others = [answers(word)]
    return {
        "passage": f"In town {number} stands a {word}.",
        "question": "What stands there?",
        "query_id": f"q{number}",
        "answer": answers(word),
        "validated_answers": {
            key: [one[key] for one in others] for key in ("number", "date", "spans")
        },
    }


def labels(right: set[int]) -> dict[str, Any]:
    return {"choices": ["a", "b", "c", "d"], "labels": [int(i in right) for i in range(4)]}


def rows_of(path: str, name: str | None) -> list[dict[str, Any]]:
    """The rows of a data set by its name on the hub."""
    numbered = list(enumerate(sums()))
    words = list(enumerate(WORDS))
    match path:
        case "openai/gsm8k":
            return [{"question": q, "answer": f"So it is.\n#### {a}"} for a, q in sums()]
        case "google/boolq":
            return [
                {"question": f"is {n} even", "passage": f"On {n}.", "answer": n % 2 == 0}
                for n in range(ROWS)
            ]
        case "google-research-datasets/paws":
            return [
                {"id": n, "sentence1": f"It is {n}.", "sentence2": "It is.", "label": n % 2}
                for n in range(ROWS)
            ]
        case "rajpurkar/squad_v2":
            return [
                {
                    "id": f"s{n}",
                    "context": f"Street {n} has a {word}.",
                    "question": "What does it have?",
                    "answers": {"text": [word, f"a {word} there"]},
                }
                for n, word in words
            ]
        case "EleutherAI/drop":
            return [drop_row(n, word) for n, word in words]
        case "tau/commonsense_qa":
            return [
                {
                    "id": str(n),
                    "question": q,
                    "question_concept": "sum",
                    "choices": {"label": list("ABCDE"), "text": [*options(a), "none"]},
                    "answerKey": "B",
                }
                for n, (a, q) in numbered
            ]
        case "allenai/ai2_arc":
            return [
                {
                    "id": str(n),
                    "question": q,
                    "choices": {"label": list("ABCD"), "text": options(a)},
                    "answerKey": "B",
                }
                for n, (a, q) in numbered
            ]
        case "cais/mmlu":
            return [
                {"question": q, "choices": options(a), "answer": 1, "subject": "anatomy"}
                for a, q in sums()
            ]
        case "Rowan/hellaswag":
            return [
                {"ctx": q, "endings": options(a), "label": "1", "source_id": f"h{n}"}
                for n, (a, q) in numbered
            ]
        case "ehovy/race":
            return [
                {"article": "A story.", "question": q, "options": options(a), "answer": "B"}
                for a, q in sums()
            ]
        case "allenai/winogrande":
            return [
                {"sentence": f"{word} is _ .", "option1": "hard", "option2": "soft", "answer": "2"}
                for word in WORDS
            ]
        case "truthfulqa/truthful_qa":
            return [
                {"question": q, "mc1_targets": labels({1}), "mc2_targets": labels({0, 2})}
                for _, q in sums()
            ]
        case "Maxwell-Jia/AIME_2024":
            return [
                {"ID": str(n), "Problem": q, "Answer": a, "Solution": "…"} for n, (a, q) in numbered
            ]
        case "DigitalLearningGmbH/MATH-lighteval":
            return [
                {
                    "problem": q,
                    "solution": f"It is \\boxed{{{a}}}.",
                    "level": "Level 1",
                    "type": "Algebra",
                }
                for a, q in sums()
            ]
        case "BBEH/bbeh":
            return [
                {"input": q, "target": str(a), "task": "object counting", "mini": 1}
                for a, q in sums()
            ]
        case "AssistantBench/AssistantBench":
            return [
                {"id": str(n), "task": q, "answer": str(a), "explanation": "", "difficulty": "Easy"}
                for n, (a, q) in numbered
            ]
        case "zefang-liu/secqa":
            return [
                {"Question": q, **dict(zip("ABCD", options(a), strict=True)), "Answer": "B"}
                for a, q in sums()
            ]
        case "lmms-lab-encoder/DocVQA" | "lmms-lab/DocVQA":
            return [
                {
                    "questionId": str(n),
                    "docId": n,
                    "question": "Which word is printed?",
                    "answers": [word, word.upper()],
                    "image": {"path": f"{word}.png", "bytes": PNG},
                }
                for n, word in words
            ]
    raise LookupError(f"no rows for {path} ({name})")


@contextmanager
def offline(folder: Path) -> Iterator[None]:
    """Give these rows to whatever loads a data set from the hub."""

    def load_dataset(path: str, name: str | None = None, **given: Any) -> datasets.Dataset:
        return datasets.Dataset.from_list(rows_of(path, name))

    def download(url: str, sha256: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{q}\t{a}\n" for a, q in sums()))

    # the package gives the task's function under the module's name
    mgsm = importlib.import_module("inspect_evals.mgsm.mgsm")

    with (
        patch.object(datasets, "load_dataset", load_dataset),
        patch.object(mgsm, "download", download),
        patch.object(mgsm, "MGSM_CACHE_DIR", folder / "mgsm"),
    ):
        yield
