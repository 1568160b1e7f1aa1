"""Opening a bundle: everything that is read is verified first, and nothing in it is executed or unpickled.

bundle = open_bundle(path)          # TinylmError for what is damaged, linked or newer than this reader
bundle.manifest.model, bundle.golden(), bundle.warning
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinylm.base.errors import TinylmError
from tinylm.base.files import sha256, sha256_bytes
from tinylm.base.records import check_schema, read
from tinylm.bundle.manifest import (
    CARD,
    GOLDEN,
    MANIFEST,
    MODEL,
    REQUIRED,
    SIGNATURE,
    TOKENIZER,
    FileEntry,
    Golden,
    Manifest,
)

SUPPORTED_REQUIRES: frozenset[str] = frozenset()
"""Names in `requires` that this reader understands; any other is refused."""
_MAX_JSON_BYTES = 16_000_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Bundle:
    """An opened bundle whose files were all checked against the manifest."""

    path: Path
    manifest: Manifest
    manifest_sha256: str
    """Identifies the bundle: the manifest lists the hash of every other file."""
    oddities: tuple[str, ...] = ()
    """What in the folder is not as it was exported and is never read, in words."""

    @property
    def model(self) -> Path:
        return self.path / MODEL

    @property
    def tokenizer(self) -> Path:
        return self.path / TOKENIZER

    @property
    def warning(self) -> str | None:
        """The oddities as one line for people; None when there are none."""
        if not self.oddities:
            return None
        more = f", and {len(self.oddities) - 1} more like it" if len(self.oddities) > 1 else ""
        return f"warning: `{self.path}` is not as it was exported: {self.oddities[0]}{more}; nothing reads that"

    @property
    def size_bytes(self) -> int:
        """Bytes of all files, the manifest included."""
        return sum(e.bytes for e in self.manifest.files.values()) + (self.path / MANIFEST).stat().st_size

    def golden(self) -> Golden:
        where = f"`{self.path / GOLDEN}`"
        data = load_json(self.path / GOLDEN)
        return read(Golden, data, where, major=1)


def open_bundle(path: Path, *, strict: bool = False) -> Bundle:
    """Verify a bundle folder and return it; TinylmError says what is wrong with it.

    What nothing reads does not make a model unusable: a file that is not listed, or another model card than was
    exported, stands in `Bundle.oddities`. With `strict`, which says that a bundle is whole, it is refused too.
    """
    if not path.exists():
        raise TinylmError(f"no bundle at `{path}`", "make one with `tinylm export`")
    if not path.is_dir() or not (path / MANIFEST).is_file():
        raise TinylmError(
            f"`{path}` is not a bundle: it has no {MANIFEST}", "name the folder that `tinylm export` made"
        )
    where = f"`{path / MANIFEST}`"
    raw = _read_regular(path / MANIFEST)
    data = _parse_json(raw, where)
    check_schema(data, major=1, where=where)
    requires = data.get("requires")
    for name in requires if isinstance(requires, list) else []:  # any other type is for `read` to refuse
        if isinstance(name, str) and name not in SUPPORTED_REQUIRES:
            raise TinylmError(f"{where} requires `{name}`, which this tinylm does not know", "upgrade tinylm")
    manifest = read(Manifest, data, where)
    oddities = tuple(_verify_files(path, manifest))
    if strict and oddities:
        raise TinylmError(
            f"`{path}` is not as it was exported: {oddities[0]}",
            "remove what does not belong there, or export the bundle again",
        )
    return Bundle(path, manifest, sha256_bytes(raw), oddities)


def _verify_files(path: Path, manifest: Manifest) -> Iterator[str]:
    """Refuse what may not be there or does not match; yield in words what is odd and never read."""
    listed = set(manifest.files)
    for missing in sorted(set(REQUIRED) - listed):
        raise TinylmError(f"`{path / MANIFEST}` does not list `{missing}`", "export the bundle again")
    for name in sorted(listed):
        # Bundles are flat: a plain name cannot be absolute, climb out or hide.
        if not _NAME.fullmatch(name) or name == MANIFEST:
            raise TinylmError(f"`{path / MANIFEST}` lists the file name `{name}`, which is not allowed in a bundle")
    for found in sorted(entry.name for entry in path.iterdir()):
        if found not in listed and found != MANIFEST:
            if not (path / found).is_dir() or (path / found).is_symlink():
                _regular_size(path / found)
            if found != SIGNATURE:
                from tinylm.base.printable import printable

                yield f"`{printable(found)}` is not in the manifest"
    for name, entry in sorted(manifest.files.items()):
        try:
            _verify_file(path / name, entry)
        except _Changed as error:
            if name != CARD:
                raise
            yield error.message
    if manifest.tokenizer.sha256 != manifest.files[TOKENIZER].sha256:
        raise TinylmError(f"`{path / MANIFEST}` names two different tokenizers", "export the bundle again")


class _Changed(TinylmError):
    """A plain file, or none, where the manifest lists another."""


def _verify_file(file: Path, entry: FileEntry) -> None:
    again = "copy or export the bundle again"
    if not os.path.lexists(file):
        raise _Changed(f"`{file}` is missing", again)
    size = _regular_size(file)
    if size != entry.bytes:
        raise _Changed(f"`{file}` has {size} bytes; the manifest says {entry.bytes}", again)
    if sha256(file) != entry.sha256:
        raise _Changed(f"`{file}` does not match its SHA-256 in the manifest", again)


def _regular_size(file: Path) -> int:
    try:
        status = file.lstat()
    except OSError as error:
        raise TinylmError(f"`{file}` is missing", "copy or export the bundle again") from error
    if not stat.S_ISREG(status.st_mode):
        raise TinylmError(f"`{file}` is a link or no plain file; a bundle holds plain files only")
    return status.st_size


def _read_regular(file: Path) -> bytes:
    size = _regular_size(file)
    if size > _MAX_JSON_BYTES:
        raise TinylmError(f"`{file}` has {size} bytes; at most {_MAX_JSON_BYTES} are read")
    return file.read_bytes()


def _parse_json(raw: bytes, where: str) -> dict[str, Any]:
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise TinylmError(f"{where} is not valid JSON: {error}", "copy or export the bundle again") from error
    if not isinstance(data, dict):
        raise TinylmError(f"{where} holds no table")
    return data


def load_json(file: Path) -> dict[str, Any]:
    """The table in a plain JSON file; TinylmError for a link, another kind of file, or more than 16 MB."""
    return _parse_json(_read_regular(file), f"`{file}`")
