"""Real vLLM, on a CPU: run by `make test-vllm` in an environment of its own."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command import inspect, lm_eval, lm_eval_results, lm_eval_samples, tale_eval
from evaluation import samples, values
from inspect_ai.log import list_eval_logs, read_eval_log
from questions import gsm8k_file

from tale_eval.inspect_ext.logged import record_in

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


@pytest.fixture(scope="module")
def thinking_folder(smollm2_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model behind a chat template that opens a block of reasoning.

    The two marks are new tokens with the line break's weights: at temperature 0 the line break
    wins every tie, so the model never closes the block by itself.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(smollm2_folder)
    model = AutoModelForCausalLM.from_pretrained(smollm2_folder)
    (line_break,) = tokenizer("\n", add_special_tokens=False).input_ids
    tokenizer.add_tokens(["<think>", "</think>"])
    model.resize_token_embeddings(len(tokenizer))
    weights = model.get_input_embeddings().weight.data
    weights[-2:] = weights[line_break]
    opened = tokenizer.chat_template.replace(
        "<|im_start|>assistant\n", "<|im_start|>assistant\n<think>"
    )
    assert opened != tokenizer.chat_template
    tokenizer.chat_template = opened
    folder = tmp_path_factory.mktemp("models") / "thinking"
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


@contextmanager
def vllm_server(folder: Path, parser: str, log: Path) -> Iterator[str]:
    """A vLLM server of this model with a reasoning parser; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "--served-model-name": "thinking",
        "--host": "127.0.0.1",
        "--port": str(port),
        "--dtype": "float32",
        "--max-model-len": "1024",
        "--gpu-memory-utilization": "0.5",
        "--reasoning-parser": parser,
    }
    words = [word for option in options.items() for word in option]
    program = Path(sys.executable).parent / "vllm"
    with log.open("w", encoding="utf-8") as output:
        server = subprocess.Popen(
            [program, "serve", folder, "--enforce-eager", *words],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1"},
        )
        try:
            while not _answers(f"http://127.0.0.1:{port}/health"):
                assert server.poll() is None, log.read_text(encoding="utf-8")[-3000:]
                time.sleep(1)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            server.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url) as reply:
            return bool(reply.status == 200)
    except urllib.error.URLError:
        return False


@pytest.mark.parametrize(("parser", "counts"), [("qwen3", True), ("deepseek_r1", False)])
def test_a_thinking_budget_is_read_from_vllms_usage(
    parser: str, counts: bool, thinking_folder: Path, tmp_path: Path
) -> None:
    """vLLM ends the reasoning at the budget; one of its parsers then reports none at all."""
    methods = {budget: f"budget:tokens={budget}:control=thinking" for budget in (5, 20)}
    with vllm_server(thinking_folder, parser, tmp_path / "vllm.log") as url:
        for budget, method in {None: "cot", **methods}.items():
            done = inspect(
                *("eval", "tale_eval/gsm8k", "--model", "openai-api/local/thinking"),
                *("-T", f"source={gsm8k_file(tmp_path, 3)}", "-T", f"method={method}"),
                *("--max-tokens", 60, "--temperature", 0, "--display", "plain"),
                # else it may stop of itself within its reasoning, and no budget ends that
                *("--extra-body", '{"min_tokens": 60}', "--log-dir", tmp_path / str(budget)),
                cwd=tmp_path,
                variables={"LOCAL_BASE_URL": url, "LOCAL_API_KEY": "none"},
            )
            (found,) = list_eval_logs(str(tmp_path / str(budget)))
            log = read_eval_log(found)
            assert log.status == "success", done.stdout + done.stderr
            for sample in samples(log):
                (call,) = record_in(sample).calls
                assert call.controls == ({} if budget is None else {"thinking": budget})
                assert call.reasoned
                # what was counted is the budget to the token; what was not is unknown, not 0
                assert call.reasoning_tokens == ((budget or 60) if counts else None)
                # the budget comes on top of the 60; without one, all of them are reasoning
                assert call.output_tokens in range(60, 61 + (budget or 0))
                assert call.silent is (budget is None)
    done = tale_eval("report", tmp_path / "5", tmp_path / "20", tmp_path / "None", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    uncounted = "nobody counted what 3 of 3 answers reasoned"
    assert (uncounted in done.stderr) is not counts
