"""A bar at a terminal, lines elsewhere, the same words in both."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Mapping

import pytest

from tinylm.base import progress
from tinylm.base.progress import ProgressBar, track

WORK = """
import sys, time
from tinylm.base.errors import say
from tinylm.base.progress import ProgressBar
with ProgressBar("reading", total=500e6, unit="MB", scale=1e6, say=say) as bar:
    bar.advance(125e6)
    say("note: /" + 100 * "x" + "/[bold]end")
    with ProgressBar("tokenizer", say=say):
        time.sleep(0.4)
    bar.advance(375e6)
    print("data")
say("rich" if "rich" in sys.modules else "no rich")
"""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_how_much_how_fast_and_how_long(clock: list[float]) -> None:
    lines: list[str] = []
    with ProgressBar("reading", total=500e6, unit="MB", scale=1e6, say=lines.append) as bar:
        clock[0] += 9
        bar.at(90e6)
        assert not lines
        clock[0] += 1
        bar.at(100e6)
        bar.advance(1e6)
        assert lines == ["  reading: 100 of 500 MB, 0:00:40 left, 10.0 MB/s"]
        clock[0] += 90
        bar.at(500e6, "at last")
    assert lines[1:] == ["  reading: 500 of 500 MB, 0:00:00 left, at last"]


def test_what_was_done_before_is_not_the_pace(clock: list[float]) -> None:
    lines: list[str] = []
    with ProgressBar("training", total=1000, done=500, unit="steps", say=lines.append) as bar:
        bar.skip(100)
        bar.tell()
        clock[0] += 10
        bar.at(650)
    assert lines == ["  training: 600 of 1,000 steps", "  training: 650 of 1,000 steps, 0:01:10 left, 5.0 steps/s"]


def test_results_are_counted(clock: list[float]) -> None:
    lines: list[str] = []
    for _ in track(range(8), "writing", total=8, unit="parts", say=lines.append):
        clock[0] += 5
    assert [line.partition(",")[0] for line in lines] == [f"  writing: {n} of 8 parts" for n in (2, 4, 6, 8)]
    assert list(track(iter("ab"), "silent", total=2, unit="letters", say=None)) == ["a", "b"]


def test_work_of_unknown_size_gives_a_sign_of_life_and_none_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "EVERY_S", 0.001)
    lines: list[str] = []
    twice = threading.Event()

    def say(line: str) -> None:
        lines.append(line)
        if len(lines) == 2:
            twice.set()

    with ProgressBar("counting", say=say):
        assert twice.wait(30)
    heard = len(lines)
    assert lines[0] == "  counting: 0 s so far"
    assert threading.Event().wait(0.05) is False
    assert len(lines) == heard


def test_a_short_block_is_silent_and_errors_pass_through() -> None:
    lines: list[str] = []
    with pytest.raises(ValueError, match="inside"), ProgressBar("counting", say=lines.append):
        raise ValueError("inside")
    assert lines == []


def at_terminal(program: str, **environment: str) -> str:
    """What `program` writes to a terminal of 80 columns on stdout and stderr."""
    master, slave = pty.openpty()
    own = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**own, "TERM": "xterm-256color", "COLUMNS": "80", **environment},
    ) as process:
        os.close(slave)
        written = b""
        try:
            while piece := os.read(master, 65536):
                written += piece
        except OSError:  # how Linux tells that the other side is closed
            pass
        finally:
            os.close(master)
    assert process.returncode == 0, written.decode()
    return written.decode().replace("\r\n", "\n")


_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
_COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3|9|4)\d")


def test_a_terminal_gets_bars_that_are_drawn_anew_and_taken_away() -> None:
    written = at_terminal(WORK)
    plain = _CONTROL.sub("", written)
    assert re.search(r"reading +━+.* 125 of 500 MB, \d:\d\d:\d\d left, [\d.,]+ MB/s", plain)
    assert re.search(r"tokenizer +━+.* 0 s so far", plain)
    assert "note: /" + 100 * "x" + "/[bold]end\n" in plain  # whole, above the bar, and no markup
    assert "data\n" in plain
    assert plain.endswith("rich\n")
    assert _COLOUR.search(written)
    assert written.count("\x1b[?25l") == written.count("\x1b[?25h") == 1  # the cursor comes back
    assert written.rindex("\x1b[2K") < written.rindex("rich")  # nothing is left below what is said next


def test_no_color_is_a_bar_without_colour() -> None:
    written = at_terminal(WORK, NO_COLOR="1")
    assert "125 of 500 MB" in _CONTROL.sub("", written)
    assert not _COLOUR.search(written)


@pytest.mark.parametrize(
    ("program", "environment"),
    [
        (WORK, {"TERM": "dumb"}),
        ("import sys; sys.modules['rich.console'] = None\n" + WORK.replace('"rich" in', '"rich.progress" in'), {}),
    ],
    ids=["dumb", "without rich"],
)
def test_where_nothing_can_be_drawn_there_are_lines(program: str, environment: Mapping[str, str]) -> None:
    written = at_terminal(program, **environment)
    assert written.startswith("note: /")
    assert written.endswith("/[bold]end\ndata\nno rich\n")


def test_a_pipe_gets_lines_and_data_stays_apart() -> None:
    program = WORK.replace(
        "with ProgressBar", "import tinylm.base.progress as p; p.EVERY_S = 0.01\nwith ProgressBar", 1
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "data\n"
    assert "\x1b" not in done.stderr
    assert "  tokenizer: 0 s so far\n" in done.stderr
    assert re.search(r"^  reading: 500 of 500 MB, 0:00:00 left, [\d,]+ MB/s$", done.stderr, re.MULTILINE)
    assert done.stderr.endswith("no rich\n")
