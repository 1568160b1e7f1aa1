"""What tinylm itself wrote, told by what it holds: text that a model or a report made is no text to learn from.

Without this, `--corpus .` would read the dataset that it is writing, and a second run the samples of the first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path

from tinylm.base.errors import TinylmError

_RECORD_BYTES = 4_000_000
_FOLDERS = {
    "dataset.json": ("dataset", {"schema", "sources", "tokenizer"}),
    "corpus.json": ("dataset", {"schema", "sources", "statistics"}),
    "plan.json": ("dataset", {"parts", "sources", "near_duplicates"}),
    "manifest.json": ("bundle", {"schema", "special_ids", "graph", "quantization"}),
    "checkpoint.json": ("checkpoint", {"schema", "run_id", "progress"}),
    "lock.json": ("cache of books", {"schema", "books"}),
    "machine.json": ("emulated board", {"schema", "image", "port", "settings"}),
}
"""The record that makes a folder what it is, and keys that it has."""
_RUN = {"config.toml", "run_id"}

_FILE = re.compile(
    r'\{\s*"schema": "\d+\.\d+",\s*"(?:tinylm|tinylm_version|runs|bundle|dataset|manifest_sha256'
    r'|text": "(?:[^"\\]|\\.)*",\s*"normalisation)"'  # --json of the commands
    r'|<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="generator" content="tinylm">'
    r'|<\?xml [^>]*>\s*<testsuites name="tinylm '
    r"|(?:\[1/4\] corpus, tokenizer and tokens\n)?corpus: (?:reading and cleaning|unchanged, skipped)\n"  # a kept log
    r"|## \S+ .*\n(?s:.*)\n<sub>.* · tinylm \S+ · .*</sub>\n\Z"  # --markdown
)


def own_folder(folder: Path, names: Collection[str]) -> str | None:
    """What of tinylm's a folder with these entries is, such as `bundle`, or None."""
    if _RUN.issubset(names):
        return "run"
    for name, (what, keys) in _FOLDERS.items():
        if name in names and keys <= _keys(folder / name):
            return what
    if "building" in names and "parts" in _keys(folder / "building" / "plan.json"):
        return "dataset"
    return None


def refuse_own_folder(folder: Path, what: str) -> TinylmError:
    """The error for a folder of tinylm's that was named as a text."""
    return TinylmError(
        f"`{folder}` is a {what} that tinylm made, no text of yours",
        "name the folder that your texts are in; a file inside is read when it is named by itself",
    )


def own_file(start: str) -> bool:
    """Whether a file that begins so is a report of tinylm's."""
    return _FILE.match(start) is not None


def _keys(path: Path) -> set[str]:
    try:
        with path.open("rb") as file:
            record = json.loads(file.read(_RECORD_BYTES))
    except (OSError, ValueError, RecursionError):
        return set()
    return set(record) if isinstance(record, dict) else set()
