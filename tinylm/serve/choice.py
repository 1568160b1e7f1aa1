"""One text of an answer: written by the scheduler, or remembered; both are iterated in the same way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from tinylm.runtime.completion import CompletionRequest, TokenLogprob
from tinylm.runtime.content_filter import text_gates
from tinylm.serve.remembered import Answer, Key, RememberedAnswers
from tinylm.serve.scheduler import Event, Job, Reason, Scheduler, Ticket, Usage
from tinylm.serve.served_model import ServedModel

_FINISHED: tuple[Reason, ...] = ("stop", "length", "content_filter")
"""Ends that the request alone decides."""


@dataclass(frozen=True)
class ShownTimes:
    """Milliseconds; None where there was none, as in a remembered answer."""

    queued_ms: float | None = None
    ttft_ms: float | None = None
    itl_ms: float | None = None


@dataclass
class _Kept:
    """What will be remembered."""

    texts: list[str] = field(default_factory=list)
    logprobs: list[TokenLogprob] = field(default_factory=list)


class Choice:
    """Iterate over it once; then it says how it ended."""

    def __init__(
        self,
        model: ServedModel,
        request: CompletionRequest,
        *,
        scheduler: Scheduler,
        answers: RememberedAnswers,
        client: str,
        timeout_s: float,
        stream: bool,
        redact: bool,
    ) -> None:
        """QueueFull and Closing as in `Scheduler.submit`."""
        self.request = request
        self._key: Key = (model.bundle.manifest_sha256, request)
        self._answers = answers
        self._answer = answers.get(self._key)
        self._ticket: Ticket | None = None
        if self._answer is None:
            before = model.tokenizer.decode(request.prompt_ids)
            gates = text_gates(model.content_filter, prompt=before, redact=redact)
            job = Job(model=model, request=request, client=client, timeout_s=timeout_s, gates=gates, stream=stream)
            self._ticket = scheduler.submit(job)

    @property
    def remembered(self) -> bool:
        """Nothing was computed for it."""
        return self._ticket is None

    async def events(self) -> AsyncIterator[Event]:
        """The text as it comes."""
        if self._ticket is None:
            assert self._answer is not None
            yield Event(self._answer.text, self._answer.usage.completion_tokens, self._answer.logprobs)
            return
        kept = _Kept()
        async for event in self._ticket:
            if event.text:
                kept.texts.append(event.text)
            kept.logprobs += event.logprobs
            yield event
        reason = self.finish_reason
        if reason is not None and reason in _FINISHED:
            answer = Answer("".join(kept.texts), tuple(kept.logprobs), reason, self.usage)
            self._answers.put(self._key, answer)

    def cancel(self) -> None:
        """Nobody reads it any more."""
        if self._ticket is not None:
            self._ticket.cancel()

    @property
    def finish_reason(self) -> Reason | None:
        """None before its end."""
        if self._ticket is not None:
            return self._ticket.finish_reason
        return self._answer.finish_reason if self._answer else None

    @property
    def usage(self) -> Usage:
        """What the scheduler counted; of a remembered answer, what it once took, with nothing read again."""
        if self._ticket is not None:
            return self._ticket.usage
        assert self._answer is not None
        return replace(self._answer.usage, cached_tokens=self._answer.usage.prompt_tokens)

    @property
    def times(self) -> ShownTimes:
        if self._ticket is None:
            return ShownTimes()
        times = self._ticket.times
        return ShownTimes(times.queued_ms, times.ttft_ms, times.itl_ms(self.usage.completion_tokens))
