"""Conversations: only new tokens are read; the text is what was said and shown; the context's policy holds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle
from tinylm.runtime.conversation import Conversation
from tinylm.runtime.engine import Engine
from tinylm.runtime.generation import MAX_TEXT_CHARACTERS, generate
from tinylm.runtime.sampling import Sampler, Sampling
from tinylm.tokenizer.tokenizer import BOS, EOS, Tokenizer

MakeBundle = Callable[..., Bundle]
GREEDY = Sampling(temperature=0)


class Counting(Engine):
    """Counts the tokens that are read without being generated, and checks what it says is in its cache."""

    prefilled = 0

    def prefill(self, ids: Sequence[int]) -> None:
        super().prefill(ids)
        self.prefilled += len(ids)
        assert len(self.ids) == self.length


class Script:
    """Stands in for an Engine: chooses the tokens of a script, and records what it was asked to read."""

    def __init__(self, tokens: Sequence[int], *, context_length: int = 48, vocab_size: int = 400) -> None:
        self.context_length, self.vocab_size = context_length, vocab_size
        self.ids: list[int] = []
        self.prefilled = 0
        self._tokens = iter(tokens)

    @property
    def length(self) -> int:
        return len(self.ids)

    def prefill(self, ids: Sequence[int]) -> None:
        self.prefilled += len(ids)
        self.ids += ids
        assert self.length <= self.context_length

    def step(self, token: int, sampler: Sampler) -> tuple[int, float]:
        self.ids.append(token)
        assert self.length <= self.context_length
        return next(self._tokens), 0.0

    def truncate(self, length: int) -> None:
        assert length <= self.length
        del self.ids[length:]


@pytest.fixture(scope="module")
def bundle(make_bundle: MakeBundle) -> Bundle:
    return make_bundle(scheme="int8", byte_fallback=True)


@pytest.fixture(scope="module")
def tokenizer(bundle: Bundle) -> Tokenizer:
    return Tokenizer(bundle.tokenizer)


@pytest.fixture
def engine(bundle: Bundle) -> Iterator[Counting]:
    with Counting(bundle) as opened:
        yield opened


def scripted(tokenizer: Tokenizer, tokens: Sequence[int], **options: int) -> Conversation:
    return Conversation(Script(tokens, **options), tokenizer, sampling=GREEDY)  # type: ignore[arg-type]


def test_a_turn_reads_only_what_is_new(engine: Counting, tokenizer: Tokenizer) -> None:
    conversation = Conversation(engine, tokenizer, sampling=Sampling(seed=1))
    first, second = tokenizer.encode("the out"), tokenizer.encode(" casa")
    answer = list(conversation.say("the out", max_tokens=5))
    assert answer
    # The last token of what is said is decoded, as it chooses the next; BOS comes before the first turn.
    assert engine.prefilled == len(first)
    engine.prefilled = 0
    list(conversation.say(" casa", max_tokens=5))
    # The last token of an answer was chosen and not read.
    assert engine.prefilled == len(second)
    assert len(conversation.ids) == 1 + len(first) + 5 + len(second) + 5


def test_the_first_turn_is_what_generate_gives(engine: Counting, tokenizer: Tokenizer) -> None:
    sampling = Sampling(seed=3, repetition_penalty=1.3)
    expected = "".join(generate(engine, tokenizer, "the out", sampling=sampling, max_tokens=20))
    assert "".join(Conversation(engine, tokenizer, sampling=sampling).say("the out", max_tokens=20)) == expected


def test_the_same_turns_give_the_same_text_whatever_the_engine_did_before(
    engine: Counting, tokenizer: Tokenizer
) -> None:
    def talk() -> list[str]:
        conversation = Conversation(engine, tokenizer, sampling=Sampling(seed=5))
        return ["".join(conversation.say(text, max_tokens=30)) for text in ("the", " out", "", " casa ñ")]

    first = talk()
    list(generate(engine, tokenizer, "sa lu mi", sampling=GREEDY, max_tokens=9))
    assert talk() == first


def test_two_conversations_on_one_engine_read_again_what_the_other_overwrote(
    engine: Counting, tokenizer: Tokenizer
) -> None:
    alone = []
    for text in ("the", "sa"):
        conversation = Conversation(engine, tokenizer, sampling=GREEDY)
        alone.append(["".join(conversation.say(part, max_tokens=3)) for part in (text, " out")])
    pair = [Conversation(engine, tokenizer, sampling=GREEDY) for _ in range(2)]
    mixed = [["".join(c.say(text, max_tokens=3))] for c, text in zip(pair, ("the", "sa"), strict=True)]
    for conversation, parts in zip(pair, mixed, strict=True):
        parts.append("".join(conversation.say(" out", max_tokens=3)))
    # The first turns are the same; the second ones were read in other chunks, and int8 noise may choose otherwise.
    assert [parts[0] for parts in mixed] == [parts[0] for parts in alone]
    assert all(conversation.ids[0] == BOS for conversation in pair)


def test_half_a_character_stays_what_it_was_shown_as(tokenizer: Tokenizer) -> None:
    first, second = (
        next(i for i in range(tokenizer.vocab_size) if tokenizer.piece(i) == f"<0x{b}>") for b in ("C2", "80")
    )
    conversation = scripted(tokenizer, [first, EOS, second, *[EOS] * 20], context_length=10_000)
    text = "the out" + "".join(conversation.say("the out", max_tokens=2))
    assert text == "the out\ufffd"
    text += "".join(conversation.say("", max_tokens=1))
    assert tokenizer.decode(conversation.ids) == text


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_conversation_holds_what_was_said_and_shown(tokenizer: Tokenizer, data: st.DataObject) -> None:
    """Any answers, with byte tokens and EOS; any stop strings; some turns left early: the texts joined are its text."""
    answers = data.draw(st.lists(st.integers(4, tokenizer.vocab_size - 1) | st.just(EOS), min_size=40, max_size=40))
    conversation = scripted(tokenizer, answers, context_length=10_000)
    text = ""
    for _ in range(data.draw(st.integers(1, 4))):
        said = data.draw(st.sampled_from(["the out", "", "a\n", " ñ😀", "sa"]))
        stop = data.draw(st.lists(st.sampled_from(["e", "sa", "\n", "a", "ñ"]), max_size=2))
        pieces = conversation.say(said, max_tokens=data.draw(st.integers(1, 8)), stop=stop)
        limit = data.draw(st.none() | st.integers(0, 3))
        text += said
        if limit is None:
            text += "".join(pieces)
        elif limit:
            for count, piece in enumerate(pieces, 1):
                text += piece
                if count == limit:
                    break
            pieces.close()  # type: ignore[attr-defined]
        else:
            next(pieces, None)
            return  # dropped before or at its first piece; the next turn is another test's
        assert tokenizer.decode(conversation.ids) == text


@settings(max_examples=150, deadline=None)
@given(data=st.data(), context_length=st.integers(1, 20))
def test_past_the_context_turns_stay_within_it_and_cost_little(
    tokenizer: Tokenizer, data: st.DataObject, context_length: int
) -> None:
    script = Script([10] * 10_000, context_length=context_length)
    conversation = Conversation(script, tokenizer, sampling=GREEDY)  # type: ignore[arg-type]
    said = generated = 0
    for _ in range(data.draw(st.integers(1, 12))):
        text = data.draw(st.sampled_from(["", "the", "casa", "the out the out the out the out"]))
        count = data.draw(st.integers(1, 30))
        said += len(tokenizer.encode(text))
        generated += count
        list(conversation.say(text, max_tokens=count))
        assert context_length <= 2 or conversation.ids[0] == BOS  # half of 2 has no room for it
    # For `C // 2` new tokens, at most `C - C // 2 - 1` are read again.
    again = (context_length - context_length // 2 - 1) / max(context_length // 2, 1)
    assert script.prefilled <= 1 + said + (said + generated) * again + context_length


def test_cancelling_from_another_thread_ends_a_turn_and_the_next_goes_on(
    engine: Counting, tokenizer: Tokenizer
) -> None:
    conversation, cancelled = Conversation(engine, tokenizer, sampling=Sampling(seed=0)), threading.Event()
    shown = ""
    for piece in conversation.say("the", max_tokens=10**9, cancelled=cancelled):
        shown += piece
        if len(shown) > 200:
            thread = threading.Thread(target=cancelled.set)
            thread.start()
            thread.join()
    assert shown.endswith(tokenizer.decode(conversation.ids[1:])[-20:])
    assert "".join(conversation.say(" out", max_tokens=10))


def test_errors_leave_the_conversation_as_it_was(engine: Counting, tokenizer: Tokenizer, bundle: Bundle) -> None:
    conversation = Conversation(engine, tokenizer, sampling=GREEDY)
    list(conversation.say("the", max_tokens=5))
    before = conversation.ids
    for options, message in (
        ({"text": "x" * 100_000_000, "max_tokens": 1}, "what is said has 100000000 characters; at most 100000 are"),
        ({"text": "a", "max_tokens": 0}, "0 new tokens were asked for"),
        ({"text": "a", "max_tokens": 1, "stop": [""]}, "a stop string is empty"),
    ):
        with pytest.raises(TinylmError, match=message):
            list(conversation.say(**options))  # type: ignore[arg-type]
        assert conversation.ids == before
    assert "".join(conversation.say("x" * MAX_TEXT_CHARACTERS, max_tokens=5))


def test_a_tokenizer_of_another_model_is_refused(engine: Counting, make_bundle: MakeBundle) -> None:
    with pytest.raises(TinylmError, match="the tokenizer has 128 pieces; the model was made for 400"):
        Conversation(engine, Tokenizer(make_bundle().tokenizer), sampling=GREEDY)
