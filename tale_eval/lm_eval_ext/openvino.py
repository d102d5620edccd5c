"""lm_eval's model "openvino-genai": what HFLM does, with replies written by OpenVINO.

Texts are written by the engine, which is several times as fast on a CPU. What only scores a
text, such as the log likelihood of an option, is computed by transformers: the engine does not say
which token would have been the most probable one.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import torch
from lm_eval.models.huggingface import HFLM

from tale_eval.errors import InvalidValueError
from tale_eval.models.adapters import base_folder, is_adapter
from tale_eval.models.openvino_engine import (
    BATCH_SIZE,
    CACHE_GB,
    Asked,
    OpenVinoEngine,
    tokenizer_folder,
)
from tale_eval.models.openvino_export import ENGINE

_AT_ONCE = 256
"""Requests that the engine is given at once; it chooses its batches itself."""

_TAKEN = (
    "do_sample", "temperature", "top_p", "top_k", "repetition_penalty", "attention_mask", "seed",
)  # fmt: skip
_SEED_STRIDE = 1_000_003
"""How far apart the seeds of one prompt lie that is asked several times in a batch."""


class OpenVinoLM(HFLM):  # type: ignore[misc] # lm_eval has no types
    """A local model or adapter, exported on its first use.

    Args:
        pretrained: Its folder.
        threads: Of the engine; None is what OMP_NUM_THREADS says, else all cores.
        engine_batch: Requests that are answered at once.
        cache_gb: Memory for keys and values, in GiB.
        **kwargs: HFLM's; `batch_size` counts for scores alone.

    Raises:
        MissingExtraError, InvalidValueError, SourceError, RunError: As `OpenVinoEngine`.
    """

    batch_size_per_gpu: Any

    draws_by_seed = True
    """A request with a seed is drawn by it, whatever stands beside it."""

    def __init__(
        self,
        pretrained: str,
        threads: int | None = None,
        engine_batch: int = BATCH_SIZE,
        cache_gb: int = CACHE_GB,
        **kwargs: Any,
    ) -> None:
        for name in ("peft", "delta", "autogptq", "gptqmodel", "parallelize", "gguf_file"):
            if kwargs.get(name):
                raise InvalidValueError(
                    f"--model {ENGINE} takes no {name}: leave it out, or use --model hf"
                )
        folder = Path(pretrained).expanduser().absolute()
        self._engine = OpenVinoEngine(folder, threads, engine_batch, cache_gb)
        # it scores; a GPU's numbers would be others than the engine's
        fixed = {"device": "cpu", "dtype": "float32"}
        if is_adapter(folder):
            fixed |= {"peft": str(folder), "tokenizer": str(tokenizer_folder(folder))}
        super().__init__(pretrained=str(base_folder(folder)), **{**kwargs, **fixed})
        self._drawn: Counter[tuple[int, ...]] = Counter()

    def generate_until(self, requests: Any, disable_tqdm: bool = False) -> Any:
        """As HFLM's, with all requests in the engine's running batch."""
        given: Any = self.batch_size_per_gpu
        self.batch_size_per_gpu = min(max(len(requests), 1), _AT_ONCE)
        try:
            return super().generate_until(requests, disable_tqdm)
        finally:
            self.batch_size_per_gpu = given

    def _model_generate(
        self, context: Any, max_length: int, stop: list[str], **settings: Any
    ) -> torch.Tensor:
        """Ids of prompts and replies, filled up with the padding token as transformers does."""
        for name, value in settings.items():
            if name not in _TAKEN and value not in (None, False, 0):
                raise InvalidValueError(
                    f"--model {ENGINE} cannot take {name}={value}: leave it out of --gen_kwargs, "
                    "or use --model hf"
                )
        masks = settings["attention_mask"].bool()
        prompts = [ids[mask].tolist() for ids, mask in zip(context, masks, strict=True)]
        cap = max_length - context.shape[1]
        futures = [self._engine.ask(self._asked(p, cap, stop, settings)) for p in prompts]
        replies = []
        for future in futures:
            written = future.result()
            ended = [] if written.cut else [self.eot_token_id]
            replies.append([*written.ids, *ended])
        width = max(map(len, replies))
        filled = [ids + [self.tokenizer.pad_token_id] * (width - len(ids)) for ids in replies]
        return torch.cat([context, torch.tensor(filled, dtype=context.dtype)], dim=1)

    def _asked(
        self, prompt: list[int], cap: int, stops: list[str], settings: dict[str, Any]
    ) -> Asked:
        temperature = float(settings.get("temperature") or 0.0)
        do_sample = settings.get("do_sample")
        if do_sample is None:
            do_sample = temperature > 0
        if do_sample and not temperature:
            raise InvalidValueError("temperature=0 with do_sample=true: nothing can be drawn so")
        ends = self.model.generation_config.eos_token_id
        draw: dict[str, Any] = {}
        if do_sample:
            draw = {
                "temperature": temperature,
                "top_p": settings.get("top_p"),
                "top_k": settings.get("top_k") or 50,
                "rng_seed": self._seed_for(prompt, settings.get("seed")),
            }
        eos = self.tok_decode(self.eot_token_id, skip_special_tokens=False)
        return Asked(
            prompt,
            cap,
            tuple({self.eot_token_id, *(ends if isinstance(ends, list) else [ends])}),
            # the end of a turn is a token, which the engine knows
            stops=tuple(stop for stop in stops if stop != eos),
            do_sample=do_sample,
            repetition_penalty=settings.get("repetition_penalty"),
            **draw,
        )

    def _seed_for(self, prompt: list[int], given: int | None) -> int:
        """One of its own for each time that a prompt is asked: lm_eval repeats questions."""
        key = (given or 0, *prompt)
        self._drawn[key] += 1
        return (given or 0) + _SEED_STRIDE * (self._drawn[key] - 1)
