"""Every method on evals of the package inspect_evals, which knows nothing of tale-eval.

The evals load their data by its name on the hub. `datasets` takes a folder of that
name in the working directory instead, so nothing is downloaded and nothing patched.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from command import inspect_eval
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, EvalSample
from inspect_ai.scorer import choice
from questions import asks_for_budget, number_in
from server import ChatServer, Reply, chat_server

from tale_eval.analysis.leaderboard import leaderboard
from tale_eval.asking.question import FormatChoice
from tale_eval.logs import read_records
from tale_eval.solvers.cot import cot

EVALS = ("inspect_evals/gsm8k", "inspect_evals/commonsense_qa")
METHODS = {
    "direct": ([], ["answer"], "directly without any reasoning process"),
    "cot": ([], ["answer"], "Let's think step by step:"),
    "budget": (["-S", "tokens=50"], ["answer"], "use less than 50 tokens:"),
    "tale_ep": ([], ["estimate", "answer"], "use less than 30 tokens:"),
}


def hub_in(folder: Path) -> None:
    """Twelve questions in the layouts of openai/gsm8k and tau/commonsense_qa."""
    sums = [(n, f"What is {n} plus {n}?") for n in range(12)]
    gsm8k = [{"question": question, "answer": f"So\n#### {2 * n}"} for n, question in sums]
    options = [[str(2 * n + k) for k in range(5)] for n, _ in sums]
    commonsense_qa = [
        {
            "id": str(n),
            "question": question,
            "question_concept": "sum",
            "choices": {"label": list("ABCDE"), "text": options[n]},
            "answerKey": "A",
        }
        for n, question in sums
    ]
    for name, rows in (
        ("openai/gsm8k/main/train.jsonl", gsm8k),
        ("openai/gsm8k/main/test.jsonl", gsm8k),
        ("tau/commonsense_qa/validation.jsonl", commonsense_qa),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def right_if_even(prompt: str, request: dict[str, Any]) -> Reply:
    n = number_in(prompt)
    if asks_for_budget(prompt):
        return Reply("Budget: [[30]]", output_tokens=6 + n)
    wrong = n % 2
    answer = "AB"[wrong] if "A) " in prompt else str(2 * n + wrong)
    return Reply(f"{n} and {n}.\nANSWER: {answer}", output_tokens=40 + n, input_tokens=90)


def run_evals(server: ChatServer, method: str, *arguments: str, folder: Path) -> list[EvalLog]:
    """Run four questions of each eval in this folder."""
    hub_in(folder)
    return inspect_eval(
        server,
        *(*EVALS, "--limit", 4),
        *("--solver", f"tale_eval/{method}", *arguments),
        cwd=folder,
        log_dir=folder / "logs",
        variables={
            "XDG_CACHE_HOME": str(folder / "cache"),
            "HF_DATASETS_CACHE": str(folder / "datasets"),
        },
    )


def calls(sample: EvalSample) -> list[dict[str, Any]]:
    return list(sample.store["TaleRecord:calls"])


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_unmodified_evals_score_and_count_every_method(method: str, tmp_path: Path) -> None:
    arguments, purposes, wording = METHODS[method]
    with chat_server(right_if_even) as server:
        logs = run_evals(server, method, *arguments, folder=tmp_path)
    assert {log.eval.task for log in logs} == {
        "inspect_evals/gsm8k",
        "inspect_evals/commonsense_qa",
    }
    samples = [sample for log in logs for sample in log.samples or []]
    assert len(samples) == 8
    for sample in samples:
        n = number_in(str(sample.input))
        (score,) = (sample.scores or {}).values()
        assert score.value == ("I" if n % 2 else "C")
        assert [call["purpose"] for call in calls(sample)] == purposes
        assert calls(sample)[-1]["output_tokens"] == 40 + n
    ledger = [call for sample in samples for call in calls(sample)]
    for count in ("input_tokens", "output_tokens"):
        assert sum(call[count] for call in ledger) == server.total(count)
    asked = [prompt for prompt in server.prompts() if not asks_for_budget(prompt)]
    assert len(asked) == 8
    assert all(wording in prompt for prompt in asked)
    rows = leaderboard(read_records([str(tmp_path / "logs")]).records, baseline=None)
    assert [row.task for row in rows] == sorted(EVALS)
    right = [number_in(str(sample.input)) % 2 == 0 for sample in samples]
    assert [row.n for row in rows] == [4, 4]
    assert sum(row.n * (row.accuracy or 0) for row in rows) == sum(right)


@pytest.mark.slow
def test_budgets_are_searched_on_unmodified_evals(tmp_path: Path) -> None:
    with chat_server(right_if_even) as server:
        logs = run_evals(server, "budget_search", folder=tmp_path)
    for sample in (sample for log in logs for sample in log.samples or []):
        # every answer costs 40 + n tokens, so half of that is asked once and found no cheaper
        n = number_in(str(sample.input))
        search = sample.store["TaleRecord:search"]
        assert search["status"] == ("unsolved" if n % 2 else "no_smaller_budget")
        purposes = [call["purpose"] for call in calls(sample)]
        assert purposes == (["vanilla"] if n % 2 else ["vanilla", "search"])


@pytest.mark.parametrize("answer_format", ["bracketed", "boxed"])
def test_a_format_that_the_choice_scorer_cannot_read_is_an_error(
    answer_format: FormatChoice, tmp_path: Path
) -> None:
    task = Task(
        dataset=[Sample("Which?", choices=["this", "that"], target="A")],
        solver=cot(answer_format=answer_format),
        scorer=choice(),
    )
    (log,) = eval(task, model="mockllm/model", display="none", log_dir=str(tmp_path))
    assert log.error is not None
    assert f"answer_format='{answer_format}'" in log.error.message
