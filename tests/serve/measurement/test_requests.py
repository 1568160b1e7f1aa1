"""What a server is asked by a probe: the same as the runtime's probe does, in the words of the API."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from http_server import serving
from hypothesis import given
from hypothesis import strategies as st
from probe_orders import ORDERS, PROMPTS

from tinylm.bundle.reading import Bundle
from tinylm.runtime.measurement.candidate import BundleCandidate
from tinylm.runtime.measurement.probe import do_request
from tinylm.serve.measurement.client import FILTERED, Answer, Client, Refusal
from tinylm.serve.measurement.requests import WARMING, ServedRequests, cut_text
from tinylm.tokenizer.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def candidate(tiny_bundle: Bundle) -> BundleCandidate:
    return BundleCandidate(tiny_bundle, PROMPTS)


def test_a_server_writes_what_the_runtime_writes(candidate: BundleCandidate) -> None:
    """The same number is the same prompt, sampling and random numbers, so it is the same text."""
    with serving(candidate.bundle.path) as served, candidate.open_engine(threads=1, backend="auto") as engine:
        requests = ServedRequests(Client(served.port), candidate, ORDERS)
        for number in range(4):
            assert requests.do(number).text == do_request(candidate, engine, ORDERS, number).text


def test_long_prompts_are_read_anew_in_every_request(make_bundle: Callable[..., Bundle]) -> None:
    """Of more prompts than the server has caches each comes again when it is in none; warming up is another text."""
    bundle = make_bundle(context_length=128)
    words = " ".join(PROMPTS).split()
    prompts = tuple(" ".join(words[place:] + words[:place]) for place in range(6))
    orders = dataclasses.replace(ORDERS, prompts=prompts, prompt_tokens=33)
    with serving(bundle.path) as served:
        requests = ServedRequests(Client(served.port), BundleCandidate(bundle, prompts), orders)
        for number in (*range(WARMING, WARMING + 3), *range(14)):
            assert requests.do(number).cached_tokens == 0


def test_a_text_that_the_filter_ended_is_asked_for_with_a_prompt_that_no_cache_has(
    make_bundle: Callable[..., Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = make_bundle(context_length=128)
    orders = dataclasses.replace(ORDERS, prompts=(" ".join(PROMPTS),), prompt_tokens=33)
    with serving(bundle.path) as served:
        client = Client(served.port)
        complete, ends = client.complete, iter((FILTERED, FILTERED, "length"))
        monkeypatch.setattr(client, "complete", lambda *asked, **how: ended(complete(*asked, **how), next(ends)))
        assert ServedRequests(client, BundleCandidate(bundle, orders.prompts), orders).do(0).cached_tokens == 0


def ended(answer: Answer, finish_reason: str) -> Answer:
    return dataclasses.replace(answer, finish_reason=finish_reason)


def test_answers_that_a_server_remembers_are_no_measurement(candidate: BundleCandidate) -> None:
    with serving(candidate.bundle.path) as served:
        requests = ServedRequests(Client(served.port), candidate, ORDERS)
        first = requests.do(0)
        assert first.ttft_ns <= first.latency_ns
        with pytest.raises(RuntimeError, match="8 of them cached"):
            requests.do(0)


def test_a_refusal_has_a_status_and_a_code(candidate: BundleCandidate) -> None:
    with serving(candidate.bundle.path) as served:
        client = Client(served.port)
        with pytest.raises(Refusal, match=r"status 400: .*max_tokens") as refused:
            client.complete({"prompt": "casa", "max_tokens": 0})
        assert refused.value.status == 400
        assert client.get("/readyz") == {"status": "ready"}


_TEXT = " ".join(PROMPTS)


@given(st.integers(1, len(_TEXT)), st.integers(1, 20))
def test_a_cut_text_has_as_many_tokens(tokenizer: Tokenizer, length: int, count: int) -> None:
    text = _TEXT[:length]
    ids = tokenizer.encode(text)[:count]
    cut = cut_text(tokenizer, text, ids)
    assert cut is not None
    assert text.startswith(cut)
    assert len(tokenizer.encode(cut)) == len(ids)


@pytest.fixture(scope="module")
def tokenizer(tiny_bundle: Bundle) -> Tokenizer:
    return Tokenizer(tiny_bundle.tokenizer)


def test_where_no_beginning_has_as_many_tokens_there_is_none(tokenizer: Tokenizer) -> None:
    assert cut_text(tokenizer, "casa", [9] * 30) is None
