"""One server for the tests that leave it as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from http_server import Served, serving

from tinylm.bundle.reading import Bundle


@pytest.fixture(scope="session")
def bundle(make_bundle: Callable[..., Bundle]) -> Bundle:
    """A small int8 bundle that knows every character, with a context of 48 tokens."""
    return make_bundle(scheme="int8", byte_fallback=True)


@pytest.fixture(scope="module")
def served(bundle: Bundle) -> Iterator[Served]:
    with serving(bundle.path) as found:
        yield found
