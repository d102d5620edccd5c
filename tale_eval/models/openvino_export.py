"""A local model as OpenVINO's runtime reads it: exported once a machine, in float32.

The folder lies in the cache, under a name with the hash of the weights and the versions of
what exported it. The export runs in a process of its own, so that its memory is given back.
"""

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tale_eval.errors import InvalidValueError, MissingExtraError, SourceError
from tale_eval.models.adapters import OPENVINO, base_folder, content_hash, is_adapter
from tale_eval.models.building import Needs, built, own_process

if TYPE_CHECKING:
    import openvino
    import torch

MODEL = "openvino_model.xml"
ENGINE = OPENVINO

FORMAT_VERSION = 1
"""Raise it when the export changes, so that folders of the old format are not used."""

_MODULES = ("openvino", "openvino_genai")
_EXPORTERS = ("openvino", "transformers", "torch")
_NEEDS = Needs("the export of a model for OpenVINO", "local", ("torch", "transformers"))
_ADAPTER_NEEDS = Needs("the export of an adapter for OpenVINO", "train", ("peft", "transformers"))
_TOLERANCE = 1e-3
"""How far the exported model's logits may lie from transformers' own; float32 gives 1e-4."""


def is_available() -> bool:
    """Whether the engine is installed."""
    return all(importlib.util.find_spec(module) is not None for module in _MODULES)


def check_available() -> None:
    """Raise MissingExtraError where the engine is not installed."""
    if not is_available():
        raise MissingExtraError(f"{ENGINE}/ models", "openvino")


def exported_folder(model: Path) -> Path:
    """The exported model, made on the first call (about 20 s, as large as its weights).

    Args:
        model: A local folder of transformers', or an adapter of peft's, whose weights are added
            to its base model's.

    Raises:
        MissingExtraError: The engine, or what exports for it, is not installed.
        InvalidValueError: Its weights are pickles, or the export does not compute what
            transformers computes; of an adapter also as `base_folder` does.
        SourceError: There is no model in the folder.
    """
    check_available()
    # its own, and of an adapter its base model's too
    parts = dict.fromkeys((model, base_folder(model)))
    hashed = "-".join(content_hash(part)[:12] for part in parts)
    needs = _ADAPTER_NEEDS if is_adapter(model) else _NEEDS
    versions = "-".join(f"{name}-{_version(name)}" for name in _EXPORTERS)
    name = f"{model.name}-{hashed}-{versions}-v{FORMAT_VERSION}"
    return built(name, lambda workshop, folder: _export_elsewhere(model, workshop, folder), needs)


def _version(package: str) -> str:
    # what follows a plus is the build, such as a CPU's
    return importlib.metadata.version(package).partition("+")[0]


def _export_elsewhere(model: Path, workshop: Path, folder: Path) -> None:
    """Export in a process of its own, which ends with this one.

    It writes into a folder that nobody else has: where it outlives a kill by a moment, it
    writes into no later build.
    """
    own = Path(tempfile.mkdtemp(dir=workshop))
    command, variables = own_process("tale_eval.models.openvino_export")
    words = [*command, str(model), str(own)]
    watched, held = os.pipe()
    try:
        done = subprocess.run(
            words, stdin=watched, env=variables, capture_output=True, text=True, check=False
        )
    finally:
        os.close(watched)
        os.close(held)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        reason = said[-1] if said else f"it ended with {done.returncode}"
        raise InvalidValueError(
            f"{model}: not exported for {ENGINE} ({reason}); ask it as hf/{model}"
        )
    for path in own.iterdir():
        path.rename(folder / path.name)


def _export(model: Path, folder: Path) -> None:
    """Trace, make the cache of keys and values the model's own state, check, and write."""
    import openvino
    import torch

    base = base_folder(model)
    loaded = _loaded(base)
    if is_adapter(model):
        from peft import PeftModel

        loaded = PeftModel.from_pretrained(loaded, model).merge_and_unload().eval()
    _check_attention(loaded.config)
    with torch.no_grad():
        made = _converted(loaded)
        difference = _difference(loaded, made)
    if difference > _TOLERANCE:
        raise InvalidValueError(f"its logits differ from transformers' by {difference:.2g}")
    openvino.save_model(made, folder / MODEL, compress_to_fp16=False)
    for name in ("config.json", "generation_config.json"):
        if (base / name).is_file():
            (folder / name).write_bytes((base / name).read_bytes())


