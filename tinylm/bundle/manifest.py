"""The bundle: the deployable folder, and the only thing that training and the device share.

    manifest.json     what the bundle is; lists every other file with its SHA-256 and size
    model.onnx        one graph for prefill and decode with KV cache
    tokenizer.model   SentencePiece
    golden.json       what the model must answer on any device, and text with known bits to re-measure quality
    MODEL_CARD.md     for people

`write_bundle` makes one atomically, `open_bundle` refuses anything that is damaged, linked or newer than this reader,
and names what is there unlisted. Nothing in a bundle is executed or unpickled.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tinylm.base.errors import TinylmError
from tinylm.base.files import sha256, sha256_bytes, sync_folder
from tinylm.base.printable import printable
from tinylm.base.records import check_schema, read
from tinylm.bundle.quality import LanguageQuality
from tinylm.settings.model import ModelConfig

SCHEMA = "1.1"
"""1.1 added `quantization.embedding`, and `perplexity_fp32` and `intervals` of the quality; 1.0 is read as well."""
MANIFEST = "manifest.json"
MODEL = "model.onnx"
TOKENIZER = "tokenizer.model"
GOLDEN = "golden.json"
CARD = "MODEL_CARD.md"
SIGNATURE = "manifest.json.sig"
"""The one file that may be there unlisted."""

SAMPLER = "sampler"
"""The capability of a graph that chooses the next token itself."""

REQUIRED = (MODEL, TOKENIZER, GOLDEN, CARD)
SUPPORTED_REQUIRES: frozenset[str] = frozenset()
"""Names in `requires` that this reader understands; any other is refused."""

_MAX_JSON_BYTES = 16_000_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    sha256: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class SpecialIds:
    bos: int
    eos: int
    pad: int
    unk: int


@dataclass(frozen=True, kw_only=True)
class TokenizerEntry:
    kind: str
    normalisation: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class GenerationDefaults:
    """What `tinylm generate` does when no option says otherwise."""

    temperature: float = 0.8
    top_k: int = 40
    """A flat distribution spreads `top_p` over thousands of tokens, and finding them costs a small model more than
    itself: with 40, a barely trained one writes 2.6 times as fast, and fewer of its sentences are faulty (measured)."""
    top_p: float = 0.9
    """A tiny model's tail is noise: at 0.9, a quarter fewer sentences are faulty than at 0.95 (measured)."""
    repetition_penalty: float = 1.0
    max_tokens: int = 128


@dataclass(frozen=True, kw_only=True)
class Quantization:
    scheme: Literal["fp32", "int8"]
    """`int8`: one scale per output column, activations quantized per call; the tied embedding one scale per row."""
    activations: Literal["fp32", "int8-dynamic"]
    parameters: int
    """Parameters of the model, a tied embedding counted once."""
    kv_cache: Literal["fp32", "int8"] = "fp32"
    """`int8`: keys and values with one scale per channel, a quarter of the cache's memory."""
    embedding: Literal["fp32", "int8"] | None = None
    """How the embedding is stored; none in bundles of schema 1.0, where it is as `scheme` says."""


@dataclass(frozen=True, kw_only=True)
class GraphEntry:
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    capabilities: tuple[str, ...]
    """What the graph can do beyond logits: `sampler` chooses the next token itself (`tinylm.export.graph.sampler`)."""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where the bundle came from; no time stamps of the export, so that exporting twice gives the same bytes."""

    tinylm_version: str
    git_commit: str | None
    run_id: str
    dataset_hash: str
    data_licence: str
    seeds: tuple[int, ...]
    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    schema: str
    requires: tuple[str, ...]
    name: str
    version: str
    task: Literal["generate"]
    languages: tuple[str, ...]
    model: ModelConfig
    special_ids: SpecialIds
    context_policy: Literal["drop-oldest"]
    """`drop-oldest`: past the context, the oldest half of the tokens is forgotten and the rest is read again."""
    tokenizer: TokenizerEntry
    chat_template: str | None
    generation: GenerationDefaults
    adapters: tuple[str, ...]
    quantization: Quantization
    graph: GraphEntry
    files: dict[str, FileEntry]
    minimum_versions: dict[str, str]
    cpu_features: tuple[str, ...]
    """Instruction-set features that a device must have, beyond its architecture's baseline."""
    provenance: Provenance
    quality: dict[str, LanguageQuality]
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class GoldenPrompt:
    """A greedy continuation that every device must reproduce."""

    prompt: str
    prompt_ids: tuple[int, ...]
    ids: tuple[int, ...]
    """Cut before the first position whose two best logits are too close to be safe across processors."""


