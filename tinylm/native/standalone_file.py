"""What a standalone program says of itself, read from the file without running it: it may be for another processor.

    found = read_standalone(Path("hello"))
    found.family, found.name, found.model.d_model

The program itself checks every byte of its payload when it starts; here only what is read is checked.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tinylm.base.errors import TinylmError
from tinylm.base.files import sha256
from tinylm.emulation.processors import Family
from tinylm.emulation.program_file import family_of
from tinylm.native.image import HEADER, INT8_CACHE
from tinylm.native.payload import MAGIC, VERSION, checksum
from tinylm.settings.model import ModelConfig

_TRAILER = struct.Struct(f"<8Q3QI{len(MAGIC)}s")
_IMAGE, _ABOUT = 0, 3
"""Parts, by their place in the trailer."""
_MOST_ABOUT_BYTES = 65536
_ARCHITECTURES = ("llama", "classic")
_AGAIN = "copy the file again, or make it again with `tinylm export --standalone`"


@dataclass(frozen=True, kw_only=True)
class StandaloneFile:
    """A program with a model in it."""

    path: Path
    family: Family
    """Of processors that run it."""
    name: str
    version: str
    manifest_sha256: str
    """Of the bundle that it was made of."""
    tinylm_version: str
    model: ModelConfig
    """Its shape."""
    int8_cache: bool
    image_bytes: int
    """Of its weights, all of which are read for every token."""
    size_bytes: int
    sha256: str
    """Of the whole file."""


def read_standalone(path: Path) -> StandaloneFile:
    """Read the program at `path`; TinylmError when it is none that tinylm made, or damaged."""
    family = family_of(path)
    if family is None:
        raise TinylmError(f"`{path}` is no program for Linux", "name a file made by `tinylm export --standalone`")
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            parts = _parts(file, size, path)
            model, int8_cache = _shape(_read(file, parts[_IMAGE][0], HEADER.size), path)
            about = _read(file, parts[_ABOUT][0], min(parts[_ABOUT][1], _MOST_ABOUT_BYTES))
        name, version, manifest_sha256, tinylm_version = _texts(about, path)
        return StandaloneFile(
            path=path,
            family=family,
            name=name,
            version=version,
            manifest_sha256=manifest_sha256,
            tinylm_version=tinylm_version,
            model=model,
            int8_cache=int8_cache,
            image_bytes=parts[_IMAGE][1],
            size_bytes=size,
            sha256=sha256(path),
        )
    except OSError as error:
        raise TinylmError(f"cannot read `{path}`: {error.strerror}", "check that the file is there") from error


def _parts(file: BinaryIO, size: int, path: Path) -> list[tuple[int, int]]:
    """Where the parts begin and how many bytes they have."""
    trailer = _read(file, size - _TRAILER.size, _TRAILER.size) if size >= _TRAILER.size else b""
    if not trailer.endswith(MAGIC):
        raise TinylmError(f"`{path}` is a program, but not one with a model in it", _AGAIN)
    *places, file_bytes, _, sums, version, _ = _TRAILER.unpack(trailer)
    if version != VERSION:
        raise TinylmError(f"`{path}` has a payload of version {version}; this tinylm reads {VERSION}", "upgrade tinylm")
    if sums != checksum(trailer[: 10 * 8]) or file_bytes != size:
        raise TinylmError(f"`{path}` is damaged, or only a part of it was copied", _AGAIN)
    parts = list(zip(places[::2], places[1::2], strict=True))
    if any(offset > size or count > size - offset for offset, count in parts):
        raise TinylmError(f"`{path}` is damaged: its parts lie beyond its end", _AGAIN)
    return parts


def _read(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)


def _shape(header: bytes, path: Path) -> tuple[ModelConfig, bool]:
    """What the weights' header says (engine/image.h)."""
    try:
        _, _, _, architecture, int8_parts, *sizes, norm_eps, _ = HEADER.unpack(header)
        vocab_size, context_length, n_layer, n_head, n_kv_head, d_model, d_ff, window = sizes
        model = ModelConfig(
            architecture=_ARCHITECTURES[architecture],  # type: ignore[arg-type]
            vocab_size=vocab_size,
            context_length=context_length,
            n_layer=n_layer,
            n_head=n_head,
            n_kv_head=n_kv_head,
            d_model=d_model,
            d_ff=d_ff,
            norm_eps=norm_eps,
            sliding_window=window or None,
        )
    except (struct.error, ValueError, IndexError) as error:
        raise TinylmError(f"`{path}` is damaged: its weights have no header", _AGAIN) from error
    return model, bool(int8_parts & INT8_CACHE)


def _texts(about: bytes, path: Path) -> list[str]:
    """The texts behind the five numbers of the `about` part: each a size, its UTF-8, and zeros to a multiple of 4."""
    texts, at = [], 5 * 4
    try:
        for _ in range(4):
            (size,) = struct.unpack_from("<I", about, at)
            text = about[at + 4 : at + 4 + size]
            if len(text) != size:
                raise ValueError("cut")
            texts.append(text.decode("utf-8"))
            at += 4 + -(-size // 4) * 4
    except (struct.error, ValueError) as error:
        raise TinylmError(f"`{path}` is damaged: it does not say what it is", _AGAIN) from error
    return texts
