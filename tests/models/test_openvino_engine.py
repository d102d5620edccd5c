"""The engine's process as the harness sees it: what is said to it, and what comes of its end."""

import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command import REPOSITORY

from tale_eval.errors import InvalidValueError, MissingExtraError, RunError
from tale_eval.models import embedded, openvino_engine, openvino_export
from tale_eval.models.adapters import base_folder, named_model
from tale_eval.models.openvino_engine import Asked, OpenVinoEngine, give_back, lend

FAKE = REPOSITORY / "tests" / "fake_engine.py"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model of 2 layers, 2 heads of 4 for keys and values, and a context of 40 tokens."""
    config = {
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "hidden_size": 16,
        "max_position_embeddings": 40,
    }
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text(json.dumps(config))

    def started(words: Any) -> "subprocess.Popen[bytes]":
        pipe = subprocess.PIPE
        return subprocess.Popen([sys.executable, FAKE], stdin=pipe, stdout=pipe, stderr=words)

    monkeypatch.setattr(openvino_engine, "_started", started)
    monkeypatch.setattr(openvino_engine, "exported_folder", lambda model: model)
    return tmp_path / "model"


@pytest.fixture
def engine(folder: Path) -> Iterator[OpenVinoEngine]:
    engine = OpenVinoEngine(folder)
    yield engine
    engine.close()


def test_each_prompt_gets_its_own_reply(engine: OpenVinoEngine) -> None:
    futures = [engine.ask(Asked([9, n], 3, [0])) for n in (3, 6, 1)]
    replies = [future.result() for future in futures]
    assert [reply.ids for reply in replies] == [(2, 1), (5, 4, 3), ()]
    assert [reply.cut for reply in replies] == [False, True, False]
    assert replies[0].seconds == 0.25
    assert replies[0].scores == ()
    assert engine.ask(Asked([3], 3, [0], scores=True)).result().scores == (-0.5, -0.5)


def test_a_prompt_that_is_refused_harms_no_other(engine: OpenVinoEngine) -> None:
    refused, other = engine.ask(Asked([400], 3, [0])), engine.ask(Asked([2], 3, [0]))
    with pytest.raises(RunError, match=r"fake 1\.0: not like this"):
        refused.result()
    assert other.result().ids == (1,)


def test_its_end_is_told_to_all_who_wait_with_its_last_words(engine: OpenVinoEngine) -> None:
    with pytest.raises(RunError, match=r"ended \(1\): out of memory"):
        engine.ask(Asked([666], 3, [0])).result()
    with pytest.raises(RunError, match="out of memory"):
        engine.ask(Asked([2], 3, [0]))


def test_a_reply_that_its_end_cut_in_two_is_none(engine: OpenVinoEngine) -> None:
    with pytest.raises(RunError, match=r"ended \(1\): killed"):
        engine.ask(Asked([333], 3, [0])).result()


def test_more_than_the_pipes_hold_at_once_passes_through_them(engine: OpenVinoEngine) -> None:
    long = [engine.ask(Asked([7] * 20_000 + [5], 3, [0])) for _ in range(40)]
    assert {future.result().ids for future in long} == {(4, 3, 2)}


def test_one_that_does_not_start_is_named(tmp_path: Path, folder: Path) -> None:
    folder.rename(tmp_path / "broken")
    with pytest.raises(RunError, match="no such model in here"):
        OpenVinoEngine(tmp_path / "broken")


def test_what_no_longer_matters_is_given_up(engine: OpenVinoEngine) -> None:
    future = engine.ask(Asked([400, 2], 3, [0]))
    future.cancel()
    assert engine.ask(Asked([3], 3, [0])).result().ids == (2, 1)


@pytest.mark.parametrize("name", ["threads", "batch_size", "cache_gb"])
def test_settings_below_one_are_refused(folder: Path, name: str) -> None:
    with pytest.raises(InvalidValueError, match=f"{name}=0: at least 1"):
        OpenVinoEngine(folder, **{name: 0})


def test_the_context_is_the_models_or_what_memory_holds(
    engine: OpenVinoEngine, folder: Path
) -> None:
    assert engine.capacity == 40
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 10**9}))
    # keys and values of 2 layers, 2 heads of 16 / 4 numbers, 4 bytes each: 128 bytes a token
    assert openvino_engine._capacity(folder, 1) == 2**30 // 128


# --- sharing ---


def test_who_asks_alike_shares_one_engine_until_the_last_gives_it_back(folder: Path) -> None:
    one, two = lend(folder, batch_size=4), lend(folder, batch_size=4)
    other = lend(folder, batch_size=5)
    assert one is two is not other
    give_back(one)
    assert one.is_alive()
    give_back(two)
    assert not one.is_alive()
    give_back(two)  # a second time does nothing
    again = lend(folder, batch_size=4)
    assert again is not one
    for each in (other, again):
        give_back(each)


def test_one_that_died_is_not_lent_again(folder: Path) -> None:
    dead = lend(folder)
    with pytest.raises(RunError):
        dead.ask(Asked([666], 3, [0])).result()
    alive = lend(folder)
    assert alive is not dead
    assert alive.ask(Asked([2], 3, [0])).result().ids == (1,)
    give_back(alive)


# --- where it is not installed ---


@pytest.fixture
def without_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino_genai", None)


def test_without_the_engine_the_embedded_model_is_transformers(
    without_engine: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "model_folder", lambda: tmp_path)
    model = embedded.embedded_model()
    assert model.name == "hf/smollm2-135m-instruct"
    assert model.arguments == (f"model_path={tmp_path}",)


def test_an_engine_that_cannot_be_loaded_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As one that is built for another system."""
    for module in ("openvino", "openvino_genai"):
        (tmp_path / f"{module}.py").write_text("raise ImportError('GLIBC_9.99 not found')")
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    assert openvino_export.is_available()
    assert embedded.embedded_provider() == "hf"