def _loaded(model: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    # it comes ready to answer, not to be trained
    return AutoModelForCausalLM.from_pretrained(
        model, dtype=torch.float32, attn_implementation="sdpa", local_files_only=True
    )


def _check_attention(config: Any) -> None:
    """Refuse what the engine would compute otherwise: it gives every token all before it."""
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    window = getattr(config, "sliding_window", None)
    if kinds != {"full_attention"} or (window and getattr(config, "use_sliding_window", True)):
        raise InvalidValueError("it has layers that do not attend to all that stands before")


def attention_shape(config: Mapping[str, Any]) -> tuple[int, int, int]:
    """Layers, heads of keys and values, and the size of each head."""
    heads = config["num_attention_heads"]
    kept = config.get("num_key_value_heads") or heads
    size = config.get("head_dim") or config["hidden_size"] // heads
    return config["num_hidden_layers"], kept, size


def _converted(model: Any) -> "openvino.Model":
    import openvino
    import torch
    from openvino._offline_transformations import apply_make_stateful_transformation

    layers, heads, size = attention_shape(model.config.to_dict())
    past = [torch.zeros(2, heads, 5, size) for _ in range(2 * layers)]
    ids, mask = torch.ones(2, 3, dtype=torch.long), torch.ones(2, 8, dtype=torch.long)
    positions = torch.arange(5, 8)[None].repeat(2, 1)
    made = openvino.convert_model(_flat(model), example_input=(ids, mask, positions, *past))
    kept = [f"{i}.{kind}" for i in range(layers) for kind in ("key", "value")]
    inputs = ["input_ids", "attention_mask", "position_ids", *(f"past.{name}" for name in kept)]
    outputs = ["logits", *(f"present.{name}" for name in kept)]
    for port, name in zip([*made.inputs, *made.outputs], [*inputs, *outputs], strict=True):
        port.get_tensor().set_names({name})
    for port, name in zip(made.inputs, inputs, strict=True):
        shape = [-1, heads, -1, size] if name.startswith("past") else [-1, -1]
        port.get_node().set_partial_shape(openvino.PartialShape(shape))
        port.get_node().set_friendly_name(name)
    _reorder(made, inputs[3:])
    apply_make_stateful_transformation(made, dict(zip(inputs[3:], outputs[1:], strict=True)))
    _start_empty(made, heads, size)
    return made


def _flat(model: Any) -> "torch.nn.Module":
    """The model with its cache of keys and values as plain tensors, as a trace needs it."""
    import torch
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    class Flat(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(
            self,
            input_ids: torch.Tensor,
            attention_mask: torch.Tensor,
            position_ids: torch.Tensor,
            *past: torch.Tensor,
        ) -> tuple[torch.Tensor, ...]:
            cache: Any = DynamicCache()
            cache.layers = []
            for keys, values in zip(past[::2], past[1::2], strict=True):
                layer: Any = DynamicLayer()  # type: ignore[no-untyped-call]
                layer.lazy_initialization(keys, values)
                layer.keys, layer.values = keys, values
                cache.layers.append(layer)
            said = self.model(
                input_ids=input_ids,
                # with a mask of four dimensions transformers makes none, which no trace follows
                attention_mask=_causal(input_ids.shape[1], attention_mask),
                position_ids=position_ids,
                past_key_values=cache,
                use_cache=True,
            )
            kept = [part for layer in cache.layers for part in (layer.keys, layer.values)]
            return (said.logits, *kept)

    return Flat()


def _causal(length: int, attention_mask: "torch.Tensor") -> "torch.Tensor":
    """What is added to the attention: nothing to what stands before, the least to the rest.

    Args:
        length: How many tokens are read.
        attention_mask: Of these and of those read before, by batch.
    """
    import torch

    known = attention_mask.shape[1]
    before = torch.ones(length, known, dtype=torch.bool).tril(known - length)
    seen = (before[None] & (attention_mask[:, None, :] > 0))[:, None]
    return torch.zeros(seen.shape).masked_fill(~seen, torch.finfo(torch.float32).min)


def _reorder(made: "openvino.Model", past: list[str]) -> None:
    """Let the rows of the past be chosen by "beam_idx": the engine looks for that."""
    import numpy as np
    from openvino import PartialShape, opset13 as ops

    chosen = ops.parameter(PartialShape([-1]), dtype=np.int32, name="beam_idx")
    chosen.output(0).get_tensor().add_names({"beam_idx"})
    made.add_parameters([chosen])
    for name in past:
        port = made.input(name)
        readers = port.get_target_inputs()
        gathered = ops.gather(port, chosen, ops.constant(0, dtype=np.int64))
        for reader in readers:
            reader.replace_source_output(gathered.output(0))
    made.validate_nodes_and_infer_types()


def _start_empty(made: "openvino.Model", heads: int, size: int) -> None:
    """The state before anything was read: as many rows as are asked, and no tokens."""
    import numpy as np
    from openvino import opset13 as ops

    zero = ops.constant(0, dtype=np.int64)
    first = ops.constant([0], dtype=np.int64)
    rows = ops.gather(ops.shape_of(made.input("input_ids"), output_type="i64"), first, zero)
    rest = ops.constant([heads, 0, size], dtype=np.int64)
    shape = ops.concat([rows, rest], axis=0)
    empty = ops.broadcast(ops.constant(0.0, dtype=np.float32), shape)
    for node in made.get_ops():
        if node.get_type_name() == "ReadValue":
            node.set_arguments([empty])
    made.validate_nodes_and_infer_types()


def _difference(model: Any, made: "openvino.Model") -> float:
    """The largest difference of two texts' logits, the last token read with the cache."""
    import numpy as np
    import openvino
    import torch

    ids = torch.arange(3, 25).reshape(2, 11) * 17 % model.config.vocab_size
    wanted = model(input_ids=ids).logits.numpy()
    precise = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32"}
    asked = openvino.Core().compile_model(made, "CPU", precise).create_infer_request()
    found = []
    for begin, end in ((0, 10), (10, 11)):
        said = asked.infer(
            {
                "input_ids": ids[:, begin:end].numpy(),
                "attention_mask": np.ones((2, end), dtype=np.int64),
                "position_ids": np.arange(begin, end)[None].repeat(2, 0),
                "beam_idx": np.arange(2, dtype=np.int32),
            }
        )
        found.append(said["logits"])
    return float(np.abs(np.concatenate(found, axis=1) - wanted).max())


def _end_with_parent() -> None:
    """The pipe that the parent holds open is closed when it ends, however it ends."""
    os.read(0, 1)
    os._exit(1)


def _main() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    model, folder = map(Path, sys.argv[1:])
    try:
        _export(model, folder)
    except (InvalidValueError, SourceError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    _main()
