"""How far long work is, on stderr: a bar at a terminal, a line every few seconds elsewhere.

    with ProgressBar("reading", total=size, unit="MB", scale=1e6, say=say) as bar:
        bar.advance(len(chunk))
    for result in track(results, "splitting", total=8, unit="parts", say=say): ...
    with ProgressBar("tokenizer", say=say): ...        # of unknown size: how long it has taken

A bar is drawn where `say` is `tinylm.base.errors.say` and stderr is a terminal that can redraw a line. What is said
meanwhile stands above it; a bar inside another stands below it. rich, which draws them, is imported when one is drawn:
where it is missing, there are lines.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from tinylm.base.errors import say as say_on_stderr

if TYPE_CHECKING:
    from rich.progress import Progress as Display

T = TypeVar("T")

EVERY_S = 10.0
"""Seconds between lines where there is no terminal."""

_display: Display | None = None


class ProgressBar:
    """A context manager around the work; not for several threads at once."""

    def __init__(
        self,
        what: str,
        *,
        total: float | None = None,
        done: float = 0,
        unit: str = "",
        scale: float = 1,
        say: Callable[[str], None] | None,
    ) -> None:
        """`total` is how much there is to do and `done` how much of it was there before, in `unit`s of `scale` each.

        `say` takes the lines; None is silent.
        """
        self._what, self._total, self._unit, self._scale, self._say = what, total, unit, scale, say
        self._done = self._before = done
        self._note = ""
        self._display: Display | None = None
        self._thread: threading.Thread | None = None
        self._over = threading.Event()

    def __enter__(self) -> ProgressBar:
        self._start = self._told = time.monotonic()
        self._display = _shared_display() if self._say is say_on_stderr else None
        if self._display is not None:
            self._bar = self._display.add_task(
                self._what, total=self._total, completed=int(self._done), words=self.words
            )
        elif self._total is None and self._say is not None:
            self._thread = threading.Thread(target=self._beat, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._display is not None:
            self._display.remove_task(self._bar)
            _end_display()
        if self._thread is not None:
            self._over.set()
            self._thread.join()

    def advance(self, count: float = 1) -> None:
        """So much more is done."""
        self.at(self._done + count)

    def skip(self, count: float) -> None:
        """So much more was done before, and says nothing of the pace."""
        self._done += count
        self._before += count

    def at(self, done: float, note: str = "") -> None:
        """So much is done; `note` stands in place of the pace."""
        self._done, self._note = done, note
        if self._display is not None:
            self._display.update(self._bar, completed=done)
        elif time.monotonic() - self._told >= EVERY_S:
            self.tell()

    def tell(self) -> None:
        """A line now, where there is no bar."""
        self._told = time.monotonic()
        if self._say is not None and self._display is None:
            self._say(f"  {self._what}: {self.words()}")

    def words(self) -> str:
        """`100 of 500 MB, 0:00:40 left, 10.0 MB/s`, or how long it has taken."""
        elapsed = time.monotonic() - self._start
        if self._total is None:
            return f"{elapsed:.0f} s so far"
        words = f"{self._done / self._scale:,.0f} of {self._total / self._scale:,.0f} {self._unit}"
        if pace := (self._done - self._before) / elapsed if elapsed else 0.0:
            words += f", {timedelta(seconds=round(max(self._total - self._done, 0) / pace))} left"
        if pace and not self._note:
            shown = pace / self._scale
            return f"{words}, {shown:,.{0 if shown >= 100 else 1}f} {self._unit}/s"
        return f"{words}, {self._note}" if self._note else words

    def _beat(self) -> None:
        while not self._over.wait(EVERY_S):
            self.tell()


def track(results: Iterable[T], what: str, *, total: int, unit: str, say: Callable[[str], None] | None) -> Iterator[T]:
    """The results, and how many of `total` have come."""
    with ProgressBar(what, total=total, unit=unit, say=say) as bar:
        for result in results:
            yield result
            bar.advance()


def _shared_display() -> Display | None:
    """What bars are drawn on, started; None where stderr is no terminal that can redraw a line, or rich is missing."""
    global _display
    if _display is not None or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return _display
    try:
        from rich.console import Console
        from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, Task, TextColumn
        from rich.progress import Progress as Display
        from rich.table import Column
        from rich.text import Text
    except ImportError:
        return None

    class Words(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(task.fields["words"](), no_wrap=True, overflow="ellipsis")

    _display = Display(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
        BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=5)),
        Words(),
        console=Console(stderr=True, highlight=False, soft_wrap=True),  # a path that is said is never broken
        redirect_stdout=sys.stdout.isatty(),  # data that goes elsewhere is none of its
        transient=True,
        expand=True,
    )
    _display.start()
    return _display


def _end_display() -> None:
    global _display
    if _display is not None and not _display.tasks:
        _display.stop()
        _display = None
