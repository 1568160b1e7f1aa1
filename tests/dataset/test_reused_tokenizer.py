"""A tokenizer that is there already is taken as it is, or refused for what it would do to text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sentencepiece_models import learned_model

from tinylm.base.errors import TinylmError
from tinylm.dataset.build import ready_tokenizer
from tinylm.settings.run import TokenizerConfig
from tinylm.text.documents import Piece
from tinylm.tokenizer.training import train_tokenizer


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
@pytest.mark.parametrize("byte_fallback", [False, True])
def test_one_of_ours_comes_back(texts: Path, tmp_path: Path, kind: str, byte_fallback: bool) -> None:
    config = TokenizerConfig(kind=kind, vocab_size=350 if byte_fallback else 90, byte_fallback=byte_fallback)  # type: ignore[arg-type]
    text = "".join((texts / name).read_text(encoding="utf-8") for name in ("en.txt", "es.txt")) * 3
    words = " ".join(f"{a}{b}{c}" for a in "bdfglm" for b in "aeiou" for c in ("rn", "st", "lk", "nd", "pt"))
    pieces = [Piece(text + words, "en", "a", start=True, end=True)]
    made = tmp_path / "made"
    train_tokenizer(lambda: pieces, config, made)
    (tmp_path / "taken").mkdir()
    dataset = ready_tokenizer(made / "tokenizer.model", tmp_path / "taken")
    assert dataset.record.tokenizer == config
    for name in ("tokenizer.model", "tokenizer.vocab"):
        assert (dataset.path / name).read_bytes() == (made / name).read_bytes()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"add_dummy_prefix": True}, "changes text: it puts a space before every text"),
        ({"user_defined_symbols": []}, "has no piece for the newline"),
        ({"bos_id": 1, "eos_id": 2, "pad_id": -1, "unk_id": 0}, "has BOS, EOS, PAD, UNK = "),
        ({"vocab_size": 12, "model_type": "char"}, "16 to 65536 is supported"),
    ],
)
def test_what_cannot_be_used_leaves_nothing(tmp_path: Path, other: dict[str, Any], message: str) -> None:
    path = learned_model(tmp_path / "their.model", **{"vocab_size": 60, **other})
    with pytest.raises(TinylmError, match=message) as caught:
        ready_tokenizer(path, tmp_path)
    assert caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["their.model"]


@pytest.mark.parametrize("content", [None, b"", b"no model"])
def test_what_is_no_model_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.model"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(TinylmError) as caught:
        ready_tokenizer(path, tmp_path)
    assert caught.value.hint
