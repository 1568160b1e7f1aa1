"""What goes in comes out, newlines and rare characters included; what is hidden behind UNK is counted."""

from __future__ import annotations

import random
import unicodedata
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tinylm.base.errors import TinylmError
from tinylm.settings.run import TokenizerConfig
from tinylm.text.documents import Piece
from tinylm.tokenizer.tokenizer import BOS, EOS, PAD, UNK, Tokenizer, normalise
from tinylm.tokenizer.training import train_tokenizer


def make(texts: Path, folder: Path, *, byte_fallback: bool) -> Tokenizer:
    pieces = [
        Piece((texts / f"{name}.txt").read_text(encoding="utf-8"), name, "t", True, True) for name in ("en", "es")
    ]
    size = 340 if byte_fallback else 90
    return train_tokenizer(lambda: pieces, TokenizerConfig(vocab_size=size, byte_fallback=byte_fallback), folder)


@pytest.fixture(scope="module")
def plain(texts: Path, tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return make(texts, tmp_path_factory.mktemp("plain"), byte_fallback=False)


@pytest.fixture(scope="module")
def bytewise(texts: Path, tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return make(texts, tmp_path_factory.mktemp("bytes"), byte_fallback=True)


ANY = st.text(max_size=60)  # surrogates included
ODD = [
    "\r\n\r\u2028\x85",
    "\u2581 ▁▁",
    "  two  spaces ",
    "\n\n \n",
    "<s></s><unk><pad><0x0A>",
    "e\u0301\u0327",
    "⁇",
    "\x00\ufeff",
    "\t",
]


@settings(max_examples=300, deadline=None)
@given(ANY)
@example("".join(ODD))
@example("\u0958\u0344\u1e9b\u0323")  # composition exclusions: NFC takes them apart
def test_normalise_is_idempotent_and_encodable(text: str) -> None:
    normal = normalise(text)
    assert normalise(normal) == normal
    assert unicodedata.is_normalized("NFC", normal)
    assert not set(normal) & set("\r\x85\u2028\u2029\u2581\ufeff\x00\x7f")
    normal.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("a\r\nb\rc\u2028d\u2029e\x85f", "a\nb\nc\nd\ne\nf"),
        ("e\u0301", "é"),
        ("a\u2581b", "a b"),
        ("\ufeffa\x00\x1b", "a"),
        ("\x1b[1;31mred\x1b[0m and \x1b[38;2;1;2;3mmore\x1b[m, \x1b[2K\x1b[?25lgone", "red and more, gone"),
        ("\x9b31mred\x9b0m", "red"),
        ("\x1b]8;;https://quay.example\x1b\\the quay\x1b]8;;\x1b\\", "the quay"),
        ("\x1b]8;id=1;https://quay.example\x07the quay\x1b]8;;\x07", "the quay"),
        ("\x9d0;a title\x9cthe quay", "the quay"),
        ("\x1b]0;a title that never ends\nthe quay", "\nthe quay"),
        ("\x1bP1$r0m\x1b\\\x1b(B\x1b7\x1b=\x1bMthe quay\x1b[", "the quay"),
        ("N\bNA\bAM\bME\bE _\bt_\bh_\be", "NAME the"),
        ("\x9bquoted\x9b [31m", "quoted [31m"),  # a code page taken for Latin-1; brackets without an escape
        ("\t ", "\t "),
    ],
)
def test_normalise(text: str, normal: str) -> None:
    assert normalise(text) == normal


@settings(max_examples=300, deadline=None)
@given(st.one_of(ANY, st.lists(st.sampled_from([*ODD, "the ", "niña", " "]), max_size=9).map("".join)))
@example("".join(ODD))
def test_with_bytes_every_text_comes_back(bytewise: Tokenizer, text: str) -> None:
    ids = bytewise.encode(text)
    assert bytewise.decode(ids) == normalise(text)
    assert not set(ids) & {BOS, EOS, PAD, UNK}  # no text can speak a control token
    assert bytewise.unknown_bytes(text) == 0


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="abdeghiklnopqrstuvwyñé TEA.\n", max_size=80))
def test_known_characters_come_back_without_bytes(plain: Tokenizer, text: str) -> None:
    ids = plain.encode(text)
    if UNK not in ids:
        assert plain.decode(ids) == text
    assert not set(ids) & {BOS, EOS, PAD}
    assert plain.encode_batch([text]) == [ids]


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="the king\n日本é🙂\u0301", max_size=40))
@example("日本 日")
def test_unknown_bytes_are_those_that_do_not_come_back(plain: Tokenizer, text: str) -> None:
    unknown = sum(len(c.encode()) for c in normalise(text) if plain.encode(c) == [UNK])
    assert plain.unknown_bytes(text) == unknown
    assert (unknown > 0) == (UNK in plain.encode(text))


def test_a_space_that_was_never_learned_is_one_byte(tmp_path: Path) -> None:
    """SentencePiece writes a space as U+2581, three bytes long; the text has one."""
    pieces = [Piece("".join(random.Random(0).choices("一丁七万丈三上下不与丑且世", k=900)), "zh", "t", True, True)]
    tokenizer = train_tokenizer(lambda: pieces, TokenizerConfig(vocab_size=18), tmp_path)
    assert tokenizer.encode(" ") == [UNK]
    assert tokenizer.unknown_bytes(" ") == 1
    assert tokenizer.unknown_bytes("一 q丁") == 2


def test_special_ids_and_newlines(plain: Tokenizer) -> None:
    assert (BOS, EOS, PAD, UNK) == (0, 1, 2, 3)
    assert [plain.piece(i) for i in range(5)] == ["<s>", "</s>", "<pad>", "<unk>", "\n"]
    assert plain.encode("\n") == [4]
    assert plain.encode("\n\n\n") == [4, 4, 4]
    assert plain.encode("the\nking").count(4) == 1
    assert plain.decode([BOS, *plain.encode("the king"), EOS, PAD]) == "the king"
    assert "\u2047" in plain.decode([UNK])
    assert plain.encode("") == []


@pytest.mark.parametrize("content", [None, b"", b"garbage" * 50])
def test_files_that_are_no_tokenizer(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "tokenizer.model"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TinylmError, match=r"tokenizer\.model"):
        Tokenizer(path)


def test_other_special_ids_are_refused(tmp_path: Path) -> None:
    lines = iter(["the king opened the door and went in"] * 50)
    with (tmp_path / "other.model").open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=lines, model_writer=file, vocab_size=20, minloglevel=2
        )
    with pytest.raises(TinylmError, match=r"BOS, EOS, PAD, UNK = \(1, 2, -1, 0\)"):
        Tokenizer(tmp_path / "other.model")


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="the king\n日本é🙂\u0301  ", max_size=40))
def test_known_and_unknown_bytes_are_the_text(plain: Tokenizer, bytewise: Tokenizer, text: str) -> None:
    for tokenizer in (plain, bytewise):
        sizes = tokenizer.surface_bytes()
        known = sum(sizes[token] for token in tokenizer.encode(text))
        assert known + tokenizer.unknown_bytes(text) == len(normalise(text).encode())
        assert len(sizes) == tokenizer.vocab_size
        assert {sizes[token] for token in (BOS, EOS, PAD, UNK)} == {0}
