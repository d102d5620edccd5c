"""The embedded model answered by OpenVINO: what transformers writes, counted as it is counted."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command import lm_eval, lm_eval_samples
from evaluation import samples, values
from inspect_ai import eval
from inspect_ai.model import (
    ChatMessageAssistant,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ModelOutput,
    get_model,
)
from tiny import tiny_model

from tale_eval.errors import InvalidValueError, RunError
from tale_eval.models import openvino_export
from tale_eval.models.openvino_engine import Asked, OpenVinoEngine
from tale_eval.models.openvino_export import exported_folder, is_available
from tale_eval.tasks.chain_sum import chain_sum
from tale_eval.tasks.gsm8k import gsm8k

pytestmark = [
    pytest.mark.slow,
    pytest.mark.model,
    pytest.mark.skipif(not is_available(), reason="openvino-genai is not installed"),
]

MAX_TOKENS = 48
PROMPTS = [
    "What is 6 + 5?",
    "What is 12 - 7 + 30? Think step by step.",
    "Name a colour.",
    "Write a sentence about the sea.",
    "小明有3个苹果，又买了5个，现在有几个？",
    "Quelle est la capitale de la France ?",
    "Сколько будет 7 + 8?",
    "كم يساوي 3 + 4؟",
    "Repeat: 🦊🦊🦊",
    "   ",
    "def add(a, b):",
    "A" * 300,
]


@pytest.fixture(scope="module")
def model(smollm2_folder: Path) -> Model:
    return get_model("openvino-genai/embedded", model_path=str(smollm2_folder), memoize=False)


@pytest.fixture(scope="module")
def engine(smollm2_folder: Path) -> OpenVinoEngine:
    return OpenVinoEngine(smollm2_folder)


@pytest.fixture(scope="module")
def transformers(smollm2_folder: Path) -> tuple[Any, Any]:
    """Transformers' own model in float32, and its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    loaded = AutoModelForCausalLM.from_pretrained(smollm2_folder, dtype=torch.float32)
    return loaded, AutoTokenizer.from_pretrained(smollm2_folder)


