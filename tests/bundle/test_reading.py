"""Reading a bundle: nothing damaged, hidden or newer is opened, and what is never read is told."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from sample_bundles import CONTENTS, GOLDEN_RECORD, RECORD, edit_manifest

from tinylm.base.errors import TinylmError
from tinylm.base.records import to_bytes
from tinylm.bundle.manifest import CARD, GOLDEN, MANIFEST, SIGNATURE
from tinylm.bundle.reading import Bundle, open_bundle
from tinylm.bundle.writing import write_bundle


def test_a_signature_may_be_there_unlisted(bundle: Bundle) -> None:
    (bundle.path / SIGNATURE).write_bytes(b"signed")
    assert odd(bundle) == ()


def test_a_bundle_can_be_moved_and_named_relatively(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.move(bundle.path, tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path)
    assert open_bundle(Path("elsewhere")).manifest_sha256 == bundle.manifest_sha256


READ = sorted(CONTENTS.keys() - {CARD})


def odd(bundle: Bundle) -> tuple[str, ...]:
    """What is odd in a bundle, which a strict reader refuses for the same reason."""
    oddities = open_bundle(bundle.path).oddities
    if oddities:
        with pytest.raises(TinylmError) as caught:
            open_bundle(bundle.path, strict=True)
        assert oddities[0] in caught.value.message
    else:
        open_bundle(bundle.path, strict=True)
    return oddities


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("where", ["first", "last"])
def test_one_flipped_bit_is_found(bundle: Bundle, name: str, where: str) -> None:
    data = bytearray((bundle.path / name).read_bytes())
    data[0 if where == "first" else -1] ^= 1
    (bundle.path / name).write_bytes(data)
    with pytest.raises(TinylmError, match=f"{name}` does not match its SHA-256"):
        open_bundle(bundle.path)


@pytest.mark.parametrize("name", READ)
def test_a_truncated_longer_empty_or_missing_file_is_found(bundle: Bundle, name: str) -> None:
    data = (bundle.path / name).read_bytes()
    for wrong in (data[:-1], data + b"\0", b""):
        (bundle.path / name).write_bytes(wrong)
        with pytest.raises(TinylmError, match=f"{name}` has {len(wrong)} bytes; the manifest says {len(data)}"):
            open_bundle(bundle.path)
    (bundle.path / name).unlink()
    with pytest.raises(TinylmError, match=f"{name}` is missing"):
        open_bundle(bundle.path)


def test_another_card_is_odd_and_no_reason_to_refuse_a_model(bundle: Bundle) -> None:
    assert odd(bundle) == ()
    for text, what in (
        (b"# mine\n", "does not match its SHA-256"),
        (b"# my own card\n", "has 14 bytes"),
        (b"", "0 bytes"),
    ):
        (bundle.path / CARD).write_bytes(text)
        (found,) = odd(bundle)
        assert what in found
    (bundle.path / CARD).unlink()
    (found,) = odd(bundle)
    assert f"{CARD}` is missing" in found


@pytest.mark.parametrize(
    "name", [".DS_Store", "notes.txt", "Thumbs.db", "._model.onnx", "model.onnx.data", "code.py", "año", "a b", "-rf"]
)
def test_a_file_that_is_not_listed_is_odd(bundle: Bundle, name: str) -> None:
    (bundle.path / name).write_bytes(b"")
    assert odd(bundle) == (f"`{name}` is not in the manifest",)
    assert open_bundle(bundle.path).size_bytes == bundle.size_bytes


def test_a_folder_is_odd_and_several_things_are_told_as_one(bundle: Bundle) -> None:
    for name in ("__MACOSX", ".git"):
        (bundle.path / name).mkdir()
        (bundle.path / name / "model.onnx").write_bytes(b"another")
    assert len(odd(bundle)) == 2
    assert bundle.warning is None
    warning = open_bundle(bundle.path).warning
    assert warning
    assert "`.git` is not in the manifest, and 1 more like it; nothing reads that" in warning


def test_a_name_cannot_steer_a_terminal(bundle: Bundle) -> None:
    for name in (b"\x1b[31mred\n", b"\xff", "\u202e".encode()):
        (bundle.path / os.fsdecode(name)).write_bytes(b"")
    warning = open_bundle(bundle.path).warning
    assert warning
    assert all(text.isprintable() for text in (*odd(bundle), warning))


@pytest.mark.parametrize("name", ["notes.txt", ".DS_Store", SIGNATURE])
@pytest.mark.parametrize("kind", ["file", "folder", "nothing"])
def test_a_link_that_is_not_listed_is_refused(bundle: Bundle, tmp_path: Path, name: str, kind: str) -> None:
    target = tmp_path / "outside"
    if kind == "file":
        target.write_bytes(b"")
    elif kind == "folder":
        target.mkdir()
    (bundle.path / name).symlink_to(target)
    with pytest.raises(TinylmError, match="is a link or no plain file"):
        open_bundle(bundle.path)


def test_a_pipe_that_is_not_listed_is_refused(bundle: Bundle) -> None:
    os.mkfifo(bundle.path / "pipe")
    with pytest.raises(TinylmError, match="is a link or no plain file"):
        open_bundle(bundle.path)


@pytest.mark.parametrize("name", [*sorted(CONTENTS), MANIFEST])
def test_links_and_folders_are_refused_even_with_the_right_content(bundle: Bundle, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    shutil.move(bundle.path / name, outside)
    (bundle.path / name).symlink_to(outside)
    with pytest.raises(TinylmError, match=f"{name}` is a link or no plain file"):
        open_bundle(bundle.path)


def test_a_pipe_in_place_of_a_file_does_not_hang(bundle: Bundle) -> None:
    (bundle.path / GOLDEN).unlink()
    os.mkfifo(bundle.path / GOLDEN)
    with pytest.raises(TinylmError, match="no plain file"):
        open_bundle(bundle.path)


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../outside", "a/b", "..", ".", "", ".hidden", "a\\b", "a\0b", "a\n", "ñ", "x" * 101, MANIFEST],
)
def test_names_that_could_leave_the_folder_or_hide_are_refused(bundle: Bundle, name: str) -> None:
    def add(data: dict[str, Any]) -> None:
        data["files"][name] = {"sha256": "0" * 64, "bytes": 0}

    edit_manifest(bundle, add)
    with pytest.raises(TinylmError, match="not allowed in a bundle"):
        open_bundle(bundle.path)


@pytest.mark.parametrize(
    ("schema", "hint"),
    [
        ("2.0", "upgrade tinylm"),
        ("0.9", "write the file again"),
        ("one", "tinylm file"),
        ("1", ""),
        (1, ""),
        (None, ""),
    ],
)
def test_another_schema_is_refused(bundle: Bundle, schema: object, hint: str) -> None:
    edit_manifest(bundle, lambda data: data.update(schema=schema))
    with pytest.raises(TinylmError, match="schema") as caught:
        open_bundle(bundle.path)
    assert hint in caught.value.hint


def test_a_newer_minor_schema_is_read(bundle: Bundle) -> None:
    edit_manifest(bundle, lambda data: data.update(schema="1.7"))
    assert open_bundle(bundle.path).manifest.schema == "1.7"


def test_an_unknown_requirement_is_refused(bundle: Bundle) -> None:
    edit_manifest(bundle, lambda data: data.update(requires=["lora-2"]))
    with pytest.raises(TinylmError, match="requires `lora-2`"):
        open_bundle(bundle.path)


@pytest.mark.parametrize("requires", [1, "x", {"a": 1}, [[]], [{}], [1], True])
def test_a_malformed_requirement_is_a_clear_error(bundle: Bundle, requires: object) -> None:
    edit_manifest(bundle, lambda data: data.update(requires=requires))
    with pytest.raises(TinylmError, match="requires"):
        open_bundle(bundle.path)


def test_an_unknown_key_names_the_nearest_known_one(bundle: Bundle) -> None:
    edit_manifest(bundle, lambda data: data["generation"].update(temprature=1.0))
    with pytest.raises(TinylmError, match="unknown key `temprature`") as caught:
        open_bundle(bundle.path)
    assert caught.value.hint == "did you mean `temperature`?"


def test_missing_keys_and_wrong_types_name_the_key(bundle: Bundle) -> None:
    whole = json.loads((bundle.path / MANIFEST).read_bytes())
    for key, value in {"name": 7, "languages": "en", "task": "classify", "model": [], "quality": None}.items():
        (bundle.path / MANIFEST).write_bytes(to_bytes({**whole, key: value}))
        with pytest.raises(TinylmError, match=f"`{key}`"):
            open_bundle(bundle.path)
        (bundle.path / MANIFEST).write_bytes(to_bytes({k: v for k, v in whole.items() if k != key}))
        with pytest.raises(TinylmError, match=f"lacks the key `{key}`"):
            open_bundle(bundle.path)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400])
def test_numbers_that_are_not_finite_are_refused(bundle: Bundle, value: str) -> None:
    raw = (bundle.path / MANIFEST).read_text(encoding="utf-8")
    (bundle.path / MANIFEST).write_text(raw.replace('"bpb": 1.701', f'"bpb": {value}'), encoding="utf-8")
    with pytest.raises(TinylmError, match="`bpb`"):
        open_bundle(bundle.path)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"schema": ' + b"9" * 5000 + b"}"]
)
def test_a_manifest_that_is_no_json_table_is_a_clear_error(bundle: Bundle, raw: bytes) -> None:
    (bundle.path / MANIFEST).write_bytes(raw)
    with pytest.raises(TinylmError):
        open_bundle(bundle.path)


def test_a_folder_without_a_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(TinylmError, match="no bundle at"):
        open_bundle(tmp_path / "nowhere")
    with pytest.raises(TinylmError, match="is not a bundle"):
        open_bundle(tmp_path)


def test_two_tokenizers_are_refused(bundle: Bundle) -> None:
    edit_manifest(bundle, lambda data: data["tokenizer"].update(sha256="0" * 64))
    with pytest.raises(TinylmError, match="two different tokenizers"):
        open_bundle(bundle.path)


def test_golden_tokens_of_a_newer_schema_are_refused(tmp_path: Path) -> None:
    newer = to_bytes({**dataclasses.asdict(GOLDEN_RECORD), "schema": "2.0"})
    bundle = write_bundle(tmp_path / "bundle", RECORD, {**CONTENTS, GOLDEN: newer})
    with pytest.raises(TinylmError, match=r"golden\.json` has schema 2\.0"):
        bundle.golden()
