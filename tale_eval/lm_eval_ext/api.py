"""lm_eval's API models with two things added: the server's own token counts, and failures
that cost one question instead of the run.

lm_eval ends the whole run when one request still fails after its retries. Here the
question is marked as failed, and the others keep their answers.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp
import requests
from aiohttp.http_exceptions import HttpProcessingError
from lm_eval.api.instance import Instance
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_exponential

from tale_eval.errors import InvalidValueError, check_name
from tale_eval.lm_eval_ext.models import CUT_OFF, TaleLM
from tale_eval.lm_eval_ext.replies import Reply
from tale_eval.settings import MAX_RETRIES
from tale_eval.tokens.ledger import Call
from tale_eval.tokens.usage import reasoning_used, tokens_used

# whatever a server can do wrong, by both of lm_eval's clients: no connection, an error
# status, no JSON, JSON of another shape
_FAILURES = (
    aiohttp.ClientError,
    requests.RequestException,
    TimeoutError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)
_OF_THE_USER = {
    401: "the server does not know this key: set OPENAI_API_KEY, or the key that it wants",
    403: "this key may not use the model",
    404: "there is no such address or model",
}
"""Statuses that every other request would get too."""
_WORTH_ANOTHER_TRY = {408, 409, 425, 429}
_CAPS = ("max_tokens", "max_completion_tokens")
"""What servers call the cap on a reply's tokens."""

_REASON = 300
"""Characters of a server's reason that are kept."""


