"""A conversation with a real `tinylm serve` is the conversation with the bundle itself."""

from __future__ import annotations

import pytest
from http_server import serving

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle
from tinylm.chat.commands import run_command
from tinylm.chat.local import LocalBackend
from tinylm.chat.remote import RemoteBackend
from tinylm.chat.session import Session
from tinylm.chat.settings import Settings

SYSTEM = "The can is out. Del casa, the wa! ¿Qué ñolu mité? The can is out."
SETTINGS = Settings(temperature=0.9, top_k=20, top_p=0.9, repetition_penalty=1.1, max_tokens=12, seed=5, stop=("zzz",))


def test_both_ways_give_the_same_words(talking_bundle: Bundle) -> None:
    with serving(talking_bundle.path) as served:
        remote = RemoteBackend(f"http://127.0.0.1:{served.port}", token=None, tell=print)
        local = LocalBackend(talking_bundle.path, threads="1", backend="native")
        sessions = [Session(backend, settings=SETTINGS, system=SYSTEM) for backend in (local, remote)]
        for text in ("the wa", "del casa\nthe can", "out"):
            here, there = ("".join(session.say(text)) for session in sessions)
            assert here == there
            mine, theirs = (session.last for session in sessions)
            assert mine is not None
            assert theirs is not None
            assert mine.usage == theirs.usage
            assert mine.finish_reason == theirs.finish_reason
        assert sessions[1].last is not None
        assert sessions[1].last.usage.cached_tokens
        model = remote.model
        assert (model.context_length, model.only_continues) == (256, True)
        assert model.defaults == local.model.defaults
        memory = remote.memory()
        assert memory is not None
        assert memory.rss_mb > 10
        assert "the model's own" in str(run_command(sessions[1], "/set max_tokens default"))
        local.close()


def test_what_the_server_refuses_is_told_and_a_stopped_answer_stays(talking_bundle: Bundle) -> None:
    with serving(talking_bundle.path, filter=None) as served:
        backend = RemoteBackend(f"http://127.0.0.1:{served.port}", token=None, tell=print)
        session = Session(backend, settings=Settings(temperature=0, max_tokens=30_000))
        turn = session.say("the wa")
        for _ in turn:
            if len(turn.text) > 40:
                turn.cancel()
        assert session.last is not None
        assert session.last.finish_reason == "cancelled"
        assert session.said[1].content == turn.text
        session.settings = Settings(stop=tuple("abcdefghijklmnopqrstuvwxyz"))
        with pytest.raises(TinylmError, match="refuses with 400"):
            "".join(session.say("the can"))
        assert len(session.said) == 2


def test_what_does_not_fit_the_servers_model_is_told(talking_bundle: Bundle) -> None:
    with serving(talking_bundle.path) as served:
        backend = RemoteBackend(f"http://127.0.0.1:{served.port}", token=None, tell=print)
        session = Session(backend, settings=Settings(temperature=0, max_tokens=40))
        with pytest.raises(TinylmError, match=r"the newest message has .* the context of `test` is 256 tokens"):
            "".join(session.say("the can is out and the casa del wa " * 20))
        told = []
        for _ in range(8):
            "".join(session.say("the can is out and the casa del wa"))
            assert session.last is not None
            told += session.last.notes
        assert told == ["the conversation is longer than the model's context: it no longer sees the oldest messages"]
