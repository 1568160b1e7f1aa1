"""From files to tokens, with the bytes behind each."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle
from tinylm.evaluation.costs import DocumentCost, measure
from tinylm.evaluation.documents import TextDocument, block_count, encode, read_documents
from tinylm.tokenizer.tokenizer import BOS, EOS, Tokenizer, normalise

MakeBundle = Callable[..., Bundle]


@pytest.fixture(scope="session", params=[False, True], ids=["unk", "bytes"])
def tokenizer(request: pytest.FixtureRequest, make_bundle: MakeBundle) -> Tokenizer:
    return Tokenizer(make_bundle(byte_fallback=request.param).tokenizer)


def document(text: str, *, ends: bool = True) -> TextDocument:
    return TextDocument(text=text, language="en", source="made up", ends=ends)


TEXTS = st.text(st.sampled_from("the cañ\n¿é 漢🐧─ x"), min_size=1, max_size=80)


@given(text=TEXTS, ends=st.booleans())
def test_tokens_cover_the_text_byte_by_byte(tokenizer: Tokenizer, text: str, ends: bool) -> None:
    text = normalise(text)
    found = encode(document(text, ends=ends), tokenizer)
    assert found.ids.tolist() == [BOS, *tokenizer.encode(text), *([EOS] if ends else [])]
    assert found.sizes.sum() == len(text.encode())
    assert found.unknown.sum() == tokenizer.unknown_bytes(text)
    assert len(found.sizes) == len(found.ids) - 1


def one_nat_a_token(documents: list[TextDocument], tokenizer: Tokenizer) -> list[DocumentCost]:
    """Costs by a model that says a nat to every token, in windows of three, the last document first."""

    def score(streams):  # type: ignore[no-untyped-def]
        for number in reversed(range(len(streams))):
            for first in range(0, len(streams[number]) - 1, 3):
                yield [(number, first, np.ones(min(3, len(streams[number]) - 1 - first)))]

    return measure(documents, tokenizer=tokenizer, score=score, say=lambda line: None)


@given(text=TEXTS, repeat=st.integers(1, 400))
def test_blocks_divide_a_document_without_loss(tokenizer: Tokenizer, text: str, repeat: int) -> None:
    text = normalise(text) * repeat
    size = len(text.encode())
    (cost,) = one_nat_a_token([document(text)], tokenizer)
    assert len(cost.blocks) == block_count(size)
    assert cost.whole.text_bytes == size
    assert cost.whole.tokens == len(tokenizer.encode(text)) + 1 == cost.whole.nats
    assert cost.whole.unknown_bytes == tokenizer.unknown_bytes(text)
    sizes = [block.text_bytes for block in cost.blocks]
    assert max(sizes) - min(sizes) <= 1
    assert size < 1536 or 680 < min(sizes) <= max(sizes) < 1537


def test_blocks_do_not_depend_on_the_tokenizer(make_bundle: MakeBundle) -> None:
    text = "sañolu mité the can out 漢.\n" * 900
    ours, theirs = (
        one_nat_a_token([document(text)], Tokenizer(make_bundle(byte_fallback=fallback).tokenizer))[0]
        for fallback in (False, True)
    )
    assert ours.whole.tokens != theirs.whole.tokens
    assert [block.text_bytes for block in ours.blocks] == [block.text_bytes for block in theirs.blocks]
    assert len(ours.blocks) > 3


def test_texts_are_prepared_as_in_training(tmp_path: Path) -> None:
    wrapped = "It was the best of times, it was the worst of times, it was the age of\nwisdom, it was the age of"
    wrapped += " foolishness, it was the epoch of belief, it was\nthe epoch of incredulity, it was the season of Light,"
    wrapped += " it was the season\nof Darkness, it was the spring of hope, it was the winter of despair, we\nhad"
    (tmp_path / "es").mkdir()
    (tmp_path / "es" / "novel.txt.gz").write_bytes(gzip.compress(wrapped.encode()))
    lines = [{"text": "Cafe\u0301\r\ncon leche  "}, {"text": " \n "}, {"text": "a\u0000b", "language": "en"}]
    (tmp_path / "more.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    found = read_documents([str(tmp_path), f"fr:{tmp_path / 'more.jsonl'}"], say=print)
    assert [(d.language, d.source) for d in found[:1]] == [("es", f"{tmp_path.name}/es/novel.txt.gz")]
    assert "\n" not in found[0].text
    assert [(d.text, d.language) for d in found[1:]] == [
        ("Café\ncon leche", "und"),
        ("ab", "en"),
        ("Café\ncon leche", "fr"),
        ("ab", "fr"),
    ]
    assert all(d.ends for d in found)


def test_a_text_of_white_space_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "  "}\n', encoding="utf-8")
    with pytest.raises(TinylmError, match="no text in"):
        read_documents([str(tmp_path / "a.jsonl")], say=print)
    with pytest.raises(TinylmError, match="does not exist"):
        read_documents([str(tmp_path / "missing.txt")], say=print)


def test_a_document_in_sections_ends_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is longer than a section goes on in the next one: EOS stands at its end alone."""
    monkeypatch.setattr("tinylm.corpus.cleaning.sections.SECTION_CHARACTERS", 2000)
    (tmp_path / "long.txt").write_text("A line of a long text.\n\n" * 100, encoding="utf-8")
    (tmp_path / "short.txt").write_text("Another text.", encoding="utf-8")
    found = read_documents([f"en:{tmp_path / 'long.txt'}", f"en:{tmp_path / 'short.txt'}"], say=print)
    assert [document.ends for document in found] == [False, True, True]
