"""Unmodified tasks of lm_eval's by our methods, through the real command against a real server."""

import os
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from command import lm_eval, lm_eval_samples, one_line, tale_eval
from foreign import SIZE, reasoned, write_data
from questions import asks_for_budget
from server import ChatServer, Reply, chat_server
from tiny import byte_model

from tale_eval.logs import read_records

SIX = {
    "gsm8k_cot": "strict-match",
    "gsm8k_cot_llama": "strict-match",
    "mmlu_pro_math": "custom-extract",
    "bbh_cot_zeroshot_boolean_expressions": "strict-match",
    "mgsm_native_cot_zh": "strict-match",
    "triviaqa": "remove_whitespace",
}
"""Tasks of lm_eval's, and the filter of each that reads an answer in the task's own form."""

ANTLR = "TALE_EVAL_ANTLR_4_11"
"""A folder with antlr4-python3-runtime 4.11, without which lm_eval refuses minerva_math."""


def answer(prompt: str, request: dict[str, Any]) -> Reply:
    """Right where the question's number is even; as many tokens as the question tells."""
    if asks_for_budget(prompt):
        return Reply("Budget: [[30]]", output_tokens=5, input_tokens=60)
    n, text = reasoned(prompt)
    return Reply(text, output_tokens=20 + n, input_tokens=80 + n, cached_tokens=16)


