"""Real vLLM, on a CPU: run by `make test-vllm` in an environment of its own."""

import os
import sys
from pathlib import Path

import pytest
from command import inspect, lm_eval, lm_eval_results, lm_eval_samples
from evaluation import samples, values
from inspect_ai.log import list_eval_logs, read_eval_log
from questions import gsm8k_file

pytest.importorskip("vllm", reason="make test-vllm installs it in an environment of its own")
pytestmark = pytest.mark.slow

CPU = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    # the engine beside lm_eval in one process: two would need twice the memory
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    # Inspect starts the program `vllm` that lies beside this Python
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
}
SETTINGS = "dtype=float32,enforce_eager=True,max_model_len=1024,gpu_memory_utilization=0.5"


def test_lm_eval_counts_what_vllm_generated(tmp_path: Path, smollm2_folder: Path) -> None:
    from transformers import AutoTokenizer

    done = lm_eval(
        *("run", "--model", "vllm", "--model_args", f"pretrained={smollm2_folder},{SETTINGS}"),
        *("--apply_chat_template", "--batch_size", "auto"),
        *("--tasks", "tale_gsm8k_cot,tale_gsm8k_tale_ep"),
        *("--metadata", f"tale_source={gsm8k_file(tmp_path, 4)}"),
        *("--gen_kwargs", "do_sample=false,max_gen_toks=24"),
        *("--output_path", tmp_path, "--log_samples"),
        cwd=tmp_path,
        variables=CPU,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    tokenizer = AutoTokenizer.from_pretrained(smollm2_folder)
    for task in ("tale_gsm8k_cot", "tale_gsm8k_tale_ep"):
        for row in lm_eval_samples(tmp_path, task):
            answer = row["calls"][-1]
            written = len(tokenizer(row["filtered_resps"][0], add_special_tokens=False).input_ids)
            # the end-of-turn token is counted by vLLM, and a cut may fall inside a merge
            assert answer["output_tokens"] - written in (0, 1)
            assert bool(answer.get("truncated")) == (answer["stop_reason"] == "length")
            assert answer["output_tokens"] <= 24
            assert answer["counted_by"] == "provider"
    assert lm_eval_results(tmp_path, "tale_gsm8k_cot")["calls"] == "provider 4"
    assert lm_eval_results(tmp_path, "tale_gsm8k_tale_ep")["calls"] == "provider 8"


def test_inspect_serves_an_adapter_beside_its_base(tmp_path: Path, smollm2_folder: Path) -> None:
    """An adapter that changes nothing gives what its base gives, from a server of Inspect's."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(smollm2_folder)
    get_peft_model(base, LoraConfig(task_type="CAUSAL_LM")).save_pretrained(tmp_path / "idle")
    plain, adapted = f"vllm/{smollm2_folder}", f"vllm/{smollm2_folder}:{tmp_path / 'idle'}"
    done = inspect(
        *("eval", "tale_eval/gsm8k", "--model", f"{plain},{adapted}", "--temperature", 0),
        *("-T", f"source={gsm8k_file(tmp_path, 2)}", "--max-tokens", 24),
        *("-M", "dtype=float32", "-M", "enforce_eager=true", "-M", "max_model_len=1024"),
        *("-M", "host=127.0.0.1", "--log-dir", tmp_path / "logs", "--display", "plain"),
        cwd=tmp_path,
        variables=CPU,
    )
    logs = {
        log.eval.model: log for log in map(read_eval_log, list_eval_logs(str(tmp_path / "logs")))
    }
    assert {log.status for log in logs.values()} == {"success"}, done.stdout + done.stderr
    assert logs.keys() == {plain, adapted}
    for one, other in zip(samples(logs[plain]), samples(logs[adapted]), strict=True):
        assert one.output.completion == other.output.completion
        assert values(one)["output_tokens"] == values(other)["output_tokens"] <= 24
