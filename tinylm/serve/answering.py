"""POST of a prompt to its answer: read, submitted, and written back at once or as it comes.

A client that leaves is noticed while nothing is sent to it, too: then its texts are cancelled. Nothing here waits
without watching for that.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from tinylm.base.errors import TinylmError
from tinylm.runtime.redaction import redacted
from tinylm.serve.api.answers import FORMS, Form, Written
from tinylm.serve.api.errors import ApiError, invalid
from tinylm.serve.api.json_body import read_object
from tinylm.serve.api.requests import Asked, Models
from tinylm.serve.api.token_texts import TokenTexts
from tinylm.serve.body import read_body
from tinylm.serve.choice import Choice
from tinylm.serve.metrics import Metrics
from tinylm.serve.remembered import RememberedAnswers
from tinylm.serve.request_log import Record
from tinylm.serve.scheduler import Closing, Event, QueueFull, Scheduler
from tinylm.serve.settings import ServeSettings
from tinylm.tokenizer.tokenizer import UNK

KEEP_ALIVE_S = 15.0
"""A proxy closes what is silent for a minute or less."""
_SHUTTING_DOWN = ("the server is shutting down", "shutting_down")

Read = Callable[[dict[str, Any], Models], Asked]
Batch = list[tuple[int, Event | None]]
"""What became certain of which choice; None is its end."""


class Answering:
    """The ASGI application of one endpoint."""

    def __init__(
        self,
        read: Read,
        *,
        models: Models,
        scheduler: Scheduler,
        answers: RememberedAnswers,
        metrics: Metrics,
        settings: ServeSettings,
    ) -> None:
        self._read = read
        self._models = models
        self._scheduler = scheduler
        self._answers = answers
        self._metrics = metrics
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ApiError, ClientDisconnect and nothing else, and only before an answer has begun."""
        record: Record = scope["state"]["record"]
        _check_content_type(scope)
        body = await read_body(scope, receive, most_bytes=self._settings.max_body)
        asked = self._read(read_object(body), self._models)
        self._count_prompt(asked)
        if self._settings.redact and asked.choices[0].logprobs is not None:
            raise invalid("`logprobs` would show what `--redact` hides", "logprobs", code="unsupported_parameter")
        record.texts = tuple(map(redacted, asked.texts)) if self._settings.redact else asked.texts
        record.details["model"] = asked.model.name
        choices = self._submit(asked, record.client)
        form = FORMS[asked.endpoint](asked, request_id=record.id)
        try:
            async with aclosing(_batches(choices, receive)) as batches:
                if asked.stream:
                    await self._stream(asked, form, choices, batches, send)
                else:
                    await self._whole(asked, form, choices, batches, send)
        except (QueueFull, TinylmError) as error:
            raise _failed(error) from error
        finally:
            self._count_answers(choices, record)

    def _submit(self, asked: Asked, client: str) -> list[Choice]:
        choices: list[Choice] = []
        if len(asked.choices) > (most := self._settings.parallel + self._settings.queue):
            raise invalid(f"the request has {len(asked.choices)} choices in all; the server takes {most}", "n")
        try:
            for request in asked.choices:
                choices.append(  # noqa: PERF401  (those before an error are to be cancelled)
                    Choice(
                        asked.model,
                        request,
                        scheduler=self._scheduler,
                        answers=self._answers,
                        client=client,
                        timeout_s=self._settings.timeout,
                        stream=asked.stream,
                        redact=self._settings.redact,
                    )
                )
        except (QueueFull, Closing) as error:
            for choice in choices:
                choice.cancel()
            if isinstance(error, QueueFull):
                raise _busy(error) from error
            raise _shutting_down() from error
        return choices

    async def _whole(
        self, asked: Asked, form: Form, choices: list[Choice], batches: AsyncIterator[Batch], send: Send
    ) -> None:
        written = _writings(asked)
        async for batch in batches:
            for index, event in batch:
                if event is None:
                    _check_end(choices[index])
                    written[index].finish_reason = choices[index].finish_reason
                else:
                    written[index].add(event)
        usage, more = _usage(asked, choices), _more(asked, choices)
        body = _json(form.whole(written, usage, more))
        await _start(send, b"application/json", choices, length=len(body))
        await send({"type": "http.response.body", "body": body})

    async def _stream(
        self, asked: Asked, form: Form, choices: list[Choice], batches: AsyncIterator[Batch], send: Send
    ) -> None:
        """An error after the beginning is a chunk `{"error": ...}`, which OpenAI's client raises as APIError."""
        written, started, left, data = _writings(asked), False, len(choices), b""
        try:
            async for batch in batches:
                out: list[dict[str, Any]] = []
                for index, event in batch:
                    if event is None:
                        _check_end(choices[index])
                        left -= 1
                        written[index].finish_reason = choices[index].finish_reason
                        last = form.chunk([form.last(index, written[index].shown_reason)])
                        out.append(last if left or asked.include_usage else last | _more(asked, choices))
                    else:
                        text, tokens = written[index].add(event)
                        if text:
                            out.append(form.chunk([form.piece(index, text, tokens)]))
                if batch and not out:
                    continue
                if not started:
                    await _start(send, b"text/event-stream", choices)
                    firsts = [first for i in range(len(choices)) if (first := form.first(i)) is not None]
                    out = [form.chunk([first]) for first in firsts] + out
                    started = True
                data = b"".join(_event(document) for document in out)
                if left:
                    await send({"type": "http.response.body", "body": data or b": waiting\n\n", "more_body": True})
        except (ApiError, QueueFull, TinylmError) as error:
            if not started:
                raise
            told = error if isinstance(error, ApiError) else _failed(error)
            await send({"type": "http.response.body", "body": _event(told.document())})
            return
        if asked.include_usage:
            data += _event(form.chunk([]) | {"usage": _usage(asked, choices)} | _more(asked, choices))
        await send({"type": "http.response.body", "body": data + b"data: [DONE]\n\n"})

    def _count_prompt(self, asked: Asked) -> None:
        # How much text an UNK hides takes encoding it once more, and most prompts have none.
        has_unknown = any(UNK in choice.prompt_ids for choice in asked.choices)
        for text in asked.texts:
            self._metrics.prompt_bytes.add(len(text.encode()))
            if has_unknown:
                self._metrics.unknown_bytes.add(asked.model.tokenizer.unknown_bytes(text))

    def _count_answers(self, choices: list[Choice], record: Record) -> None:
        """Figures and log; a choice that never ended was left by its client."""
        metrics = self._metrics
        for choice in choices:
            usage, times, reason = choice.usage, choice.times, choice.finish_reason or "cancelled"
            metrics.answers.add(1, reason)
            if choice.remembered:
                metrics.remembered.add()
                continue
            metrics.prompt_tokens.add(usage.prompt_tokens)
            metrics.cached_tokens.add(usage.cached_tokens)
            metrics.completion_tokens.add(usage.completion_tokens)
            for histogram, value in (
                (metrics.queue_s, times.queued_ms),
                (metrics.ttft_s, times.ttft_ms),
                (metrics.itl_s, times.itl_ms),
            ):
                if value is not None:
                    histogram.observe(value / 1e3)
        first = choices[0]
        record.details |= {
            "prompt_tokens": first.usage.prompt_tokens,
            "completion_tokens": sum(choice.usage.completion_tokens for choice in choices),
            "finish_reason": first.finish_reason or "cancelled",
            "queued_ms": _rounded(first.times.queued_ms),
            "ttft_ms": _rounded(first.times.ttft_ms),
        }


