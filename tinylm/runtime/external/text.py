"""The text of a decoder that was exported elsewhere: its SentencePiece model, or token ids alone.

A tokenizer is used as it is, with its own normalisation and special ids, because the model was trained with them.
Without one, prompts are made of token ids, and no text is encoded or decoded, which the report says.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.tokenizer.tokenizer import load_sentencepiece


class PlainTokenizer:
    """A SentencePiece model as it is; `tinylm.runtime.generation.generation.Pieces`."""

    def __init__(self, path: Path, *, vocab_size: int) -> None:
        """Open a model for a graph with `vocab_size` logits; TinylmError when it is damaged or has more pieces."""
        try:
            self._processor = load_sentencepiece(path)
        except TinylmError as error:
            raise TinylmError(error.message, "leave `tokenizer` out where the model has none of this kind") from error
        self._pieces: int = self._processor.get_piece_size()
        if self._pieces > vocab_size:
            raise TinylmError(
                f"the tokenizer `{path}` has {self._pieces} pieces; the graph has logits for {vocab_size}",
                "name the tokenizer that the model was trained with",
            )
        bos: int = self._processor.bos_id()
        self.bos_id = bos if bos >= 0 else None

    def encode(self, text: str) -> list[int]:
        """Token ids, without BOS or EOS."""
        ids: list[int] = self._processor.encode(text)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`; those beyond the last piece, which pad many vocabularies, are silent."""
        text: str = self._processor.decode([token for token in ids if token < self._pieces])
        return text

    def piece(self, token: int) -> str:
        """The piece behind one id; empty beyond the last."""
        piece: str = self._processor.id_to_piece(token) if token < self._pieces else ""
        return piece


class NoText:
    """The stream of text of a decoder without tokenizer."""

    def push(self, token: int) -> str:
        return ""

    def flush(self) -> str:
        return ""


def random_prompt(place: int, *, tokens: int, vocab_size: int) -> list[int]:
    """Token ids in place of a text: `tokens` draws of Python's `random.Random(place).randrange(vocab_size)`.

    Python documents that generator (Mersenne Twister), and the same seed draws the same everywhere.
    """
    draw = random.Random(place)
    return [draw.randrange(vocab_size) for _ in range(tokens)]
