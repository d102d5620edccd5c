"""Training on TRL: what carries loss, what is checked first, and what survives a kill."""

import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command import HANGING_SECONDS, OFFLINE, REPOSITORY, one_line, tale_eval
from evaluation import run as run_task
from questions import gsm8k_file
from server import Reply, chat_server
from tiny import row, tiny_model, write_recipe, write_rows

from tale_eval.errors import InvalidValueError, MissingExtraError, SourceError, TaleEvalError
from tale_eval.solvers.cot import cot
from tale_eval.tasks.gsm8k import gsm8k
from tale_eval.training import preflight, recipe
from tale_eval.training.folder import read_corpus
from tale_eval.training.recipe import read_recipe
from tale_eval.training.train import make_trainer, train

END = "<|im_end|>"
TRAINING_DOCS = REPOSITORY / "docs" / "training.md"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, smollm2_folder: Path) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny") / "model", smollm2_folder)


@pytest.fixture(scope="session")
def tokenizer(tiny: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OFFLINE.items():
        monkeypatch.setenv(name, value)
    # what this process has loaded has read the environment already
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def provenance(adapter: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((adapter / "provenance.json").read_text())
    return found


def trainer_for(kind: Any, tiny: Path, tokenizer: Any, folder: Path) -> Any:
    data = write_rows(folder / "data", kind)
    recipe = read_recipe(str(write_recipe(folder / "r.yaml", kind)), kind)
    return make_trainer(recipe, str(tiny), tokenizer, read_corpus(data, kind), folder / "out")


# --- what carries loss ---


def test_loss_is_on_the_completion_and_its_end_alone(
    tiny: Path, tokenizer: Any, tmp_path: Path
) -> None:
    trainer = trainer_for("sft", tiny, tokenizer, tmp_path)
    for n, prepared in enumerate(trainer.train_dataset):
        pairs = list(zip(prepared["input_ids"], prepared["labels"], strict=True))
        learnt = [label for _, label in pairs if label != -100]
        assert all(token == label for token, label in pairs if label != -100)
        # <|im_end|> ends generation; the line break after it is the template's own
        assert tokenizer.decode(learnt) == f"[[{2 * n}]]{END}\n"
        assert tokenizer.eos_token_id in learnt


def test_a_batch_is_padded_to_its_longest_row_and_padding_carries_no_loss(
    tiny: Path, tokenizer: Any, tmp_path: Path
) -> None:
    trainer = trainer_for("sft", tiny, tokenizer, tmp_path)
    rows = [trainer.train_dataset[n] for n in (0, 11)]
    lengths = [len(r["input_ids"]) for r in rows]
    assert lengths[0] < lengths[1]
    batch = trainer.data_collator(rows)
    assert batch["input_ids"].shape == (2, max(lengths))
    padding = batch["attention_mask"] == 0
    assert padding.sum() == lengths[1] - lengths[0]
    assert (batch["labels"][padding] == -100).all()
    # the model pads with its end token, which must still be learnt
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    assert ((batch["labels"] == tokenizer.eos_token_id).sum(dim=1) == 1).all()


def test_of_a_pair_both_answers_end_and_the_prompt_is_shared(
    tiny: Path, tokenizer: Any, tmp_path: Path
) -> None:
    trainer = trainer_for("dpo", tiny, tokenizer, tmp_path)
    prepared = trainer.train_dataset[3]
    assert tokenizer.decode(prepared["chosen_ids"]) == f"[[6]]{END}\n"
    assert tokenizer.decode(prepared["rejected_ids"]).endswith(f"gives [[6]]{END}\n")
    assert tokenizer.decode(prepared["prompt_ids"]).endswith("<|im_start|>assistant\n")


def test_training_and_evaluation_ask_the_same_byte_by_byte(
    tiny: Path, tokenizer: Any, tmp_path: Path
) -> None:
    with chat_server(lambda prompt, request: Reply("[[0]]")) as server:
        task = gsm8k(source=str(gsm8k_file(tmp_path, 3)))
        run_task(server, task, tmp_path, solver=cot(), max_connections=1)
    sft = trainer_for("sft", tiny, tokenizer, tmp_path / "sft").train_dataset
    dpo = trainer_for("dpo", tiny, tokenizer, tmp_path / "dpo").train_dataset
    evaluated = sorted(
        tokenizer.apply_chat_template(
            request["messages"], tokenize=False, add_generation_prompt=True
        )
        for request in server.requests
    )
    assert len(evaluated) == 3
    for n, text in enumerate(evaluated):
        prompt = [
            token
            for token, label in zip(sft[n]["input_ids"], sft[n]["labels"], strict=True)
            if label == -100
        ]
        assert tokenizer.decode(prompt).encode() == text.encode()
        assert prompt == dpo[n]["prompt_ids"] == tokenizer(text)["input_ids"]


# --- a whole training ---


@pytest.mark.slow
def test_a_model_that_is_trained_in_full_learns_to_stop(
    tiny: Path, tokenizer: Any, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM

    data = write_rows(tmp_path / "data", "sft", train=4, validation=0)
    fast = {"learning_rate": 0.03, "lr_scheduler_type": "constant", "num_train_epochs": 30}
    recipe = write_recipe(tmp_path / "r.yaml", "sft", lora="null", save_strategy="no", **fast)
    train("sft", str(tiny), data, tmp_path / "out", str(recipe))
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    prompt = tokenizer.apply_chat_template(
        row("sft", 3)["prompt"], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    reply = model.generate(**prompt, do_sample=False, max_new_tokens=32)
    reply = reply[0, prompt["input_ids"].shape[1] :]
    assert tokenizer.decode(reply).startswith("[[")
    assert reply[-1] == tokenizer.eos_token_id
    assert len(reply) < 32


@pytest.fixture(scope="session")
def adapter(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter, trained by the command."""
    folder = tmp_path_factory.mktemp("trained")
    write_rows(folder / "data", "sft")
    write_recipe(folder / "r.yaml", "sft", save_steps=2, eval_strategy="steps", eval_steps=2)
    shutil.copytree(tiny, folder / "base")
    # a relative path, which must not end up in the adapter
    given = ("--model", "base", "--data", "data", "--config", "r.yaml")
    done = tale_eval("train", "sft", *given, "--out", "short-sums", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "6 steps: short-sums"
    return folder / "short-sums"


@pytest.mark.slow
def test_an_adapter_says_what_it_is_of(adapter: Path) -> None:
    config = json.loads((adapter / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(adapter.parent / "base")
    assert config["task_type"] == "CAUSAL_LM"
    found = provenance(adapter)
    assert (found["kind"], found["rows"]) == ("sft", {"train": 12, "validation": 4})
    # 12 rows, 4 to a step, two epochs
    assert found["metrics"]["steps"] == 6
    assert math.isfinite(found["metrics"]["eval_loss"])
    assert found["versions"].keys() >= {"trl", "peft", "transformers", "torch"}
    assert {"adapter_model.safetensors", "README.md", "chat_template.jinja"} <= {
        path.name for path in adapter.iterdir()
    }
    assert not list(adapter.glob("*.bin"))


@pytest.mark.slow
def test_an_adapter_loads_from_anywhere_and_differs_from_its_base(
    adapter: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    monkeypatch.chdir(tmp_path)
    tokens = torch.arange(50, 60)[None]
    trained, base = (
        AutoModelForCausalLM.from_pretrained(folder)(tokens).logits
        for folder in (adapter, adapter.parent / "base")
    )
    assert not torch.equal(trained, base)


@pytest.mark.slow
def test_an_adapter_loads_in_lm_eval(adapter: Path) -> None:
    lm_eval = pytest.importorskip("lm_eval.models.huggingface")
    base = provenance(adapter)["base_model"]
    loaded = lm_eval.HFLM(pretrained=base, peft=str(adapter), device="cpu")
    assert type(loaded.model).__name__ == "PeftModelForCausalLM"


@pytest.mark.slow
def test_training_stops_early_when_the_validation_loss_no_longer_falls(
    tiny: Path, tmp_path: Path
) -> None:
    data = write_rows(tmp_path / "data", "sft")
    validated = {"eval_strategy": "steps", "eval_steps": 1, "save_steps": 1}
    best = {"load_best_model_at_end": True, "metric_for_best_model": "eval_loss"}
    recipe = write_recipe(
        tmp_path / "r.yaml", "sft", learning_rate=0.0, num_train_epochs=9, **validated, **best
    )
    recipe.write_text(recipe.read_text() + "early_stopping_patience: 2\n")
    train("sft", str(tiny), data, tmp_path / "out", str(recipe))
    # the first validation is the best one, the two after it are no better
    assert provenance(tmp_path / "out")["metrics"]["steps"] == 3


# --- several processes, and a kill ---


def command(folder: Path, *more: str) -> list[str]:
    words = ["train", "sft", "--model", "base", "--data", "data", "--config", "r.yaml"]
    return [*words, *more]


@pytest.fixture
def started(tiny: Path, tmp_path: Path) -> Path:
    """A folder to train in: 18 steps, a checkpoint after every second."""
    shutil.copytree(tiny, tmp_path / "base")
    write_rows(tmp_path / "data", "sft")
    write_recipe(tmp_path / "r.yaml", "sft", num_train_epochs=6, save_steps=2)
    return tmp_path


def test_the_command_trains_on_json_lines_with_settings_of_its_own(started: Path) -> None:
    row = {"question": "What do 3 pens at 4 dollars cost?", "answer": "[[12]]"}
    none = {"question": "And 5 pens?", "prediction_budget": "None"}
    lines = [json.dumps(r) for r in (row, none, row, row)]
    (started / "training.jsonl").write_text("\n".join(lines))
    words = ["train", "sft", "--model", "base", "--data", "training.jsonl", "--config", "r.yaml"]
    words += ["--batch-size", "1", "--epochs", "2", "--lr", "0.002"]
    done = tale_eval(*words, "--out", "lines", cwd=started)
    assert done.returncode == 0, done.stderr
    assert "training.jsonl: 1 of its 4 rows have 'None'" in one_line(done.stderr, "note")
    found = provenance(started / "lines")
    # three rows, one to a step, two epochs
    assert (found["rows"], found["metrics"]["steps"]) == ({"train": 3}, 6)
    card = (started / "lines" / "README.md").read_text()
    changed = "batch_size 1, num_train_epochs 2, learning_rate 0.002"
    assert f"- recipe: r but {changed}, 1 rows a step" in card
    recipe = found["recipe"]
    assert (recipe["batch_size"], recipe["trainer"]["learning_rate"]) == (1, 0.002)
    assert recipe["overrides"] == {
        "batch_size": 1,
        "num_train_epochs": 2.0,
        "learning_rate": 0.002,
    }


@pytest.mark.slow
def test_two_processes_take_the_same_steps_as_one(started: Path) -> None:
    launcher = [str(Path(sys.executable).with_name("accelerate")), "launch", "--multi_gpu"]
    launcher += ["--num_processes", "2", "--main_process_port", "0", "-m", "tale_eval"]
    done = subprocess.run(
        [*launcher, *command(started, "--out", "two")],
        cwd=started,
        env=os.environ | OFFLINE,
        capture_output=True,
        text=True,
        timeout=HANGING_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    alone = tale_eval(*command(started, "--out", "one"), cwd=started)
    assert alone.returncode == 0, alone.stderr
    one, two = provenance(started / "one"), provenance(started / "two")
    assert (one["processes"], two["processes"]) == (1, 2)
    assert one["metrics"]["steps"] == two["metrics"]["steps"] == 18
    assert two["metrics"]["loss"] == pytest.approx(one["metrics"]["loss"], rel=0.01)

    from transformers import AutoModelForCausalLM

    AutoModelForCausalLM.from_pretrained(started / "two")


KILLED_AFTER_A_CHECKPOINT = """
import os, runpy, signal
from transformers import TrainerState

write = TrainerState.save_to_json

def last_words(state, path):
    write(state, path)  # what the trainer writes last of a checkpoint
    os.kill(os.getpid(), signal.SIGKILL)

TrainerState.save_to_json = last_words
runpy.run_module("tale_eval", run_name="__main__")
"""


@pytest.mark.slow
def test_a_killed_training_is_taken_up_again(started: Path) -> None:
    whole = tale_eval(*command(started, "--out", "whole"), cwd=started)
    assert whole.returncode == 0, whole.stderr
    words = [sys.executable, "-c", KILLED_AFTER_A_CHECKPOINT]
    killed = subprocess.run(
        [*words, *command(started, "--out", "killed")],
        cwd=started,
        env=os.environ | OFFLINE,
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    checkpoints = started / "killed" / "checkpoints"
    assert not (started / "killed" / "provenance.json").exists()

    again = tale_eval(*command(started, "--out", "killed"), cwd=started)
    assert again.returncode == 2
    assert "holds an unfinished training: add --resume" in again.stderr

    # a checkpoint that the kill cut short
    cut = checkpoints / "checkpoint-99"
    shutil.copytree(next(iter(checkpoints.glob("checkpoint-*"))), cut)
    (cut / "trainer_state.json").write_text('{"epoch": 0.6')
    resumed = tale_eval(*command(started, "--out", "killed", "--resume"), cwd=started)
    assert resumed.returncode == 0, resumed.stderr
    assert "checkpoint-99 is only half written, and skipped" in resumed.stderr
    undisturbed, found = provenance(started / "whole"), provenance(started / "killed")
    assert found["metrics"]["steps"] == undisturbed["metrics"]["steps"] == 18
    assert found["metrics"]["loss"] == pytest.approx(undisturbed["metrics"]["loss"], rel=1e-3)


# --- what is checked before anything is loaded ---


def fails(message: str, *, kind: Any = "sft", **arguments: Any) -> None:
    """Training ends with this message, and writes nothing."""
    out = arguments["out"]
    before = out.exists()
    with pytest.raises(TaleEvalError, match=message):
        train(kind, str(arguments["model"]), arguments["data"], out, str(arguments["config"]))
    assert out.exists() == before


@pytest.fixture
def job(tiny: Path, tmp_path: Path) -> dict[str, Any]:
    """The arguments of a training that would run."""
    return {
        "model": tiny,
        "data": write_rows(tmp_path / "data", "sft", train=4, validation=0),
        "out": tmp_path / "out",
        "config": write_recipe(tmp_path / "r.yaml", "sft"),
    }


def test_a_model_without_chat_template(job: dict[str, Any], tmp_path: Path) -> None:
    shutil.copytree(job["model"], tmp_path / "base")
    (tmp_path / "base" / "chat_template.jinja").unlink()
    fails("has no chat template", **{**job, "model": tmp_path / "base"})


def test_a_template_that_does_not_end_the_answer(job: dict[str, Any], tmp_path: Path) -> None:
    shutil.copytree(job["model"], tmp_path / "base")
    template = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] }}{% endfor %}"
    (tmp_path / "base" / "chat_template.jinja").write_text(template)
    fails("would not learn to stop", **{**job, "model": tmp_path / "base"})


@pytest.mark.slow
def test_an_adapter_is_no_base_model(job: dict[str, Any], adapter: Path) -> None:
    fails(r"is an adapter; give its base model, .*base", **{**job, "model": adapter})


def test_a_folder_without_a_model(job: dict[str, Any], tmp_path: Path) -> None:
    fails("there is no config.json in", **{**job, "model": tmp_path / "nothing"})


def test_a_name_that_nobody_knows(job: dict[str, Any]) -> None:
    message = r"--model smollm-typo: cannot be read \(.*; give the folder of a model, or its name"
    fails(message, **{**job, "model": "smollm-typo"})
    for read in (preflight.base_hash, lambda base: preflight.trained_weights(base, None)):
        with pytest.raises(SourceError, match=message):
            read("smollm-typo")


@pytest.mark.parametrize("name", ["tokenizer_config.json", "config.json"])
def test_code_of_a_models_own_is_neither_run_nor_offered(
    name: str, job: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("builtins.input", lambda prompt="": asked.append(prompt) or "y")
    base = shutil.copytree(job["model"], tmp_path / "base")
    (base / "own.py").write_text(f"open({str(tmp_path / 'RUN')!r}, 'w')\n")
    config = json.loads((base / name).read_text())
    # classes that transformers does not have itself
    own = {"AutoConfig": "own.C", "AutoTokenizer": ["own.T", None]}
    config |= {"auto_map": own, "model_type": "own", "tokenizer_class": "OwnTokenizer"}
    (base / name).write_text(json.dumps(config))
    fails("cannot be read .*code of a model's own is never run", **{**job, "model": base})
    if name == "config.json":
        with pytest.raises(SourceError, match="code of a model's own is never run"):
            preflight.trained_weights(str(base), None)
    assert asked == []
    assert not (tmp_path / "RUN").exists()


def test_a_secret_in_a_recipe_is_masked_where_the_recipe_is_written(
    job: dict[str, Any], tmp_path: Path
) -> None:
    secret = "hf_" + "a" * 34
    config = write_recipe(tmp_path / "s.yaml", "sft", hub_token=secret, max_steps=1)
    train("sft", str(job["model"]), job["data"], job["out"], str(config))
    assert provenance(job["out"])["recipe"]["trainer"]["hub_token"] == "***"
    for path in (*job["out"].glob("*.json"), *job["out"].glob("*.md")):
        assert secret not in path.read_text()


def test_rows_of_the_other_kind(job: dict[str, Any], tmp_path: Path) -> None:
    config = write_recipe(tmp_path / "dpo.yaml", "dpo")
    fails("these are rows for `tale-eval train sft`", kind="dpo", **{**job, "config": config})


def test_a_recipe_that_validates_needs_validation_rows(job: dict[str, Any], tmp_path: Path) -> None:
    config = write_recipe(tmp_path / "v.yaml", "sft", eval_strategy="epoch")
    fails("recipe v validates, and .*data has no validation rows", **{**job, "config": config})


def test_a_row_that_would_be_cut(job: dict[str, Any], tmp_path: Path) -> None:
    config = write_recipe(tmp_path / "m.yaml", "sft", max_length=20)
    fails(r"train.parquet:1: prompt and completion are \d+ tokens", **{**job, "config": config})


def test_layers_that_the_model_does_not_have(job: dict[str, Any], tmp_path: Path) -> None:
    config = write_recipe(tmp_path / "l.yaml", "sft", lora="{target_modules: [c_attn]}")
    with pytest.raises(InvalidValueError, match=r"lora: .*c_attn"):
        preflight.trained_weights(str(job["model"]), {"target_modules": ["c_attn"]})
    fails(r"lora: .*c_attn", **{**job, "config": config})


def test_weights_to_train_are_counted_without_loading_them(tiny: Path) -> None:
    # two layers, 32 -> 32, two matrices of rank 2 each
    lora = {"r": 2, "target_modules": ["q_proj"]}
    assert preflight.trained_weights(str(tiny), lora) == 2 * (2 * 32 + 32 * 2)


def test_a_full_disk(job: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    full = shutil._ntuple_diskusage(10**9, 10**9 - 1000, 1000)
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda path: full)
    with pytest.raises(TaleEvalError, match=r"0.00 GB free on this disk, and training may need"):
        train("sft", str(job["model"]), job["data"], job["out"], str(job["config"]))


def test_a_folder_that_cannot_be_written(job: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    fails("cannot write to", **{**job, "out": tmp_path / "file" / "out"})


@pytest.mark.slow
def test_a_folder_with_something_else_in_it(job: dict[str, Any], adapter: Path) -> None:
    fails("holds a finished adapter: choose another --out", **{**job, "out": adapter})
    fails("data is not empty, or choose another --out", **{**job, "out": job["data"]})


@pytest.mark.parametrize(
    ("key", "other"),
    [("base_sha256", "0"), ("corpus_sha256", "0"), ("kind", "dpo"), ("recipe", {"name": "x"})],
)
def test_what_is_taken_up_again_is_the_same_training(
    key: str, other: object, tmp_path: Path
) -> None:
    run = {"kind": "sft", "base_sha256": "1", "corpus_sha256": "2", "recipe": {"name": "r"}}
    preflight.prepare_folder(tmp_path / "out", run, resume=False)
    preflight.prepare_folder(tmp_path / "out", run, resume=True)
    named = key.replace("_", " ")
    with pytest.raises(InvalidValueError, match=f"was started with another {named}"):
        preflight.prepare_folder(tmp_path / "out", {**run, key: other}, resume=True)
    with pytest.raises(InvalidValueError, match="there is no training in"):
        preflight.prepare_folder(tmp_path / "new", run, resume=True)


def test_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        preflight.importlib.util, "find_spec", lambda name: None if name == "trl" else object()
    )
    with pytest.raises(MissingExtraError, match=r"pip install 'tale-eval\[train\]'"):
        preflight.check_installed()


# --- recipes ---


@pytest.mark.parametrize(
    ("name", "epochs", "rate", "decay"),
    [("paper-sft", 3, 1e-4, 0.01), ("paper-dpo", 2, 3e-5, 0.001)],
)
def test_the_papers_recipes(name: Any, epochs: int, rate: float, decay: float) -> None:
    recipe = read_recipe(name, name.removeprefix("paper-"))
    settings = recipe.trainer
    assert recipe.batch_size == 16
    assert settings["num_train_epochs"] == epochs
    assert settings["learning_rate"] == rate
    assert settings["weight_decay"] == decay
    assert settings["seed"] == 1024
    assert recipe.lora == {"r": 8, "lora_alpha": 32, "target_modules": ["q_proj", "v_proj"]}


@pytest.mark.parametrize(("processes", "steps"), [(1, 4), (2, 2), (4, 1)])
def test_a_batch_is_the_same_on_any_number_of_processes(processes: int, steps: int) -> None:
    assert read_recipe("paper-sft", "sft").accumulation_steps(processes) == steps


def test_a_batch_that_cannot_be_divided() -> None:
    with pytest.raises(InvalidValueError, match=r"16 is no multiple of .* = 12"):
        read_recipe("paper-sft", "sft").accumulation_steps(3)


GOOD = "batch_size: 4\nlora: null\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "sft: {learning_rat: 1}", "unknown key of sft in r.yaml: 'learning_rat'.*Did you"),
        (GOOD + "sft: {}\nlora_: {}", "unknown key of recipe in r.yaml: 'lora_'.*'lora'"),
        (GOOD + "dpo: {}", "unknown key of recipe in r.yaml: 'dpo'"),
        (GOOD, "sft is missing"),
        ("sft: {}\nlora: null", "batch_size is missing"),
        ("sft: {}\nbatch_size: 4", "lora is missing .null trains all weights"),
        ("sft: {}\nlora: null\nbatch_size: many", "batch_size must be a whole number"),
        (GOOD + "sft: {learning_rate: 1e-4}", "'1e-4' is a text to YAML; write it as 0.0001"),
        (GOOD + "sft: {output_dir: x}", "sft.output_dir cannot be set: give --out"),
        (GOOD + "sft: {trust_remote_code: true}", "cannot be set: code of a model's own is never"),
        (
            GOOD + "sft: {model_init_kwargs: {trust_remote_code: true}}",
            "sft.model_init_kwargs.trust_remote_code cannot be set",
        ),
        (GOOD + "sft: {model_init_kwargs: [1]}", "model_init_kwargs must hold keys and values"),
        (GOOD + "sft:", "sft is missing"),
        (
            GOOD + "early_stopping_patience: 3\nsft: {eval_strategy: no}",
            "early_stopping_patience needs sft.eval_strategy: epoch .or steps. and "
            "sft.metric_for_best_model: eval_loss",
        ),
        (
            GOOD + "early_stopping_patience: 3\nsft: {load_best_model_at_end: true}",
            "early_stopping_patience needs sft.eval_strategy: epoch .or steps.; add",
        ),
        (
            GOOD + "early_stopping_patience: 3\nsft: {eval_strategy: epoch}",
            "early_stopping_patience needs sft.metric_for_best_model: eval_loss; add",
        ),
        (GOOD + "early_stopping_patience: a\nsft: {}", "patience must be a whole number from 1"),
        (GOOD + "sft: [1]", r"sft must hold keys and values, not \[1\]"),
        ("sft: {}\nbatch_size: 4\nlora: {rank: 8}", "unknown key of lora in r.yaml: 'rank'"),
        (GOOD + "sft: {per_device_train_batch_size: 3}", "batch_size 4 is no multiple of"),
        ("- a", "expected keys such as batch_size"),
        ("a: [", "not readable as YAML"),
    ],
)
def test_mistakes_in_a_recipe(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(TaleEvalError, match=message):
        read_recipe(str(tmp_path / "r.yaml"), "sft")


def test_the_recipes_in_the_documentation_train(tmp_path: Path) -> None:
    from trl.trainer.sft_config import SFTConfig

    docs = re.findall(r"```yaml\n(batch_size.*?)```", TRAINING_DOCS.read_text(), re.DOTALL)
    assert recipe.__doc__ is not None
    for text in (*docs, recipe.__doc__.partition("\n\n")[2]):
        (tmp_path / "r.yaml").write_text(text)
        found = read_recipe(str(tmp_path / "r.yaml"), "sft")
        assert found.early_stopping_patience == 3
        # TRL has checks of its own, and makes them here
        SFTConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False, **found.trainer)
    assert len(docs) == 1


def test_a_recipe_that_does_not_exist() -> None:
    with pytest.raises(TaleEvalError, match=r"unknown recipe 'paper-sfd'.*Did you mean 'paper-"):
        read_recipe("paper-sfd", "sft")
    with pytest.raises(TaleEvalError, match=r"no.yaml: there is no such file"):
        read_recipe("no.yaml", "sft")


@pytest.mark.parametrize("kind", ["sft", "dpo"])
def test_the_tiny_recipes_can_be_read(kind: Any) -> None:
    assert read_recipe(f"tiny-cpu-{kind}", kind).batch_size == 8