class ApiCounts(TaleLM):
    """In front of `lm_eval.models.api_models.TemplateAPI`: reads the server's usage record.

    Args:
        max_retries: How often a request is sent at most; waits of 1 to 10 seconds between.
        cap: What the server calls the cap on a reply, "max_tokens" or "max_completion_tokens";
            by default as lm_eval's class of the server has it.

    Raises:
        UnknownNameError: Another name of the cap.
    """

    takes_seeds = True

    def __init__(
        self, *args: Any, max_retries: int = MAX_RETRIES, cap: str | None = None, **kwargs: Any
    ) -> None:
        if cap is not None:
            check_name("cap", cap, _CAPS)
        self._cap = cap
        # lm_eval's own loop round ours would begin anew what is given up here
        super().__init__(*args, max_retries=1, **kwargs)
        self._attempts = int(max_retries)

    def generate_until(self, requests: list[Instance], *args: Any, **kwargs: Any) -> list[Reply]:
        """As of any model; a chat server wants its messages."""
        if "chat" in self.backend_name and any(isinstance(r.args[0], str) for r in requests):
            raise InvalidValueError(f"--model {self.backend_name} needs --apply_chat_template")
        return super().generate_until(requests, *args, **kwargs)

    def _create_payload(
        self,
        messages: Any,
        generate: bool = False,
        gen_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """As lm_eval's, but greedy where no sampling is wished for, and without unwanted stops.

        lm_eval drops `do_sample`, and so a task's temperature would stay.
        """
        # by then lm_eval has taken it out, and may have put an end token of its own in
        no_stop = gen_kwargs is not None and gen_kwargs.get("until") == []
        if gen_kwargs is not None and gen_kwargs.get("do_sample") is False:
            gen_kwargs["temperature"] = 0
        payload: dict[str, Any] = super()._create_payload(
            messages, generate=generate, gen_kwargs=gen_kwargs, **kwargs
        )
        # some servers refuse a stop that holds nothing
        if no_stop or not payload.get("stop", True):
            payload.pop("stop", None)
        for name in _CAPS:
            if self._cap is not None and generate and name in payload:
                payload[self._cap] = payload.pop(name)
        return payload

    async def amodel_call(
        self,
        session: Any,
        sem: Any,
        messages: Sequence[Any],
        *,
        generate: bool = True,
        **kwargs: Any,
    ) -> list[Any]:
        """Ask at once with others; what fails for good is a failed reply for each prompt.

        A likelihood that fails is an error, as in lm_eval: no number could stand for it.
        """

        async def ask() -> list[Any]:
            replies: list[Any] = await super(ApiCounts, self).amodel_call(
                _Telling(session), sem, messages, generate=generate, **kwargs
            )
            if len(replies) != len(messages):
                raise ValueError(f"{len(replies)} replies to {len(messages)} prompts")
            return replies

        try:
            return list(await self._again(ask)())
        except _FAILURES as error:
            if not generate:
                raise
            return [_failed(error)] * len(messages)

    def model_call(
        self, messages: Sequence[Any], *, generate: bool = True, **kwargs: Any
    ) -> dict[str, Any]:
        """Ask alone; what fails for good is a reply with the error in it."""

        def ask() -> dict[str, Any]:
            outputs: dict[str, Any] = super(ApiCounts, self).model_call(
                messages, generate=generate, **kwargs
            )
            if generate and len(self.parse_generations(outputs)) != len(messages):
                raise ValueError(f"not one reply to each of {len(messages)} prompts")
            return outputs

        try:
            return dict(self._again(ask)())
        except _FAILURES as error:
            if not generate:
                raise
            return {"failed": [_failed(error)] * len(messages)}

    def _again(self, ask: Callable[[], Any]) -> Callable[[], Any]:
        """The same call, asked again while it may help."""
        tried: Callable[[], Any] = retry(
            stop=stop_after_attempt(self._attempts),
            wait=wait_exponential(multiplier=0.5, min=1, max=10),
            retry=retry_if_exception(_may_pass),
            reraise=True,
        )(ask)
        return tried

    def parse_generations(self, outputs: Any, **kwargs: Any) -> list[Reply]:
        """One reply a choice; a reply without text is an empty text, not a missing one."""
        replies: list[Reply] = []
        for output in outputs if isinstance(outputs, list) else [outputs]:
            if "failed" in output:
                return list(output["failed"])
            # a choice that is sent twice is one choice
            by_index = {choice.get("index", 0): choice for choice in reversed(output["choices"])}
            choices = [by_index[index] for index in sorted(by_index)] or [{}]
            once = {**output, "choices": [] if choices == [{}] else choices}
            texts = super().parse_generations(outputs=once, **kwargs) or [None]
            for choice, text in zip(choices, texts, strict=True):
                # the usage of a request with several prompts is nobody's in particular
                usage = output.get("usage") if len(choices) == 1 else None
                tier = output.get("service_tier")
                replies.append(self._reply(text or "", choice, usage, tier))
        return replies

    def _reply(
        self,
        text: str,
        choice: Mapping[str, Any],
        usage: Mapping[str, Any] | None,
        tier: Any = None,
    ) -> Reply:
        usage = usage or {}
        reasoning = _detail(usage, "completion_tokens_details", "reasoning_tokens")
        thought = _thought(choice)
        content = (choice.get("message") or {}).get("content") or choice.get("text") or ""
        cached = _detail(usage, "prompt_tokens_details", "cached_tokens") or 0
        read, written = _used(usage, reasoning, cached, replied=bool(text or thought))
        reason = choice.get("finish_reason") or "unknown"
        call = Call(
            purpose="answer",
            model=self.label,
            input_tokens=read,
            cache_read_tokens=cached,
            output_tokens=written,
            reasoning_tokens=reasoning_used(reasoning, thought=thought),
            counted_by="nobody" if written is None else "provider",
            stop_reason=reason,
            truncated=reason in CUT_OFF,
            at=datetime.now(UTC),
            service_tier=tier if isinstance(tier, str) else None,
            reasoned=thought,
            silent=not _calls_tool(choice) and self._is_silent(text, str(content)),
        )
        if written is None and not thought and self.tokenizer_backend == "huggingface":
            ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
            call = call.model_copy(update={"output_tokens": len(ids), "counted_by": "tokenizer"})
        return Reply(text, [call])


def _failed(error: BaseException) -> Reply:
    """The reply of a request that was given up; a mistake of the user's ends the run."""
    status, said = _status(error), _said(error)
    if status in _OF_THE_USER:
        says = f" (it says: {said})" if said else ""
        raise InvalidValueError(
            f"the server answers {status}: {_OF_THE_USER[status]}{says}"
        ) from error
    shown = said or f"{type(error).__name__}: {error}"
    return Reply("", error=shown if status is None else f"HTTP {status}: {shown}{_cure(said)}")


def _cure(said: str) -> str:
    """What helps against a server's reason, where that is known."""
    if "max_completion_tokens" in said:
        return " [--model_args cap=max_completion_tokens]"
    if "temperature" in said:
        return " [--gen_kwargs temperature=1]"
    return ""


class _Telling:
    """A client's session whose failed responses say the server's reason.

    lm_eval reads it for a warning only, and raises what has the status alone.
    """

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @asynccontextmanager
    async def post(self, *args: Any, **kwargs: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """As the session's."""
        async with self._session.post(*args, **kwargs) as response:
            if not response.ok:
                raise _Refused(
                    response.request_info,
                    response.history,
                    status=response.status,
                    message=_reason(await response.text(errors="replace")),
                    headers=response.headers,
                )
            yield response


class _Refused(aiohttp.ClientResponseError):
    """An error status, with the server's reason as its message."""


def _said(error: BaseException) -> str:
    """The server's reason behind an error of either client; empty if it gave none."""
    if isinstance(error, _Refused):
        return error.message
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _reason(error.response.text)
    return ""


def _reason(body: str) -> str:
    """The reason in a failed response, on one line: its message, or how its text begins."""
    try:
        found: Any = json.loads(body)
    except ValueError:
        found = body
    # {"error": {"message": …}}, {"error": …}, {"detail": …}: all are in use
    while isinstance(found, dict):
        found = next((found[k] for k in ("error", "message", "detail") if found.get(k)), body)
    return " ".join(str(found).split())[:_REASON]


def _may_pass(error: BaseException) -> bool:
    """Whether another try may help."""
    status = _status(error)
    if status is None:
        return isinstance(error, _FAILURES)
    return status >= 500 or status in _WORTH_ANOTHER_TRY


def _status(error: BaseException) -> int | None:
    """The HTTP status behind an error of either client; None if there was no response."""
    if isinstance(error, aiohttp.ClientResponseError):
        # aiohttp speaks of a response that is no HTTP as of status 400, of a page of the
        # wrong type as of status 200
        no_http = isinstance(error.__cause__, HttpProcessingError)
        return None if no_http or error.status < 400 else error.status
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return int(error.response.status_code)
    return None


def _used(
    usage: Mapping[str, Any], reasoning: int | None, cached: int, *, replied: bool
) -> tuple[int | None, int | None]:
    """Input and output tokens of a server's usage record."""
    read, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not isinstance(read, int) or not isinstance(written, int):
        return read, written
    total = usage.get("total_tokens")
    return tokens_used(
        read,
        written,
        reasoning=reasoning,
        total=total if isinstance(total, int) else None,
        replied=replied,
        cached=cached,
    )


def _thought(choice: Mapping[str, Any]) -> bool:
    """Whether a server sends a text of hidden reasoning beside the reply."""
    message = choice.get("message") or {}
    return any(bool(message.get(name)) for name in ("reasoning_content", "reasoning"))


def _calls_tool(choice: Mapping[str, Any]) -> bool:
    return bool((choice.get("message") or {}).get("tool_calls"))


def _detail(usage: Mapping[str, Any], section: str, name: str) -> int | None:
    value = (usage.get(section) or {}).get(name)
    return value if isinstance(value, int) else None
