"""The embedded model through Inspect's hf provider: batches, recounts, cut-off replies."""

from pathlib import Path
from typing import Any

import pytest
from command import inspect
from inspect_ai import eval
from inspect_ai.event import ModelEvent
from inspect_ai.log import EvalSample, list_eval_logs, read_eval_log
from inspect_ai.model import Model, ModelInfo, get_model, set_model_info

from tale_eval.asking import prompts
from tale_eval.tasks.chain_sum import chain_sum

pytestmark = [pytest.mark.slow, pytest.mark.model]

MIXED = "小明有3个苹果，又买了 5 个：3 + 5 = 8。\\boxed{8} The café's naïve answer is 8…"
SHORT_ESTIMATE = "tale_ep:estimator_max_tokens=32"


@pytest.fixture(scope="module")
def model(smollm2_folder: Path) -> Model:
    """Greedy, so that transformers itself can be asked for the same replies."""
    # a model that Inspect does not know, it looks up on the hub
    set_model_info("hf/smollm2", ModelInfo(context_length=8192))
    return get_model("hf/smollm2", model_path=str(smollm2_folder), do_sample=False, memoize=False)


@pytest.fixture(scope="module")
def tokenizer(smollm2_folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(smollm2_folder)


def run(model: Model, folder: Path, method: str, max_tokens: int) -> list[EvalSample]:
    """Eight sums in one batch."""
    task = chain_sum(size=8, terms="2-4", method=method)
    settings = {"max_tokens": max_tokens, "max_connections": 8, "display": "none"}
    (log,) = eval(task, model, log_dir=str(folder), **settings)
    assert log.status == "success", log.error
    # long texts are kept apart from the events
    return read_eval_log(log.location, resolve_attachments=True).samples or []


def model_events(sample: EvalSample) -> list[ModelEvent]:
    return [event for event in sample.events if isinstance(event, ModelEvent)]


def rendered(event: ModelEvent, tokenizer: Any) -> str:
    """The prompt as the chat template writes it."""
    messages = [{"role": message.role, "content": message.text} for message in event.input]
    return tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)


def tokens(text: str, tokenizer: Any) -> int:
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])


def test_the_ledger_recounts_every_member_of_a_batch(
    model: Model, tokenizer: Any, tmp_path: Path
) -> None:
    samples = run(model, tmp_path, SHORT_ESTIMATE, max_tokens=32)
    for sample in samples:
        ledger = sample.store["TaleRecord:calls"]
        assert [call["purpose"] for call in ledger] == ["estimate", "answer"]
        for call, event in zip(ledger, model_events(sample), strict=True):
            assert call["counted_by"] == "tokenizer"
            assert call["input_tokens"] == tokens(rendered(event, tokenizer), tokenizer)
            assert call["output_tokens"] == tokens(event.output.completion, tokenizer)
    # the provider reports one number for all eight, their longest
    reported = {events[0].output.usage.output_tokens for events in map(model_events, samples)}
    recounted = {sample.store["TaleRecord:calls"][0]["output_tokens"] for sample in samples}
    assert len(reported) == 1
    assert len(recounted) > 1


@pytest.mark.parametrize("text", [prompts.ESTIMATOR["released"], MIXED])
def test_a_text_that_is_cut_anywhere_is_recounted_at_most_one_token_short(
    text: str, tokenizer: Any
) -> None:
    """The allowance by which a reply still counts as filling its token cap."""
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    cuts = range(1, len(ids) + 1)
    short = [cut - tokens(tokenizer.decode(ids[:cut]), tokenizer) for cut in cuts]
    assert short[-1] == 0
    assert {0} < set(short) <= {0, 1}


def test_exactly_the_replies_that_transformers_cuts_off_are_truncated(
    model: Model, tokenizer: Any, tmp_path: Path
) -> None:
    weights: Any = model.api
    found, expected = [], []
    for sample in run(model, tmp_path, "cot", max_tokens=16):
        (event,) = model_events(sample)
        prompt = tokenizer(rendered(event, tokenizer), return_tensors="pt")
        ids = weights.model.generate(**prompt, do_sample=False, max_new_tokens=16)
        reply = ids[0, prompt["input_ids"].shape[1] :]
        assert tokenizer.decode(reply, skip_special_tokens=True) == event.output.completion
        expected.append(tokenizer.eos_token_id not in reply)
        found.append(sample.store["TaleRecord:calls"][0]["truncated"])
    assert found == expected
    assert set(found) == {True, False}


def test_the_readmes_command_for_a_local_model(
    smollm2_folder: Path, data_folder: Path, tmp_path: Path
) -> None:
    done = inspect(
        *("eval", "tale_eval/gsm8k", "-T", f"method={SHORT_ESTIMATE}", "--limit", 4),
        *("--model", "hf/local", "-M", f"model_path={smollm2_folder}", "--max-tokens", 32),
        *("--display", "plain", "--log-dir", tmp_path),
        cwd=tmp_path,
        variables={"TALE_EVAL_DATA": str(data_folder)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (log,) = (read_eval_log(info) for info in list_eval_logs(str(tmp_path)))
    assert log.status == "success"
    for sample in log.samples or []:
        estimate, answer = sample.store["TaleRecord:calls"]
        assert estimate["counted_by"] == answer["counted_by"] == "tokenizer"
        assert 1 <= answer["output_tokens"] <= 32
        assert answer["truncated"] == (answer["output_tokens"] == 32)
