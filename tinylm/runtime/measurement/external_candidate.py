"""A decoder that was exported elsewhere, as the probe measures it (`tinylm.runtime.measurement.candidate.Subject`)."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.records import read
from tinylm.external_decoder.description import DecoderOrders, reopen_decoder
from tinylm.runtime.backends.contract import Backend, TokenEngine
from tinylm.runtime.external.engine import PlainEngine
from tinylm.runtime.external.text import NoText, PlainTokenizer, random_prompt
from tinylm.runtime.generation.generation import TextDecoder
from tinylm.runtime.measurement.candidate import TextStream
from tinylm.runtime.measurement.golden import greedy_difference
from tinylm.runtime.measurement.protocol import ProbeOrders, Verification
from tinylm.runtime.sampling import Sampler, Sampling


class PlainSubject:
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
        self._tokenizer = None if path is None else PlainTokenizer(path, vocab_size=vocab_size)
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

    def text_stream(self, *, after: int) -> TextStream:
        return NoText() if self._tokenizer is None else TextDecoder(self._tokenizer, after=after)

    def open_engine(self, *, threads: int, backend: Backend) -> TokenEngine:
        if backend == "lean":
            raise TinylmError(
                "the lean backend runs bundles only; a decoder runs on onnxruntime's Python module",
                "leave `--backend` out",
            )
        return PlainEngine(self._decoder, threads=threads)

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
