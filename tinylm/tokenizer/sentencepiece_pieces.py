"""A tokenizer's pieces by the SentencePiece library: where there is no C library, and for models with other rules.

Only here, and where vocabularies are learned, is the package `sentencepiece` imported; a device does without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from tinylm.base.errors import TinylmError

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor


def load_sentencepiece(model: bytes, where: str) -> SentencePieceProcessor:
    """Open any SentencePiece model; TinylmError when it is damaged, or the package is not installed."""
    try:
        from sentencepiece import SentencePieceProcessor
    except ImportError as error:
        raise TinylmError(
            f"`{where}` needs the package `sentencepiece`, which cannot be loaded: {error}", "pip install sentencepiece"
        ) from error
    processor = SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(model)
    except RuntimeError as error:
        raise TinylmError(
            f"`{where}` is not a SentencePiece model", "train one with `tinylm train-pipeline`, or restore the file"
        ) from error
    return processor


class SentencePiecePieces:
    """`tinylm.tokenizer.tokenizer.Pieces` of an open SentencePiece model."""

    def __init__(self, model: bytes, where: str) -> None:
        """TinylmError as `load_sentencepiece`; `where` names the model in it."""
        self._processor = processor = load_sentencepiece(model, where)
        self.count: int = processor.get_piece_size()
        self.special_ids: tuple[int, ...] = (
            processor.bos_id(),
            processor.eos_id(),
            processor.pad_id(),
            processor.unk_id(),
        )

    @property
    def kind(self) -> Literal["unigram", "bpe"]:
        """Scores are ranks in BPE and logarithms of probabilities in Unigram."""
        return "bpe" if all(self.score(token).is_integer() for token in range(self.count)) else "unigram"

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self._processor.encode(text)
        return ids

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        ids: list[list[int]] = self._processor.encode(list(texts), num_threads=1)
        return ids

    def spans(self, text: str) -> list[tuple[int, int]]:
        ids, surfaces = self._processor.encode(text), self._processor.encode(text, out_type=str)
        # A space shows as U+2581, and a byte that has no character of its own as `<0xE6>`.
        return [
            (token, 1 if self.is_byte(token) else len(surface.replace("\u2581", " ").encode()))
            for token, surface in zip(ids, surfaces, strict=True)
        ]

    def decode(self, ids: Sequence[int]) -> str:
        text: str = self._processor.decode(list(ids))
        return text

    def piece(self, token: int) -> str:
        piece: str = self._processor.id_to_piece(token)
        return piece

    def score(self, token: int) -> float:
        score: float = self._processor.get_score(token)
        return score

    def is_byte(self, token: int) -> bool:
        found: bool = self._processor.is_byte(token)
        return found

    def is_silent(self, token: int) -> bool:
        found: bool = self._processor.is_control(token) or self._processor.is_unknown(token)
        return found