def run_tasks(
    server: ChatServer, folder: Path, *options: object, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run tasks whose data lie in the folder, with roles; output in `out`."""
    write_data(folder)
    return lm_eval(
        *("run", "--model", "local-chat-completions", "--apply_chat_template"),
        "--model_args",
        f"model=m,base_url={server.base_url}/chat/completions,num_concurrent=8,seed=7",
        *("--output_path", folder / "out", "--log_samples", *options),
        cwd=folder,
        variables=server.variables | own_cache(folder) | (variables or {}),
    )


def own_cache(folder: Path) -> dict[str, str]:
    """An environment in which `datasets` keeps these rows from whoever loads such a name next."""
    return {"HF_DATASETS_CACHE": str(folder / "cache_of_datasets")}


def rows_of(folder: Path, task: str) -> dict[str, dict[tuple[str, int], dict[str, Any]]]:
    """A task's rows by method, then by filter and document."""
    found: dict[str, dict[tuple[str, int], dict[str, Any]]] = {}
    for file in folder.rglob(f"samples_{task}_2*.jsonl"):
        alone = folder / "one" / file.name
        alone.parent.mkdir(exist_ok=True)
        file.rename(alone)
        rows = lm_eval_samples(alone.parent, task)
        found[rows[0]["method"]] = {(row["filter"], row["doc_id"]): row for row in rows}
        alone.rename(file)
    return found


@pytest.mark.slow
def test_six_tasks_keep_their_scores_and_tell_their_tokens(tmp_path: Path) -> None:
    with chat_server(answer) as server:
        done = run_tasks(
            server,
            tmp_path,
            *("--tasks", *SIX, "--num_fewshot", 2, "--fewshot_as_multiturn", "true"),
            *("--method", "own", "--method", "tale_ep", "--method", "budget:tokens=50"),
        )
    assert done.returncode == 0, done.stderr
    spent = 0
    for task, strict in SIX.items():
        by_method = rows_of(tmp_path / "out", task)
        own = by_method["task's own prompt"]
        assert [own[strict, n]["exact_match"] for n in range(SIZE)] == [1, 0] * (SIZE // 2), task
        for method in ("tale_ep", "budget:tokens=50"):
            rows = by_method[method]
            # what is right by the task's own prompt is right by a method, by every filter
            assert {k: r["exact_match"] for k, r in rows.items()} == {
                k: r["exact_match"] for k, r in own.items()
            }
            estimated = 5 if method == "tale_ep" else 0
            for n in range(SIZE):
                row = rows[strict, n]
                assert row["output_tokens"] == 20 + n + estimated
                assert row["budget"] == (30 if estimated else 50)
        spent += sum(
            row["output_tokens"]
            for rows in by_method.values()
            for (which, _), row in rows.items()
            if which == strict
        )
    assert len(server.replies) == len(SIX) * SIZE * (1 + 2 + 1)
    assert spent == server.total("output_tokens")
    check_prompts(server)
    check_notes(done.stderr)
    check_report(tmp_path / "out", server)


def check_prompts(server: ChatServer) -> None:
    """What the server was sent."""
    sent = [p for p in server.prompts() if "use less than 50 tokens" in p]
    assert "Q: What is 1 plus 1?\nLet's think step by step and use less than 50 tokens:\nA:" in sent
    chinese = [p for p in server.prompts() if "并使用少于 50 tokens" in p]
    assert sorted(chinese)[1] == (
        "问题： 小明有 1 个苹果，小红也有 1 个。一共有多少个？\n"
        "让我们一步一步思考并使用少于 50 tokens:\n逐步解答:"
    )
    for request in server.requests:
        messages = request["messages"]
        if asks_for_budget(messages[-1]["content"]):
            assert len(messages) == 1
            assert request["max_tokens"] == 1024
            assert "stop" not in request
        elif "True is" not in messages[-1]["content"]:
            # the task's worked examples as turns, without a word of ours
            *before, _ = [m for m in messages if m["role"] != "system"]
            assert [m["role"] for m in before] == ["user", "assistant"] * 2
            assert not any("use less than" in m["content"] for m in before)


def check_notes(stderr: str) -> None:
    """What was said of the tasks beforehand."""
    notes = [line for line in stderr.splitlines() if line.startswith("note: ")]
    assert (
        "note: gsm8k_cot by tale_ep: a reply ends after 256 tokens (lm_eval's default), which may "
        "cut the reasoning; --gen_kwargs max_gen_toks=1024" in notes
    )
    assert (
        "note: triviaqa by budget:tokens=50: a reply ends at '\\n', '.', ',', which may cut the "
        """reasoning; --gen_kwargs '{"until": []}'""" in notes
    )
    assert not any("mmlu_pro" in note for note in notes)  # its own cap is 2048


def check_report(folder: Path, server: ChatServer) -> None:
    """What `tale-eval report` makes of the files."""
    read = read_records([str(folder)])
    assert {record.task for record in read.records} == set(SIX)
    assert {record.method for record in read.records} == {
        "task's own prompt",
        "tale_ep",
        "budget:tokens=50",
    }
    assert len(read.records) == len(SIX) * SIZE * 3
    tokens = [record.costs["output_tokens"] for record in read.records]
    assert sum(filter(None, tokens)) == server.total("output_tokens")
    read_tokens = [record.costs["input_tokens"] for record in read.records]
    assert sum(filter(None, read_tokens)) == server.total("input_tokens")


@pytest.mark.slow
def test_math_answers_are_compared_by_minerva_math500_itself(tmp_path: Path) -> None:
    folder = os.environ.get(ANTLR)
    if folder is None and not version("antlr4-python3-runtime").startswith("4.11"):
        pytest.skip(f"set {ANTLR} to a folder with antlr4-python3-runtime 4.11")
    path = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
    with chat_server(answer) as server:
        done = run_tasks(
            server,
            tmp_path,
            *("--tasks", "minerva_math500", "--method", "own", "--method", "tale_ep"),
            variables={"PYTHONPATH": path},
        )
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path / "out", "minerva_math500")
    for metric in ("exact_match", "math_verify"):
        for method in ("task's own prompt", "tale_ep"):
            found = [rows[method]["none", n][metric] for n in range(SIZE)]
            assert found == [1, 0] * (SIZE // 2), (method, metric)
    asked = [p for p in server.prompts() if "less than 30" in p]
    assert "Problem:\nWhat is $1 + 1$?\nLet's think step by step and use less than 30 tokens:" in (
        "\n".join(asked)
    )


@pytest.mark.slow
def test_a_run_goes_on_from_its_cache_and_no_method_has_anothers_answers(tmp_path: Path) -> None:
    def run(*methods: str) -> tuple[int, list[dict[str, Any]]]:
        folder = tmp_path / "-".join(methods).replace(":", "-")
        folder.mkdir()
        arguments = [part for method in methods for part in ("--method", method)]
        with chat_server(answer) as server:
            done = run_tasks(
                server,
                folder,
                *("--tasks", "gsm8k_cot", "--use_cache", tmp_path / "cache", *arguments),
            )
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("exact_match") == 2 * len(methods)
        rows = rows_of(folder / "out", "gsm8k_cot")[methods[-1]]
        return len(server.exchanges), list(rows.values())

    first, rows = run("tale_ep")
    assert first == 2 * SIZE
    # the estimates are there already, for whoever asks the same; answers of other methods are not
    again, same = run("cot", "tale_ep")
    assert again == SIZE
    for row, other in zip(rows, same, strict=True):
        assert row["calls"] == other["calls"]


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 4])
def test_a_local_model_is_asked_in_any_batch_and_counted_by_its_tokenizer(
    batch: int, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    write_data(tmp_path)
    model = byte_model(tmp_path / "model")
    done = lm_eval(
        *("run", "--model", "hf", "--model_args", f"pretrained={model}"),
        *("--tasks", "bbh_cot_zeroshot_boolean_expressions", "--method", "tale_ep"),
        *("--gen_kwargs", "max_gen_toks=24", "--batch_size", batch, "--device", "cpu"),
        *("--output_path", tmp_path / "out", "--log_samples"),
        cwd=tmp_path,
        variables=own_cache(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path / "out", "bbh_cot_zeroshot_boolean_expressions")["tale_ep"]
    for row in rows.values():
        estimate, answered = row["calls"]
        assert estimate["purpose"] == "estimate"
        # no chat template is asked for, so the description stands before the question; one
        # token a byte, and one for two line breaks
        prompt = (
            "Evaluate the result of a random Boolean expression.\n\n"
            f"Q: {row['doc']['input']}\nLet's think step by step:\n"
            "A: Let's think step by step."
        )
        assert answered["input_tokens"] == len(prompt.encode()) - prompt.count("\n\n")
        assert row["arguments"]["gen_args_0"]["arg_0"] == prompt
        assert answered["output_tokens"] <= 24
        assert answered["counted_by"] == "tokenizer"
        assert row["budget_status"] == "missing"


@pytest.mark.slow
def test_a_task_that_only_scores_is_refused_before_a_model_is_loaded(tmp_path: Path) -> None:
    done = lm_eval(
        *("run", "--model", "hf", "--model_args", "pretrained=/nowhere"),
        *("--tasks", "gsm8k_cot,arc_challenge", "--method", "cot"),
        cwd=tmp_path,
    )
    assert done.returncode != 0
    assert one_line(done.stderr, "error") == (
        "error: --tasks arc_challenge: its output_type is multiple_choice: lm_eval scores texts "
        "that are given, and nothing is written that a method could shorten; run "
        "arc_challenge_chat instead"
    )


def test_our_own_tasks_have_their_method_in_their_name(tmp_path: Path) -> None:
    done = tale_eval(
        *("lm-eval", "run", "--model", "hf", "--tasks", "tale_gsm8k_cot", "--method", "tale_ep"),
        cwd=tmp_path,
    )
    assert done.returncode != 0
    assert "--method tale_ep: tale_gsm8k_cot has a method in its name" in one_line(
        done.stderr, "error"
    )
