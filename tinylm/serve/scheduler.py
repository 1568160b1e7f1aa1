"""Who is next: a bounded, fair queue of texts to write, and one thread in which they take turns.

    scheduler = Scheduler(parallel=4, queue=32)
    ticket = scheduler.submit(Job(model=served, request=request, client="192.168.1.7", timeout_s=60))
    async for event in ticket:
        send(event.text)
    ticket.finish_reason, ticket.usage, ticket.times

The thread computes, the event loop speaks to clients; while the engine works in C, the loop has the interpreter. A text
computes for a slice of a few milliseconds, and what became certain goes to the loop at once; then it is the next one's
turn. A cancelled text ends before its next token.

Fair means: of the clients that wait, each gets a place in turn, however many of its requests wait. When the queue is
full, the newest request of the client with the most waiting ones makes room, unless it is the newcomer that has most.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from os import sched_yield
from time import monotonic
from traceback import print_exc
from typing import Literal

from tinylm.base.errors import TinylmError
from tinylm.runtime.completion import Completion, CompletionRequest, FinishReason, TextGate, TokenLogprob
from tinylm.runtime.engine import Engine
from tinylm.serve.served_model import ServedModel

SLICE_S = 0.005
"""How long a text computes before it is another's turn. A token of a small model takes that long on a Zero 2 W; on a
fast machine many fit, and handing over each alone would cost more than computing it."""
ALONE_SLICE_S = 0.02
"""The same while nobody else waits for a turn: what is handed over less often costs less, and still flows. Whoever
comes meanwhile ends it."""
_CLOSING_S = 30.0
"""The most that a piece of work takes on a slow board: a text ends after it."""

Reason = Literal[FinishReason, "timeout", "shutdown"]


class QueueFull(Exception):
    """There is no place in the queue, or no longer."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"the queue is full; try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s
        """When a place is likely to be free, at least 1."""


class Closing(Exception):
    """The server is ending, and takes no more."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A text to be written, for whom, and by when."""

    model: ServedModel
    request: CompletionRequest
    client: str
    """Who asks: its address."""
    timeout_s: float
    """From now to its end."""
    gates: tuple[TextGate, ...] = ()
    """What the text must pass, made for this text."""
    stream: bool = True
    """Whether what is certain is wanted at once; else all of it comes in one event, which costs less."""


@dataclass(frozen=True)
class Event:
    """What became certain since the last one."""

    text: str
    tokens: int
    """So many have been written so far."""
    logprobs: tuple[TokenLogprob, ...]
    """Of the tokens since the last event, where they were asked for."""


@dataclass(frozen=True)
class Usage:
    prompt_tokens: int
    cached_tokens: int
    """Of the prompt, those that an engine had in its cache."""
    completion_tokens: int


@dataclass
class Times:
    """When what happened, in seconds of `time.monotonic`; None for what did not."""

    submitted: float
    started: float | None = None
    first_token: float | None = None
    ended: float | None = None

    @property
    def queued_ms(self) -> float:
        until = self.started or self.ended
        return 0.0 if until is None else (until - self.submitted) * 1e3

    @property
    def ttft_ms(self) -> float | None:
        """From the request to the first token."""
        return None if self.first_token is None else (self.first_token - self.submitted) * 1e3

    def itl_ms(self, tokens: int) -> float | None:
        """The mean time between `tokens` tokens, the turns of others included."""
        if self.first_token is None or self.ended is None or tokens < 2:
            return None
        return (self.ended - self.first_token) * 1e3 / (tokens - 1)


