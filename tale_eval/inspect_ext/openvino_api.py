"""Inspect's models "openvino-genai/NAME": a local model answered by OpenVINO on the CPU.

The texts are those of Inspect's "hf/NAME" in float32, and so is the way it is asked: the same
chat template, the same tokens, the same settings of a draw where none are given. Requests join
a running batch, each is counted by itself, and a reply says why it ended.
"""

import asyncio
import json
import random
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import anyio
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    ContentReasoning,
    ContentText,
    GenerateConfig,
    Logprob,
    Logprobs,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    StopReason,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from tale_eval.errors import InvalidValueError, SourceError, check_name
from tale_eval.models.adapters import MODEL_CONFIG, base_folder, is_adapter
from tale_eval.models.openvino_engine import (
    BATCH_SIZE,
    CACHE_GB,
    Asked,
    Written,
    give_back,
    lend,
    tokenizer_folder,
)
from tale_eval.models.openvino_export import ENGINE

MAX_TOKENS = 2048
"""Cap on a reply where nothing says another; Inspect's own for local models."""

_TOP_K = 50
"""Of how many tokens transformers draws where nothing says otherwise."""

_ARGUMENTS = (
    "model_path", "do_sample", "batch_size", "threads", "cache_gb", "use_chat_template",
    "continue_final_message",
)  # fmt: skip

_REFUSED = (
    "best_of", "logit_bias", "prompt_logprobs", "response_schema", "effort", "reasoning_effort",
    "reasoning_mode", "reasoning_tokens", "verbosity", "extra_body", "modalities", "batch",
)  # fmt: skip
"""Settings that would change the reply, and that the engine or this model does not have."""