def test_with_the_engine_it_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for module in ("openvino", "openvino_genai"):
        (tmp_path / f"{module}.py").write_text("")
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(embedded, "model_folder", lambda: tmp_path)
    monkeypatch.setattr(importlib.metadata, "version", lambda package: "1.2")
    model = embedded.embedded_model()
    assert model.options()[:2] == ["--model", "openvino-genai/smollm2-135m-instruct"]
    assert model.loading() == [
        *("-M", f"model_path={tmp_path}"),
        *("--metadata", "tale_eval_engine=openvino-genai 1.2"),
    ]


def test_asked_for_by_name_it_says_what_is_missing(without_engine: None, tmp_path: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"tale-eval\[openvino\]"):
        openvino_export.exported_folder(tmp_path)


# --- names ---


def test_named_where_it_is_not_installed_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(package: str) -> str:
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(MissingExtraError, match=r"tale-eval\[openvino\]"):
        named_model(f"openvino-genai/{local_model(tmp_path / 'mine')}")


def local_model(folder: Path) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def test_a_folder_is_named_as_it_is_for_transformers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda package: "1.2")
    folder = local_model(tmp_path / "mine")
    named = named_model(f"openvino-genai/{folder}")
    assert (named.name, named.engine) == ("openvino-genai/mine", "openvino-genai 1.2")
    assert named.arguments == named_model(f"hf/{folder}").arguments == (f"model_path={folder}",)


def test_an_adapter_is_named_as_it_is_for_transformers_and_so_is_its_base(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda package: "1.2")
    base = local_model(tmp_path / "base")
    adapter = adapter_of(str(base), tmp_path / "adapter")
    under_hf = named_model(f"hf/{adapter}")
    named = named_model(f"openvino-genai/{adapter}")
    assert named.name == under_hf.name.replace("hf/", "openvino-genai/")
    assert (under_hf.base, named.base) == ("hf/base", "openvino-genai/base")
    assert named.arguments == under_hf.arguments == (f"model_path={adapter}",)
    assert named_model(f"openvino-genai/{base}").name == named.base


def test_an_adapter_has_its_own_tokenizer_or_its_bases(tmp_path: Path) -> None:
    base = local_model(tmp_path / "base")
    adapter = adapter_of(str(base), tmp_path / "adapter")
    assert openvino_engine.tokenizer_folder(adapter) == base
    (adapter / "tokenizer.json").write_text("{}")
    assert openvino_engine.tokenizer_folder(adapter) == adapter


def test_an_adapter_of_a_model_on_the_hub_is_refused(tmp_path: Path) -> None:
    adapter = adapter_of("somebody/model", tmp_path / "adapter")
    with pytest.raises(InvalidValueError, match="somebody/model is on the hub; save it in a fold"):
        base_folder(adapter)


def adapter_of(base: str, folder: Path) -> Path:
    folder.mkdir()
    config = {"base_model_name_or_path": base}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    return folder