class _Writing(Written):
    """A choice whose events are added up."""

    def __init__(self, texts: TokenTexts) -> None:
        super().__init__()
        self._token_texts = texts

    def add(self, event: Event) -> tuple[str, list[Any]]:
        """The event's text, and the tokens that are out with it."""
        tokens = self._token_texts.push(event.logprobs, event.text)
        self.text += event.text
        self.tokens += tokens
        return event.text, tokens


def _writings(asked: Asked) -> list[_Writing]:
    return [_Writing(TokenTexts(asked.model, after=choice.prompt_ids[-1])) for choice in asked.choices]


async def _batches(choices: list[Choice], receive: Receive) -> AsyncGenerator[Batch, None]:
    """What became certain of all choices since the last batch, an empty one when nothing did for `KEEP_ALIVE_S`.

    ClientDisconnect when the client has left. However it is left, no text is written on.
    """
    ready: Batch = []
    wake = asyncio.Event()

    async def collect(index: int, choice: Choice) -> None:
        async for event in choice.events():
            ready.append((index, event))
            wake.set()
        ready.append((index, None))

    tasks = [asyncio.create_task(collect(index, choice)) for index, choice in enumerate(choices)]
    gone = asyncio.create_task(_left(receive))
    for task in (*tasks, gone):
        task.add_done_callback(lambda task: wake.set())
    left = len(choices)
    try:
        while left:
            silent = not await _woken(wake)
            if gone.done():
                raise ClientDisconnect
            for task in tasks:
                if task.done() and (error := task.exception()):
                    raise error
            batch = ready[:]
            ready.clear()
            left -= sum(event is None for _, event in batch)
            if batch or silent:
                yield batch
    finally:
        for choice in choices:
            choice.cancel()
        for task in (*tasks, gone):
            task.cancel()
        await asyncio.gather(*tasks, gone, return_exceptions=True)


