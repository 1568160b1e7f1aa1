"""Streams of text: the same as decoding at once, cut at stop strings, and going on past the context."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle
from tinylm.runtime.completion import generate
from tinylm.runtime.engine import Engine
from tinylm.runtime.generation import StopGate, TextDecoder, fit_prompt, generate_ids
from tinylm.runtime.sampling import Sampler, Sampling
from tinylm.tokenizer.tokenizer import BOS, EOS, UNK, Tokenizer, normalise

MakeBundle = Callable[..., Bundle]
GREEDY = Sampling(temperature=0)


class Script:
    """Stands in for an Engine: chooses the tokens of a script, and records what it was asked to read."""

    def __init__(self, tokens: Sequence[int], *, context_length: int = 48, vocab_size: int = 400) -> None:
        self.context_length, self.vocab_size = context_length, vocab_size
        self.length = 0
        self.cache: list[int] = []
        self.prefilled = 0
        self._tokens = iter(tokens)

    def prefill(self, ids: Sequence[int]) -> None:
        self.prefilled += len(ids)
        self._append(ids)

    def step(self, token: int, sampler: Sampler) -> tuple[int, float]:
        self._append([token])
        return next(self._tokens), 0.0

    def truncate(self, length: int) -> None:
        del self.cache[length:]
        self.length = length

    def reusable(self, ids: Sequence[int]) -> int:
        return 0

    def _append(self, ids: Sequence[int]) -> None:
        self.cache += ids
        self.length = len(self.cache)
        assert self.length <= self.context_length


@pytest.fixture(scope="module")
def tokenizer(make_bundle: MakeBundle) -> Tokenizer:
    return Tokenizer(make_bundle(byte_fallback=True).tokenizer)


@pytest.fixture
def engine(make_bundle: MakeBundle) -> Iterator[Engine]:
    with Engine(make_bundle()) as opened:
        yield opened


@pytest.fixture
def plain(make_bundle: MakeBundle) -> Tokenizer:
    return Tokenizer(make_bundle().tokenizer)


def scripted(tokenizer: Tokenizer, tokens: Sequence[int], **options: object) -> list[str]:
    """The pieces that `generate` yields when the model chooses `tokens`."""
    arguments = {"sampling": GREEDY, "max_tokens": max(len(tokens), 1), **options}
    return list(generate(Script([*tokens, EOS]), tokenizer, "the", **arguments))  # type: ignore[arg-type]


# --- tokens to text ---------------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_pieces_joined_are_the_tokens_decoded_at_once(tokenizer: Tokenizer, data: st.DataObject) -> None:
    """Any tokens: valid and broken UTF-8 in byte tokens, leading spaces, control tokens in between."""
    byte = tokenizer.encode("\U0001f600")[0] - 0xF0
    assert tokenizer.piece(byte + 0x41) == "<0x41>"
    lead = st.sampled_from(
        [byte + value for value in (0x41, 0x80, 0x9F, 0xBF, 0xC0, 0xC3, 0xE2, 0xED, 0xF0, 0xF4, 0xFF)]
    )
    ids = data.draw(st.lists(st.one_of(st.integers(0, tokenizer.vocab_size - 1), lead), max_size=30))
    decoder = TextDecoder(tokenizer)
    pieces = [decoder.push(token) for token in ids]
    assert "".join([*pieces, decoder.flush()]) == tokenizer.decode(ids)


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.sampled_from("añz .\n¿€漢😀́👩‍"), max_size=20), before=st.sampled_from([BOS, 4, 10, 100]))
def test_no_piece_ends_inside_a_character(tokenizer: Tokenizer, text: str, before: int) -> None:
    decoder, arrived = TextDecoder(tokenizer, after=before), ""
    for token in tokenizer.encode(text):
        piece = decoder.push(token)
        assert "\ufffd" not in piece
        arrived += piece
    assert arrived == normalise(text)
    assert decoder.flush() == ""


def test_spaces_at_the_beginning_of_a_piece_are_kept(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("the  out \n out")
    assert "".join(scripted(tokenizer, ids)) == "the  out \n out"


def test_an_unfinished_character_shows_at_the_end(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("a😀")[:-1]
    assert scripted(tokenizer, ids)[-1] == "\ufffd" * 3


# --- stop strings -----------------------------------------------------------------------------------------------------


def cut(text: str, stop: Sequence[str]) -> str:
    """`text` up to the stop string that is complete first; of two complete at once, the longer."""
    for end in range(len(text) + 1):
        starts = [end - len(word) for word in stop if text[:end].endswith(word)]
        if starts:
            return text[: min(starts)]
    return text


@settings(max_examples=500, deadline=None)
@given(
    pieces=st.lists(st.text("ab\n", max_size=5), max_size=8),
    stop=st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=3),
)
def test_stop_strings_cut_as_if_the_text_had_come_at_once(pieces: list[str], stop: list[str]) -> None:
    gate, arrived, seen = StopGate(stop), "", ""
    for piece in pieces:
        arrived += gate.push(piece)
        seen += piece
        assert cut(seen, stop).startswith(arrived)
        # Nothing is held back that cannot become a stop string.
        assert gate.stopped or any(seen[len(arrived) :] == word[: len(seen) - len(arrived)] for word in [*stop, ""])
        if gate.stopped:
            break
    assert gate.stopped == (cut(seen, stop) != seen)
    assert arrived + gate.flush() == cut(seen, stop)


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        (["out the"], "ca sa "),  # over a border of tokens
        (["\n"], "ca sa out the. "),
        (["the", "out"], "ca sa "),
        (["never"], "ca sa out the. \nló 😀!"),
        (["lo\u0301"], "ca sa out the. \n"),  # decomposed, where the text is composed
        (["\U0001f600"], "ca sa out the. \nló "),  # four byte tokens
    ],
)
def test_generation_ends_before_a_stop_string(tokenizer: Tokenizer, stop: list[str], expected: str) -> None:
    ids = tokenizer.encode("ca sa out the. \nló 😀!")
    assert "".join(scripted(tokenizer, ids, stop=stop)) == expected


def test_an_empty_stop_string_is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(TinylmError, match="stop string is empty"):
        scripted(tokenizer, [10], stop=["a", ""])


# --- generation -------------------------------------------------------------------------------------------------------


def test_greedy_tokens_equal_reading_everything_again_for_each(engine: Engine) -> None:
    ids = [BOS, 17, 30, 99]
    generated = list(generate_ids(engine, ids, Sampler(GREEDY), max_new_tokens=30, stop_at_eos=False))
    expected = list(ids)
    for _ in range(30):
        engine.truncate(0)
        engine.prefill(expected[:-1])
        logits = np.array(engine.logits(expected[-1]))
        logits[[0, 2, 3]] = -np.inf
        expected.append(int(logits.argmax()))
    assert [*ids, *generated] == expected


def test_eos_ends_the_text_unless_told_not_to() -> None:
    tokens = [7, EOS, 8]
    assert list(generate_ids(Script(tokens), [BOS], Sampler(GREEDY), max_new_tokens=3)) == [7]  # type: ignore[arg-type]
    script = Script(tokens)
    assert list(generate_ids(script, [BOS], Sampler(GREEDY), max_new_tokens=3, stop_at_eos=False)) == tokens  # type: ignore[arg-type]


def test_the_prompt_counts_for_the_repetition_penalty(engine: Engine) -> None:
    first = next(generate_ids(engine, [BOS, 50], Sampler(GREEDY), max_new_tokens=1, stop_at_eos=False))
    strong = Sampling(temperature=0, repetition_penalty=100)
    ids = [BOS, first, 50]
    engine.truncate(0)
    engine.prefill(ids[:-1])
    best = int(np.argmax(engine.logits(50)))
    penalised = list(generate_ids(engine, [BOS, best, 50], Sampler(strong), max_new_tokens=5, stop_at_eos=False))
    assert len({*penalised, best, 50}) == 7


def test_an_empty_prompt_is_bos_alone(engine: Engine, plain: Tokenizer) -> None:
    text = "".join(generate(engine, plain, "", sampling=Sampling(seed=3), max_tokens=10))
    ids = list(generate_ids(engine, [BOS], Sampler(Sampling(seed=3)), max_new_tokens=10))
    assert text == plain.decode(ids)


def test_unknown_characters_become_unk_in_the_prompt(engine: Engine, plain: Tokenizer) -> None:
    assert UNK in plain.encode("漢 the")
    assert "".join(generate(engine, plain, "漢 the", sampling=Sampling(seed=0), max_tokens=10))


def test_a_seed_fixes_the_text(engine: Engine, plain: Tokenizer) -> None:
    def text(seed: int) -> str:
        return "".join(generate(engine, plain, "the", sampling=Sampling(seed=seed, top_p=0.9), max_tokens=40))

    assert text(1) == text(1)
    assert text(1) != text(2)


def test_past_the_context_bos_and_the_newer_half_are_read_again() -> None:
    script = Script(range(100, 200), context_length=8)
    tokens = generate_ids(script, [BOS, 50, 51], Sampler(GREEDY), max_new_tokens=20)  # type: ignore[arg-type]
    caches = [list(script.cache) for _ in tokens]
    assert caches[0] == [BOS, 50, 51]
    assert caches[5] == [BOS, 50, 51, 100, 101, 102, 103, 104]
    assert caches[6] == [BOS, 103, 104, 105]
    assert caches[10] == [BOS, 103, 104, 105, 106, 107, 108, 109]
    assert caches[11] == [BOS, 108, 109, 110]


@pytest.mark.parametrize("context_length", [1, 2, 3, 7, 48])
def test_a_long_text_costs_one_extra_token_for_every_generated_one(context_length: int) -> None:
    count = 1000
    script = Script(range(count), context_length=context_length)
    ids = [BOS, *range(4, 104)]
    assert list(generate_ids(script, ids, Sampler(GREEDY), max_new_tokens=count, stop_at_eos=False)) == [*range(count)]  # type: ignore[arg-type]
    assert script.prefilled <= count + context_length


@pytest.mark.parametrize("context_length", [2, 3, 4, 7, 20])
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_drop_oldest_equals_reading_everything_that_is_seen_again_for_each_token(
    make_bundle: MakeBundle, context_length: int, data: st.DataObject
) -> None:
    """The policy said another way: when the window moves, and what it holds then, by counting alone."""
    text = [BOS, *data.draw(st.lists(st.integers(4, 127), max_size=40))]
    count = data.draw(st.integers(1, 50))
    half = context_length // 2
    with Engine(make_bundle(context_length=context_length)) as engine:
        generated = list(generate_ids(engine, text, Sampler(GREEDY), max_new_tokens=count, stop_at_eos=False))
        expected: list[int] = []
        seen = len(text) if len(text) <= context_length else context_length - min(count, half)
        for _ in range(count):
            if seen > context_length:
                seen = context_length - half
            history = [*text, *expected]
            whole = seen == len(history) or context_length == 2  # half of 2 has no room for BOS
            window = history[-seen:] if whole else [BOS, *history[len(history) - seen + 1 :]]
            engine.truncate(0)
            engine.prefill(window[:-1])
            logits = np.array(engine.logits(window[-1]))
            logits[[0, 2, 3]] = -np.inf
            expected.append(int(logits.argmax()))
            seen += 1
    assert generated == expected


@settings(max_examples=200, deadline=None)
@given(
    text=st.text(st.sampled_from("a ñ\n€😀é"), max_size=30),
    stop=st.lists(st.sampled_from(["ñ€", "😀", "a\n", "é a"]), max_size=2),
    context_length=st.integers(1, 12),
)
def test_the_stream_does_not_show_where_the_context_overflowed(
    tokenizer: Tokenizer, text: str, stop: list[str], context_length: int
) -> None:
    """In the middle of a character of several byte tokens, or of a stop string."""
    ids = tokenizer.encode(text)
    small = Script([*ids, EOS], context_length=context_length)
    arguments = {"sampling": GREEDY, "max_tokens": len(ids) + 1, "stop": stop}
    pieces = list(generate(small, tokenizer, "the", **arguments))  # type: ignore[arg-type]
    assert pieces == scripted(tokenizer, ids, stop=stop)
    assert "".join(pieces) == cut(normalise(text), stop)


def test_generation_past_the_context_is_deterministic(engine: Engine) -> None:
    def tokens() -> list[int]:
        return list(generate_ids(engine, [BOS, 9], Sampler(Sampling(seed=0)), max_new_tokens=300, stop_at_eos=False))

    first = tokens()
    assert len(first) == 300
    assert tokens() == first


@pytest.mark.parametrize(
    ("length", "max_new_tokens", "expected"),
    [
        (10, 99, [BOS, *range(1, 10)]),  # fits: nothing is cut
        (11, 3, [BOS, *range(5, 11)]),  # leaves room for 3
        (11, 99, [BOS, *range(7, 11)]),  # but takes half of the context
        (500, 4, [BOS, *range(495, 500)]),
    ],
)
def test_a_prompt_that_is_too_long_loses_its_beginning(length: int, max_new_tokens: int, expected: list[int]) -> None:
    assert fit_prompt(range(length), context_length=10, max_new_tokens=max_new_tokens) == expected


def test_another_thread_ends_the_stream_and_the_engine_goes_on(engine: Engine, plain: Tokenizer) -> None:
    def text(limit: int, cancelled: threading.Event | None = None) -> Iterator[str]:
        sampling = Sampling(seed=1)
        return generate(engine, plain, "the", sampling=sampling, max_tokens=limit, cancelled=cancelled)

    expected = "".join(text(100))
    cancelled = threading.Event()
    pieces: list[str] = []
    enough = threading.Event()

    def read() -> None:
        for piece in text(10**9, cancelled):
            pieces.append(piece)
            if len(pieces) == 20:
                enough.set()

    reader = threading.Thread(target=read)
    reader.start()
    enough.wait()
    cancelled.set()
    reader.join()
    assert "".join(pieces)[:40] == expected[:40]
    assert "".join(text(100)) == expected
    assert list(text(100, cancelled)) == []


def test_a_stream_that_is_left_early_leaves_the_engine_usable(engine: Engine, plain: Tokenizer) -> None:
    def text() -> Iterator[str]:
        return generate(engine, plain, "the", sampling=Sampling(seed=1), max_tokens=60)

    expected = "".join(text())
    left = text()
    beginning = next(left)
    left.close()  # type: ignore[attr-defined]
    assert expected.startswith(beginning)
    assert "".join(text()) == expected


def test_a_prompt_of_absurd_length_is_refused_before_it_is_encoded(engine: Engine, plain: Tokenizer) -> None:
    def fail(text: str) -> list[int]:
        raise AssertionError("encoded")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(plain, "encode", fail)
        with pytest.raises(TinylmError) as caught:
            next(generate(engine, plain, "x" * 100_000_000, sampling=GREEDY, max_tokens=1))
    assert caught.value.message == "the prompt has 100000000 characters; at most 100000 are read"
    assert caught.value.hint
    assert "".join(generate(engine, plain, "the " * 25_000, sampling=Sampling(seed=0), max_tokens=20))


def test_absurdly_many_tokens_mean_until_the_text_ends() -> None:
    script = Script([7, 8, EOS])
    assert list(generate_ids(script, [BOS], Sampler(GREEDY), max_new_tokens=10**30)) == [7, 8]  # type: ignore[arg-type]


def test_impossible_requests_are_refused(engine: Engine, tokenizer: Tokenizer) -> None:
    with pytest.raises(TinylmError, match="at least BOS"):
        next(generate_ids(engine, [], Sampler(GREEDY), max_new_tokens=1))
    with pytest.raises(TinylmError, match=r"0 new tokens .* at least 1"):
        next(generate_ids(engine, [BOS], Sampler(GREEDY), max_new_tokens=0))
    with pytest.raises(TinylmError, match="the tokenizer has 400 pieces; the model was made for 128"):
        next(generate(engine, tokenizer, "", sampling=GREEDY, max_tokens=1))
