"""Local models and adapters in `tale-eval compare`: their names, hashes and base models."""

import json
import os
import re
from pathlib import Path

import pytest
from command import tale_eval
from inspect_ai.log import EvalConfig, EvalDataset, EvalSpec, list_eval_logs, read_eval_log
from questions import gsm8k_file
from tiny import tiny_model, write_recipe, write_rows

from tale_eval.analysis.leaderboard import leaderboard
from tale_eval.errors import InvalidValueError, SourceError
from tale_eval.inspect_ext.logs.labels import method_label
from tale_eval.logs import read_records
from tale_eval.matrix import Combination, combinations, command, log_folder
from tale_eval.models.adapters import BASE_METADATA, NamedModel, content_hash, named_model


def model(folder: Path, weights: bytes = b"weights") -> Path:
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(weights)
    return folder


def adapter(folder: Path, base: str, weights: bytes = b"lora", sha256: str | None = None) -> Path:
    folder.mkdir()
    config = {"base_model_name_or_path": base}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    (folder / "adapter_model.safetensors").write_bytes(weights)
    if sha256 is not None:
        (folder / "provenance.json").write_text(json.dumps({"base_sha256": sha256}))
    return folder


@pytest.fixture(autouse=True)
def afresh() -> None:
    named_model.cache_clear()


def refused(error: type[Exception], message: str, written: object) -> None:
    with pytest.raises(error, match=message):
        named_model(f"hf/{written}")


@pytest.mark.parametrize(
    "written",
    ["openai/gpt-4o-mini", "hf/Qwen/Qwen2.5-0.5B", "vllm/base:adapter", "openai-api/x/a=b", "m"],
)
def test_any_other_model_is_inspects_own_affair(written: str) -> None:
    assert named_model(written) == NamedModel(written)
    assert named_model(written).options() == ["--model", written]


def test_a_local_model_goes_by_its_folders_name(tmp_path: Path) -> None:
    folder = model(tmp_path / "base-135m")
    found = named_model(f"hf/{folder}")
    assert found == NamedModel("hf/base-135m", (f"model_path={folder}",))
    assert found.options() == ["--model", "hf/base-135m", "-M", f"model_path={folder}"]


@pytest.mark.parametrize(("given", "name"), [("", "short"), ("mine=", "mine")])
def test_an_adapters_name_ends_in_its_hash(given: str, name: str, tmp_path: Path) -> None:
    base = model(tmp_path / "base")
    folder = adapter(tmp_path / "short", str(base))
    found = named_model(f"{given}hf/{folder}")
    tagged = f"hf/{name}-{content_hash(folder)[:8]}"
    assert found == NamedModel(tagged, (f"model_path={folder}",), "hf/base")
    assert found.options()[-2:] == ["--metadata", "tale_eval_base_model=hf/base"]


def test_an_adapter_of_a_model_on_the_hub(tmp_path: Path) -> None:
    folder = adapter(tmp_path / "short", "Qwen/Qwen2.5-0.5B")
    assert named_model(f"hf/{folder}").base == "hf/Qwen/Qwen2.5-0.5B"


def test_an_adapter_trained_anew_is_another_model_with_logs_of_its_own(tmp_path: Path) -> None:
    base = model(tmp_path / "base")
    folder = adapter(tmp_path / "short", str(base))
    combination = Combination("gsm8k", "cot", f"hf/{folder}")
    before = log_folder(combination, "logs"), command(combination, "logs", [])
    (folder / "adapter_model.safetensors").write_bytes(b"other")
    named_model.cache_clear()
    after = log_folder(combination, "logs"), command(combination, "logs", [])
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_a_hash_knows_configuration_and_weights_and_nothing_else(tmp_path: Path) -> None:
    folder = model(tmp_path / "base")
    first = content_hash(folder)
    (folder / "README.md").write_text("a card")
    assert content_hash(folder) == first
    (folder / "config.json").write_text('{"a": 1}')
    assert content_hash(folder) != first


def test_a_model_trained_in_full_goes_by_its_hash_like_an_adapter(tmp_path: Path) -> None:
    folder = model(tmp_path / "full")
    (folder / "provenance.json").write_text("{}")
    tagged = f"hf/full-{content_hash(folder)[:8]}"
    assert named_model(f"hf/{folder}").name == tagged
    # and as the base of another adapter, so that both meet in the report
    assert named_model(f"hf/{adapter(tmp_path / 'on', str(folder))}").base == tagged
    (folder / "model.safetensors").write_bytes(b"other")
    named_model.cache_clear()
    assert named_model(f"hf/{folder}").name != tagged


@pytest.mark.parametrize(("rank", "more"), [(8, []), (17, ["-M", "max_lora_rank=32"])])
def test_vllm_serves_an_adapter_under_its_hashed_name(
    rank: int, more: list[str], tmp_path: Path
) -> None:
    base = model(tmp_path / "base")
    folder = adapter(tmp_path / "short", "elsewhere/base", sha256=content_hash(base))
    config = {"base_model_name_or_path": "elsewhere/base", "r": rank}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    name = f"short-{content_hash(folder)[:8]}"
    assert named_model(f"vllm/{base}:{folder}").options() == [
        *("--model", f"vllm/{base}:{name}", "-M", f"lora_modules={name}={folder}", *more),
        *("--metadata", f"tale_eval_base_model=vllm/{base}"),
    ]
    assert named_model(f"mine=vllm/x/y:{folder}").name == f"vllm/x/y:mine-{name[-8:]}"
    with pytest.raises(InvalidValueError, match="is an adapter of another base model"):
        named_model(f"vllm/{model(tmp_path / 'other', b'other')}:{folder}")


