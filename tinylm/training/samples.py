"""Text from the model while it trains: what numbers do not show."""

from __future__ import annotations

import torch

from tinylm.model import TinyTransformer
from tinylm.runtime.sampling import Sampler, Sampling
from tinylm.tokenizer import BOS, EOS, Tokenizer

PROMPTS = ("Hello", "Hola")
MAX_TOKENS = 30
TEMPERATURE = 0.7
FILE = "samples.txt"


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
            token, _logprob = sampler(logits.float().cpu().numpy())
            if token == EOS:
                break
            ids.append(token)
    model.train(training)
    return tokenizer.decode(ids)


def samples_text(*, epoch: int, samples: dict[str, str]) -> str:
    """One epoch's lines in `samples.txt`."""
    return "".join([f"epoch {epoch}\n", *(f"  {prompt!r} -> {text!r}\n" for prompt, text in samples.items())])
