"""Text that somebody has turned into tokens already: `.npy` arrays and raw `.bin` files, turned back into text.

    with as_text(["en:train.bin", "notes.txt"], tokenizer, folder, progress=print) as sources: ...

So it is cleaned, split and measured as any text is, and the tokenizer makes the same ids of it again. The ids must be
those of that tokenizer; with another's the text is nonsense, and nothing here can tell.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import tokenize
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from tinylm.base.errors import TinylmError
from tinylm.base.progress import ProgressBar
from tinylm.corpus.cleaning.sections import DOCUMENT_END
from tinylm.corpus.reading.source_names import folder_language, parse_source, unreadable
from tinylm.tokenizer.tokenizer import BOS, EOS, PAD, UNK, Tokenizer

SUFFIXES = (".npy", ".bin")
_BLOCK_TOKENS = 1 << 20
_WIDTH_SAMPLE = 4096
"""So many ids are looked at to tell 16 bits from 32."""


@contextlib.contextmanager
def as_text(
    sources: Sequence[str], tokenizer: Tokenizer | None, folder: Path, *, progress: Callable[[str], None]
) -> Iterator[list[str]]:
    """The sources, with a text file in place of each token file; those lie in `folder` for as long as the block runs.

    TinylmError as `decode_file` has it, and for tokens without a tokenizer.
    """
    with contextlib.ExitStack() as stack:
        texts = []
        for source in sources:
            language, path = parse_source(source)
            if path.suffix not in SUFFIXES or not path.is_file():  # what is wrong with it, reading says
                texts.append(source)
                continue
            if tokenizer is None:
                raise TinylmError(
                    f"`{source}` holds tokens, and nothing says of which tokenizer",
                    "name its SentencePiece file: --tokenizer FILE",
                )
            place = stack.enter_context(_place(folder))
            # Under its own name, by which records and weights know it, in a folder of its language.
            text = place / (folder_language(path.parts[:-1]) or "text") / path.name
            text.parent.mkdir()
            with ProgressBar(f"{path.name} back to text", say=progress):
                decode_file(path, tokenizer, text)
            texts.append(f"{language}:{text}" if language else str(text))
        yield texts


@contextlib.contextmanager
def _place(folder: Path) -> Iterator[Path]:
    """A folder for decoded text in `folder`, gone afterwards; those of processes that were killed go as well."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(".tokens-*-*"):
            if not psutil.pid_exists(int(old.name.split("-")[1])):
                shutil.rmtree(old, ignore_errors=True)
        place = tempfile.TemporaryDirectory(prefix=f".tokens-{os.getpid()}-", dir=folder)
    except OSError as error:
        raise TinylmError(
            f"cannot write in `{folder}`: {error.strerror}", "call tinylm in a folder of yours"
        ) from error
    with place as name:
        yield Path(name)


def decode_file(path: Path, tokenizer: Tokenizer, text: Path) -> None:
    """Write the documents of a token file to the text file `text`, as `tinylm.corpus.reading.files` reads them.

    `.npy` is a one-dimensional array of any integer type. `.bin` is little-endian uint16, as nanoGPT and llama2.c write
    it. A document ends at EOS, and one begins at BOS; padding is left out. UNK becomes U+FFFD, which no tokenizer has a
    piece for. Memory is constant. TinylmError for another kind of file, one that holds no text or breaks off, ids
    beyond the vocabulary or of symbols that stand for no text, and a full disk.
    """
    written = border = False
    blocks = _whole_characters(_checked(_open(path), path, tokenizer), tokenizer)
    try:
        with text.open("w", encoding="utf-8", newline="") as out:
            for ids in blocks:
                for part in np.split(ids, np.flatnonzero((ids == BOS) | (ids == EOS))):
                    border = border or (len(part) > 0 and int(part[0]) in (BOS, EOS))
                    if words := _text(part, tokenizer):
                        out.write(f"\n{DOCUMENT_END}\n{words}" if border and written else words)
                        written, border = True, False
    except OSError as error:
        raise TinylmError(f"cannot write the text of `{path}`: {error.strerror}", "free some disk space") from error
    if not written:
        raise TinylmError(f"`{path}` holds no text, only marks of documents", "name a file with tokens of text")


def _text(ids: NDArray[np.int64], tokenizer: Tokenizer) -> str:
    known = np.split(ids, np.flatnonzero(ids == UNK))
    return "\ufffd".join(tokenizer.decode(part[part != UNK].tolist()) for part in known)


def _whole_characters(blocks: Iterator[NDArray[np.int64]], tokenizer: Tokenizer) -> Iterator[NDArray[np.int64]]:
    """The same ids in blocks that do not end between the bytes of a character."""
    rest: NDArray[np.int64] = np.empty(0, np.int64)
    for block in blocks:
        ids = np.concatenate([rest, block])
        end = len(ids)
        while end and tokenizer.is_byte(int(ids[end - 1])):
            end -= 1
        yield ids[:end]
        rest = ids[end:]
    yield rest


def _open(path: Path) -> NDArray[Any]:
    """Memory-map the ids of one file."""
    hint = "tinylm reads `.npy` with one row of integers and `.bin` with raw uint16"
    try:
        if path.suffix == ".npy":
            ids: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
        else:
            if path.stat().st_size % 2:
                raise TinylmError(f"`{path}` has {path.stat().st_size} bytes: no whole number of uint16", hint)
            ids = np.memmap(path, "<u2", mode="r") if path.stat().st_size else np.empty(0)
    except OSError as error:
        raise unreadable(path, error) from error
    except (ValueError, EOFError, SyntaxError, tokenize.TokenError) as error:  # what damaged headers lead to
        raise TinylmError(f"`{path}` is no whole NumPy array: {error}", hint) from error
    if ids.ndim != 1 or (ids.size and ids.dtype.kind not in "iu"):
        raise TinylmError(f"`{path}` holds {ids.dtype} of shape {ids.shape}", hint)
    if not ids.size:
        raise TinylmError(f"`{path}` is empty", hint)
    if path.suffix == ".bin" and len(ids) >= 16 and not ids[1:_WIDTH_SAMPLE:2].any():
        raise TinylmError(f"every second id in `{path}` is 0: it holds 32-bit ids", "save them as `.npy`")
    return ids


def _checked(ids: NDArray[Any], path: Path, tokenizer: Tokenizer) -> Iterator[NDArray[np.int64]]:
    """The ids in blocks, without padding; TinylmError for one that the vocabulary does not have or has no text for."""
    vocab_size = tokenizer.vocab_size
    silent = [token for token, size in enumerate(tokenizer.surface_bytes()) if not size and token > UNK]
    for at in range(0, len(ids), _BLOCK_TOKENS):
        block = ids[at : at + _BLOCK_TOKENS]
        for worst in (int(block.min()), int(block.max())):
            if not 0 <= worst < vocab_size:
                raise TinylmError(
                    f"`{path}` holds id {worst}; the tokenizer has {vocab_size}",
                    "give the tokenizer that made it",
                )
        block = block.astype(np.int64)
        if len(lost := block[np.isin(block, silent)]):
            raise TinylmError(
                f"`{path}` holds id {lost[0]}, the symbol `{tokenizer.piece(int(lost[0]))}`, which stands for no text",
                "leave such symbols out of the file; the end of a document is EOS",
            )
        yield block[block != PAD]