@pytest.fixture
def tiny(tmp_path: Path, smollm2_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model that is exported in seconds, in a cache of its own."""
    monkeypatch.setenv("TALE_EVAL_CACHE", str(tmp_path / "cache"))
    return tiny_model(tmp_path / "tiny", smollm2_folder)


def answered(model: Model, prompts: list[str], **config: Any) -> list[ModelOutput]:
    """All at once, so that they share the running batch."""

    async def all_of_them() -> list[ModelOutput]:
        settings = GenerateConfig(**config)
        return await asyncio.gather(*(model.generate(p, config=settings) for p in prompts))

    return asyncio.run(all_of_them())


def ids_of(prompt: str, tokenizer: Any) -> list[int]:
    messages = [{"role": "user", "content": prompt}]
    text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    return list(tokenizer(text)["input_ids"])


def written_by(transformers: tuple[Any, Any], ids: list[int], **settings: Any) -> list[int]:
    import torch

    model, _ = transformers
    with torch.inference_mode():
        row = model.generate(torch.tensor([ids]), do_sample=False, **settings)
    return list(row[0, len(ids) :].tolist())


# --- what is written ---


def test_greedy_texts_counts_and_reasons_are_those_of_transformers(
    model: Model, transformers: tuple[Any, Any]
) -> None:
    _, tokenizer = transformers
    outputs = answered(model, PROMPTS, temperature=0, max_tokens=MAX_TOKENS)
    reasons = set()
    for prompt, output in zip(PROMPTS, outputs, strict=True):
        ids = ids_of(prompt, tokenizer)
        reply = written_by(transformers, ids, max_new_tokens=MAX_TOKENS)
        ended = reply[-1] == tokenizer.eos_token_id
        assert output.completion == tokenizer.decode(reply, skip_special_tokens=True), prompt
        assert output.usage is not None
        assert output.usage.input_tokens == len(ids)
        assert output.usage.output_tokens == len(reply) - ended
        assert output.stop_reason == ("stop" if ended else "max_tokens")
        assert output.metadata is not None
        assert output.metadata["engine"].startswith("openvino-genai 20")
        reasons.add(output.stop_reason)
    assert reasons == {"stop", "max_tokens"}


def test_one_token_is_one_token(model: Model) -> None:
    (output,) = answered(model, PROMPTS[:1], temperature=0, max_tokens=1)
    assert output.usage is not None
    assert (output.usage.output_tokens, output.stop_reason) == (1, "max_tokens")


def test_a_stop_text_ends_the_reply_where_transformers_ends_it(
    model: Model, transformers: tuple[Any, Any]
) -> None:
    _, tokenizer = transformers
    (output,) = answered(model, PROMPTS[:1], temperature=0, max_tokens=64, stop_seqs=["6 "])
    ids = ids_of(PROMPTS[0], tokenizer)
    stopped = written_by(
        transformers, ids, max_new_tokens=64, stop_strings=["6 "], tokenizer=tokenizer
    )
    assert len(stopped) < 64
    assert output.completion == tokenizer.decode(stopped, skip_special_tokens=True)
    assert output.usage is not None
    assert output.usage.output_tokens == len(stopped)
    assert output.stop_reason == "stop"


def test_log_probabilities_are_those_of_transformers(
    model: Model, transformers: tuple[Any, Any]
) -> None:
    import torch

    loaded, tokenizer = transformers
    (output,) = answered(model, PROMPTS[:1], temperature=0, max_tokens=12, logprobs=True)
    ids = ids_of(PROMPTS[0], tokenizer)
    reply = written_by(transformers, ids, max_new_tokens=12)
    with torch.inference_mode():
        logits = loaded(torch.tensor([ids + reply])).logits[0].log_softmax(-1)
    expected = [logits[len(ids) - 1 + i, token].item() for i, token in enumerate(reply)]
    found = output.choices[0].logprobs
    assert found is not None
    assert [one.token for one in found.content] == [tokenizer.decode([t]) for t in reply]
    assert [one.logprob for one in found.content] == pytest.approx(expected, abs=1e-3)


def test_a_seed_draws_the_same_reply_in_any_company(model: Model) -> None:
    draw = {"temperature": 1.0, "max_tokens": 24}
    alone = answered(model, PROMPTS[:1], seed=7, **draw)
    beside = answered(model, PROMPTS[:4], seed=7, **draw)
    other = answered(model, PROMPTS[:1], seed=8, **draw)
    assert beside[0].completion == alone[0].completion != other[0].completion
    freely = {output.completion for output in answered(model, PROMPTS[:1] * 4, **draw)}
    assert len(freely) > 1


def test_a_beginning_is_continued_where_it_is_asked(
    smollm2_folder: Path, transformers: tuple[Any, Any]
) -> None:
    _, tokenizer = transformers
    messages = [ChatMessageUser(content="Count to five."), ChatMessageAssistant(content="1, 2, 3,")]
    asked = get_model(
        "openvino-genai/embedded",
        model_path=str(smollm2_folder),
        continue_final_message=True,
        memoize=False,
    )

    async def go_on() -> ModelOutput:
        return await asked.generate(messages, config=GenerateConfig(temperature=0, max_tokens=6))

    text = tokenizer.apply_chat_template(
        [{"role": m.role, "content": m.text} for m in messages],
        continue_final_message=True,
        tokenize=False,
    )
    assert text.endswith("1, 2, 3,")
    reply = written_by(transformers, tokenizer(text)["input_ids"], max_new_tokens=6)
    expected = tokenizer.decode(reply, skip_special_tokens=True)
    assert asyncio.run(go_on()).completion == expected


# --- both harnesses ---


def test_the_ledger_has_the_engines_counts(model: Model, tmp_path: Path) -> None:
    task = chain_sum(size=6, terms="2-4", method="tale_ep:estimator_max_tokens=16")
    (log,) = eval(task, model, temperature=0, max_tokens=16, log_dir=str(tmp_path), display="none")
    assert log.status == "success", log.error
    for sample in log.samples or []:
        calls = sample.store["TaleRecord:calls"]
        assert [call["purpose"] for call in calls] == ["estimate", "answer"]
        assert {call["counted_by"] for call in calls} == {"provider"}
        for call in calls:
            assert call["truncated"] == (call["output_tokens"] == 16)


def test_lm_eval_writes_what_inspect_writes(
    model: Model, tmp_path: Path, smollm2_folder: Path, data_folder: Path
) -> None:
    done = lm_eval(
        *("run", "--model", "openvino-genai", "--model_args", f"pretrained={smollm2_folder}"),
        *("--apply_chat_template", "--gen_kwargs", f"do_sample=false,max_gen_toks={MAX_TOKENS}"),
        *("--metadata", "tale_estimator_max_tokens=16"),
        *("--tasks", "tale_gsm8k_direct,tale_gsm8k_tale_ep", "--limit", 4),
        *("--output_path", tmp_path, "--log_samples"),
        cwd=tmp_path,
        variables={"TALE_EVAL_DATA": str(data_folder)},
    )
    assert done.returncode == 0, done.stderr
    methods = {"direct": "direct", "tale_ep:estimator_max_tokens=16": "tale_ep"}
    logs = eval(
        [gsm8k(method=method) for method in methods],
        model,
        limit=4,
        max_tokens=MAX_TOKENS,
        temperature=0,
        log_dir=str(tmp_path / "inspect"),
        display="none",
    )
    for log, name in zip(logs, methods.values(), strict=True):
        rows = lm_eval_samples(tmp_path, f"tale_gsm8k_{name}")
        for sample, row in zip(samples(log), rows, strict=True):
            assert row["filtered_resps"][0] == sample.output.completion
            theirs = values(sample)
            for key in ("correct", "output_tokens", "input_tokens", "truncated"):
                assert row[key] == theirs[key], (name, key)


def test_an_adapter_writes_what_peft_writes_in_both_harnesses(
    tiny: Path, tmp_path: Path, data_folder: Path
) -> None:
    import torch
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(1)
    base = AutoModelForCausalLM.from_pretrained(tiny)
    # weights that are not zero, as if it had learnt something
    lora = LoraConfig(r=4, lora_alpha=64, target_modules="all-linear", init_lora_weights=False)
    get_peft_model(base, lora).save_pretrained(tmp_path / "adapter")
    base = AutoModelForCausalLM.from_pretrained(tiny)
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    learnt = PeftModel.from_pretrained(base, tmp_path / "adapter")
    model = get_model("openvino-genai/a", model_path=str(tmp_path / "adapter"), memoize=False)
    for output, prompt in zip(
        answered(model, PROMPTS, temperature=0, max_tokens=12), PROMPTS, strict=True
    ):
        ids = ids_of(prompt, tokenizer)
        reply = written_by((learnt, None), ids, max_new_tokens=12)
        with learnt.disable_adapter():
            assert reply != written_by((learnt, None), ids, max_new_tokens=12), prompt
        assert output.completion == tokenizer.decode(reply, skip_special_tokens=True), prompt
    done = lm_eval(
        *("run", "--model", "openvino-genai", "--apply_chat_template", "--limit", 3),
        *("--model_args", f"pretrained={tmp_path / 'adapter'}", "--tasks", "tale_gsm8k_direct"),
        *("--gen_kwargs", "do_sample=false,max_gen_toks=12"),
        *("--output_path", tmp_path / "lm", "--log_samples"),
        cwd=tmp_path,
        variables={"TALE_EVAL_DATA": str(data_folder)},
    )
    assert done.returncode == 0, done.stderr
    (log,) = eval(
        gsm8k(method="direct"), model, limit=3, max_tokens=12, temperature=0, display="none",
        log_dir=str(tmp_path / "inspect"),
    )  # fmt: skip
    rows = lm_eval_samples(tmp_path / "lm", "tale_gsm8k_direct")
    for sample, row in zip(samples(log), rows, strict=True):
        assert row["filtered_resps"][0] == sample.output.completion


# --- what goes wrong ---


def test_a_prompt_beyond_the_context_says_so(tiny: Path) -> None:
    model = get_model("openvino-genai/tiny", model_path=str(tiny), memoize=False)
    (long, short) = answered(model, ["word " * 3000, "word"], temperature=0, max_tokens=3)
    assert long.stop_reason == "model_length"
    assert "2048 can be read and written together" in long.completion
    assert short.usage is not None
    assert short.usage.output_tokens <= 3


def test_a_killed_engine_is_named_and_the_next_run_has_another(tiny: Path) -> None:
    engine = OpenVinoEngine(tiny)
    waiting = engine.ask(Asked([5, 6, 7], 2000, []))
    os.kill(engine._process.pid, signal.SIGKILL)
    with pytest.raises(RunError, match=r"the process of the OpenVINO engine ended \(-9\)"):
        waiting.result()
    with pytest.raises(RunError, match="ended"):
        engine.ask(Asked([5], 1, []))
    assert len(OpenVinoEngine(tiny).ask(Asked([5], 2, [])).result().ids) == 2


def test_it_is_this_package_whatever_lies_in_the_working_folder(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere" / "tale_eval").mkdir(parents=True)
    (tmp_path / "elsewhere" / "tale_eval" / "__init__.py").write_text("raise SystemExit('no')")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert len(OpenVinoEngine(tiny).ask(Asked([5], 2, [])).result().ids) == 2


def test_an_engine_ends_with_the_process_that_started_it(tiny: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path;"
        "from tale_eval.models.openvino_engine import Asked, OpenVinoEngine;"
        f"engine = OpenVinoEngine(Path({str(tiny)!r}));"
        "engine.ask(Asked([5, 6], 2000, []));"
        "print(engine._process.pid, flush=True); time.sleep(3600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as harness:
        assert harness.stdout is not None
        worker = int(harness.stdout.readline())
        harness.kill()
    gone = None
    while gone is None:  # it ends after the step that it is in
        try:
            os.kill(worker, 0)
        except ProcessLookupError as error:
            gone = error
    assert gone is not None


def test_one_that_nobody_waits_for_is_given_up(tiny: Path) -> None:
    engine = OpenVinoEngine(tiny, batch_size=1)
    given_up = engine.ask(Asked([5, 6, 7], 2000, []))
    assert given_up.cancel()
    assert len(engine.ask(Asked([5], 2, [])).result().ids) == 2


def test_what_a_killed_export_left_is_not_used(tiny: Path) -> None:
    folder = exported_folder(tiny)
    assert folder.name.startswith("tiny-")
    assert "-openvino-20" in folder.name
    # as a kill leaves it: half written beside its place, or with half a file in it
    half = folder.parent / f"{folder.name}.partial" / folder.name
    half.mkdir(parents=True)
    (half / openvino_export.MODEL).write_text("<net")
    (folder / "openvino_model.bin").write_bytes(b"half")
    assert exported_folder(tiny) == folder
    assert not half.parent.exists()
    assert len(OpenVinoEngine(tiny).ask(Asked([5], 2, [])).result().ids) == 2


def test_a_model_of_another_kind_of_attention_is_not_exported(tmp_path: Path, tiny: Path) -> None:
    import json

    config = json.loads((tiny / "config.json").read_text())
    config |= {
        "model_type": "mistral",
        "sliding_window": 4,
        "architectures": ["MistralForCausalLM"],
    }
    (tiny / "config.json").write_text(json.dumps(config))
    with pytest.raises(InvalidValueError, match=r"do not attend to all.*ask it as hf/"):
        exported_folder(tiny)
    assert [p for p in (tmp_path / "cache").iterdir() if p.is_dir()] == []
