"""What is checked against a budget: a bundle, a standalone program, or a decoder that was exported elsewhere.

The check wants the same facts of each; a decoder lacks the evidence that an export of tinylm puts into a bundle. What
cannot be measured of it is left out or `not_measured`, never a pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tinylm.bundle.manifest import FileEntry
from tinylm.bundle.reading import Bundle
from tinylm.external_decoder.description import Decoder
from tinylm.native.standalone_file import StandaloneFile
from tinylm.settings.model import ModelConfig


@dataclass(frozen=True, kw_only=True)
class Candidate:
    kind: Literal["bundle", "decoder", "program"]
    name: str
    sha256: str
    """Identifies all of its files."""
    path: Path
    """Its folder; of a program the file."""
    size_bytes: int
    model: ModelConfig | None
    """Its shape; None for a decoder, whose description does not say."""
    kv_cache_element_bytes: int
    golden: bool
    """Whether it brings tokens that every device must reproduce."""
    bundle: Bundle | None = None
    """None for others."""
    program: StandaloneFile | None = None
    decoder: dict[str, Any] | None = None
    """What a probe is told of a decoder (`tinylm.external_decoder.description.DecoderOrders`)."""
    files: dict[str, FileEntry] = field(default_factory=dict)
    """A decoder's files, or the program; a bundle's stand in its manifest."""
    notes: tuple[str, ...] = ()
    """What people must know to read the figures."""

    @property
    def manifest_sha256(self) -> str | None:
        """Of the bundle that a probe must find; None for a decoder."""
        if self.program is not None:
            return self.program.manifest_sha256
        return self.sha256 if self.kind == "bundle" else None

    @property
    def weights_bytes(self) -> int:
        """What is read from memory for a token; TypeError for a decoder, of which nobody knows."""
        if self.program is not None:
            return self.program.image_bytes
        if self.bundle is None:
            raise TypeError("a decoder's graph may read any part of its weights")
        return self.bundle.model.stat().st_size


def bundle_candidate(bundle: Bundle) -> Candidate:
    """A verified bundle as the check wants it."""
    return Candidate(
        kind="bundle",
        name=bundle.manifest.name,
        sha256=bundle.manifest_sha256,
        path=bundle.path,
        size_bytes=bundle.size_bytes,
        model=bundle.manifest.model,
        kv_cache_element_bytes=1 if bundle.manifest.quantization.kv_cache == "int8" else 4,
        golden=True,
        bundle=bundle,
    )


def program_candidate(program: StandaloneFile) -> Candidate:
    """A program made by `tinylm export --standalone` as the check wants it."""
    return Candidate(
        kind="program",
        name=program.name,
        sha256=program.sha256,
        path=program.path,
        size_bytes=program.size_bytes,
        model=program.model,
        kv_cache_element_bytes=1 if program.int8_cache else 4,
        golden=True,
        program=program,
        files={program.path.name: FileEntry(bytes=program.size_bytes, sha256=program.sha256)},
    )


def decoder_candidate(decoder: Decoder) -> Candidate:
    """An opened decoder as the check wants it, with what people must know of its figures."""
    description, layers = decoder.description, len(decoder.graph.cache) // 2
    notes = [
        f"a key/value cache of {layers} layers, which grows with the text"
        if layers
        else "no key/value cache: the whole text is run again for every token"
    ]
    if description.tokenizer is None:
        notes.append("encoding and decoding of text is not included: prompts are pseudo-random token ids")
    return Candidate(
        kind="decoder",
        name=description.name,
        sha256=decoder.sha256,
        path=decoder.folder,
        size_bytes=decoder.size_bytes,
        model=None,
        kv_cache_element_bytes=4,
        golden=bool(description.golden),
        decoder=decoder.orders(),
        files=decoder.files,
        notes=tuple(notes),
    )
