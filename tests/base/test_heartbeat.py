"""A sign of life, and silence when it is over."""

from __future__ import annotations

import threading

import pytest

from tinylm.base.heartbeat import heartbeat, seldom


def test_it_beats_while_the_block_runs_and_not_after() -> None:
    lines: list[str] = []
    twice = threading.Event()

    def announce(line: str) -> None:
        lines.append(line)
        if len(lines) == 2:
            twice.set()

    with heartbeat(announce, "counting", every_s=0.001):
        assert twice.wait(30)
    heard = len(lines)
    assert lines[0] == "  counting: 0 s so far"
    assert threading.Event().wait(0.05) is False
    assert len(lines) == heard


def test_a_short_block_is_silent_and_errors_pass_through() -> None:
    lines: list[str] = []
    with pytest.raises(ValueError, match="inside"), heartbeat(lines.append, "counting"):
        raise ValueError("inside")
    assert lines == []


def test_a_loop_is_heard_seldom() -> None:
    lines: list[str] = []
    tell, tell_all = seldom(lines.append, every_s=3600), seldom(lines.append, every_s=-1)
    tell("too soon")
    tell_all("one")
    tell_all("two")
    tell("still too soon")
    assert lines == ["one", "two"]
