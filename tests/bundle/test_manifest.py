"""The bundle contract: what is written comes back, and nothing damaged, hidden or newer is opened."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import (
    CARD,
    GOLDEN,
    MANIFEST,
    MODEL,
    SCHEMA,
    SIGNATURE,
    TOKENIZER,
    GenerationDefaults,
    Golden,
    GoldenEncoding,
    GoldenPrompt,
    GraphEntry,
    HeldOut,
    LanguageQuality,
    Manifest,
    Provenance,
    QualityIntervals,
    Quantization,
    SpecialIds,
    TokenizerEntry,
)
from tinylm.bundle.reading import Bundle, open_bundle
from tinylm.bundle.writing import to_json, write_bundle
from tinylm.settings.run import PRESETS

GOLDEN_RECORD = Golden(
    schema=SCHEMA,
    prompts=(GoldenPrompt(prompt="Había", prompt_ids=(0, 17), ids=(5, 6)),),
    encodings=(GoldenEncoding(text="¿qué?\n", ids=(9, 10)),),
    held_out=(HeldOut(language="es", text="Un día.", bits_fp32=20.5, bits=20.625),),
)
CONTENTS = {
    MODEL: b"graph" * 100,
    TOKENIZER: b"pieces" * 50,
    GOLDEN: to_json(dataclasses.asdict(GOLDEN_RECORD)),
    CARD: b"# card\n",
}
CHECKSUM = hashlib.sha256(CONTENTS[TOKENIZER]).hexdigest()
RECORD = Manifest(
    schema=SCHEMA,
    requires=(),
    name="cuentos",
    version="1.0.0",
    task="generate",
    languages=("en", "es"),
    model=PRESETS["tiny"].model,
    special_ids=SpecialIds(bos=0, eos=1, pad=2, unk=3),
    context_policy="drop-oldest",
    tokenizer=TokenizerEntry(kind="unigram", normalisation="nfc-1", sha256=CHECKSUM),
    chat_template=None,
    generation=GenerationDefaults(),
    adapters=(),
    quantization=Quantization(scheme="int8", activations="int8-dynamic", parameters=2_131_584, embedding="int8"),
    graph=GraphEntry(inputs=("input_ids",), outputs=("logits",), capabilities=()),
    files={},
    minimum_versions={"onnxruntime": "1.22"},
    cpu_features=(),
    provenance=Provenance(
        tinylm_version="0.1.0",
        git_commit=None,
        run_id="20261121-tiny",
        dataset_hash="ab" * 32,
        data_licence="CC0-1.0",
        seeds=(0,),
        metrics={"val_loss": 2.5},
    ),
    quality={
        "es": LanguageQuality(
            tokens=100,
            bytes=400,
            bpb_fp32=1.7,
            bpb=1.701,
            perplexity=30.0,
            kl=0.001,
            top1_agreement=0.99,
            perplexity_fp32=29.5,
            intervals=QualityIntervals(
                bpb_increase=(-0.0005, 0.002),
                perplexity=(28.0, 32.0),
                perplexity_fp32=(27.5, 31.5),
                kl=(0.0009, 0.0011),
                top1_agreement=(0.98, 1.0),
            ),
        )
    },
)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return write_bundle(tmp_path / "bundle", RECORD, CONTENTS)


def edit_manifest(bundle: Bundle, change: Callable[[dict[str, Any]], object]) -> None:
    data = json.loads((bundle.path / MANIFEST).read_bytes())
    change(data)
    (bundle.path / MANIFEST).write_bytes(to_json(data))


def contents_of(folder: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in folder.iterdir()}


def test_what_is_written_is_read_back(bundle: Bundle) -> None:
    opened = open_bundle(bundle.path)
    assert dataclasses.replace(opened.manifest, files={}) == RECORD
    assert set(opened.manifest.files) == set(CONTENTS)
    assert opened.golden() == GOLDEN_RECORD
    assert opened.model.read_bytes() == CONTENTS[MODEL]
    assert opened.tokenizer.read_bytes() == CONTENTS[TOKENIZER]
    assert opened.size_bytes == sum(file.stat().st_size for file in bundle.path.iterdir())
    assert opened.manifest_sha256 == hashlib.sha256((bundle.path / MANIFEST).read_bytes()).hexdigest()


def test_a_bundle_of_schema_1_0_is_read(bundle: Bundle) -> None:
    def as_it_was(data: dict[str, Any]) -> None:
        data["schema"] = "1.0"
        del data["quantization"]["embedding"], data["quality"]["es"]["intervals"]
        del data["quality"]["es"]["perplexity_fp32"]

    edit_manifest(bundle, as_it_was)
    manifest = open_bundle(bundle.path).manifest
    assert manifest.quantization.embedding is None
    quality = manifest.quality["es"]
    assert (quality.bpb_increase, quality.intervals) == (pytest.approx(0.001), None)
    assert quality.perplexity_fp32 is None


def test_writing_twice_gives_the_same_bytes(bundle: Bundle, tmp_path: Path) -> None:
    again = write_bundle(tmp_path / "again", RECORD, dict(reversed(CONTENTS.items())))
    assert contents_of(again.path) == contents_of(bundle.path)
    assert again.manifest_sha256 == bundle.manifest_sha256


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
        (bundle.path / MANIFEST).write_bytes(to_json({**whole, key: value}))
        with pytest.raises(TinylmError, match=f"`{key}`"):
            open_bundle(bundle.path)
        (bundle.path / MANIFEST).write_bytes(to_json({k: v for k, v in whole.items() if k != key}))
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
    newer = to_json({**dataclasses.asdict(GOLDEN_RECORD), "schema": "2.0"})
    bundle = write_bundle(tmp_path / "bundle", RECORD, {**CONTENTS, GOLDEN: newer})
    with pytest.raises(TinylmError, match=r"golden\.json` has schema 2\.0"):
        bundle.golden()


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
