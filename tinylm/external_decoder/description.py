"""A decoder that was trained elsewhere: `decoder.toml` beside its graph says what the graph cannot say itself.

    schema = "1.0"
    name = "my-model"
    context_length = 256
    tokenizer = "tokenizer.model"        # SentencePiece; may be left out

`open_decoder` reads it, hashes its files and recognises the graph. It is strict as a bundle's reader is: plain files
in this folder or below it, no links, one ONNX file with operators that are known here, and all of that before ONNX
Runtime sees the file. What a probe is told are the same facts (`orders`), so that it needs no TOML and runs the very
files that the report names.

    decoder = open_decoder(Path("my-model/decoder.toml"))
    decoder.graph.vocab_size, decoder.size_bytes, decoder.sha256
"""

from __future__ import annotations

import dataclasses
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tinylm.base.errors import TinylmError
from tinylm.base.files import sha256, sha256_bytes
from tinylm.base.records import read
from tinylm.bundle.manifest import MANIFEST, FileEntry
from tinylm.external_decoder.graph import DecoderGraph, recognise
from tinylm.onnx.graph_file import ExternalData, OnnxModel, read_onnx

SCHEMA = "1.0"
DESCRIPTION = "decoder.toml"

_MAX_TOML_BYTES = 1_000_000
_MAX_TOKENIZER_BYTES = 64_000_000
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SEE = "docs/other-models.md says what a decoder may be"
_ONE_FILE = 'save it into one file: python -c \'import onnx; onnx.save(onnx.load("model.onnx"), "one-file.onnx")\''


@dataclass(frozen=True, kw_only=True)
class DecoderSampling:
    """How the next token is chosen, as `tinylm.runtime.sampling` understands it; greedy when nothing is said."""

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    repetition_penalty: float = 1.0


@dataclass(frozen=True, kw_only=True)
class GoldenIds:
    """A greedy continuation that every device must reproduce, from wherever the model was trained."""

    prompt_ids: tuple[int, ...]
    ids: tuple[int, ...]

    def __post_init__(self) -> None:
        for name in ("prompt_ids", "ids"):
            if not getattr(self, name):
                raise ValueError(f"`{name}` is empty; at least one token is needed")


@dataclass(frozen=True, kw_only=True)
class Description:
    """What stands in decoder.toml."""

    schema: str
    name: str
    context_length: int
    """The most tokens, prompt and answer together, that the model was made for."""
    model: str = "model.onnx"
    tokenizer: str | None = None
    """A SentencePiece model. Without one, prompts are pseudo-random token ids and no text is encoded or decoded."""
    bos_id: int | None = None
    """What every prompt begins with; the tokenizer's own when left out, and nothing when that has none."""
    sampling: DecoderSampling = field(default_factory=DecoderSampling)
    golden: tuple[GoldenIds, ...] = ()

    def __post_init__(self) -> None:
        if not (0 < len(self.name) <= 100 and self.name.isprintable()):
            raise ValueError(f"`name` is {self.name!r}; 1 to 100 printable characters are needed")
        if self.context_length < 1:
            raise ValueError(f"`context_length` is {self.context_length}; at least 1 is needed")
        for golden in self.golden:
            if (tokens := len(golden.prompt_ids) + len(golden.ids)) > self.context_length:
                raise ValueError(f"a golden text has {tokens} tokens; `context_length` is {self.context_length}")


@dataclass(frozen=True, kw_only=True)
class DecoderOrders:
    """What a probe is told of a decoder: the description, and the files by their path below its folder."""

    description: Description
    files: dict[str, FileEntry]


@dataclass(frozen=True, kw_only=True)
class Decoder:
    """A decoder whose files are there and whose graph has a documented form."""

    folder: Path
    description: Description
    files: dict[str, FileEntry]
    graph: DecoderGraph

    @property
    def model(self) -> Path:
        return self.folder / self.description.model

    @property
    def tokenizer(self) -> Path | None:
        return None if self.description.tokenizer is None else self.folder / self.description.tokenizer

    @property
    def size_bytes(self) -> int:
        """Bytes of graph, tokenizer and description."""
        return sum(entry.bytes for entry in self.files.values())

    @property
    def sha256(self) -> str:
        """Identifies all files: SHA-256 of what `sha256sum` prints for them, sorted by path."""
        lines = (f"{entry.sha256}  {path}\n" for path, entry in sorted(self.files.items()))
        return sha256_bytes("".join(lines).encode())

    def orders(self) -> dict[str, Any]:
        """`DecoderOrders` as a table."""
        return dataclasses.asdict(DecoderOrders(description=self.description, files=self.files))


