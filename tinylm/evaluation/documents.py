"""The documents that a model is evaluated on, and their tokens, each with the bytes of text that it stands for.

A text is prepared as training prepares it: normalised, hard-wrapped prose unwrapped, and each document on its own.
Where tokens begin in the text lets two models with different tokenizers be compared block by block.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinylm.base.errors import TinylmError
from tinylm.corpus.cleaning.cleaning import clean
from tinylm.corpus.reading import files
from tinylm.corpus.statistics import Dropped
from tinylm.text.documents import Document
from tinylm.tokenizer.tokenizer import BOS, EOS, UNK, Tokenizer, normalise

BLOCK_BYTES = 1024
"""About so many bytes are a block: what costs are counted by inside a document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDocument:
    """A text that stands for itself: a model reads it from an empty cache."""

    text: str
    """Normalised, not empty."""
    language: str
    source: str
    ends: bool
    """The document ends where the text does, and EOS is to be predicted there, as in training."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Encoded:
    """A document in a model's tokens."""

    ids: NDArray[np.int64]
    """BOS, the text, and EOS where the document ends: int64 [T + 1]."""
    sizes: NDArray[np.int64]
    """UTF-8 bytes of normalised text behind each token after BOS; EOS has none: int64 [T]."""

    @property
    def unknown(self) -> NDArray[np.int64]:
        """Bytes that hide behind UNK, at the token they belong to: int64 [T]."""
        return np.where(self.ids[1:] == UNK, self.sizes, 0)

    @property
    def blocks(self) -> NDArray[np.int64]:
        """The number of the block that each token begins in: int64 [T], from 0, never falling."""
        size = int(self.sizes.sum())
        count = block_count(size)
        starts = np.cumsum(self.sizes) - self.sizes
        blocks: NDArray[np.int64] = np.minimum(starts * count // max(size, 1), count - 1)
        return blocks


def block_count(text_bytes: int) -> int:
    """How many blocks of equal size a document has; it depends on the text alone."""
    return max(1, round(text_bytes / BLOCK_BYTES))


def read_documents(sources: Sequence[str], *, say: Callable[[str], None]) -> list[TextDocument]:
    """The documents of `[LANGUAGE:]PATH`s, as a corpus reads them: text, JSON, tables, `.gz`, `.xz`, files and folders.

    `say` is told what was noticed about them.

    A document so long that it is read in sections is one for each, and ends with the last.
    TinylmError for what `tinylm.corpus.reading.files.read` refuses, and when nothing but white space is left.
    """
    read: list[Document] = []
    for source in sources:
        files.fingerprint(source)  # names all files that cannot be read, before any is
        reading = files.Reading()
        read += files.read(source, dropped=Dropped(), reading=reading)
        for notice in reading.notices:
            say(notice)
    ends = [*(not following.continues for following in read[1:]), True]
    found = [
        TextDocument(text=text, language=document.language, source=document.source, ends=end)
        for document, end in zip(read, ends, strict=False)
        if (text := clean(normalise(document.text)))
    ]
    if not found:
        raise TinylmError(f"there is no text in {', '.join(f'`{source}`' for source in sources)}", "name another text")
    return found


def encode(document: TextDocument, tokenizer: Tokenizer) -> Encoded:
    """The document's tokens, and the bytes behind each."""
    spans = tokenizer.spans(document.text)
    if document.ends:
        spans.append((EOS, 0))
    table = np.array(spans, np.int64).reshape(-1, 2)
    return Encoded(np.concatenate([[BOS], table[:, 0]]), table[:, 1])
