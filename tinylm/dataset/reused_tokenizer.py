"""A tokenizer that is there already, for a dataset to take over: `--tokenizer`, and what `--init-from` brings."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.files import copy_atomic
from tinylm.dataset.build import SCHEMA, Dataset, DatasetRecord, Reuse
from tinylm.dataset.lossless import HINT, check_lossless
from tinylm.settings.run import TokenizerConfig
from tinylm.tokenizer.tokenizer import Tokenizer
from tinylm.tokenizer.training import MODEL, VOCABULARY, vocabulary


def ready_tokenizer(model: Path, folder: Path) -> Dataset:
    """A dataset in `folder` that has the SentencePiece file `model` and no text.

    TinylmError as `Tokenizer` and `check_lossless` have it, and for a vocabulary of an unsupported size.
    """
    tokenizer = Tokenizer(model)
    try:
        byte_fallback = any(tokenizer.is_byte(token) for token in range(tokenizer.vocab_size))
        config = TokenizerConfig(kind=tokenizer.kind, vocab_size=tokenizer.vocab_size, byte_fallback=byte_fallback)
    except ValueError as error:
        raise TinylmError(f"the tokenizer `{model}` cannot be used: {error}", HINT) from error
    check_lossless(model)
    copy_atomic(model, folder / MODEL)
    (folder / VOCABULARY).write_bytes(vocabulary(tokenizer))
    return Dataset(folder, DatasetRecord(schema=SCHEMA, sources=(), tokenizer=config))


@contextlib.contextmanager
def taken_over(tokenizer: Path) -> Iterator[Reuse]:
    """The SentencePiece file `tokenizer`, for a dataset to take over inside the context."""
    with tempfile.TemporaryDirectory(prefix="tinylm-") as folder:
        dataset = ready_tokenizer(tokenizer, Path(folder))
        yield Reuse(dataset=dataset, corpus=False, tokenizer=True, tokenizer_from=tokenizer)
