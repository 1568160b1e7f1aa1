"""Token files from elsewhere to shards: `.npy` arrays and raw `.bin` files, as nanoGPT and llama2.c write them.

    import_tokens({"train": [Path("train.bin")], "val-en": [Path("val.bin")]}, tokenizer, folder)

The ids must be those of `tokenizer`; with those of another one a model learns nonsense, and nothing here can tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tinylm.errors import TinylmError
from tinylm.tokenizer import BOS, EOS, PAD, UNK, Tokenizer
from tinylm.tokens.shards import Index, Part, Source, token_dtype
from tinylm.tokens.writing import StreamWriter, make_folder, write_index

_BLOCK_TOKENS = 1 << 20
_PART_BLOCKS = 8
_UNKNOWN_BYTES = len("\u2047".encode())
"""What is known of text behind UNK: that `Tokenizer.decode` shows it as U+2047."""


def import_tokens(
    streams: Mapping[str, Sequence[Path]],
    tokenizer: Tokenizer,
    folder: Path,
    *,
    raw_dtype: Literal["uint16", "uint32"] | None = None,
) -> Index:
    """Write each named stream (`train`, `val-LANGUAGE`) of token files as `write_shards` does, the index last.

    `.npy` is a one-dimensional array of any integer type. `.bin` is little-endian `raw_dtype`, or as wide as the
    vocabulary needs. A document begins at the beginning of a file, at BOS and behind EOS; BOS is put there when it is
    missing, and padding is left out. Bytes are those that the ids decode to, three for each UNK. Each file is a source
    by its name without the ending. TinylmError for another kind of file, one that is empty or breaks off, and for ids
    beyond the vocabulary.
    """
    make_folder(folder)
    surface_bytes = np.array(tokenizer.surface_bytes(), np.int64)
    surface_bytes[UNK] = _UNKNOWN_BYTES
    sources: dict[Source, int] = {}
    parts: dict[str, list[Part]] = {}
    for name, paths in streams.items():
        language = name.removeprefix("val-") if name.startswith("val-") else "und"
        with StreamWriter(folder, name, vocab_size=tokenizer.vocab_size) as writer:
            blocks = 0
            for path in paths:
                source = sources.setdefault(Source(name=path.stem, language=language), len(sources))
                ids_of_file = _open(path, raw_dtype or token_dtype(tokenizer.vocab_size))
                for ids, starts in _documents(_checked(ids_of_file, path, tokenizer.vocab_size)):
                    writer.add(
                        ids,
                        starts,
                        np.full(len(starts), source, np.uint32),
                        text_bytes=int(surface_bytes[ids].sum()),
                        unknown_bytes=int((ids == UNK).sum()) * _UNKNOWN_BYTES,
                    )
                    blocks += 1
                    if blocks % _PART_BLOCKS == 0:
                        writer.end_part()
            if blocks % _PART_BLOCKS:
                writer.end_part()
        parts[name] = writer.parts
    return write_index(folder, parts, vocab_size=tokenizer.vocab_size, sources=list(sources))


def _open(path: Path, raw_dtype: Literal["uint16", "uint32"]) -> NDArray[Any]:
    """Memory-map the ids of one file."""
    hint = "tinylm reads `.npy` with one row of integers and `.bin` with raw uint16 or uint32"
    try:
        if path.suffix == ".npy":
            ids: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        elif path.suffix == ".bin":
            if path.stat().st_size % np.dtype(raw_dtype).itemsize:
                raise TinylmError(f"`{path}` has {path.stat().st_size} bytes: no whole number of {raw_dtype}", hint)
            ids = (
                np.memmap(path, np.dtype(raw_dtype).newbyteorder("<"), mode="r") if path.stat().st_size else np.empty(0)
            )
        else:
            raise TinylmError(f"`{path}` is no file of tokens", hint)
    except OSError as error:
        raise TinylmError(f"cannot read `{path}`: {error.strerror or error}", hint) from error
    except (ValueError, EOFError) as error:
        raise TinylmError(f"`{path}` is no whole NumPy array: {error}", hint) from error
    if not isinstance(ids, np.ndarray) or ids.ndim != 1 or (ids.size and ids.dtype.kind not in "iu"):
        shape = f"{ids.dtype} of shape {ids.shape}" if isinstance(ids, np.ndarray) else "several arrays"
        raise TinylmError(f"`{path}` holds {shape}", hint)
    if not ids.size:
        raise TinylmError(f"`{path}` is empty", hint)
    return ids


def _checked(ids: NDArray[Any], path: Path, vocab_size: int) -> Iterator[NDArray[np.int64]]:
    """The ids in blocks, without padding; TinylmError for one that the vocabulary does not have."""
    for at in range(0, len(ids), _BLOCK_TOKENS):
        block = ids[at : at + _BLOCK_TOKENS]
        for worst in (int(block.min()), int(block.max())):
            if not 0 <= worst < vocab_size:
                raise TinylmError(
                    f"`{path}` holds id {worst}; the tokenizer has {vocab_size}",
                    "give the tokenizer that made it, or the width of an id in a `.bin` file",
                )
        block = block.astype(np.int64)
        yield block[block != PAD]


def _documents(blocks: Iterator[NDArray[np.int64]]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The ids with BOS before each document, and the offsets where documents begin."""
    ended = True
    for block in blocks:
        if not len(block):
            continue
        after_end = np.concatenate([[ended], block[:-1] == EOS])
        ended = block[-1] == EOS
        ids = np.insert(block, np.flatnonzero(after_end & (block != BOS)), BOS)
        yield ids, np.flatnonzero(ids == BOS)
