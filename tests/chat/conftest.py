"""A bundle to talk with, on a machine of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tinylm.bundle.reading import Bundle
from tinylm.chat.local import LocalBackend
from tinylm.chat.session import Session
from tinylm.chat.settings import Settings


@pytest.fixture(scope="session")
def talking_bundle(make_bundle: Callable[..., Bundle]) -> Bundle:
    """Its random weights say a hundred tokens without an end."""
    return make_bundle(scheme="int8", byte_fallback=True, context_length=256)


@pytest.fixture
def session(talking_bundle: Bundle) -> Iterator[Session]:
    """A conversation with it that has not begun."""
    backend = LocalBackend(talking_bundle.path, threads="1", backend="native")
    yield Session(backend, settings=Settings(temperature=0, max_tokens=10))
    backend.close()
