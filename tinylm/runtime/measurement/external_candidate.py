"""A decoder that was exported elsewhere, as a `tinylm.runtime.measurement.candidate.Candidate`.

Its tokenizer is used as it is, with its own normalisation and special ids, because the model was trained with them.
Without one, prompts are made of token ids, and no text is encoded or decoded, which the report says.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.records import read
from tinylm.external_decoder.description import DecoderOrders, reopen_decoder
from tinylm.runtime.backends.contract import Backend, TokenEngine
from tinylm.runtime.external_engine import ExternalEngine
from tinylm.runtime.generation import TextDecoder
from tinylm.runtime.measurement.golden import greedy_difference
from tinylm.runtime.measurement.protocol import ProbeOrders, Verification
from tinylm.runtime.sampling import Sampler, Sampling
from tinylm.tokenizer.sentencepiece_pieces import load_sentencepiece
from tinylm.tokenizer.tokenizer import read_model


class ExternalCandidate:
    """A decoder with its tokenizer, or with prompts of token ids; it may choose any token of its vocabulary."""

    kind = "decoder"

    def __init__(self, folder: Path, orders: ProbeOrders) -> None:
        """Open what `orders` say of the decoder in `folder`; TinylmError when a file changed or settings are wrong."""
        self._decoder = reopen_decoder(folder, read(DecoderOrders, orders.decoder, "the probe's orders: `decoder`"))
        description = self._decoder.description
        self._sampling = Sampling(**dataclasses.asdict(description.sampling))
        self._orders = orders
        self.context_length = description.context_length
        path, vocab_size = self._decoder.tokenizer, self._decoder.graph.vocab_size
        self._tokenizer = None if path is None else ExternalTokenizer(path, vocab_size=vocab_size)
        bos = description.bos_id
        if bos is None and self._tokenizer is not None:
            bos = self._tokenizer.bos_id
        self._start = [] if bos is None else [bos]
        self._random = [
            random_prompt(place, tokens=orders.prompt_tokens, vocab_size=vocab_size)
            for place in range(0 if self._tokenizer else len(orders.prompts))
        ]

    def prompt_ids(self, place: int) -> list[int]:
        if self._tokenizer is None:
            return [*self._start, *self._random[place]]
        return [*self._start, *self._tokenizer.encode(self._orders.prompts[place])]

    def sampler(self, *, seed: int) -> Sampler:
        return self._sampler(dataclasses.replace(self._sampling, seed=seed))

    def text_stream(self, *, after: int) -> TextDecoder | NoText:
        return NoText() if self._tokenizer is None else TextDecoder(self._tokenizer, after=after)

    def open_engine(self, *, threads: int, backend: Backend) -> TokenEngine:
        if backend == "native":
            raise TinylmError(
                "the native engine runs bundles only; a decoder runs in ONNX Runtime",
                "leave `--backend` out",
            )
        return ExternalEngine(self._decoder, threads=threads)

    def verify(self, engine: TokenEngine) -> Verification | None:
        golden = self._decoder.description.golden
        if not golden:
            return None
        parts = [
            greedy_difference(
                engine, self._sampler(Sampling(temperature=0)), prompt_ids=entry.prompt_ids, ids=entry.ids
            )
            for entry in golden
        ]
        return Verification(
            prompts=len(golden),
            tokens=sum(len(entry.ids) for entry in golden),
            encodings=None,
            mismatches=tuple(f"golden text {number}, {part}" for number, part in enumerate(parts, 1) if part),
            held_out=(),
        )

    def _sampler(self, sampling: Sampling) -> Sampler:
        return Sampler(sampling, vocab_size=self._decoder.graph.vocab_size, forbidden=())


class ExternalTokenizer:
    """A SentencePiece model as it is; `tinylm.runtime.generation.Pieces`."""

    def __init__(self, path: Path, *, vocab_size: int) -> None:
        """Open a model for a graph with `vocab_size` logits; TinylmError when it is damaged or has more pieces."""
        try:
            self._processor = load_sentencepiece(read_model(path), str(path))
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
