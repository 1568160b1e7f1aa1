"""Shell commands that make text of a file in another form, for errors and notes to name."""

from __future__ import annotations

import shlex
from pathlib import Path

from tinylm.corpus.reading.source_names import escaped


def command(template: str, path: Path) -> str:
    """`template` for one file: `{file}` is its path, `{text}` and `{lines}` those of a new text or JSONL beside it."""
    names = {"file": path, "text": _beside(path, ".txt"), "lines": _beside(path, ".jsonl")}
    for what, name in names.items():
        template = template.replace(f"{{{what}}}", _quoted(str(name)))
    return template


def _beside(path: Path, suffix: str) -> Path:
    """A name for a new file: a command that somebody copies overwrites nothing."""
    new = path.with_suffix(suffix)
    return path.with_name(f"{path.stem}-text{suffix}") if new.exists() else new


def _quoted(name: str) -> str:
    shown = escaped(name)
    return shlex.quote(name) if shown == name else "$'" + shown.replace("'", "\\'") + "'"
