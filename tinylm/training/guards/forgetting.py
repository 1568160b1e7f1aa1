"""Training that starts from weights (`--init-from`): what it starts from, and what becomes of the text learned before.

`init_from.json` in the run keeps the old text, so that it can be measured again when the source is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tinylm.base.records import read_file, write_file
from tinylm.evaluation.measures import total_bits
from tinylm.evaluation.model_scoring import score
from tinylm.model import TinyTransformer, build
from tinylm.settings.model import ModelConfig
from tinylm.tokenizer.tokenizer import BOS, Tokenizer, normalise
from tinylm.training.run.checkpoint import BEST, load_weights

SCHEMA = "1.0"
FILE = "init_from.json"
OLD_TEXT_BYTES = 100_000
"""UTF-8 bytes of the old text per language."""


@dataclass(frozen=True)
class Initial:
    """Weights to start from, and text that they were trained for."""

    source: str
    model: ModelConfig
    weights: Mapping[str, NDArray[np.float32]]
    weights_sha256: str
    old_text: Mapping[str, Sequence[str]]
    """Held-out documents by language."""


@dataclass(frozen=True, kw_only=True)
class OldText:
    """`init_from.json`; bits per byte by language."""

    schema: str
    source: str
    weights_sha256: str
    texts: dict[str, tuple[str, ...]]
    before: dict[str, float]
    after: dict[str, float] | None = None


def start_from(run: Path, initial: Initial, model: TinyTransformer, tokenizer: Tokenizer) -> None:
    """Load the weights into `model`, measure the old text with them and write it down."""
    model.load_state_dict({name: torch.from_numpy(value) for name, value in initial.weights.items()})
    record = OldText(
        schema=SCHEMA,
        source=initial.source,
        weights_sha256=initial.weights_sha256,
        texts={language: tuple(texts) for language, texts in initial.old_text.items()},
        before=bits_per_byte(model, tokenizer, initial.old_text, context_length=initial.model.context_length),
    )
    _write(run, record)


def measure_again(run: Path, tokenizer: Tokenizer, *, say: Callable[[str], None]) -> OldText:
    """The old text with the run's best checkpoint, written down and told."""
    path = run / FILE
    record = read_file(OldText, path, major=1, hint="start over with --force")
    config, weights = load_weights(run, BEST)
    model = build(config)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    after = bits_per_byte(model, tokenizer, record.texts, context_length=config.context_length)
    record = replace(record, after=after)
    _write(run, record)
    for language, before in record.before.items():
        say(f"old text, {language}: {before:.3f} bits per byte before, {after[language]:.3f} now")
    return record


def bits_per_byte(
    model: TinyTransformer, tokenizer: Tokenizer, texts: Mapping[str, Sequence[str]], *, context_length: int
) -> dict[str, float]:
    """By language, in fp32, as the runtime scores a text: windows without overlap, each read with an empty past."""
    result = {}
    for language, documents in texts.items():
        streams = [np.array([BOS, *tokenizer.encode(text)]) for text in documents]
        scored = chain.from_iterable(score(model, streams, context_length=context_length))
        nats = sum(float(values.sum(dtype=np.float64)) for _, _, values in scored)
        unknown = sum(tokenizer.unknown_bytes(text) for text in documents)
        size = sum(len(normalise(text).encode()) for text in documents)
        result[language] = total_bits(nats, float(unknown)) / max(size, 1)
    return result


def _write(run: Path, record: OldText) -> None:
    write_file(run / FILE, record)
