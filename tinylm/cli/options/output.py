"""Where results go: `--json` on stdout, and the files that a budget report is written to besides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from tinylm.base.errors import TinylmError, say

if TYPE_CHECKING:
    from tinylm.budget.report import BudgetReport

OUTPUT = "Output"
"""The panel that the help shows these options in."""
Json = Annotated[bool, typer.Option("--json", rich_help_panel=OUTPUT, help="Print one JSON document instead.")]
Certify = Annotated[
    bool,
    typer.Option(
        "--certify", rich_help_panel=OUTPUT, help="Accept nothing but measurements on the budget's own device."
    ),
]
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


def check_output(file: Path) -> None:
    """TinylmError unless `file` is a new file, or an old one, in a folder that exists."""
    if not file.parent.is_dir():
        raise TinylmError(f"the folder of `{file}` does not exist", f"make it first: mkdir -p {file.parent}")
    if file.is_dir():
        raise TinylmError(f"`{file}` is a folder", "name a file in it")
    if file.is_symlink() or (file.exists() and not file.is_file()):
        raise TinylmError(f"`{file}` is a link or a device, which would be replaced", "name a file")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Where a budget report goes: stdout, as a table or as JSON, and files beside it; None is not wanted."""

    json: bool = False
    certify: bool = False
    """Nothing but a measurement on the budget's own device is accepted."""
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

    def finish(self, report: BudgetReport) -> NoReturn:
        """Print the report, write its files, end with its exit code."""
        from tinylm.base.records import to_json
        from tinylm.budget.report import exit_code

        if self.json:
            print(to_json(report))
        else:
            from tinylm.budget.formats.table import print_comparison, print_report
            from tinylm.cli.terminal import console

            say("")
            screen = console()
            print_report(report, screen)
            if report.comparison is not None:
                screen.print()
                print_comparison(report.comparison, screen)
        self.write(report)  # after the report is out: a full disk does not lose it
        if self.certify and report.basis != "measured":
            say("\nnot certified: the basis is not `measured`; run this on the budget's device")
        raise typer.Exit(exit_code(report, certify=self.certify))

    def write(self, report: BudgetReport) -> None:
        """Write the files that are wanted, each whole or not at all."""
        if not self.any:
            return  # four formats that nobody asked for need not be loaded
        from tinylm.base.files import write_atomic
        from tinylm.budget.formats.junit import to_junit
        from tinylm.budget.formats.markdown import to_markdown
        from tinylm.budget.formats.page import to_html

        makers: tuple[tuple[Path | None, Callable[[BudgetReport], str]], ...] = (
            (self.junit, partial(to_junit, certify=self.certify)),
            (self.markdown, to_markdown),
            (self.html, to_html),
        )
        for file, make in makers:
            if file is not None:
                write_atomic(file, make(report).encode())
                say(f"wrote {file}")

    def _files(self) -> list[Path]:
        return [file for file in (self.junit, self.markdown, self.html) if file is not None]
