"""A tokenizer that is there already, for a dataset to take over: `--tokenizer`, and what `--init-from` brings."""

from __future__ import annotations

from pathlib import Path

from tinylm.config import TokenizerConfig
from tinylm.errors import TinylmError
from tinylm.files import copy_atomic
from tinylm.tokenizer import Tokenizer
from tinylm.tokenizer_training import MODEL, VOCABULARY, vocabulary
from tinylm.training.dataset import SCHEMA, Dataset, DatasetRecord

_HINT = "take the `tokenizer.model` of a dataset or bundle that tinylm made"


def ready_tokenizer(model: Path, folder: Path) -> Dataset:
    """A dataset in `folder` that has the SentencePiece file `model` and no text.

    TinylmError as `Tokenizer` has it, for a vocabulary of an unsupported size, and for a model that changes text.
    """
    tokenizer = Tokenizer(model)
    try:
        byte_fallback = any(tokenizer.is_byte(token) for token in range(tokenizer.vocab_size))
        config = TokenizerConfig(kind=tokenizer.kind, vocab_size=tokenizer.vocab_size, byte_fallback=byte_fallback)
    except ValueError as error:
        raise TinylmError(f"the tokenizer `{model}` cannot be used: {error}", _HINT) from error
    _check_lossless(tokenizer, model)
    copy_atomic(model, folder / MODEL)
    (folder / VOCABULARY).write_bytes(vocabulary(tokenizer))
    return Dataset(folder, DatasetRecord(schema=SCHEMA, sources=(), tokenizer=config))


def _check_lossless(tokenizer: Tokenizer, model: Path) -> None:
    """Bits per byte need every byte to stand behind a token: TinylmError for a model that adds or drops spaces."""
    known = next((piece for piece, _ in tokenizer.pieces() if len(piece) == 1 and piece.isalpha()), "a")
    text = f"{known}  {known}\n\n{known} "
    tokens = tokenizer.encode(text)
    if tokenizer.decode(tokens) != text or tokenizer.piece(tokens[0]).startswith("\u2581"):
        raise TinylmError(
            f"the tokenizer `{model}` does not keep spaces and newlines as they are: it turns {text!r} into"
            f" {[tokenizer.piece(token) for token in tokens]}",
            _HINT,
        )
    if len(tokenizer.encode("\n")) != 1:
        raise TinylmError(f"the tokenizer `{model}` has no piece for the newline", _HINT)
