"""Local models and adapters as Inspect's `hf` and `vllm` take them, under honest names.

Inspect names a local model as the user likes, and neither its cache nor an eval set's log
folder knows the weights. So the name of whatever was trained ends here in the hash of its
files: trained anew in the same folder, it is another model, with another cache and other logs.
"""

import hashlib
import importlib.metadata
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tale_eval.errors import InvalidValueError, MissingExtraError, SourceError

ADAPTER_CONFIG = "adapter_config.json"
MODEL_CONFIG = "config.json"
PROVENANCE = "provenance.json"
BASE_METADATA = "tale_eval_base_model"
"""Metadata of an adapter's log: its base model, by the name that its logs have."""
ENGINE_METADATA = "tale_eval_engine"
"""Metadata of a log: the engine under a local model, and its version."""

OPENVINO = "openvino-genai"
"""The package of the engine, and Inspect's and lm_eval's name of its models."""

# the names that transformers, peft and vLLM look for; without them they take pickles
_WEIGHTS = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_ADAPTER_WEIGHTS = "adapter_model.safetensors"
_PICKLES = ("*.bin", "*.bin.index.json", "*.pt", "*.pth", "*.pkl", "*.ckpt")
_VLLM_RANK = 16  # the largest rank that vLLM serves unless it is told otherwise


@dataclass(frozen=True)
class NamedModel:
    """A model as `inspect eval` takes it.

    Attributes:
        name: Inspect's name, such as "openai/gpt-4o-mini" or "hf/sft-1a2b3c4d".
        arguments: The provider's, as they follow -M: where a local model or adapter lies.
        base: Inspect's name of the model that an adapter belongs to; None without one.
        engine: What computes it, with its version, where its name does not say the version.
    """

    name: str
    arguments: tuple[str, ...] = ()
    base: str | None = None
    engine: str | None = None

    def options(self) -> list[str]:
        """The options of `inspect eval` and `inspect eval-set` that load it."""
        return ["--model", self.name, *self.loading()]

    def loading(self) -> list[str]:
        """The options beside its name."""
        words = [word for argument in self.arguments for word in ("-M", argument)]
        if self.base is not None:
            words += ["--metadata", f"{BASE_METADATA}={self.base}"]
        if self.engine is not None:
            words += ["--metadata", f"{ENGINE_METADATA}={self.engine}"]
        return words


@cache
def named_model(written: str) -> NamedModel:
    """What `--model` means: "openai/gpt-4o-mini", "hf/FOLDER", "openvino-genai/FOLDER",
    "vllm/BASE:FOLDER", or an adapter's after "NAME=".

    A local model goes by its folder's name. So does an adapter, unless NAME is given. The
    first eight digits of its hash follow, as they do for a model that `train` made.

    Raises:
        InvalidValueError: NAME= before anything but an adapter, an adapter whose base
            model is no longer the one it was trained on, or weights that are pickles.
        SourceError: The base model of an adapter is not where it was, a folder without
            weights, or a description of it that cannot be read.
    """
    found = re.fullmatch(r"(?:([^/=]+)=)?(hf|vllm|openvino-genai)/(.+)", written)
    if found is None:
        return NamedModel(written)
    given, provider, place = found.groups()
    ways = {"hf": _hf_model, "vllm": _vllm_model, OPENVINO: _openvino_model}
    model = ways[provider](given, place)
    if model is None and given is not None:
        raise InvalidValueError(
            f"model {written!r}: there is no {ADAPTER_CONFIG} in the folder, and only adapters "
            "can be given a name"
        )
    return model or NamedModel(written)


def _hf_model(given: str | None, place: str) -> NamedModel | None:
    folder = Path(place).expanduser().absolute()
    arguments = (f"model_path={folder}",)
    if is_adapter(folder):
        return NamedModel(f"hf/{_tagged(folder, given)}", arguments, _base_name(folder))
    if given is None and (folder / MODEL_CONFIG).is_file():
        return NamedModel(f"hf/{_local_name(folder)}", arguments)
    return None


def _openvino_model(given: str | None, place: str) -> NamedModel | None:
    """The same local model or adapter under another engine: what it answers is what hf/ answers."""
    model = _hf_model(given, place)
    if model is None:
        return None
    base = None if model.base is None else _under_openvino(model.base)
    return NamedModel(_under_openvino(model.name), model.arguments, base, engine=openvino_version())


def _under_openvino(name: str) -> str:
    return name.replace("hf/", f"{OPENVINO}/", 1)


def openvino_version() -> str:
    """The engine of openvino-genai/ models with its version.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return f"{OPENVINO} {importlib.metadata.version(OPENVINO)}"
    except importlib.metadata.PackageNotFoundError:
        raise MissingExtraError(f"{OPENVINO}/ models", "openvino") from None


def _vllm_model(given: str | None, place: str) -> NamedModel | None:
    """An adapter of vLLM's; what it loads beside one is checked, and keeps its name."""
    base, colon, adapter = place.partition(":")
    folder = Path(adapter).expanduser().absolute()
    if colon and is_adapter(folder):
        check_base(folder, base)
        name = _tagged(folder, given)
        return NamedModel(f"vllm/{base}:{name}", _vllm_arguments(folder, name), f"vllm/{base}")
    if (Path(base) / MODEL_CONFIG).is_file():
        weight_files(Path(base))
    return None


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter of peft's."""
    return (folder / ADAPTER_CONFIG).is_file()


