"""Writing a bundle: all of it or none, verified before it takes its place."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.files import sha256_bytes, sync_folder
from tinylm.base.records import to_bytes
from tinylm.bundle.manifest import MANIFEST, REQUIRED, SIGNATURE, FileEntry, Manifest
from tinylm.bundle.reading import Bundle, load_json, open_bundle


def write_bundle(folder: Path, manifest: Manifest, contents: Mapping[str, bytes]) -> Bundle:
    """Write a bundle to `folder` atomically, replacing a bundle that is there; `manifest.files` is filled in here.

    `contents` maps every file name but the manifest's to its bytes. Other files and folders in a bundle that was there
    stay, as `Bundle.oddities`. Refuses to replace a folder that is no bundle.
    """
    files = {name: FileEntry(sha256=sha256_bytes(data), bytes=len(data)) for name, data in sorted(contents.items())}
    manifest = dataclasses.replace(manifest, files=files)
    if folder.exists() and not (folder / MANIFEST).is_file():
        raise TinylmError(f"`{folder}` exists and is not a bundle", "name another folder, or remove it")
    partial = folder.with_name(folder.name + ".partial")
    old = folder.with_name(f".{folder.name}.old")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        everything = {**contents, MANIFEST: to_bytes(manifest)}
        for name, data in everything.items():
            with (partial / name).open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        sync_folder(partial)
        open_bundle(partial, strict=True)
        if old.exists() and not folder.exists():  # a power cut came between the two
            old.rename(folder)
        elif old.exists():
            _hand_over(old, folder)
        if folder.exists():
            # A folder cannot be renamed over another; the old bundle steps aside and goes once the new one stands.
            folder.rename(old)
        partial.rename(folder)
        if old.exists():
            _hand_over(old, folder)
        sync_folder(folder.parent)
    except OSError as error:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise TinylmError(
            f"cannot write the bundle `{folder}`: {error.strerror}", "check the folder and the disk space"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return open_bundle(folder)


def _hand_over(old: Path, new: Path) -> None:
    """Move what tinylm did not write from one bundle's folder to the next one's, and remove the rest."""
    try:
        listed = load_json(old / MANIFEST).get("files")
    except TinylmError:  # damaged
        listed = None
    own = {*REQUIRED, MANIFEST, SIGNATURE, *(listed if isinstance(listed, dict) else ())}
    for entry in old.iterdir():
        plain = not entry.is_symlink() and (entry.is_file() or entry.is_dir())  # nothing else may be in a bundle
        if plain and entry.name not in own and not os.path.lexists(new / entry.name):
            entry.rename(new / entry.name)
    shutil.rmtree(old, ignore_errors=True)
