"""The candidate: the model under test, a bundle or a decoder that was exported elsewhere, with the same requests.

candidate = open_candidate(path, orders)
with candidate.open_engine(threads=1, backend="auto") as engine:
    ids = candidate.prompt_ids(0)
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle, open_bundle
from tinylm.runtime.backends.contract import Backend, TokenEngine
from tinylm.runtime.engine import Engine
from tinylm.runtime.generation import TextDecoder, check_tokenizer
from tinylm.runtime.measurement.golden import verify_golden
from tinylm.runtime.measurement.protocol import ProbeOrders, Verification
from tinylm.runtime.sampling import Sampler, Sampling
from tinylm.tokenizer.tokenizer import BOS, Tokenizer


class TextStream(Protocol):
    """Tokens to text, one by one."""

    def push(self, token: int) -> str:
        """The text that became certain with `token`; may be empty."""
        ...

    def flush(self) -> str:
        """The text of what is held back."""
        ...


class Candidate(Protocol):
    """What a request needs of the model under test."""

    kind: str
    """A word for people."""
    context_length: int

    def prompt_ids(self, place: int) -> list[int]:
        """The tokens of the prompt at this place of the orders' list: all of them, BOS included."""
        ...

    def sampler(self, *, seed: int) -> Sampler:
        """How its tokens are chosen by default."""
        ...

    def text_stream(self, *, after: int) -> TextStream:
        """The text of the tokens that follow the token `after`."""
        ...

    def open_engine(self, *, threads: int, backend: Backend) -> TokenEngine:
        """Load the model; TinylmError when it cannot be loaded here."""
        ...

    def verify(self, engine: TokenEngine) -> Verification | None:
        """Compare this machine with the evidence that came with the model; None when none came."""
        ...


class BundleCandidate:
    """A bundle, with its tokenizer and its own sampling defaults."""

    kind = "bundle"

    def __init__(self, bundle: Bundle, prompts: tuple[str, ...]) -> None:
        """Open the tokenizer of a verified bundle; TinylmError when it is damaged or not the model's."""
        self.bundle = bundle
        self.tokenizer = Tokenizer(bundle.tokenizer)
        self.prompts = tuple(readable(prompt, self.tokenizer) for prompt in prompts)
        """Not cut to length."""
        check_tokenizer(self.tokenizer, vocab_size=bundle.manifest.model.vocab_size)
        self.context_length = bundle.manifest.model.context_length

    def prompt_ids(self, place: int) -> list[int]:
        return [BOS, *self.tokenizer.encode(self.prompts[place])]

    def sampler(self, *, seed: int) -> Sampler:
        return Sampler(Sampling.of(self.bundle.manifest.generation, seed=seed))

    def text_stream(self, *, after: int) -> TextDecoder:
        return TextDecoder(self.tokenizer, after=after)

    def open_engine(self, *, threads: int, backend: Backend) -> TokenEngine:
        return Engine(self.bundle, threads=threads, backend=backend)

    def verify(self, engine: TokenEngine) -> Verification:
        assert isinstance(engine, Engine)  # of `open_engine`
        return verify_golden(self.bundle, self.tokenizer, engine)


def readable(text: str, tokenizer: Tokenizer) -> str:
    """The text, or its words on a line each for a tokenizer that has fewer tokens for it than words.

    A tokenizer of Chinese may know none of the letters: a single UNK then stands for all of them, and a request would
    be too short. A line end is a token of every tokenizer, and which tokens a request has does not decide its time.
    """
    words = text.split()
    return text if len(tokenizer.encode(text)) >= len(words) else "\n".join(words)


def open_candidate(path: Path, orders: ProbeOrders) -> Candidate:
    """What `orders` say lies at `path`, opened and verified; TinylmError says what is wrong with it."""
    if orders.decoder is None:
        bundle = open_bundle(path)
        if orders.bundle_sha256 not in (None, bundle.manifest_sha256):
            raise TinylmError(
                f"`{path}` is another bundle than when the check began", "check it again, and leave it alone meanwhile"
            )
        return BundleCandidate(bundle, orders.prompts)
    # Loads numpy and onnxruntime's module, which a bundle does without.
    from tinylm.runtime.measurement.external_candidate import ExternalCandidate

    return ExternalCandidate(path, orders)
