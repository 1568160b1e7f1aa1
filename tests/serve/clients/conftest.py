"""A server as a user starts it, for programs that nobody here wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running_server import RunningServer

from tinylm.bundle.reading import Bundle

MakeBundle = Callable[..., Bundle]


@pytest.fixture(scope="session")
def served_bundle(make_bundle: MakeBundle) -> Path:
    """Knows every byte, and has room for a short conversation."""
    return make_bundle(scheme="int8", byte_fallback=True, context_length=256).path


@pytest.fixture(scope="session")
def server(served_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One for all tests that leave it as it was; what it logs is looked at in the end."""
    with RunningServer(served_bundle, log=tmp_path_factory.mktemp("server") / "log") as running:
        yield running
    assert "Traceback" not in running.said()
    assert running.process.returncode == 0
