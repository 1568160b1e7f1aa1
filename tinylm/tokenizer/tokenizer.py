"""Text to token ids and back, the same on the laptop that trains and on the device that serves.

`normalise` is the one character-level normalisation of the project. The corpus applies it once, the tokenizer's own
normalisation is the identity, and bits per byte count the bytes of normalised text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from tinylm.base.errors import TinylmError
from tinylm.native.library import NativeUnavailable
from tinylm.tokenizer.native_pieces import NativePieces, NotCovered

if TYPE_CHECKING:
    from tinylm.tokenizer.sentencepiece_pieces import SentencePiecePieces

BOS, EOS, PAD, UNK = 0, 1, 2, 3
NORMALISATION = "nfc-2"
"""Name of what `normalise` does; it changes whenever the function's result does."""

# What a terminal obeys and does not show (ECMA-48): colours and cursor moves, hyperlinks and titles up to their end,
# other sequences of two or three characters. Of the forms of one byte, those that text of a wrong encoding has not.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*(?:[@-~]|$)"
    r"|\x1b[\]PX^_][^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c|(?=[\x1b\n])|$)"
    r"|\x1b[ -/]*[0-~]"
    r"|\x9b[0-?]+[ -/]*[@-~]|[\x90\x9d][^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)"
)
_TYPED_OVER = re.compile(r"[^\n\x08]\x08")  # how printed manuals make letters bold
_LINE_ENDS = re.compile("\r\n|[\r\x85\u2028\u2029]")
# C0 and C1 controls except tab and newline; noncharacters and surrogates cannot stand in UTF-8 text that round-trips.
_DROPPED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff\ud800-\udfff]")


def normalise(text: str) -> str:
    """Return `text` in NFC with `\\n` line ends and without control characters and sequences; idempotent.

    U+2581 is how SentencePiece writes a space, so a literal one becomes a space.
    """
    if any(start in text for start in "\x08\x1b\x90\x9b\x9d"):
        text = _ESCAPES.sub("", text)
        while "\x08" in text and (over := _TYPED_OVER.sub("", text)) != text:
            text = over
    text = _LINE_ENDS.sub("\n", text)
    text = _DROPPED.sub("", text).replace("\u2581", " ")
    return unicodedata.normalize("NFC", text)


class Pieces(Protocol):
    """A vocabulary of pieces with an algorithm; texts are normalised already, and ids in range."""

    count: int
    special_ids: tuple[int, ...]
    """BOS, EOS, PAD, UNK; -1 for what the model does not have."""

    @property
    def kind(self) -> Literal["unigram", "bpe"]: ...
    def encode(self, text: str) -> list[int]: ...
    def spans(self, text: str) -> list[tuple[int, int]]: ...
    def decode(self, ids: Sequence[int]) -> str: ...
    def piece(self, token: int) -> str: ...
    def score(self, token: int) -> float: ...
    def is_byte(self, token: int) -> bool: ...
    def is_silent(self, token: int) -> bool: ...


def read_model(path: Path) -> bytes:
    """The bytes of a SentencePiece model; TinylmError when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise TinylmError(
            f"cannot read the tokenizer `{path}`: {error.strerror}", "name a SentencePiece `.model` file"
        ) from error


def open_pieces(model: bytes, where: str) -> Pieces:
    """By tinylm's C; by SentencePiece where that is missing, or the model has rules that only SentencePiece has."""
    try:
        return NativePieces(model)
    except (NativeUnavailable, NotCovered):
        from tinylm.tokenizer.sentencepiece_pieces import SentencePiecePieces

        return SentencePiecePieces(model, where)


class Tokenizer:
    """A SentencePiece model file: `encode` normalises, `decode(encode(x)) == normalise(x)` for text without UNK."""

    def __init__(self, path: Path) -> None:
        """Open a `.model` file; TinylmError when it is missing, damaged or has other special ids."""
        self._path = path
        self._model = read_model(path)
        self._pieces = open_pieces(self._model, str(path))
        ids = self._pieces.special_ids
        if ids != (BOS, EOS, PAD, UNK):
            raise TinylmError(
                f"`{path}` has BOS, EOS, PAD, UNK = {ids}; tinylm uses {(BOS, EOS, PAD, UNK)}",
                "take one that tinylm made, or train it with bos_id=0, eos_id=1, pad_id=2, unk_id=3",
            )
        self.vocab_size: int = self._pieces.count
        self._many: SentencePiecePieces | None = None

    @property
    def kind(self) -> Literal["unigram", "bpe"]:
        """How it was learned: scores are ranks in BPE and logarithms of probabilities in Unigram."""
        return self._pieces.kind

    def pieces(self) -> list[tuple[str, float]]:
        """Every piece with its score, by id."""
        return [(self._pieces.piece(token), self._pieces.score(token)) for token in range(self.vocab_size)]

    def encode(self, text: str) -> list[int]:
        """Token ids of the normalised text, without BOS or EOS."""
        return self._pieces.encode(normalise(text))

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` for many texts that are normalised already, by SentencePiece, which takes half the time for them.

        For datasets, so where training is; other threads run meanwhile.
        """
        if self._many is None:
            from tinylm.tokenizer.sentencepiece_pieces import SentencePiecePieces

            self._many = SentencePiecePieces(self._model, str(self._path))
        return self._many.encode_batch(texts)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`; BOS, EOS and PAD are silent, UNK shows as U+2047."""
        return self._pieces.decode(ids)

    def is_byte(self, token: int) -> bool:
        """`token` stands for one byte of a character that has no piece."""
        return self._pieces.is_byte(token)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """The ids of `encode`, each with the UTF-8 bytes of the normalised text that it stands for."""
        return self._pieces.spans(normalise(text))

    def unknown_bytes(self, text: str) -> int:
        """UTF-8 bytes of the normalised `text` that stand behind UNK (each costs 8 bits in bits per byte)."""
        return sum(size for token, size in self.spans(text) if token == UNK)

    def surface_bytes(self) -> list[int]:
        """UTF-8 bytes of text that stand behind each id: 0 for special ids, whose text nobody knows or sees.

        For ids of a normalised text these add up to the text's bytes less `unknown_bytes`.
        """
        pieces = self._pieces
        return [
            0
            if pieces.is_silent(token)
            else 1
            if pieces.is_byte(token)
            else len(pieces.piece(token).replace("\u2581", " ").encode())
            for token in range(self.vocab_size)
        ]

    def model_bytes(self) -> bytes:
        """The SentencePiece model file that was opened."""
        return self._model

    def piece(self, token: int) -> str:
        """The piece behind one id, with `\u2581` for a space."""
        return self._pieces.piece(token)