async def _woken(wake: asyncio.Event) -> bool:
    """Was it set before `KEEP_ALIVE_S` were over? Cleared then."""
    try:
        async with asyncio.timeout(KEEP_ALIVE_S):
            await wake.wait()
    except TimeoutError:
        return False
    wake.clear()
    return True


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _start(send: Send, content_type: bytes, choices: list[Choice], *, length: int | None = None) -> None:
    headers = [(b"content-type", content_type)]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    if any(choice.remembered for choice in choices):
        headers.append((b"x-tinylm-remembered", b"1"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})


def _event(document: Mapping[str, Any]) -> bytes:
    return b"data: " + _json(document) + b"\n\n"


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def _check_content_type(scope: Scope) -> None:
    """JSON by name: what a page elsewhere can send without asking first is text or a form."""
    kinds = [value for name, value in scope["headers"] if name == b"content-type"]
    kind = kinds[0].partition(b";")[0].strip().lower() if len(kinds) == 1 else b""
    if kind != b"application/json":
        raise ApiError(415, "send JSON, with `Content-Type: application/json`", code="unsupported_media_type")


def _check_end(choice: Choice) -> None:
    if choice.finish_reason == "shutdown":
        raise _shutting_down()


def _shutting_down() -> ApiError:
    message, code = _SHUTTING_DOWN
    return ApiError(503, message, code=code, headers={"retry-after": "5"})


def _busy(error: QueueFull) -> ApiError:
    retry = {"retry-after": str(error.retry_after_s)}
    return ApiError(
        429, f"too many requests wait; try again in {error.retry_after_s} s", code="queue_full", headers=retry
    )


def _failed(error: QueueFull | TinylmError) -> ApiError:
    """A text that was taken and will not come: another client's request took its place, or the model failed."""
    return _busy(error) if isinstance(error, QueueFull) else ApiError(500, error.message, code="model_failed")


def _usage(asked: Asked, choices: list[Choice]) -> dict[str, Any]:
    """A prompt counts once, however many choices it has."""
    usages = [choice.usage for choice in choices]
    firsts = usages[:: len(usages) // asked.prompts]
    prompt, completion = sum(u.prompt_tokens for u in firsts), sum(u.completion_tokens for u in usages)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": sum(u.cached_tokens for u in firsts)},
    }


def _more(asked: Asked, choices: list[Choice]) -> dict[str, Any]:
    """What OpenAI does not have: times of the first choice, and what else clients should know."""
    first = choices[0]
    times = first.times
    timings: dict[str, Any] = {
        "queued_ms": _rounded(times.queued_ms),
        "ttft_ms": _rounded(times.ttft_ms),
        "itl_ms": _rounded(times.itl_ms),
        "tokens_per_second": None if not times.itl_ms else round(1e3 / times.itl_ms, 1),
        "cached_tokens": first.usage.cached_tokens,
    }
    if any(choice.finish_reason == "timeout" for choice in choices):
        timings["timeout"] = True
    if first.remembered:
        timings["remembered"] = True
    if asked.dropped_messages:
        return {"timings": timings, "tinylm": {"dropped_messages": asked.dropped_messages}}
    return {"timings": timings}


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 3)
