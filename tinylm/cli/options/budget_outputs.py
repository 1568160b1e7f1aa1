"""The options `--junit`, `--markdown` and `--html`, which every command that ends with a budget report has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tinylm.base.errors import TinylmError, say
from tinylm.cli.options.output_file import check_output

if TYPE_CHECKING:
    from tinylm.budget.report import BudgetReport

OUTPUT = "Output"
"""The panel that the help shows these options in."""
Junit = Annotated[
    Path | None,
    typer.Option(metavar="FILE", rich_help_panel=OUTPUT, help="Also write JUnit XML, which CI systems show as tests."),
]
Markdown = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", rich_help_panel=OUTPUT, help="Also write Markdown, for a pull request or a job's summary."
    ),
]
Html = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", rich_help_panel=OUTPUT, help="Also write one HTML page with charts; it needs no network."
    ),
]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Files to write beside what goes to stdout; None is not wanted."""

    junit: Path | None = None
    markdown: Path | None = None
    html: Path | None = None

    @property
    def any(self) -> bool:
        return any(self._files())

    def check(self, *inputs: Path | None) -> None:
        """TinylmError when a file could not be written: better before minutes of measuring than after them.

        None of them may replace one of the `inputs`, or lie in a folder that is one.
        """
        files, kept = self._files(), [path.resolve() for path in inputs if path is not None and path.exists()]
        for file in files:
            check_output(file)
            if any(path == file.resolve() or path in file.resolve().parents for path in kept):
                raise TinylmError(f"`{file}` would replace what is read, or lie inside it", "name another file")
        if len({file.resolve() for file in files}) < len(files):
            raise TinylmError(f"`{files[-1]}` is named for two outputs", "give each a file of its own")

    def write(self, report: BudgetReport, *, certify: bool) -> None:
        """Write what is wanted, each file whole or not at all."""
        from tinylm.base.files import write_atomic
        from tinylm.budget.formats.junit import to_junit
        from tinylm.budget.formats.markdown import to_markdown
        from tinylm.budget.formats.page import to_html

        makers: tuple[tuple[Path | None, Callable[[BudgetReport], str]], ...] = (
            (self.junit, partial(to_junit, certify=certify)),
            (self.markdown, to_markdown),
            (self.html, to_html),
        )
        for file, make in makers:
            if file is not None:
                write_atomic(file, make(report).encode())
                say(f"wrote {file}")

    def _files(self) -> list[Path]:
        return [file for file in (self.junit, self.markdown, self.html) if file is not None]
