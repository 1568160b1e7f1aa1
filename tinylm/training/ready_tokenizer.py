"""A tokenizer that is there already, for a dataset to take over: `--tokenizer`, and what `--init-from` brings."""

from __future__ import annotations

from pathlib import Path

from tinylm.config import TokenizerConfig
from tinylm.files import copy_atomic
from tinylm.tokenizer import Tokenizer
from tinylm.tokenizer_training import MODEL, VOCABULARY, vocabulary
from tinylm.training.dataset import SCHEMA, Dataset, DatasetRecord


def ready_tokenizer(model: Path, folder: Path) -> Dataset:
    """A dataset in `folder` that has the SentencePiece file `model` and no text; TinylmError as `Tokenizer` has it."""
    tokenizer = Tokenizer(model)
    copy_atomic(model, folder / MODEL)
    (folder / VOCABULARY).write_bytes(vocabulary(tokenizer))
    config = TokenizerConfig(kind=tokenizer.kind, vocab_size=tokenizer.vocab_size)
    return Dataset(folder, DatasetRecord(schema=SCHEMA, sources=(), tokenizer=config))