def test_two_models_of_one_name_are_not_compared(tmp_path: Path) -> None:
    for parent in ("a", "b"):
        (tmp_path / parent).mkdir()
    models = [f"hf/{model(tmp_path / parent / 'model')}" for parent in ("a", "b")]
    message = f"--model {models[0]} and --model {models[1]} are both called hf/model: rename one"
    with pytest.raises(InvalidValueError, match=re.escape(message)):
        combinations(["gsm8k"], ["cot"], models)
    assert len(combinations(["gsm8k"], ["cot"], [models[0], models[0]])) == 1


def test_an_adapter_whose_base_model_was_replaced(tmp_path: Path) -> None:
    base = model(tmp_path / "base")
    folder = adapter(tmp_path / "short", str(base), sha256=content_hash(base))
    assert named_model(f"hf/{folder}").base == "hf/base"
    (base / "model.safetensors").write_bytes(b"others")
    named_model.cache_clear()
    refused(InvalidValueError, "is an adapter of another base model", folder)


def test_an_adapter_whose_base_model_is_gone(tmp_path: Path) -> None:
    folder = adapter(tmp_path / "short", str(tmp_path / "gone"))
    refused(SourceError, r"its base model .*gone is not there", folder)


def test_a_base_model_by_a_relative_path_is_local(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model(tmp_path / "base")
    folder = adapter(tmp_path / "short", "base", sha256="0")
    refused(InvalidValueError, "is an adapter of another base model", folder)
    (folder / "provenance.json").unlink()
    assert named_model(f"hf/{folder}").base == "hf/base"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("adapter_config.json", "{}", "adapter_config.json: there is no base_model_name_or_path"),
        ("adapter_config.json", "[]", r"adapter_config.json: expected an object .*not \[\]"),
        ("adapter_config.json", "", "adapter_config.json: not readable as JSON"),
        ("provenance.json", "{}", "provenance.json: there is no base_sha256 in it"),
    ],
)
def test_a_description_without_what_is_needed_is_named(
    name: str, content: str, message: str, tmp_path: Path
) -> None:
    folder = adapter(tmp_path / "short", str(model(tmp_path / "base")))
    (folder / name).write_text(content)
    refused(SourceError, message, folder)


def test_only_adapters_are_given_names(tmp_path: Path) -> None:
    folder = model(tmp_path / "base")
    with pytest.raises(InvalidValueError, match="only adapters can be given a name"):
        named_model(f"mine=hf/{folder}")


@pytest.mark.slow
def test_an_adapter_is_compared_as_a_method_of_its_base_model(
    smollm2_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setitem(os.environ, "XDG_CACHE_HOME", str(cache))
    tiny_model(tmp_path / "base", smollm2_folder)
    write_rows(tmp_path / "data", "sft")
    write_recipe(tmp_path / "r.yaml", "sft", num_train_epochs=1)
    words = ("--model", "base", "--data", "data", "--config", "r.yaml", "--out", "short")
    trained = tale_eval("train", "sft", *words, cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    done = tale_eval(
        *("compare", f"gsm8k:source={gsm8k_file(tmp_path, 2)}", "--method", "cot"),
        *("--model", "hf/base", "--model", "hf/short", "--log-dir", "logs"),
        *("--max-tokens", 4, "--display", "none", "--cache", "true"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    name = named_model(f"hf/{tmp_path / 'short'}").name
    logs = [read_eval_log(info) for info in list_eval_logs(str(tmp_path / "logs"))]
    assert {log.eval.model for log in logs} == {"hf/base", name}
    rows = leaderboard(read_records([str(tmp_path / "logs")]).records)
    assert [(row.model, row.method, row.is_baseline) for row in rows] == [
        ("hf/base", "cot", True),
        ("hf/base", f"cot @ {name.removeprefix('hf/')}", False),
    ]
    assert rows[1].comparison is not None
    assert rows[1].comparison.paired == 2
    # each has a cache of its own
    cached = {path.parent.name for path in cache.rglob("generate/**/*") if path.is_file()}
    assert cached == {"base", name.removeprefix("hf/")}


@pytest.mark.parametrize(
    ("model", "base", "shown"),
    [
        ("hf/short-1a2b3c4d", "hf/base", "cot @ short-1a2b3c4d"),
        ("openvino-genai/short-1a2b3c4d", "openvino-genai/base", "cot @ short-1a2b3c4d"),
        ("vllm/base:short-1a2b3c4d", "vllm/base", "cot @ short-1a2b3c4d"),
        ("vllm/base", "vllm/base", "cot"),
    ],
)
def test_a_row_names_the_adapter_and_not_who_computes_it(model: str, base: str, shown: str) -> None:
    """The provider stands over the table, in the base model's name."""
    spec = EvalSpec(
        created="2026-11-28T00:00:00+00:00",
        task="tale_eval/gsm8k",
        dataset=EvalDataset(),
        model=model,
        config=EvalConfig(),
        metadata={BASE_METADATA: base},
    )
    assert method_label(spec, "cot") == shown
