"""How commands explain themselves: whole sentences, options in panels, an example; plain text of any width.

Typer's own panels need rich, which is slow to start, and cut names and defaults short on a narrow terminal.
"""

from __future__ import annotations

import inspect
import os
import re
from typing import Any

import typer.core

from tinylm.cli.usage import UsageError

_SENTENCE = re.compile(r".+?[.?!](?=\s|$)", re.DOTALL)
_KIND = re.compile(r"<([^<>]+)>")
_KINDS = {"int": "NUMBER", "int range": "NUMBER", "float": "NUMBER"}
"""What people call what Typer calls by its name in Python; choices stay as they are."""
_DEFAULT_IN_WORDS = re.compile(r"(?<=default: )\((.*)\)(?=\]$|; )", re.DOTALL)
_RANGE = re.compile(r"(\d+)<=x<=(\d+)(?=\]$)")


class Command(typer.core.TyperCommand):
    """A command whose `epilog` is its example."""

    def get_short_help_str(self, limit: int = 45) -> str:
        return _first_sentence(self.help)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        _one_line_each()
        return super().shell_complete(ctx, incomplete)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        shown = [parameter for parameter in self.get_params(ctx) if not getattr(parameter, "hidden", False)]
        return [
            "[OPTIONS]",
            *(_capital(parameter, piece) for parameter in shown for piece in parameter.get_usage_pieces(ctx)),
        ]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except UsageError as error:
            error.ctx = error.ctx or ctx  # Typer's parser forgets it when an option has no value
            raise

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments and options under the name of their `rich_help_panel`, in the order of the code."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                default = "Arguments" if parameter.param_type_name == "argument" else "Options"
                panels.setdefault(getattr(parameter, "rich_help_panel", None) or default, []).append(
                    _tidied(parameter, *record)
                )
        for name, records in panels.items():
            with formatter.section(name):
                formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        if self.epilog:
            with formatter.section("Example"):
                for line in self.epilog.splitlines():
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")


class Group(typer.core.TyperGroup):
    """A command that has commands; without one it shows them, and the exit code is 2."""

    def get_short_help_str(self, limit: int = 45) -> str:
        return _first_sentence(self.help)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        _one_line_each()
        return super().shell_complete(ctx, incomplete)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help(), err=True)
            raise typer.Exit(2)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        from tinylm.base.errors import TinylmError
        from tinylm.base.records import nearest

        if not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None:
            message = f"`{ctx.command_path}` has no command `{args[0]}`"
            raise TinylmError(message, nearest(args[0], self.list_commands(ctx)))
        return super().resolve_command(ctx, args)


def _tidied(parameter: Any, name: str, text: str) -> tuple[str, str]:
    """A line of the help as people write it: no types of Python, no parentheses around a default that is words."""
    if parameter.param_type_name == "argument":
        name = _capital(parameter, name.partition(" <")[0])
    name = _KIND.sub(lambda kind: _KINDS.get(kind[1], kind[1]), name)
    return name, _RANGE.sub(r"\1 to \2", _DEFAULT_IN_WORDS.sub(r"\1", text))


def _capital(parameter: Any, name: str) -> str:
    """An argument's name as `usage` says it; what has a metavar is written as that is."""
    return name if parameter.metavar else name.upper()


def _one_line_each() -> None:
    """For shell completion, which this process ends with: Typer wraps descriptions to the terminal's width by rich, and
    fish takes every further line of one for a word to complete with."""
    os.environ["COLUMNS"] = "10000"


def _first_sentence(text: str | None) -> str:
    text = inspect.cleandoc(text or "")
    found = _SENTENCE.match(text)
    return " ".join((found.group() if found else text).split())