def find_decoder(path: Path | None) -> Path | None:
    """The description that `path` names, itself or by its folder; None when it names something else, such as a bundle.

    TinylmError for a graph that is named without a description.
    """
    if path is None:
        return None
    if path.suffix == ".onnx":
        raise TinylmError(
            f"`{path}` is a graph alone",
            f"describe it in a file `{DESCRIPTION}` beside it, and name that; docs/other-models.md shows one",
        )
    if path.suffix == ".toml":
        return path
    described = path / DESCRIPTION
    return described if described.is_file() and not (path / MANIFEST).exists() else None


def open_decoder(path: Path) -> Decoder:
    """Read the description `path` and everything that it names; TinylmError says what is wrong with it."""
    import tomllib  # memory that a probe does not need

    where = f"`{path}`"
    size = _plain_file(path.parent, path.name, where, missing=f"name a `{DESCRIPTION}`, or the folder that holds one")
    if size > _MAX_TOML_BYTES:
        raise TinylmError(f"{where} has {size} bytes; at most {_MAX_TOML_BYTES} are read", "is this a description?")
    raw = path.read_bytes()
    try:
        data = tomllib.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # not TOML, or not UTF-8
        raise TinylmError(f"{where} is not valid TOML: {error}", "correct the file") from error
    description = read(Description, data, where, major=1)
    files = {path.name: FileEntry(sha256=sha256_bytes(raw), bytes=size)}
    for name in (description.model, description.tokenizer):
        if name is None:
            continue
        size = _plain_file(path.parent, name, where, missing=f"{where} names it")
        files[name] = FileEntry(sha256=sha256(path.parent / name), bytes=size)
    return _opened(path.parent, description, files, where)


def reopen_decoder(folder: Path, orders: DecoderOrders) -> Decoder:
    """What `open_decoder` gave where `orders` were made; TinylmError when a file is not the same any more."""
    for name, entry in orders.files.items():
        size = _plain_file(folder, name, f"`{folder}`", missing="check it again")
        if size != entry.bytes or sha256(folder / name) != entry.sha256:
            raise TinylmError(f"`{folder / name}` changed while it was checked", "check it again")
    return _opened(folder, orders.description, orders.files, f"`{folder}`")


def _opened(folder: Path, description: Description, files: dict[str, FileEntry], where: str) -> Decoder:
    tokenizer = description.tokenizer
    if tokenizer is not None and files[tokenizer].bytes > _MAX_TOKENIZER_BYTES:
        raise TinylmError(
            f"`{folder / tokenizer}` has {files[tokenizer].bytes} bytes; at most {_MAX_TOKENIZER_BYTES} are read", _SEE
        )
    graph = recognise(_read_graph(folder / description.model), where=f"`{folder / description.model}`")
    ids = [token for golden in description.golden for token in (*golden.prompt_ids, *golden.ids)]
    for token in ids if description.bos_id is None else [description.bos_id, *ids]:
        if not 0 <= token < graph.vocab_size:
            raise TinylmError(
                f"{where} names the token {token}; the graph's vocabulary has {graph.vocab_size}", "correct the file"
            )
    return Decoder(folder=folder, description=description, files=files, graph=graph)


def _read_graph(model: Path) -> OnnxModel:
    """Read the graph as a bundle's is read; the hints are for those who have no bundle to export again."""
    try:
        return read_onnx(model)
    except ExternalData as error:
        raise TinylmError(f"{error.message}; a decoder is one file here", _ONE_FILE) from error
    except TinylmError as error:
        raise TinylmError(error.message, _SEE) from error


def _plain_file(folder: Path, name: str, where: str, *, missing: str) -> int:
    """The size of the file `name`, a path below `folder`; TinylmError unless it is a plain file and no link.

    `where` names it in errors, and `missing` is the hint when it is not there.
    """
    path, parts = folder, name.split("/")
    if not all(_PART.fullmatch(part) for part in parts):
        raise TinylmError(
            f"{where} names the file `{name}`, which is not allowed",
            "name a file in the same folder or below it: letters, digits, `.`, `_` and `-`, no `..`",
        )
    for part in parts:
        path = path / part
        try:
            status = path.lstat()
        except OSError as error:
            raise TinylmError(f"`{path}` cannot be read: {error.strerror}", missing) from error
        if stat.S_ISLNK(status.st_mode):
            raise TinylmError(f"`{path}` is a link; a decoder's files are plain files", "copy what it points to there")
    if not stat.S_ISREG(status.st_mode):
        raise TinylmError(f"`{path}` is no plain file", _SEE)
    return status.st_size