class OpenVinoAPI(ModelAPI):
    """A local model in a process of its own.

    Args:
        model_name: What its logs call it.
        base_url: Not used.
        api_key: Not used.
        config: Not used.
        **model_args: Where it lies and how it is run, by `_ARGUMENTS`. `model_path` is the
            folder; without it the name is.

    Raises:
        UnknownNameError: An argument that there is not.
        MissingExtraError, InvalidValueError, SourceError, RunError: As `OpenVinoEngine`.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008  # as Inspect's own
        **model_args: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        for name in model_args:
            check_name(f"argument of {ENGINE}/{model_name}", name, _ARGUMENTS)
        folder = Path(model_args.get("model_path") or model_name).expanduser().absolute()
        if not (folder / MODEL_CONFIG).is_file() and not is_adapter(folder):
            raise SourceError(
                f"{ENGINE}/{model_name}: no {MODEL_CONFIG} in {folder}; name a local model's "
                "folder with -M model_path=FOLDER"
            )
        self._do_sample = bool(model_args.get("do_sample", True))
        self._templated = bool(model_args.get("use_chat_template", True))
        self._continues = bool(model_args.get("continue_final_message", False))
        self._engine = lend(
            folder,
            threads=model_args.get("threads"),
            batch_size=model_args.get("batch_size") or BATCH_SIZE,
            cache_gb=model_args.get("cache_gb") or CACHE_GB,
        )
        self.tokenizer = _tokenizer(tokenizer_folder(folder))
        self._defaults = _generation_defaults(base_folder(folder))
        self._ends = _ends(self._defaults, self.tokenizer)

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """Answer one request, beside all that are being answered."""
        self._check_taken(tools, config)
        prompt = self.tokenizer(self.prompt(input))["input_ids"]
        room = self._engine.capacity - len(prompt)
        if not prompt or room < 1:
            return self._refused(len(prompt))
        asked = self._asked(prompt, room, config)
        written = await _result(self._engine.ask(asked))
        return self._output(prompt, written, asked, config)

    def prompt(self, messages: Sequence[ChatMessage]) -> str:
        """The messages as the model's chat template writes them.

        Raises:
            InvalidValueError: There is something else than text in them.
        """
        said = [{**m.model_dump(exclude_none=True), "content": _text(m)} for m in messages]
        if not self._templated or self.tokenizer.chat_template is None:
            return "".join(f"{one['role']}: {one['content']}\n" for one in said)
        goes_on = self._continues and said[-1]["role"] == "assistant"
        rendered: str = self.tokenizer.apply_chat_template(
            said,
            tokenize=False,
            add_generation_prompt=not goes_on,
            continue_final_message=goes_on,
        )
        return rendered

    def close(self) -> None:
        """Give the engine back."""
        give_back(self._engine)

    def max_tokens(self) -> int | None:
        """Cap on a reply where nothing says another."""
        return MAX_TOKENS

    def max_connections(self) -> int:
        """Requests at once: some wait at the engine, so that no place in its batch is empty."""
        return 2 * BATCH_SIZE

    def connection_key(self) -> str:
        """Whoever shares the engine shares its connections."""
        return str(self._engine.model)

    def collapse_user_messages(self) -> bool:
        """As Inspect does for hf/ models."""
        return True

    def _check_taken(self, tools: Sequence[ToolInfo], config: GenerateConfig) -> None:
        given = [name for name in _REFUSED if getattr(config, name, None) is not None]
        if (config.num_choices or 1) > 1:
            given.append("num_choices")
        if (config.top_logprobs or 0) > 1:
            given.append("top_logprobs (above 1)")
        if tools:
            given.append("tools")
        if given:
            raise InvalidValueError(
                f"{ENGINE}/{self.model_name} cannot take {', '.join(given)}: leave it out, or ask "
                "the model as hf/"
            )

    def _asked(self, prompt: list[int], room: int, config: GenerateConfig) -> Asked:
        do_sample = self._do_sample and config.temperature != 0
        kept = self._defaults
        draw: dict[str, Any] = {}
        if do_sample:
            draw = {
                "temperature": _first(config.temperature, kept.get("temperature"), 1.0),
                "top_p": _first(config.top_p, kept.get("top_p")),
                "top_k": _first(config.top_k, kept.get("top_k"), _TOP_K),
                # without a seed each reply is drawn anew, as a run without one expects
                "rng_seed": _first(config.seed, random.getrandbits(31)),
            }
        return Asked(
            prompt,
            min(config.max_tokens or MAX_TOKENS, room),
            self._ends,
            stops=tuple(config.stop_seqs or ()),
            do_sample=do_sample,
            frequency_penalty=config.frequency_penalty,
            presence_penalty=config.presence_penalty,
            repetition_penalty=kept.get("repetition_penalty"),
            scores=bool(config.logprobs),
            **draw,
        )

    def _output(
        self, prompt: list[int], written: Written, asked: Asked, config: GenerateConfig
    ) -> ModelOutput:
        text = self.tokenizer.decode(
            written.ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        reason: StopReason = "stop"
        if written.cut:
            reason = "max_tokens"
            if asked.max_tokens < (config.max_tokens or MAX_TOKENS):
                reason = "model_length"
        message = ChatMessageAssistant(content=text, model=self.model_name, source="generate")
        scores = self._scores(written) if asked.scores else None
        usage = ModelUsage(
            input_tokens=len(prompt),
            output_tokens=len(written.ids),
            total_tokens=len(prompt) + len(written.ids),
        )
        return ModelOutput(
            model=self.model_name,
            choices=[ChatCompletionChoice(message=message, stop_reason=reason, logprobs=scores)],
            usage=usage,
            time=written.seconds,
            metadata={"engine": self._engine.version, "precision": "float32"},
        )

    def _scores(self, written: Written) -> Logprobs:
        """The tokens that were written, each with its log probability."""
        pieces = [self.tokenizer.decode([token]) for token in written.ids]
        return Logprobs(
            content=[
                Logprob(token=piece, logprob=score, bytes=list(piece.encode()))
                for piece, score in zip(pieces, written.scores, strict=False)
            ]
        )

    def _refused(self, length: int) -> ModelOutput:
        """What a request comes to that is empty, or longer than the model's context."""
        if not length:
            raise InvalidValueError(
                f"{ENGINE}/{self.model_name}: the prompt has no tokens; write something in it"
            )
        return ModelOutput.from_content(
            self.model_name,
            f"The prompt has {length} tokens; {self._engine.capacity} can be read and written "
            "together.",
            stop_reason="model_length",
        )


async def _result(future: "Future[Written]") -> Written:
    """Wait for a reply without holding up whoever else waits."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:  # another event loop's: a thread waits
        crowd = anyio.CapacityLimiter(1_000_000)
        return await anyio.to_thread.run_sync(future.result, abandon_on_cancel=True, limiter=crowd)
    return await asyncio.wrap_future(future)


def _text(message: ChatMessage) -> str:
    if isinstance(message.content, str):
        return message.content
    for part in message.content:
        if not isinstance(part, ContentText | ContentReasoning):
            raise InvalidValueError(f"{ENGINE}/ models read text only, not {part.type}")
    return message.text


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def _generation_defaults(folder: Path) -> dict[str, Any]:
    """What the model's own files say of how it is asked."""
    path = folder / "generation_config.json"
    return dict(json.loads(path.read_text("utf-8"))) if path.is_file() else {}


def _ends(defaults: dict[str, Any], tokenizer: Any) -> tuple[int, ...]:
    """The tokens that end a reply, as transformers takes them."""
    named = defaults.get("eos_token_id", tokenizer.eos_token_id)
    return tuple(named) if isinstance(named, list) else (named,)


def _first(*values: Any) -> Any:
    """The first that is not None."""
    return next((value for value in values if value is not None), None)
