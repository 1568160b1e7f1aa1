"""A standalone program read without running it, and refused where it is none or damaged."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tinylm.base.errors import TinylmError
from tinylm.base.files import sha256
from tinylm.bundle.reading import Bundle
from tinylm.emulation.program_file import family_here
from tinylm.native.standalone_file import read_standalone


def test_it_says_what_it_was_made_of(hello: Path, tiny_bundle: Bundle) -> None:
    found, manifest = read_standalone(hello), tiny_bundle.manifest
    assert (found.name, found.version) == (manifest.name, manifest.version)
    assert found.manifest_sha256 == tiny_bundle.manifest_sha256
    assert found.family == family_here()
    assert (found.size_bytes, found.sha256) == (hello.stat().st_size, sha256(hello))
    for size in ("architecture", "vocab_size", "context_length", "n_layer", "n_head", "n_kv_head", "d_model", "d_ff"):
        assert getattr(found.model, size) == getattr(manifest.model, size)
    assert 0 < found.image_bytes < found.size_bytes
    assert not found.int8_cache


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-1], "not one with a model in it"),
        (lambda data: data[:5000] + data[6000:], "is damaged"),
        (lambda data: data[:-40] + b"\xff" * 8 + data[-32:], "is damaged"),
        (lambda data: data[:-16] + b"\x09\0\0\0" + data[-12:], "payload of version 9"),
        (lambda data: b"#!/bin/sh\n" + data, "is no program for Linux"),
        (lambda data: data[:30], "not one with a model in it"),
    ],
)
def test_damaged_files_are_refused(change: Callable[[bytes], bytes], message: str, hello: Path, tmp_path: Path) -> None:
    (tmp_path / "hello").write_bytes(change(hello.read_bytes()))
    with pytest.raises(TinylmError, match=message):
        read_standalone(tmp_path / "hello")


def test_other_programs_are_refused(tmp_path: Path) -> None:
    shutil.copy(Path(sys.executable).resolve(), tmp_path / "python")
    with pytest.raises(TinylmError, match="is a program, but not one with a model in it"):
        read_standalone(tmp_path / "python")
    with pytest.raises(TinylmError, match="no program"):
        read_standalone(tmp_path / "missing")
