"""Both harnesses, one model, the same questions: the same texts, grades and token counts.

Greedy, float32, the embedded model. A batch changes nothing: float32 answers do not
depend on the padding beside them. TALE_EVAL_AGREE=40 compares 40 questions a benchmark.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from command import lm_eval, lm_eval_samples
from evaluation import samples, values
from inspect_ai import Task, eval
from inspect_ai.log import EvalLog
from inspect_ai.model import get_model

from tale_eval.logs import read_records
from tale_eval.tasks.gsm8k import gsm8k
from tale_eval.tasks.mathbench import mathbench

pytestmark = [pytest.mark.slow, pytest.mark.model]

MAX_TOKENS = 40
ESTIMATE_MAX_TOKENS = 32
BATCH = 16
QUESTIONS = int(os.environ.get("TALE_EVAL_AGREE", "3"))
BENCHMARKS: dict[str, Callable[..., Task]] = {
    "gsm8k": gsm8k,
    "mathbench_middle_en": partial(mathbench, level="middle", language="en"),
    "mathbench_middle_cn": partial(mathbench, level="middle", language="cn"),
}
METHODS = {
    "direct": "direct",
    "cot": "cot",
    "budget:tokens=50": "budget",
    f"tale_ep:estimator_max_tokens={ESTIMATE_MAX_TOKENS}": "tale_ep",
}
COMPARED = ("correct", "answer_tokens", "estimator_tokens", "output_tokens", "input_tokens",
            "budget", "within_budget", "truncated", "budget_missing", "bare_answer")  # fmt: skip
ALWAYS = ("correct", "output_tokens", "input_tokens", "truncated")


def by_inspect(folder: Path, model: Path) -> list[EvalLog]:
    """A log of each benchmark and method, in their order."""
    return eval(
        [create(method=method) for create in BENCHMARKS.values() for method in METHODS],
        get_model("hf/local", model_path=str(model), do_sample=False),
        max_tasks=len(BENCHMARKS) * len(METHODS),
        limit=QUESTIONS,
        max_tokens=MAX_TOKENS,
        temperature=0,
        log_dir=str(folder),
        display="none",
    )


def by_lm_eval(folder: Path, model: Path, tasks: list[str], data: Path) -> None:
    done = lm_eval(
        *("run", "--model", "hf", "--device", "cpu", "--batch_size", BATCH),
        *("--apply_chat_template", "--model_args", f"pretrained={model},dtype=float32"),
        *("--gen_kwargs", f"do_sample=false,max_gen_toks={MAX_TOKENS}"),
        *("--metadata", f"tale_estimator_max_tokens={ESTIMATE_MAX_TOKENS}"),
        *("--tasks", ",".join(tasks), "--limit", QUESTIONS),
        *("--output_path", folder, "--log_samples"),
        cwd=folder,
        variables={"TALE_EVAL_DATA": str(data)},
    )
    assert done.returncode == 0, done.stderr


def test_the_same_model_gets_the_same_numbers(
    tmp_path: Path, smollm2_folder: Path, data_folder: Path
) -> None:
    names = {
        (benchmark, method): f"tale_{benchmark}_{short}"
        for benchmark in BENCHMARKS
        for method, short in METHODS.items()
    }
    by_lm_eval(tmp_path, smollm2_folder, [*names.values()], data_folder)
    logs = by_inspect(tmp_path / "inspect", smollm2_folder)
    different = []
    for log, ((_, method), name) in zip(logs, names.items(), strict=True):
        expected = samples(log)
        found = lm_eval_samples(tmp_path, name)
        assert len(expected) == len(found) == QUESTIONS
        for sample, row in zip(expected, found, strict=True):
            assert (row["doc"]["id"], row["doc"]["method"]) == (sample.id, method)
            theirs = {"text": sample.output.completion, **values(sample)}
            ours = {"text": row["filtered_resps"][0], **{key: row.get(key) for key in COMPARED}}
            assert all(ours[key] is not None for key in ALWAYS)
            if ours["answer_tokens"] == MAX_TOKENS - 1:
                # with the end-of-turn token it fills the cap; Inspect's hf does not say why a
                # reply ended, so there it counts as cut off
                filled = {"answer_tokens": MAX_TOKENS, "truncated": 1}
                ours |= filled | {"output_tokens": ours["output_tokens"] + 1}
            different += [
                (name, sample.id, key, theirs[key], value)
                for key, value in ours.items()
                if value is not None and value != theirs[key]
            ]
    assert different == []


def test_an_adapter_is_evaluated_through_peft(
    tmp_path: Path, smollm2_folder: Path, data_folder: Path
) -> None:
    """An adapter that changes nothing gives what its base gives, under its own name."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(smollm2_folder, dtype=torch.float32)
    get_peft_model(base, LoraConfig(task_type="CAUSAL_LM")).save_pretrained(tmp_path / "idle")
    for name, peft in (("with", f",peft={tmp_path / 'idle'}"), ("without", "")):
        done = lm_eval(
            *("run", "--model", "hf", "--device", "cpu", "--apply_chat_template"),
            *("--model_args", f"pretrained={smollm2_folder},dtype=float32{peft}"),
            *("--gen_kwargs", "do_sample=false,max_gen_toks=12"),
            *("--tasks", "tale_gsm8k_direct", "--limit", 1),
            *("--output_path", tmp_path / name, "--log_samples"),
            cwd=tmp_path,
            variables={"TALE_EVAL_DATA": str(data_folder)},
        )
        assert done.returncode == 0, done.stderr
    (adapted,) = lm_eval_samples(tmp_path / "with", "tale_gsm8k_direct")
    (plain,) = lm_eval_samples(tmp_path / "without", "tale_gsm8k_direct")
    assert adapted["filtered_resps"] == plain["filtered_resps"]
    assert adapted["output_tokens"] == plain["output_tokens"]
    models = [r.model for r in read_records([str(tmp_path / "with")]).records]
    assert models == [f"hf/{smollm2_folder.name}+idle (lm-eval)"]
