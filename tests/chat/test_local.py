"""Bundles with a chat template, and without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tinylm.bundle.reading import Bundle, open_bundle
from tinylm.bundle.writing import write_bundle
from tinylm.chat.local import LocalBackend
from tinylm.chat.session import Session
from tinylm.chat.settings import Settings

TEMPLATE = "{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}assistant:"


def talking(bundle: Bundle) -> Session:
    backend = LocalBackend(bundle.path, threads="1", backend="native")
    return Session(backend, settings=Settings(temperature=1, seed=3, max_tokens=60))


def test_a_template_makes_turns_of_what_is_said(make_bundle: Callable[..., Bundle], tmp_path: Path) -> None:
    bare = make_bundle(scheme="int8", byte_fallback=True, context_length=256)
    contents = {name: (bare.path / name).read_bytes() for name in bare.manifest.files}
    write_bundle(tmp_path / "taught", replace(bare.manifest, chat_template=TEMPLATE, files={}), contents)
    session = talking(open_bundle(tmp_path / "taught"))
    assert not session.backend.model.only_continues
    session.settings = Settings(temperature=0, max_tokens=5)
    "".join(session.say("the wa"))
    assert session.last is not None
    before = session.last.usage.prompt_tokens
    session.begin()
    plain = talking(bare)
    assert plain.backend.model.only_continues
    "".join(plain.say("the wa"))
    assert plain.last is not None
    assert before is not None
    assert plain.last.usage.prompt_tokens is not None
    assert before > plain.last.usage.prompt_tokens  # the template's own words
