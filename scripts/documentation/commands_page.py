"""docs/commands.md: every command and option, walked from the typer application."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

HEAD = """\
# Commands

Every command and option, as `tinylm COMMAND --help` shows them. `scripts/docs` writes this page from the command line
itself. What all commands share, output and exit codes, stands in the [design](design.md#4-commands).
"""


def _commands() -> Iterator[tuple[Any, Any]]:
    """Every command with its context, in the order of `tinylm --help`; a group stands before its commands."""
    import typer

    from tinylm.cli.application import app

    def below(command: Any, context: Any) -> Iterator[tuple[Any, Any]]:
        yield command, context
        if hasattr(command, "list_commands"):
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                yield from below(inner, type(context)(inner, parent=context, info_name=name))

    root: Any = typer.main.get_command(app)
    context = root.make_context("tinylm", [], resilient_parsing=True)
    yield from below(root, context)


def commands_page() -> str:
    found = list(_commands())
    lines = [HEAD]
    for command, context in found[1:]:
        anchor = context.command_path.replace(" ", "-")
        lines.append(f"- [{context.command_path}](#{anchor}): {command.get_short_help_str()}")
    for command, context in found:
        lines += ["", f"## {context.command_path}", "", _paragraphs(command.help)]
        lines += ["", f"    {' '.join([context.command_path, *command.collect_usage_pieces(context)])}"]
        for panel, records in _Panels(command, context).items():
            lines += ["", f"**{panel}**", "", *(f"- `{name}`: {' '.join(text.split())}" for name, text in records)]
        if command.epilog:
            lines += ["", "**Example**", "", "```bash", command.epilog, "```"]
    return "\n".join(lines) + "\n"


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in inspect.cleandoc(text).split("\n\n"))


class _Panels(dict[str, list[tuple[str, str]]]):
    """Stands in for the formatter of `--help`, and keeps what that would print: rows by panel."""

    width = 10_000  # nothing is cut to a terminal

    def __init__(self, command: Any, context: Any) -> None:
        command.format_options(context, self)

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        self._name = name
        yield

    def write_dl(self, rows: Iterable[tuple[str, str]]) -> None:
        rows = [row for row in rows if row[0] != "-h, --help"]
        if rows and self._name != "Commands":
            self[self._name] = rows
