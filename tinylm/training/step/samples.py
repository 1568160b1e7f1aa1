"""Text from the model while it trains: what numbers do not show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import torch

from tinylm.corpus.openings import opening
from tinylm.model import TinyTransformer
from tinylm.runtime.logits import sample
from tinylm.runtime.sampling import Sampler, Sampling
from tinylm.text.documents import Piece
from tinylm.tokenizer.tokenizer import BOS, EOS, UNK, Tokenizer

MAX_TOKENS = 30
TEMPERATURE = 0.7
FILE = "samples.txt"
_LANGUAGES = 4
_CANDIDATES = 50
"""Pieces of a language that are looked at."""


def sample_prompts(pieces: Iterable[Piece], tokenizer: Tokenizer) -> tuple[str, ...]:
    """How validation documents begin: one of each of the four languages with most text, two where there is only one.

    Beginnings of whole documents come first, with a letter in them and without UNK; the same text gives the same ones.
    """
    candidates: dict[str, dict[str, tuple[bool, ...]]] = {}
    sizes: Counter[str] = Counter()
    for piece in pieces:
        sizes[piece.language] += len(piece.text)
        found = candidates.setdefault(piece.language, {})
        if len(found) < _CANDIDATES and (text := opening(piece.text)):
            found.setdefault(text, (UNK in tokenizer.encode(text), not any(map(str.isalpha, text)), not piece.start))
    count = 2 if len(candidates) == 1 else 1
    largest = sorted(sizes, key=lambda language: (-sizes[language], language))[:_LANGUAGES]
    return tuple(
        text
        for language in sorted(largest)
        for text in sorted(candidates[language], key=lambda text: candidates[language][text])[:count]
    )


def sample_text(model: TinyTransformer, tokenizer: Tokenizer, prompt: str, *, context_length: int, seed: int) -> str:
    """`prompt` and up to 30 more tokens at temperature 0.7, stopping at EOS; the same seed gives the same text."""
    ids = [BOS, *tokenizer.encode(prompt)]
    sampler = Sampler(Sampling(temperature=TEMPERATURE, seed=seed))
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    with torch.no_grad():
        for _ in range(MAX_TOKENS):
            logits = model(torch.tensor([ids[-context_length:]], device=device))[0, -1]
            token, _logprob = sample(logits.float().cpu().numpy(), sampler)
            if token == EOS:
                break
            ids.append(token)
    model.train(training)
    return tokenizer.decode(ids)


def samples_text(*, epoch: int, samples: dict[str, str]) -> str:
    """One epoch's lines in `samples.txt`."""
    return "".join([f"epoch {epoch}\n", *(f"  {prompt!r} -> {text!r}\n" for prompt, text in samples.items())])
