"""Conversations with a real bundle: what is kept of them, what is read again, what is told."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle
from tinylm.chat.local import LocalBackend
from tinylm.chat.session import Session, Turn
from tinylm.chat.settings import Settings
from tinylm.runtime.chat_template import Message
from tinylm.runtime.content_filter import ContentFilter, FilteredPrompt
from tinylm.runtime.phrases import parse_phrase

SYSTEM = "The can is out. Del casa, the wa! ¿Qué ñolu mité? The can is out."


def heard(turn: Turn) -> str:
    return "".join(turn)


def test_a_turn_is_kept_when_it_has_ended(session: Session) -> None:
    turn = session.say("the wa")
    assert session.said == []
    answer = heard(turn)
    assert answer
    assert session.said == [Message("user", "the wa"), Message("assistant", answer)]
    assert session.last is not None
    assert session.last.finish_reason == "length"
    assert session.last.usage.completion_tokens == 10
    assert session.last.ttft_ms is not None
    assert session.last.tokens_per_second is not None


def test_a_turn_that_is_stopped_keeps_what_came(session: Session) -> None:
    session.settings = Settings(temperature=0, max_tokens=10_000)
    turn = session.say("the wa")
    for piece in turn:
        if len(turn.text) > 20:
            turn.cancel()
        assert piece
    assert session.last is not None
    assert session.last.finish_reason == "cancelled"
    assert session.said[1] == Message("assistant", turn.text)
    assert 20 < len(turn.text) < 60


def test_a_turn_that_is_stopped_at_once_is_none(session: Session) -> None:
    turn = session.say("the wa")
    turn.cancel()
    assert heard(turn) == ""
    assert session.said == []


def test_undo_and_retry(session: Session) -> None:
    for command in (session.undo, session.retry):
        with pytest.raises(TinylmError, match="there is nothing to"):
            command()
    session.settings = Settings(temperature=1.5, seed=1, max_tokens=10)
    heard(session.say("the wa"))
    first = list(session.said)
    heard(session.say("the can"))
    assert session.undo() == "the can"
    assert session.said == first
    again = heard(session.retry())
    assert session.said == [first[0], Message("assistant", again)]
    assert again != first[1].content  # a seed of its own


def test_the_same_seed_and_words_are_the_same_conversation(session: Session) -> None:
    session.settings = Settings(temperature=1.5, seed=1, max_tokens=10)

    def talked() -> list[Message]:
        heard(session.say("the wa"))
        heard(session.retry())
        heard(session.say("del casa"))
        said = session.said
        session.begin()
        return said

    assert talked() == talked()


def test_a_retry_that_fails_keeps_the_answer_that_was_there(session: Session) -> None:
    heard(session.say("the wa"))
    said = list(session.said)
    turn = session.retry()
    turn.cancel()
    assert heard(turn) == ""
    assert session.said == said


def test_after_the_first_turn_only_what_is_new_is_read(session: Session) -> None:
    session.system = SYSTEM
    heard(session.say("the wa"))
    assert session.last is not None
    first = session.last.usage
    assert first.prompt_tokens is not None
    assert first.prompt_tokens > 32  # or nothing would be shown here
    assert first.cached_tokens == 0
    for text in ("del casa", "out", "the can"):
        before = session.last.usage
        heard(session.say(text))
        used = session.last.usage
        assert used.prompt_tokens is not None
        assert used.cached_tokens is not None
        assert before.prompt_tokens is not None
        # All but the last token of the prompt before was read, in chunks of 16; what does not fill one is read again.
        assert used.cached_tokens == (before.prompt_tokens - 1) // 16 * 16
    session.begin()
    heard(session.say("the can"))
    assert session.last is not None
    assert session.last.usage.cached_tokens == 32  # the system prompt's whole chunks


def test_what_the_model_does_not_see_any_more_is_told_once(session: Session) -> None:
    session.system = SYSTEM
    session.settings = Settings(temperature=0, max_tokens=40)
    told = []
    for _ in range(8):
        heard(session.say("the can is out and the casa del wa"))
        assert session.last is not None
        assert session.last.usage.prompt_tokens is not None
        assert session.last.usage.prompt_tokens <= 256 - 40
        told.append(sum("no longer sees" in note for note in session.last.notes))
    assert sum(told) == 1
    assert told[0] == 0
    assert len(session.said) == 16  # nothing is lost for the user
    session.begin()
    for _ in range(8):
        heard(session.say("the can is out and the casa del wa"))
        told.append(sum("no longer sees" in note for note in session.last.notes if session.last))
    assert sum(told) == 2


def test_a_message_that_is_longer_than_the_context_is_told_each_time(session: Session) -> None:
    long = "the can is out and the casa del wa " * 20
    for system, words in (
        ("", "the message is"),
        ("", "the message is"),
        (SYSTEM, "the system prompt and the message"),
    ):
        session.system = system
        heard(session.say(long))
        assert session.last is not None
        (note,) = [note for note in session.last.notes if note.startswith("warning: ")]
        assert words in note
        cut, tokens = map(int, re.findall(r"\d+", note))
        assert tokens - cut == 256 - 10 - 1  # BOS stays, and there is room for the answer
    heard(session.say("out"))
    assert not any("cut" in note for note in session.last.notes)


def test_what_is_taken_back_leaves_no_figures(session: Session) -> None:
    heard(session.say("the wa"))
    session.undo()
    assert session.last is None


def test_what_the_model_does_not_know_is_told(make_bundle: Callable[..., Bundle]) -> None:
    backend = LocalBackend(make_bundle().path, threads="1", backend="native")
    session = Session(backend, settings=Settings(temperature=0, max_tokens=4))
    heard(session.say("the 漢"))
    assert session.last is not None
    assert session.last.notes == ("the model does not know some characters of what was said (3 bytes)",)
    backend.close()


def test_too_much_is_refused_before_anything_happens(session: Session) -> None:
    with pytest.raises(TinylmError, match="100001 characters"):
        session.say("x" * 100_001)
    with pytest.raises(TinylmError, match="what is said is not UTF-8 text"):
        session.say("half \udcff")


def test_the_filter_refuses_what_is_said_and_ends_an_answer(talking_bundle: Bundle) -> None:
    settings = Settings(seed=1, max_tokens=40)

    def talk(*phrases: str) -> Session:
        own = ContentFilter("own", [parse_phrase(phrase, "test") for phrase in phrases])
        backend = LocalBackend(talking_bundle.path, threads="1", backend="native", content_filter=own)
        return Session(backend, settings=settings)

    free = talk("zzz")
    whole = heard(free.say("the can"))
    word = re.findall(r"\w+", whole)[-1]
    session = talk(word)
    assert heard(session.say("the can")) == re.split(rf"\b{word}\b", whole)[0]
    assert session.last is not None
    assert session.last.finish_reason == "content_filter"
    assert "the content filter `own` ended the text" in session.last.notes[0]
    said = list(session.said)
    with pytest.raises(FilteredPrompt, match="what was said is refused by the content filter `own`"):
        session.say(f"and {word}")
    assert session.said == said  # the conversation goes on
    session.system = f"Say {word}."
    with pytest.raises(FilteredPrompt, match="the system prompt is refused"):
        session.say("the can")
    spread = talk("zz yy")
    spread.system = "Say zz"
    with pytest.raises(FilteredPrompt, match="the conversation is refused"):
        spread.say("yy now")
    spread.backend.close()
    for each in (free, session):
        each.backend.close()
