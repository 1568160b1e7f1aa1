"""A bundle as what follows the standalone program in one file; program/payload.h says how it lies there.

    data = standalone(program, image=image.data, tokenizer=pieces, golden=bundle.golden(), about=about(bundle))

The program maps its own file and reads the parts in place, so nothing is packed.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import tinylm
from tinylm.bundle.manifest import GenerationDefaults, Golden
from tinylm.bundle.reading import Bundle

VERSION = 1
"""`PAYLOAD_VERSION`."""
MAGIC = b"tinylm model"
_TABLE = struct.Struct("<8Q")  # offset and bytes of four parts
_PART_ALIGNMENT, _PAGE_BYTES = 64, 4096
_LARGEST = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class About:
    """What the file says of itself."""

    generation: GenerationDefaults
    name: str
    version: str
    manifest_sha256: str


def about(bundle: Bundle) -> About:
    """What a file made of this bundle says of itself."""
    manifest = bundle.manifest
    return About(
        generation=manifest.generation,
        name=manifest.name,
        version=manifest.version,
        manifest_sha256=bundle.manifest_sha256,
    )


def standalone(program: bytes, *, image: bytes | memoryview, tokenizer: bytes, golden: Golden, about: About) -> bytes:
    """The whole file: the program, the image of the weights, that of the tokenizer, and what it needs to know."""
    data = bytearray(program)
    data += bytes(-len(data) % _PAGE_BYTES)
    places: list[int] = []
    for part in (image, tokenizer, _golden(golden), _about(about)):
        data += bytes(-len(data) % _PART_ALIGNMENT)
        places += (len(data), len(part))
        data += part
    data += bytes(-len(data) % _PART_ALIGNMENT)
    table = _TABLE.pack(*places)
    trailer_bytes = len(table) + 3 * 8 + 4 + len(MAGIC)
    trailer = table + struct.pack("<QQ", len(data) + trailer_bytes, checksum(data))
    trailer += struct.pack("<QI", checksum(trailer), VERSION) + MAGIC
    return bytes(data + trailer)


def checksum(data: bytes | bytearray) -> int:
    """Fletcher's sums over 32-bit words, joined to 64 bits; as `checksum_value` in program/payload.c."""
    words = memoryview(data).cast("I")  # wherever tinylm runs, numbers are little-endian
    sums = sum(itertools.accumulate(words)) % 2**64
    return sum(words) ^ ((sums << 32 | sums >> 32) % 2**64)


def _golden(golden: Golden) -> bytes:
    bits = golden.logits_hash
    parts = [struct.pack("<IQ", bits.arithmetic, int(bits.fnv1a64, 16)) if bits else bytes(12)]
    parts.append(_number(len(golden.prompts)))
    for prompt in golden.prompts:
        parts += (_text(prompt.prompt), _ids(prompt.prompt_ids), _ids(prompt.ids))
    parts.append(_number(len(golden.encodings)))
    for encoding in golden.encodings:
        parts += (_text(encoding.text), _ids(encoding.ids))
    parts.append(_number(len(golden.held_out)))
    for held_out in golden.held_out:
        parts += (_text(held_out.language), _text(held_out.text), struct.pack("<d", held_out.bits_fp32))
    return b"".join(parts)


def _about(about: About) -> bytes:
    chosen = about.generation
    numbers = struct.pack(
        "<3f2i",
        chosen.temperature,
        chosen.top_p,
        chosen.repetition_penalty,
        min(chosen.top_k, _LARGEST),
        min(chosen.max_tokens, _LARGEST),
    )
    texts = (about.name, about.version, about.manifest_sha256, tinylm.__version__)
    return numbers + b"".join(map(_text, texts))


def _number(value: int) -> bytes:
    return struct.pack("<I", value)


def _text(text: str) -> bytes:
    data = text.encode()
    return _number(len(data)) + data + bytes(-len(data) % 4)


def _ids(ids: Sequence[int]) -> bytes:
    return struct.pack(f"<I{len(ids)}i", len(ids), *ids)