@dataclass(frozen=True, kw_only=True)
class GoldenEncoding:
    text: str
    ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """A held-out document, or its beginning, with the bits that it costs (64-bit sums, UNK bytes included)."""

    language: str
    text: str
    bits_fp32: float
    bits: float
    """The same for the bundle's own graph, on the machine that exported it."""


@dataclass(frozen=True, kw_only=True)
class Golden:
    schema: str
    prompts: tuple[GoldenPrompt, ...]
    encodings: tuple[GoldenEncoding, ...]
    held_out: tuple[HeldOut, ...]


@dataclass(frozen=True)
class Bundle:
    """An opened bundle whose files were all checked against the manifest."""

    path: Path
    manifest: Manifest
    manifest_sha256: str
    """Identifies the bundle: the manifest lists the hash of every other file."""
    oddities: tuple[str, ...] = ()
    """What in the folder is not as it was exported and read by nobody, in words."""

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
        data = _load_json(self.path / GOLDEN)
        check_schema(data, major=1, where=where)
        return read(Golden, data, where)


def open_bundle(path: Path, *, strict: bool = False) -> Bundle:
    """Verify a bundle folder and return it; TinylmError says what is wrong with it.

    What nothing reads does not make a model unusable: a file that is not listed, or another model card than was
    exported, stands in `Bundle.oddities`. With `strict` it is refused, too: for whoever says that a bundle is whole.
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
    """Refuse what may not be there or does not match; yield what is odd and read by nobody, in words."""
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


def write_bundle(folder: Path, manifest: Manifest, contents: Mapping[str, bytes]) -> Bundle:
    """Write a bundle to `folder` atomically, replacing a bundle that is there; `manifest.files` is filled in here.

    `contents` maps every file name but the manifest's to its bytes. Files and folders that somebody else put into the
    bundle that was there stay, as `Bundle.oddities`. Refuses to replace a folder that is no bundle.
    """
    import shutil  # a device reads bundles; 1 ms of its start

    files = {name: FileEntry(sha256=sha256_bytes(data), bytes=len(data)) for name, data in sorted(contents.items())}
    manifest = dataclasses.replace(manifest, files=files)
    if folder.exists() and not (folder / MANIFEST).is_file():
        raise TinylmError(f"`{folder}` exists and is not a bundle", "name another folder, or remove it")
    partial = folder.with_name(folder.name + ".partial")
    old = folder.with_name(f".{folder.name}.old")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        everything = {**contents, MANIFEST: to_json(dataclasses.asdict(manifest))}
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
    import shutil

    try:
        listed = _load_json(old / MANIFEST).get("files")
    except TinylmError:  # damaged
        listed = None
    own = {*REQUIRED, MANIFEST, SIGNATURE, *(listed if isinstance(listed, dict) else ())}
    for entry in old.iterdir():
        plain = not entry.is_symlink() and (entry.is_file() or entry.is_dir())  # nothing else may be in a bundle
        if plain and entry.name not in own and not os.path.lexists(new / entry.name):
            entry.rename(new / entry.name)
    shutil.rmtree(old, ignore_errors=True)


def to_json(data: object) -> bytes:
    """The one way a bundle's JSON is written: same content, same bytes."""
    return (json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()


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


def _load_json(file: Path) -> dict[str, Any]:
    return _parse_json(_read_regular(file), f"`{file}`")