class Ticket:
    """A text on its way, for the event loop: to be iterated once, and cancelled when nobody wants it any more."""

    def __init__(self, job: Job, scheduler: Scheduler) -> None:
        self.job = job
        self.times = Times(submitted=monotonic())
        self.finish_reason: Reason | None = None
        """None until the text has ended."""
        self._completion: Completion | None = None
        self._scheduler = scheduler
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event | BaseException | None] = asyncio.Queue()

    @property
    def usage(self) -> Usage:
        """What the text took; so far, before it has ended."""
        done = self._completion
        if done is None:
            return Usage(len(self.job.request.prompt_ids), 0, 0)
        return Usage(done.prompt_tokens, done.cached_tokens, done.completion_tokens)

    def cancel(self) -> None:
        """End the text before its next token, or before its first; what has ended stays as it is."""
        self._scheduler._cancel(self)

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Yield what became certain, until the text ends; leaving early cancels it.

        TinylmError when the model fails; QueueFull when another client's request took the place, or the time was over
        before its turn came.
        """
        ended = False
        try:
            while not ended:
                event = await self._events.get()
                ended = not isinstance(event, Event)
                if isinstance(event, BaseException):
                    raise event
                if event is not None:
                    yield event
        finally:
            if not ended:
                self.cancel()

    def _deliver(self, *events: Event | BaseException | None) -> None:
        """From the thread; the last of them is no Event when the text has ended."""

        def put() -> None:
            for event in events:
                self._events.put_nowait(event)

        with suppress(RuntimeError):  # the loop has ended, and nobody listens
            self._loop.call_soon_threadsafe(put)

    def _fail(self, error: Exception) -> None:
        """From the thread: whatever went wrong with this text must not end the thread that writes the others."""
        if not isinstance(error, TinylmError):
            print_exc()
        self._deliver(error)


@dataclass(frozen=True)
class SchedulerStats:
    active: int
    waiting: int
    parallel: int
    queue: int


@dataclass
class _Writing:
    """A ticket whose text is being written."""

    ticket: Ticket
    engine: Engine
    completion: Completion
    deadline: float
    texts: list[str] = field(default_factory=list)
    """Certain, and not delivered."""
    has_begun: bool = False
    """Some text was certain."""
    delivered_logprobs: int = 0
    stopped: Reason | None = None
    """Why the scheduler cancelled it."""

    def __post_init__(self) -> None:
        self.work = iter(self.completion)

    def event(self) -> Event | None:
        """What is to be delivered; None when that is nothing."""
        text, self.texts = "".join(self.texts), []
        new = tuple(self.completion.logprobs[self.delivered_logprobs :])
        self.delivered_logprobs += len(new)
        return Event(text, self.completion.completion_tokens, new) if text or new else None


class Scheduler:
    """The queue and its thread."""

    def __init__(self, *, parallel: int, queue: int) -> None:
        """At most `parallel` texts are written at a time, and `queue` more may wait."""
        self._parallel, self._most_waiting = parallel, queue
        self._changed = threading.Condition()
        self._waiting: dict[str, deque[Ticket]] = {}
        """By client, the one whose turn is next first."""
        self._writing: deque[_Writing] = deque()
        self._closing = False
        self._recent_s = 1.0  # How long a text took to write lately.
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> Ticket:
        """Take a place; QueueFull when there is none, Closing when the server ends."""
        ticket = Ticket(job, self)
        with self._changed:
            if self._closing:
                raise Closing
            if self._count_waiting() + len(self._writing) >= self._most_waiting + self._parallel:
                self._make_room(job.client)
            self._waiting.setdefault(job.client, deque()).append(ticket)
            self._changed.notify()
        return ticket

    def stats(self) -> SchedulerStats:
        with self._changed:
            return SchedulerStats(len(self._writing), self._count_waiting(), self._parallel, self._most_waiting)

    async def close(self, grace_s: float) -> None:
        """Take no more; let what is there end within `grace_s` seconds, and end the rest with `shutdown`."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        await self._ended_within(grace_s)
        with self._changed:
            for ticket in [ticket for tickets in self._waiting.values() for ticket in tickets]:
                self._end_waiting(ticket, "shutdown")
            for writing in self._writing:
                self._stop(writing, "shutdown")
        await self._ended_within(_CLOSING_S)

    async def _ended_within(self, seconds: float) -> None:
        until = monotonic() + seconds
        while self._thread.is_alive() and monotonic() < until:
            await asyncio.sleep(0.01)

    def _cancel(self, ticket: Ticket) -> None:
        with self._changed:
            if ticket.finish_reason is not None:
                return
            if ticket.times.started is None:
                self._end_waiting(ticket, "cancelled")
            for writing in self._writing:
                if writing.ticket is ticket:
                    writing.completion.cancel()

    def _count_waiting(self) -> int:
        return sum(map(len, self._waiting.values()))

    def _make_room(self, newcomer: str) -> None:
        greediest = max(self._waiting, key=lambda client: len(self._waiting[client]), default=newcomer)
        retry_after_s = self._retry_after_s()
        if len(self._waiting.get(greediest, ())) < len(self._waiting.get(newcomer, ())) + 2:
            raise QueueFull(retry_after_s)
        loser = self._waiting[greediest][-1]
        self._end_waiting(loser, "cancelled", QueueFull(retry_after_s))

    def _retry_after_s(self) -> int:
        return max(1, round(self._recent_s * (self._most_waiting + self._parallel) / self._parallel))

    def _end_waiting(self, ticket: Ticket, reason: Reason, error: QueueFull | None = None) -> None:
        tickets = self._waiting[ticket.job.client]
        tickets.remove(ticket)
        if not tickets:
            del self._waiting[ticket.job.client]
        ticket.finish_reason, ticket.times.ended = reason, monotonic()
        ticket._deliver(error)

    # What follows runs in the thread.

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._writing and not self._waiting:
                    if self._closing:
                        return
                    self._changed.wait()
                self._expire()
                while self._waiting and len(self._writing) < self._parallel:
                    self._start(self._next())
            if self._writing:
                self._work(self._writing[0])
                with self._changed:
                    self._writing.rotate(-1)
                    for writing in [w for w in self._writing if w.ticket.finish_reason is not None]:
                        self._writing.remove(writing)
                        writing.ticket.job.model.give_back(writing.engine)

    def _expire(self) -> None:
        now = monotonic()
        for ticket in [ticket for tickets in self._waiting.values() for ticket in tickets]:
            if now > ticket.times.submitted + ticket.job.timeout_s:
                self._end_waiting(ticket, "timeout", QueueFull(self._retry_after_s()))

    def _next(self) -> Ticket:
        client = next(iter(self._waiting))
        tickets = self._waiting.pop(client)
        ticket = tickets.popleft()
        if tickets:
            self._waiting[client] = tickets  # behind all others
        return ticket

    def _start(self, ticket: Ticket) -> None:
        job, ticket.times.started = ticket.job, monotonic()
        engine: Engine | None = None
        try:
            engine = job.model.take_engine(job.request.prompt_ids)
            completion = Completion(engine, job.model.tokenizer, job.request, gates=job.gates)
        except Exception as error:
            if engine is not None:
                job.model.give_back(engine)
            ticket.finish_reason, ticket.times.ended = "cancelled", monotonic()
            ticket._fail(error)
            return
        ticket._completion = completion
        deadline = ticket.times.submitted + job.timeout_s
        self._writing.append(_Writing(ticket, engine, completion, deadline))

    def _work(self, writing: _Writing) -> None:
        """Compute for a slice, and deliver what came of it."""
        ticket, completion, work = writing.ticket, writing.completion, writing.work
        texts, ended = writing.texts, False
        begun = monotonic()
        try:
            for text in work:
                if ticket.times.first_token is None and completion.completion_tokens:
                    ticket.times.first_token = monotonic()
                if text:
                    texts.append(text)
                    if ticket.job.stream and not writing.has_begun:  # the first text goes out at once
                        writing.has_begun = True
                        break
                if monotonic() - begun >= (SLICE_S if self._waiting or len(self._writing) > 1 else ALONE_SLICE_S):
                    break
            else:
                ended = True
        except Exception as error:
            self._end(writing, "cancelled")
            ticket._fail(error)
            return
        if not ended:
            if monotonic() > writing.deadline:
                self._stop(writing, "timeout")
            if ticket.job.stream and (event := writing.event()):
                ticket._deliver(event)
                sched_yield()  # on one core the loop would else get it sent when the text has ended
            return
        reason: Reason = completion.finish_reason or "cancelled"
        self._end(writing, writing.stopped or reason if reason == "cancelled" else reason)
        event = writing.event()
        ticket._deliver(*([event] if event else []), None)

    def _stop(self, writing: _Writing, reason: Reason) -> None:
        writing.stopped = reason
        writing.completion.cancel()

    def _end(self, writing: _Writing, reason: Reason) -> None:
        ticket = writing.ticket
        ticket.times.ended = now = monotonic()
        ticket.finish_reason = reason
        started = ticket.times.started or now
        self._recent_s += 0.2 * (now - started - self._recent_s)
