"""The queue is bounded and fair, texts take turns, and whoever leaves, is too slow or is shut down ends at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle
from tinylm.runtime.chat_template import ChatTemplate
from tinylm.runtime.completion import CompletionRequest, generate
from tinylm.runtime.engine import Engine
from tinylm.runtime.sampling import Sampling
from tinylm.serve.scheduler import Closing, Event, Job, QueueFull, Scheduler, Ticket
from tinylm.serve.served_model import ServedModel
from tinylm.tokenizer.tokenizer import BOS

MakeBundle = Callable[..., Bundle]
FOREVER = 10**9


@pytest.fixture(scope="module")
def bundle(make_bundle: MakeBundle) -> Bundle:
    return make_bundle(scheme="int8", byte_fallback=True)


@pytest.fixture
def served(bundle: Bundle) -> Iterator[ServedModel]:
    model = ServedModel(bundle, name="test", parallel=4, template=ChatTemplate(None), content_filter=None)
    yield model
    model.close()


def job(
    served: ServedModel,
    *,
    seed: int = 0,
    max_tokens: int = 20,
    client: str = "a",
    timeout_s: float = 60,
    prompt: str = "the out",
    **options: object,
) -> Job:
    ids = (BOS, *served.tokenizer.encode(prompt))
    sampling = Sampling(seed=seed)
    request = CompletionRequest(prompt_ids=ids, sampling=sampling, max_tokens=max_tokens, stop_at_eos=False)
    return Job(model=served, request=request, client=client, timeout_s=timeout_s, **options)  # type: ignore[arg-type]


def run(work: Callable[[Scheduler], Awaitable[None]], *, parallel: int = 2, queue: int = 8) -> None:
    async def main() -> None:
        scheduler = Scheduler(parallel=parallel, queue=queue)
        try:
            await work(scheduler)
        finally:
            await scheduler.close(0)

    before = set(threading.enumerate())
    asyncio.run(main())
    assert "engine" not in {thread.name for thread in set(threading.enumerate()) - before}


async def text_of(ticket: Ticket) -> str:
    return "".join([event.text async for event in ticket])


async def begun(ticket: Ticket) -> AsyncIterator[Event]:
    """The text has begun; it is cancelled when what is returned is dropped."""
    events = aiter(ticket)
    await anext(events)
    return events


def test_texts_that_take_turns_are_what_each_is_alone(served: ServedModel, bundle: Bundle) -> None:
    with Engine(bundle) as engine:
        alone = [
            "".join(generate(engine, served.tokenizer, "the out", sampling=Sampling(seed=seed), max_tokens=200))
            for seed in range(6)
        ]

    async def work(scheduler: Scheduler) -> None:
        tickets = [
            scheduler.submit(_ends_at_eos(job(served, seed=seed, max_tokens=200, stream=seed % 2 == 0)))
            for seed in range(6)
        ]
        assert await asyncio.gather(*map(text_of, tickets)) == alone
        for ticket in tickets:
            assert ticket.finish_reason in ("stop", "length")
            assert ticket.usage.prompt_tokens == len(ticket.job.request.prompt_ids)
            assert ticket.times.ttft_ms is not None
            assert ticket.times.queued_ms <= ticket.times.ttft_ms

    run(work)


def _ends_at_eos(asked: Job) -> Job:
    from dataclasses import replace

    return replace(asked, request=replace(asked.request, stop_at_eos=True))


def test_a_streaming_text_comes_while_it_is_written_and_another_at_its_end(served: ServedModel) -> None:
    async def work(scheduler: Scheduler) -> None:
        streaming = scheduler.submit(job(served, max_tokens=3000))
        at_once = scheduler.submit(job(served, max_tokens=3000, stream=False))
        events = [event async for event in streaming]
        assert len(events) > 2
        assert events[-1].tokens == streaming.usage.completion_tokens == 3000
        whole = [event async for event in at_once]
        assert len(whole) == 1
        assert whole[0].text == "".join(event.text for event in events)

    run(work)


def test_a_cancelled_text_ends_within_two_tokens(served: ServedModel) -> None:
    async def work(scheduler: Scheduler) -> None:
        for stream in (True, False):
            ticket = scheduler.submit(job(served, max_tokens=FOREVER, stream=stream))
            while not (writing := list(scheduler._writing)) or not writing[0].completion.completion_tokens:
                await asyncio.sleep(0.001)
            completion = writing[0].completion
            ticket.cancel()
            before = completion.completion_tokens
            await text_of(ticket)
            assert completion.completion_tokens <= before + 2
            assert ticket.finish_reason == "cancelled"
            ticket.cancel()  # again, after its end: nothing happens
        assert await text_of(scheduler.submit(job(served)))

    run(work)


def test_what_a_text_took_is_known_before_it_ends(served: ServedModel) -> None:
    """A client that leaves does not wait for the end, and its tokens count."""

    async def work(scheduler: Scheduler) -> None:
        ticket = scheduler.submit(job(served, max_tokens=FOREVER))
        assert ticket.usage.prompt_tokens == len(ticket.job.request.prompt_ids)
        _events = await begun(ticket)
        assert ticket.finish_reason is None
        assert ticket.usage.completion_tokens > 0

    run(work)


def test_leaving_a_text_early_cancels_it(served: ServedModel) -> None:
    async def work(scheduler: Scheduler) -> None:
        ticket = scheduler.submit(job(served, max_tokens=FOREVER))
        events = aiter(ticket)
        await anext(events)
        await events.aclose()  # type: ignore[attr-defined]
        while scheduler.stats().active:
            await asyncio.sleep(0.001)
        assert ticket.finish_reason == "cancelled"

    run(work)


def test_a_waiting_text_that_is_cancelled_gives_its_place_back(served: ServedModel) -> None:
    async def work(scheduler: Scheduler) -> None:
        first = scheduler.submit(job(served, max_tokens=FOREVER))
        _events = await begun(first)
        second = scheduler.submit(job(served))
        with pytest.raises(QueueFull):
            scheduler.submit(job(served))
        second.cancel()
        assert await text_of(second) == ""
        assert (second.finish_reason, second.usage.completion_tokens) == ("cancelled", 0)
        assert scheduler.stats().waiting == 0
        scheduler.submit(job(served))

    run(work, parallel=1, queue=1)


def test_the_queue_is_bounded_and_says_when_to_come_back(served: ServedModel) -> None:
    async def work(scheduler: Scheduler) -> None:
        first = scheduler.submit(job(served, max_tokens=FOREVER))
        _events = await begun(first)
        for _ in range(3):
            scheduler.submit(job(served))
        with pytest.raises(QueueFull) as full:
            scheduler.submit(job(served))
        assert full.value.retry_after_s >= 1
        stats = scheduler.stats()
        assert (stats.active, stats.waiting, stats.parallel, stats.queue) == (1, 3, 1, 3)

    run(work, parallel=1, queue=3)


def test_clients_are_served_in_turn_and_the_greediest_makes_room(served: ServedModel) -> None:
    async def work(scheduler: Scheduler) -> None:
        order: list[str] = []

        async def read(ticket: Ticket) -> None:
            await text_of(ticket)
            order.append(ticket.job.client)

        blocker = scheduler.submit(job(served, client="z", max_tokens=FOREVER))
        _events = await begun(blocker)
        greedy = [scheduler.submit(job(served, client="greedy")) for _ in range(4)]
        modest = scheduler.submit(job(served, client="modest"))
        # Full: the newest of the client with the most makes room for another client, but not for its own.
        with pytest.raises(QueueFull):
            scheduler.submit(job(served, client="greedy"))
        late = scheduler.submit(job(served, client="late"))
        with pytest.raises(QueueFull):
            await text_of(greedy[-1])
        readers = [asyncio.create_task(read(ticket)) for ticket in (*greedy[:-1], modest, late)]
        blocker.cancel()
        await asyncio.gather(*readers)
        assert order == ["greedy", "modest", "late", "greedy", "greedy"]

    run(work, parallel=1, queue=5)


def test_time_ends_a_text_that_is_written_and_one_that_waits(served: ServedModel) -> None:
    async def work(scheduler: Scheduler) -> None:
        long = scheduler.submit(job(served, max_tokens=FOREVER, timeout_s=0.2))
        waiting = scheduler.submit(job(served, timeout_s=0.05))
        assert await text_of(long)
        assert long.finish_reason == "timeout"
        with pytest.raises(QueueFull):  # nothing was written: that is no answer
            await text_of(waiting)
        assert (waiting.finish_reason, waiting.usage.completion_tokens) == ("timeout", 0)

    run(work, parallel=1)


def test_closing_lets_texts_end_and_ends_those_that_take_too_long(served: ServedModel) -> None:
    async def main() -> None:
        scheduler = Scheduler(parallel=2, queue=8)
        short = scheduler.submit(job(served, max_tokens=50))
        endless = [scheduler.submit(job(served, max_tokens=FOREVER)) for _ in range(3)]
        closing = asyncio.create_task(scheduler.close(0.3))
        texts = await asyncio.gather(*map(text_of, (short, *endless)))
        assert texts[0]
        assert short.finish_reason == "length"
        assert [ticket.finish_reason for ticket in endless] == ["shutdown"] * 3
        with pytest.raises(Closing):
            scheduler.submit(job(served))
        await closing

    asyncio.run(main())


def test_what_cannot_begin_ends_alone(
    served: ServedModel, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_memory(prompt_ids: object) -> Engine:
        raise MemoryError

    async def work(scheduler: Scheduler) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(served, "take_engine", no_memory)
            ticket = scheduler.submit(job(served))
            with pytest.raises(MemoryError):
                await text_of(ticket)
        assert (ticket.finish_reason, scheduler.stats().active) == ("cancelled", 0)
        assert await text_of(scheduler.submit(job(served)))

    run(work)
    assert "MemoryError" in capsys.readouterr().err


def test_what_fails_fails_alone(served: ServedModel) -> None:
    class Broken:
        stopped, finish_reason = False, "stop"

        def push(self, text: str) -> str:
            raise ZeroDivisionError

        def flush(self) -> str:
            return ""

    async def work(scheduler: Scheduler) -> None:
        good = scheduler.submit(job(served))
        bad = scheduler.submit(job(served, gates=(Broken(),)))
        refused = scheduler.submit(job(served, max_tokens=0))
        with pytest.raises(ZeroDivisionError):
            await text_of(bad)
        with pytest.raises(TinylmError, match="0 new tokens"):
            await text_of(refused)
        assert await text_of(good)
        assert await text_of(scheduler.submit(job(served)))

    run(work)


def test_nobody_waits_for_others_to_end(served: ServedModel) -> None:
    """With a text that never ends and a place beside it, a short one comes at once."""

    async def work(scheduler: Scheduler) -> None:
        endless = scheduler.submit(job(served, max_tokens=FOREVER))
        _events = await begun(endless)
        assert await text_of(scheduler.submit(job(served, client="b")))
        assert endless.finish_reason is None

    run(work)