def content_hash(folder: Path) -> str:
    """The sha256 of a model's or adapter's configuration and weights.

    Raises:
        InvalidValueError, SourceError: As `weight_files` does.
    """
    weights = weight_files(folder)
    configs = [folder / name for name in (ADAPTER_CONFIG, MODEL_CONFIG)]
    digest = hashlib.sha256()
    for path in [*(config for config in configs if config.is_file()), *weights]:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def weight_files(folder: Path) -> list[Path]:
    """The files that a model's or adapter's weights are loaded from: safetensors, every one.

    Raises:
        InvalidValueError: Pickles would be loaded, which can run code.
        SourceError: There are no weights, or not all of them.
    """
    found = []
    if is_adapter(folder):
        found.append(_present(folder, _ADAPTER_WEIGHTS))
        if not (folder / MODEL_CONFIG).is_file():
            return found
    # an adapter beside a config.json is loaded into the model of that very folder
    if (folder / MODEL_CONFIG).is_file() and "transformers_weights" in _json(folder / MODEL_CONFIG):
        raise InvalidValueError(
            f"{folder}: transformers_weights in {MODEL_CONFIG} names other files than {_WEIGHTS}, "
            "which are not loaded; rename them, and remove the key"
        )
    if (folder / _INDEX).is_file() and not (folder / _WEIGHTS).is_file():
        return found + _shards(folder / _INDEX)
    return [*found, _present(folder, _WEIGHTS)]


def _shards(index: Path) -> list[Path]:
    named = _json(index).get("weight_map")
    if not isinstance(named, dict) or not named:
        raise SourceError(f"{index}: there is no weight_map in it; save the model anew")
    shards = sorted({str(shard) for shard in named.values()})
    for shard in shards:
        if not shard.endswith(".safetensors"):
            raise _pickles(index.parent, shard)
        if not (index.parent / shard).is_file():
            raise SourceError(f"{index}: there is no {shard} beside it; copy the model anew")
    return [index.parent / shard for shard in shards]


def _present(folder: Path, name: str) -> Path:
    """The file of weights; without it, what is wrong with the folder."""
    path = folder / name
    if path.is_file():
        return path
    pickles = [found.name for pattern in _PICKLES for found in folder.glob(pattern)]
    if pickles:
        raise _pickles(folder, min(pickles))
    raise SourceError(f"{folder}: no weights in it ({name}); save them with save_pretrained")


def _pickles(folder: Path, name: str) -> InvalidValueError:
    return InvalidValueError(
        f"{folder}: its weights are pickles ({name}), which can run code, and are not loaded; "
        "save them anew with save_pretrained(safe_serialization=True)"
    )


def base_of(adapter: Path) -> str:
    """An adapter's base model as its configuration names it: a folder or a name on the hub.

    Raises:
        SourceError: It names none.
    """
    return _text(adapter / ADAPTER_CONFIG, "base_model_name_or_path")


def base_folder(model: Path) -> Path:
    """Where the configuration and the whole weights of a local model lie: an adapter's base.

    Raises:
        InvalidValueError: The base of an adapter is a name on the hub, or as `check_base`.
        SourceError: As `base_of` and `check_base`.
    """
    if not is_adapter(model):
        return model
    base = base_of(model)
    if not is_local(base):
        raise InvalidValueError(
            f"{model}: its base model {base} is on the hub; save it in a folder, and name that as "
            f"base_model_name_or_path in {ADAPTER_CONFIG}"
        )
    check_base(model, base)
    return Path(base).absolute()


def check_base(adapter: Path, base: str) -> None:
    """Check that a local base model is safe to load, and the one an adapter was trained on.

    Args:
        adapter: The adapter's folder.
        base: The model that it is loaded into.

    Raises:
        InvalidValueError: It is another one, or its weights are pickles.
        SourceError: It is not there.
    """
    if not is_local(base):
        return
    folder = Path(base)
    if not folder.is_dir():
        raise SourceError(
            f"{adapter}: its base model {base} is not there; put it back, or correct "
            f"base_model_name_or_path in {ADAPTER_CONFIG}"
        )
    weight_files(folder)
    path = adapter / PROVENANCE
    if path.is_file() and _text(path, "base_sha256") != content_hash(folder):
        raise InvalidValueError(
            f"{adapter} is an adapter of another base model: {base} does not hold the weights "
            f"it was trained on (base_sha256 in {PROVENANCE})"
        )


def is_local(model: str) -> bool:
    """Whether a model is a folder, and not a name on the hub; transformers decides alike."""
    return Path(model).is_absolute() or Path(model).is_dir()


def _base_name(adapter: Path) -> str:
    base = base_of(adapter)
    check_base(adapter, base)
    return f"hf/{_local_name(Path(base).absolute())}" if is_local(base) else f"hf/{base}"


def _local_name(model: Path) -> str:
    """The name of a local model's logs."""
    weight_files(model)
    return _tagged(model) if (model / PROVENANCE).is_file() else model.name


def _tagged(folder: Path, given: str | None = None) -> str:
    return f"{given or folder.name}-{content_hash(folder)[:8]}"


def _vllm_arguments(adapter: Path, name: str) -> tuple[str, ...]:
    """What makes vLLM serve an adapter by a name; Inspect's own way is by its path."""
    rank = _json(adapter / ADAPTER_CONFIG).get("r")
    served = f"lora_modules={name}={adapter}"
    if not isinstance(rank, int) or rank <= _VLLM_RANK:
        return (served,)
    # vLLM takes powers of two
    return (served, f"max_lora_rank={1 << (rank - 1).bit_length()}")


def _text(path: Path, key: str) -> str:
    value = _json(path).get(key)
    if not isinstance(value, str) or not value:
        raise SourceError(f"{path}: there is no {key} in it; restore the file")
    return value


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise SourceError(f"{path}: not readable as JSON ({error})") from error
    if not isinstance(content, dict):
        raise SourceError(f"{path}: expected an object of keys and values, not {content!r:.40}")
    return content
