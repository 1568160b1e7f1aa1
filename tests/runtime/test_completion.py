"""A text in steps: why it ended, what gates do to it, and a cache that is reused without changing a bit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle
from tinylm.runtime.backends.contract import CHUNK_TOKENS, Backend
from tinylm.runtime.completion import Completion, CompletionRequest, FinishReason, generate
from tinylm.runtime.engine import Engine
from tinylm.runtime.model import Model
from tinylm.runtime.sampling import Sampler, Sampling
from tinylm.tokenizer.tokenizer import BOS, EOS, Tokenizer

MakeBundle = Callable[..., Bundle]


class Counting(Engine):
    """Counts the tokens that are read without being generated."""

    prefilled = 0

    def prefill(self, ids: Sequence[int]) -> None:
        super().prefill(ids)
        self.prefilled += len(ids)


class Upto:
    """A gate that ends a text before a letter, and holds the last letter back."""

    finish_reason: FinishReason = "content_filter"

    def __init__(self, letter: str) -> None:
        self._letter, self._held, self.stopped = letter, "", False

    def push(self, text: str) -> str:
        text = self._held + text
        if self._letter in text:
            self.stopped, self._held = True, ""
            return text[: text.index(self._letter)]
        self._held = text[-1:]
        return text[:-1]

    def flush(self) -> str:
        held, self._held = self._held, ""
        return held


@pytest.fixture(scope="module")
def bundle(make_bundle: MakeBundle) -> Bundle:
    return make_bundle(scheme="int8", byte_fallback=True, context_length=96)


@pytest.fixture(scope="module")
def tokenizer(bundle: Bundle) -> Tokenizer:
    return Tokenizer(bundle.tokenizer)


@pytest.fixture
def engine(bundle: Bundle) -> Iterator[Counting]:
    with Counting(bundle) as opened:
        yield opened


def request(ids: Sequence[int], *, seed: int = 1, max_tokens: int = 12, **options: object) -> CompletionRequest:
    sampling = Sampling(seed=seed)
    return CompletionRequest(prompt_ids=tuple(ids), sampling=sampling, max_tokens=max_tokens, **options)  # type: ignore[arg-type]


def write(engine: Engine, tokenizer: Tokenizer, asked: CompletionRequest) -> str:
    return "".join(Completion(engine, tokenizer, asked))


@settings(max_examples=60, deadline=None)
@given(data=st.data(), backend=st.sampled_from(["native", "onnxruntime"]))
def test_a_text_is_the_same_whatever_the_engine_wrote_before(
    bundle: Bundle, tokenizer: Tokenizer, data: st.DataObject, backend: Backend
) -> None:
    """Prompts that share beginnings of any length, past the context too: reused caches change no token."""
    model = _model(bundle, backend)
    shared = data.draw(st.lists(st.integers(4, 399), min_size=0, max_size=80))
    prompts = [
        [BOS, *shared[: data.draw(st.integers(0, 80))], *data.draw(st.lists(st.integers(4, 399), max_size=20))]
        for _ in range(data.draw(st.integers(2, 4)))
    ]
    with Engine(model) as one:
        for number, prompt in enumerate(prompts):
            asked = request(prompt, seed=number, max_tokens=data.draw(st.integers(1, 30)))
            with Engine(model) as fresh:
                expected = write(fresh, tokenizer, asked)
            assert write(one, tokenizer, asked) == expected


_models: dict[str, Model] = {}


def _model(bundle: Bundle, backend: Backend) -> Model:
    return _models.setdefault(backend, Model(bundle, backend=backend))


def test_a_conversation_with_one_more_turn_reads_only_what_is_new(engine: Counting, tokenizer: Tokenizer) -> None:
    first = [BOS, *range(10, 50)]
    completion = Completion(engine, tokenizer, request(first, max_tokens=5))
    list(completion)
    assert (completion.prompt_tokens, completion.cached_tokens, engine.prefilled) == (41, 0, 40)
    second = [*first, *range(60, 70)]
    completion = Completion(engine, tokenizer, request(second))
    list(completion)
    # Two whole chunks of the 40 tokens that were read; the rest was in a shorter one, or decoded.
    assert completion.cached_tokens == 2 * CHUNK_TOKENS
    assert engine.prefilled == 40 + len(second) - 1 - 2 * CHUNK_TOKENS


def test_why_a_text_ends(engine: Counting, tokenizer: Tokenizer) -> None:
    ids = [BOS, *tokenizer.encode("the out")]
    whole = write(engine, tokenizer, request(ids, max_tokens=40))
    assert len(whole) > 10

    def end(asked: CompletionRequest, **options: object) -> tuple[str, str | None]:
        completion = Completion(engine, tokenizer, asked, **options)  # type: ignore[arg-type]
        return "".join(completion), completion.finish_reason

    assert end(request(ids, max_tokens=40)) == (whole, "length")
    stop = whole[6:8]
    before = whole[: whole.index(stop)]
    assert end(request(ids, max_tokens=40, stop=(stop,))) == (before, "stop")
    letter = whole[3]
    assert end(request(ids, max_tokens=40), gates=[Upto(letter)]) == (whole[: whole.index(letter)], "content_filter")
    # The gate ends the text before the stop string does.
    assert end(request(ids, max_tokens=40, stop=(stop,)), gates=[Upto(before[0])]) == ("", "content_filter")
    # The stop string comes first, and what the gate held back comes before it.
    absent = next(letter for letter in "ABCDEFG☃" if letter not in before)
    assert end(request(ids, max_tokens=40, stop=(stop,)), gates=[Upto(absent)]) == (before, "stop")
    cancelled = threading.Event()
    cancelled.set()
    assert end(request(ids), cancelled=cancelled) == ("", "cancelled")


def test_eos_ends_a_text_unless_it_is_told_not_to(bundle: Bundle, tokenizer: Tokenizer) -> None:
    class Ending(Engine):
        def step(self, token: int, sampler: Sampler) -> tuple[int, float]:
            super().step(token, sampler)
            return EOS, 0.0

    with Ending(bundle) as ending:
        for stop_at_eos, expected in ((True, ("stop", 0)), (False, ("length", 12))):
            completion = Completion(ending, tokenizer, request([BOS, 9], stop_at_eos=stop_at_eos))
            assert "".join(completion) == ""
            assert (completion.finish_reason, completion.completion_tokens) == expected


def test_it_is_cancelled_while_it_reads_its_prompt(engine: Counting, tokenizer: Tokenizer) -> None:
    completion = Completion(engine, tokenizer, request([BOS, *range(10, 90)]))
    for number, text in enumerate(completion):
        assert (text, number) == ("", 0)
        completion.cancel()
    assert (completion.finish_reason, engine.prefilled) == ("cancelled", CHUNK_TOKENS)


def test_cancelling_ends_before_the_next_token(engine: Counting, tokenizer: Tokenizer) -> None:
    completion = Completion(engine, tokenizer, request([BOS, 10], max_tokens=10**9))
    for _ in completion:
        if completion.completion_tokens == 7:
            completion.cancel()
    assert (completion.finish_reason, completion.completion_tokens) == ("cancelled", 7)


def test_logprobs_are_recorded_and_change_no_token(engine: Counting, tokenizer: Tokenizer) -> None:
    ids = [BOS, *tokenizer.encode("the out")]
    plain = write(engine, tokenizer, request(ids))
    completion = Completion(engine, tokenizer, request(ids, logprobs=3))
    assert "".join(completion) == plain
    assert len(completion.logprobs) == completion.completion_tokens == 12
    for entry in completion.logprobs:
        assert len(entry.alternatives) == 3
        assert entry.logprob <= entry.alternatives[0][1] <= 0


def test_generate_gives_the_pieces_of_a_completion(engine: Counting, tokenizer: Tokenizer) -> None:
    pieces = list(generate(engine, tokenizer, "the out", sampling=Sampling(seed=1), max_tokens=12))
    assert all(pieces)
    assert "".join(pieces) == write(engine, tokenizer, request([BOS, *tokenizer.encode("the out")]))


def test_nothing_to_start_from_is_refused(engine: Counting, tokenizer: Tokenizer, make_bundle: MakeBundle) -> None:
    with pytest.raises(TinylmError, match="a prompt is at least BOS"):
        Completion(engine, tokenizer, request([]))
    with pytest.raises(TinylmError, match="the tokenizer has 128 pieces; the model was made for 400"):
        Completion(engine, Tokenizer(make_bundle().tokenizer), request([BOS]))
