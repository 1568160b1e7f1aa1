"""Showing how training goes: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Column

from tinylm.training.run.metrics import StepMetrics

_PLAIN_SECONDS = 15.0  # between lines when there is no terminal to draw on


class TrainingProgress:
    """A context manager; `step` once a step, `say` for lines that stay."""

    def __init__(self, *, total_steps: int, done: int) -> None:
        self.console = Console(stderr=True, highlight=False)
        self._total, self._last_line, self._started, self._first = total_steps, 0.0, time.monotonic(), done
        self._tokens_per_second = 0.0  # smoothed
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(table_column=Column(ratio=1, max_width=30)),
            TextColumn("{task.completed}/{task.total}"),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(compact=True),
            console=self.console,
            disable=not self.console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("training", total=total_steps, completed=done, figures="")

    def __enter__(self) -> TrainingProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def step(self, row: StepMetrics) -> None:
        """Show a step that is done."""
        step, pace = row.step, row.tokens_per_second
        self._tokens_per_second = 0.95 * self._tokens_per_second + 0.05 * pace if self._tokens_per_second else pace
        figures = f"epoch {row.epoch}  loss {row.loss:.3f}  lr {row.lr:.5f}  {self._tokens_per_second:,.0f} tok/s"
        self._bar.update(self._task, completed=step, figures=figures)
        now = time.monotonic()
        if not self.console.is_terminal and (now - self._last_line >= _PLAIN_SECONDS or step == self._total):
            self._last_line = now
            pace = (now - self._started) / max(step - self._first, 1)
            left = round(pace * (self._total - step))
            print(
                f"step {step}/{self._total}  {figures}  {left // 60}:{left % 60:02d} left", file=sys.stderr, flush=True
            )

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self.console.print(line, markup=False, soft_wrap=True)
