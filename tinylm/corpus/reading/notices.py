"""What people should know about files that were read or left out: a line for each kind of thing, not for each file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tinylm.corpus.cleaning.sections import DOCUMENT_END
from tinylm.corpus.reading.commands import command
from tinylm.corpus.reading.forms import TEXT, Form

_LICENCE = "Project Gutenberg's licence is left out"
_FRONT_MATTER = "settings at the top (front matter) are left out"
_MARKS = f"`{DOCUMENT_END}` inside a line parts nothing and stays in the text"
_OWN_LINE = "put each on a line of its own to part documents there"


class Notices:
    """Collects what was noticed; iterating gives the lines."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}
        self._advice: dict[str, str] = {}

    def read(
        self,
        name: str,
        path: Path,
        form: Form,
        *,
        licence: bool,
        front_matter: bool,
        marks: bool,
        foreign: str | None,
    ) -> None:
        """A file was read: what it looks like, what was taken off it, whether marks stand inside its lines.

        `foreign` is a mark of other programs that it has lines of.
        """
        if form.treatment == "text" and form.name != TEXT.name:
            self._add(f"{form.name} is read as it stands", name, _makes_text(form, path))
        if licence:
            self._add(_LICENCE, name)
        if front_matter:
            self._add(_FRONT_MATTER, name)
        if marks:
            self._add(_MARKS, name, _OWN_LINE)
        if foreign:
            self._add(f"lines `{foreign}` part nothing and stay in the text", name, f"`{DOCUMENT_END}` parts documents")

    def left_out(self, name: str, path: Path, form: Form) -> None:
        """A file in a folder was left out that holds text in a form of its own."""
        self._add(f"{form.name} is left out", name, _makes_text(form, path))

    def _add(self, what: str, name: str, advice: str = "") -> None:
        self._names.setdefault(what, []).append(name)
        self._advice.setdefault(what, advice)

    def __iter__(self) -> Iterator[str]:
        for what, names in self._names.items():
            more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
            advice = f"; {self._advice[what]}" if self._advice[what] else ""
            yield f"note: {what}: `{names[0]}`{more}{advice}"


def _makes_text(form: Form, path: Path) -> str:
    return f"`{command(form.convert, path)}` makes text of it" if form.convert else ""
