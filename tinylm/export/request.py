"""What an export is asked for: a trained model, the text that judges it, and the form that the bundle shall have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import Provenance
from tinylm.export.graph.model_graph import Scheme
from tinylm.settings.model import ModelConfig
from tinylm.tokenizer.tokenizer import Tokenizer


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """The same request gives the same bytes."""

    weights: Mapping[str, NDArray[np.floating]]
    """Names and shapes: `tinylm.model.weight_shapes`."""
    config: ModelConfig
    tokenizer_model: Path
    """The SentencePiece model that the training text was encoded with."""
    tokenizer_kind: str
    """`unigram` or `bpe`."""
    held_out: Mapping[str, Sequence[str]]
    """Documents that the model was not trained on, by language; all of them are scored."""
    provenance: Provenance
    name: str
    version: str
    scheme: Scheme
    """Of weights and activations."""
    int8_cache: bool = False
    """Keys and values in int8 too, with scales measured on `held_out`."""
    sensitivity: bool = False
    """Also measure what every matrix alone costs in int8."""
    max_bpb_increase: float = 0.02
    """Bits per byte of any language that the bundle may lose against the trained model."""

    def open_tokenizer(self) -> Tokenizer:
        """The request's tokenizer; TinylmError where it is not the model's, or a language has no held-out text."""
        tokenizer = Tokenizer(self.tokenizer_model)
        if tokenizer.vocab_size != self.config.vocab_size:
            raise TinylmError(
                f"the tokenizer has {tokenizer.vocab_size} pieces; the model was made for {self.config.vocab_size}",
                "name the tokenizer that the run was trained with",
            )
        if not self.held_out:
            raise TinylmError("there is no held-out text to verify the export with", "give a document per language")
        for language, documents in self.held_out.items():
            if not all(documents) or not documents:
                raise TinylmError(
                    f"the held-out text of `{language}` is empty, or a document of it is",
                    "give some text of every language",
                )
        return tokenizer
