"""Data for unmodified tasks of lm_eval's, in their own layouts: generated, and found offline.

A task's `dataset_path` such as "openai/gsm8k" is a relative folder too, and `datasets` looks
there before it asks a hub. So a task's own file is read as it is.
"""

import json
import re
from pathlib import Path
from typing import Any

Rows = list[dict[str, Any]]

SIZE = 6
"""Questions a task."""


def sums(n: int) -> str:
    """The question that every task here asks in its own words."""
    return f"What is {n} plus {n}?"


def gsm8k(size: int = SIZE) -> Rows:
    return [
        {"question": sums(n), "answer": f"They make {2 * n}.\n#### {2 * n}"} for n in range(size)
    ]


def math500() -> Rows:
    return [
        {
            "problem": f"What is ${n} + {n}$?",
            "solution": f"It is $\\boxed{{{2 * n}}}$.",
            "answer": str(2 * n),
        }
        for n in range(SIZE)
    ]


def mmlu_pro() -> Rows:
    """The right option of question n has letter n."""
    return [
        {
            "question_id": n,
            "question": sums(n),
            "options": [str(2 * n + option - n) for option in range(10)],
            "answer": "ABCDEFGHIJ"[n],
            "answer_index": n,
            "cot_content": f"A: Let's think step by step. {n} and {n} make {2 * n}. "
            f"The answer is ({'ABCDEFGHIJ'[n]}).",
            "category": "math",
            "src": "generated",
        }
        for n in range(SIZE)
    ]


def boolean_expressions() -> Rows:
    return [{"input": f"{'not ' * n}True is", "target": str(n % 2 == 0)} for n in range(SIZE)]


def mgsm_zh() -> Rows:
    """Rows of the test split; those of the training split have an answer in words."""
    return [
        {
            "question": f"小明有 {n} 个苹果，小红也有 {n} 个。一共有多少个？",
            "answer": None,
            "answer_number": 2 * n,
            "equation_solution": None,
        }
        for n in range(SIZE)
    ]


def mgsm_zh_examples() -> Rows:
    return [
        {
            "question": f"问题：{n} 加 {n} 是多少？",
            "answer": f"逐步解答：{n} 加 {n} 等于 {2 * n}。答案是 {2 * n}。",
            "answer_number": 2 * n,
            "equation_solution": f"{n}+{n}={2 * n}",
        }
        for n in range(20, 28)
    ]


def triviaqa() -> Rows:
    return [
        {
            "question": sums(n),
            "question_id": str(n),
            "answer": {"value": str(2 * n), "aliases": [str(2 * n), f"{2 * n} in all"]},
        }
        for n in range(SIZE)
    ]


_LAYOUTS: dict[str, dict[str, dict[str, Rows]]] = {
    "openai/gsm8k": {"main": {"test": gsm8k(), "train": gsm8k(20)}},
    "HuggingFaceH4/MATH-500": {"default": {"test": math500()}},
    "TIGER-Lab/MMLU-Pro": {"default": {"test": mmlu_pro(), "validation": mmlu_pro()}},
    "SaylorTwift/bbh": {"boolean_expressions": {"test": boolean_expressions()}},
    "juletxara/mgsm": {"zh": {"train": mgsm_zh_examples(), "test": mgsm_zh()}},
    "mandarjoshi/trivia_qa": {"rc.nocontext": {"train": triviaqa(), "validation": triviaqa()}},
}


def write_data(folder: Path) -> Path:
    """Write every task's data below a folder, which is to be the working directory."""
    for path, configurations in _LAYOUTS.items():
        listed = []
        for name, splits in configurations.items():
            files = []
            for split, rows in splits.items():
                file = folder / path / name / f"{split}.jsonl"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text("".join(json.dumps(row) + "\n" for row in rows))
                files.append({"split": split, "path": f"{name}/{split}.jsonl"})
            listed.append({"config_name": name, "data_files": files})
        (folder / path / "README.md").write_text(f"---\nconfigs: {json.dumps(listed)}\n---\n")
    return folder


def reasoned(prompt: str) -> tuple[int, str]:
    """The number of the question in a prompt, and a reply in its task's own style.

    The reply is right where the number is even, and off by one where it is not.
    """
    question = prompt.strip()
    if "True is" in question:
        n = question.rpartition("True is")[0].rpartition("Q: ")[2].count("not ")
        return n, "I count them. So the answer is True."  # which it is where n is even
    number = re.findall(r"(\d+) plus|\$(\d+) \+|小明有 (\d+) 个", question)[-1]
    n = int("".join(number))
    said = 2 * n + n % 2
    if "Options:" in question:
        return n, f"That is {said}. The answer is ({'ABCDEFGHIJ'[n + n % 2]})."
    if "小明" in question:
        return n, f"一共有 {said} 个。答案是 {said}。"
    if "$" in question:
        return (
            n,
            f"It is ${said}$.\nFinal Answer: The final answer is ${said}$. I hope it is correct.",
        )
    if "The final answer is [answer]" in question:
        return n, f"{n} and {n} make {said}. The final answer is {said}"
    if question.endswith("Answer:"):
        return n, str(said)
    return n, f"{n} and {n} make {said}. The answer is {said}."
