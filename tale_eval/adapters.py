"""Local models and adapters as Inspect's `hf` provider takes them, under honest names.

Inspect names a local model as the user likes, and neither its cache nor an eval set's log
folder knows the weights. So an adapter's name here ends in the hash of its files: trained
anew in the same folder, it is another model, with another cache and other logs.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tale_eval.errors import InvalidValueError, SourceError

ADAPTER_CONFIG = "adapter_config.json"
PROVENANCE = "provenance.json"
BASE_METADATA = "tale_eval_base_model"
"""Metadata of an adapter's log: its base model, by the name that its logs have."""

_WEIGHTS = "*.safetensors"
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")


@dataclass(frozen=True)
class NamedModel:
    """A model as `inspect eval` takes it.

    Attributes:
        name: Inspect's name, such as "openai/gpt-4o-mini" or "hf/sft-1a2b3c4d".
        folder: Of a local model or adapter, absolute; None for any other model.
        base: Inspect's name of the model that an adapter belongs to; None without one.
    """

    name: str
    folder: Path | None = None
    base: str | None = None

    def options(self) -> list[str]:
        """The options of `inspect eval` and `inspect eval-set` that load it."""
        words = ["--model", self.name]
        if self.folder is not None:
            words += ["-M", f"model_path={self.folder}"]
        if self.base is not None:
            words += ["--metadata", f"{BASE_METADATA}={self.base}"]
        return words


@cache
def named_model(written: str) -> NamedModel:
    """What `--model` means: "openai/gpt-4o-mini", "hf/FOLDER" or "NAME=hf/FOLDER".

    A local model goes by its folder's name. So does an adapter, unless NAME is given, and
    the first eight digits of its hash follow.

    Raises:
        InvalidValueError: NAME= before anything but an adapter, an adapter whose base
            model is no longer the one it was trained on, or weights that are pickles.
        SourceError: The base model of an adapter is not where it was.
    """
    found = re.fullmatch(r"(?:([^/=]+)=)?hf/(.+)", written)
    if found is None:
        return NamedModel(written)
    given, folder = found[1], Path(found[2]).expanduser().absolute()
    if is_adapter(folder):
        name = f"hf/{given or folder.name}-{content_hash(folder)[:8]}"
        return NamedModel(name, folder, _base_name(folder))
    if given is not None:
        raise InvalidValueError(
            f"model {written!r}: there is no {ADAPTER_CONFIG} in {folder}, and only adapters "
            "can be given a name"
        )
    if (folder / "config.json").is_file():
        check_weights(folder)
        return NamedModel(f"hf/{folder.name}", folder)
    return NamedModel(written)


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter of peft's."""
    return (folder / ADAPTER_CONFIG).is_file()


def content_hash(folder: Path) -> str:
    """The sha256 of a model's or adapter's configuration and weights.

    Raises:
        InvalidValueError: The weights are pickles.
        SourceError: There are no weights.
    """
    check_weights(folder)
    names = sorted(folder.glob(_WEIGHTS))
    if not names:
        raise SourceError(f"{folder}: no weights in it ({_WEIGHTS})")
    configs = [folder / name for name in (ADAPTER_CONFIG, "config.json")]
    digest = hashlib.sha256()
    for path in [*(config for config in configs if config.is_file()), *names]:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def check_weights(folder: Path) -> None:
    """Check that a folder does not hold its weights as pickles alone, which can run code.

    Raises:
        InvalidValueError: It does.
    """
    pickles = [path for pattern in _PICKLES for path in folder.glob(pattern)]
    if pickles and not any(folder.glob(_WEIGHTS)):
        raise InvalidValueError(
            f"{folder}: its weights are pickles ({min(pickles).name}), which can run code, and are "
            "not loaded; save them anew with save_pretrained(safe_serialization=True)"
        )


def check_base(adapter: Path) -> None:
    """Check that an adapter's local base model is still the one it was trained on.

    Raises:
        InvalidValueError: It is another one.
        SourceError: It is not there.
    """
    base = _base(adapter)
    folder = Path(base)
    if not folder.is_absolute():
        return  # a name on the hub
    if not folder.is_dir():
        raise SourceError(
            f"{adapter}: its base model {base} is not there; put it back, or correct "
            f"base_model_name_or_path in {ADAPTER_CONFIG}"
        )
    path = adapter / PROVENANCE
    expected = _json(path)["base_sha256"] if path.is_file() else None
    if expected is not None and expected != content_hash(folder):
        raise InvalidValueError(
            f"{adapter} is an adapter of another base model: {base} no longer holds the weights "
            f"it was trained on (base_sha256 in {PROVENANCE})"
        )


def _base(adapter: Path) -> str:
    return str(_json(adapter / ADAPTER_CONFIG)["base_model_name_or_path"])


def _base_name(adapter: Path) -> str:
    check_base(adapter)
    base = _base(adapter)
    return f"hf/{Path(base).name}" if Path(base).is_absolute() else f"hf/{base}"


def _json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except json.JSONDecodeError as error:
        raise SourceError(f"{path}: not readable as JSON ({error})") from error
    return content
