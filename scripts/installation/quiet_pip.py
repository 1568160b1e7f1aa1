"""pip in a few lines: what is downloaded and how far it is. When pip fails, everything that it said."""

from __future__ import annotations

import importlib.metadata
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import TextIO
from urllib.parse import unquote

_LARGE_MB = 10.0  # smaller files are there before anybody has read their name
_LINE_EVERY_S = 30.0  # where no terminal can show the same line anew
_FIRST_RAW_BAR = (24, 1)  # the pip that learned to write its progress as numbers

_DOWNLOAD = re.compile(r"\s*Downloading (?:\S*/)?(\S+) \(([\d.]+) ([kMG]?)B\)")
_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
_INSTALLING = "Installing collected packages: "
_MB = {"": 1e-6, "k": 1e-3, "M": 1.0, "G": 1e3}


class PipError(Exception):
    """pip ended with an error; what it said has been printed."""


class _Display:
    """Lines that stay, and one that says what is going on: drawn anew on a terminal, seldom elsewhere."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._live, self._shown = out, out.isatty(), time.monotonic()

    def line(self, text: str) -> None:
        clear = "\r\x1b[K" if self._live else ""
        print(f"{clear}{text}", file=self._out, flush=True)
        self._shown = time.monotonic()

    def now(self, text: str) -> None:
        if self._live:
            print(f"\r\x1b[K{text}", end="", file=self._out, flush=True)
        elif time.monotonic() - self._shown >= _LINE_EVERY_S:
            self.line(text)

    def end(self) -> None:
        if self._live:
            print("\r\x1b[K", end="", file=self._out, flush=True)


def install(*arguments: str, out: TextIO = sys.stderr) -> None:
    """`pip install` into the environment of this Python; raises PipError."""
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *arguments]
    if tuple(int(part) for part in importlib.metadata.version("pip").split(".")[:2]) >= _FIRST_RAW_BAR:
        command += ["--progress-bar", "raw"]
    display, doing, started, said = _Display(out), "asking for packages", time.monotonic(), []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as pip:
        for line in _lines(pip):
            if line is None:
                display.now(f"  {doing}, {time.monotonic() - started:.0f} s so far")
            elif progress := _PROGRESS.match(line):
                done, whole = (int(count) / 1e6 for count in progress.groups())
                display.now(f"  {doing}: {done:.0f} of {whole:.0f} MB")
            else:
                said.append(line)
                if found := _DOWNLOAD.match(line):
                    name, size, unit = found.groups()
                    doing = f"downloading {unquote(name).split('-')[0]}"
                    if float(size) * _MB[unit] >= _LARGE_MB:
                        display.line(f"  {doing}, {float(size) * _MB[unit]:.0f} MB")
                elif line.startswith(_INSTALLING):
                    doing = f"unpacking {line.removeprefix(_INSTALLING).count(',') + 1} packages"
                    display.line(f"  {doing}")
                elif line.startswith("WARNING: Retrying"):
                    display.line(f"  {line.partition(': /')[0]}")
    display.end()
    if pip.returncode:
        print("".join(said), end="", file=out, flush=True)
        raise PipError(f"pip ended with {pip.returncode}; what it said stands above")


def _lines(pip: subprocess.Popen[str]) -> Iterator[str | None]:
    """What pip says, line by line, as it comes; None after every second in which it says nothing."""
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        assert pip.stdout is not None
        for line in pip.stdout:
            lines.put(line)
        lines.put("")  # the end

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=1)
        except queue.Empty:
            yield None
        else:
            if not line:
                return
            yield line
