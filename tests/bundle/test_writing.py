"""Writing a bundle: all of it or none, and what others put there stays."""

from __future__ import annotations

import dataclasses
import errno
import os
import shutil
from pathlib import Path

import pytest
from sample_bundles import CONTENTS, RECORD, contents_of

from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import (
    MODEL,
    TOKENIZER,
)
from tinylm.bundle.reading import Bundle, open_bundle
from tinylm.bundle.writing import write_bundle


def test_writing_twice_gives_the_same_bytes(bundle: Bundle, tmp_path: Path) -> None:
    again = write_bundle(tmp_path / "again", RECORD, dict(reversed(CONTENTS.items())))
    assert contents_of(again.path) == contents_of(bundle.path)
    assert again.manifest_sha256 == bundle.manifest_sha256


def test_replacing_a_bundle_leaves_no_trace_of_the_old(bundle: Bundle) -> None:
    new = write_bundle(bundle.path, dataclasses.replace(RECORD, version="2.0.0"), CONTENTS)
    assert open_bundle(bundle.path).manifest.version == "2.0.0"
    assert new.manifest_sha256 != bundle.manifest_sha256
    assert [entry.name for entry in bundle.path.parent.iterdir()] == ["bundle"]


def test_a_folder_that_is_no_bundle_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(TinylmError, match="exists and is not a bundle"):
        write_bundle(tmp_path / "thesis", RECORD, CONTENTS)
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "years of work"


def test_a_full_disk_leaves_the_old_bundle(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """At whatever write it strikes: old or new, whole, and nothing beside it."""
    before = contents_of(bundle.path)
    real, calls = os.fsync, 0
    swap = len(CONTENTS) + 3  # the files, the manifest and the folder are written before it
    for failing in range(1, swap + 1):

        def fsync(descriptor: int, failing: int = failing) -> None:
            nonlocal calls
            calls += 1
            if calls == failing:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(descriptor)

        calls = 0
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fsync)
            with pytest.raises(TinylmError, match="No space left on device"):
                write_bundle(bundle.path, dataclasses.replace(RECORD, version="2.0.0"), CONTENTS)
        assert not (bundle.path.parent / "bundle.partial").exists()
        assert open_bundle(bundle.path).manifest.version == ("1.0.0" if failing < swap else "2.0.0")
        assert failing == swap or contents_of(bundle.path) == before


def test_a_swap_that_fails_puts_the_old_bundle_back(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.rename

    def rename(path: Path, target: Path) -> Path:
        if path.name == "bundle.partial":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(TinylmError, match="cannot write the bundle"):
        write_bundle(bundle.path, dataclasses.replace(RECORD, version="2.0.0"), CONTENTS)
    assert open_bundle(bundle.path).manifest.version == "1.0.0"
    assert [entry.name for entry in bundle.path.parent.iterdir()] == ["bundle"]


def test_a_new_bundle_on_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(TinylmError, match="cannot write the bundle"):
        write_bundle(tmp_path / "bundle", RECORD, CONTENTS)
    assert list(tmp_path.iterdir()) == []


def test_contents_that_would_not_open_replace_nothing(bundle: Bundle) -> None:
    before = contents_of(bundle.path)
    for wrong in ({MODEL: b"graph"}, {**CONTENTS, ".hidden": b""}, {**CONTENTS, TOKENIZER: b"another"}):
        with pytest.raises(TinylmError):
            write_bundle(bundle.path, RECORD, wrong)
        assert contents_of(bundle.path) == before
        assert [entry.name for entry in bundle.path.parent.iterdir()] == ["bundle"]


def test_a_swap_that_was_cut_short_is_repaired_by_the_next_write(bundle: Bundle) -> None:
    """A power cut leaves the old bundle and `.partial`, or old and new; exporting again must work, and lose nothing."""
    (bundle.path / "notes.txt").write_text("mine")
    old = bundle.path.with_name(".bundle.old")
    shutil.copytree(bundle.path, bundle.path.with_name("bundle.partial"))
    bundle.path.rename(old)
    write_bundle(bundle.path, RECORD, CONTENTS)
    assert open_bundle(bundle.path).manifest == bundle.manifest
    assert [entry.name for entry in bundle.path.parent.iterdir()] == ["bundle"]
    shutil.copytree(bundle.path, old)
    (bundle.path / "notes.txt").unlink()
    write_bundle(bundle.path, RECORD, CONTENTS)
    assert (bundle.path / "notes.txt").read_text() == "mine"
    assert [entry.name for entry in bundle.path.parent.iterdir()] == ["bundle"]


def test_what_somebody_put_into_a_bundle_outlives_it(bundle: Bundle) -> None:
    """But nothing of the old bundle does, nor its signature, nor what no bundle may hold."""
    (bundle.path / "notes.txt").write_text("mine")
    (bundle.path / "tables").mkdir()
    (bundle.path / "tables" / "one.csv").write_text("1,2")
    (bundle.path / "manifest.json.sig").write_text("of the old manifest")
    (bundle.path / "link").symlink_to("notes.txt")
    beside = bundle.path.with_name("bundle.old")  # a copy that somebody made
    shutil.copytree(bundle.path, beside, symlinks=True)
    extra = {**CONTENTS, "adapter.bin": b"listed"}
    write_bundle(bundle.path, RECORD, extra)
    new = write_bundle(bundle.path, RECORD, CONTENTS)
    assert new.oddities == ("`notes.txt` is not in the manifest", "`tables` is not in the manifest")
    assert {path.name for path in bundle.path.iterdir()} == {*CONTENTS, "manifest.json", "notes.txt", "tables"}
    assert (bundle.path / "notes.txt").read_text() == "mine"
    assert (bundle.path / "tables" / "one.csv").read_text() == "1,2"
    assert (beside / "notes.txt").is_file()


@pytest.mark.parametrize("damage", ["{", '{"files": 3}', "[]"])
def test_a_damaged_bundle_is_replaced_and_loses_nothing_of_others(bundle: Bundle, damage: str) -> None:
    (bundle.path / "notes.txt").write_text("mine")
    (bundle.path / "manifest.json").write_text(damage)
    assert write_bundle(bundle.path, RECORD, CONTENTS).manifest == bundle.manifest
    assert (bundle.path / "notes.txt").read_text() == "mine"
