"""Progress in words: every ten seconds, with rate and time left, and never before."""

from __future__ import annotations

import pytest

from tinylm.corpus.building import progress
from tinylm.corpus.building.progress import Meter


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_how_much_how_fast_and_how_long(clock: list[float]) -> None:
    lines: list[str] = []
    meter = Meter(500_000_000, lines.append)
    clock[0] += 9
    meter.at(90_000_000)
    assert not lines
    clock[0] += 1
    meter.at(100_000_000)
    meter.at(101_000_000)
    assert lines == ["  100 of 500 MB read, 10.0 MB/s, about 40 s left"]
    meter.source_done(150_000_000)
    clock[0] += 10
    meter.at(50_000_000)
    assert lines[1:] == ["  200 of 500 MB read, 10.0 MB/s, about 30 s left"]
    clock[0] += 10
    meter.at(0)  # a source that is no file
    assert len(lines) == 2


def test_parts(clock: list[float]) -> None:
    lines: list[str] = []
    for _ in Meter(0, lines.append).counted("writing", range(8), 8):
        clock[0] += 4
    assert lines == ["  writing: 3 of 8 parts", "  writing: 6 of 8 parts"]
    Meter(0, None).say("nobody listens")
