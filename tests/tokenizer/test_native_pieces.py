"""The C tokenizer gives what SentencePiece gives, to the last id; and what it does not cover, SentencePiece does."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sentencepiece_models import edited_model, learned_model

from tinylm.base.errors import TinylmError
from tinylm.native.library import NativeUnavailable
from tinylm.tokenizer import tokenizer as tokenizers
from tinylm.tokenizer.native_pieces import NativePieces, NotCovered
from tinylm.tokenizer.sentencepiece_pieces import SentencePiecePieces
from tinylm.tokenizer.tokenizer import Tokenizer, normalise, open_pieces

Both = tuple[NativePieces, SentencePiecePieces]
USER_DEFINED, UNUSED = 4, 5


def both(path: Path) -> Both:
    return NativePieces(path.read_bytes()), SentencePiecePieces(path.read_bytes(), "test")


@pytest.fixture(scope="module", params=["unigram", "unigram-bytes", "bpe", "bpe-bytes"])
def made(request: pytest.FixtureRequest, texts: Path, tmp_path_factory: pytest.TempPathFactory) -> Both:
    kind, _, with_bytes = request.param.partition("-")
    lines = [line for name in ("en", "es") for line in (texts / f"{name}.txt").read_text("utf-8").splitlines() if line]
    path = tmp_path_factory.mktemp(kind) / "tokenizer.model"
    size = 420 if with_bytes else 160
    learned_model(path, sentence_iterator=iter(lines), model_type=kind, vocab_size=size, byte_fallback=bool(with_bytes))
    return both(path)


def assert_alike(made: Both, text: str) -> None:
    native, reference = made
    ids = reference.encode(text)
    assert native.encode(text) == ids
    assert native.spans(text) == reference.spans(text)
    assert native.decode(ids) == reference.decode(ids)


WORDS = st.lists(
    st.sampled_from(
        ["the", " king", " opened", "  ", "\n", "la niña", " abrió", "日本", "🙂", "q\u0323\u0307", ".", "é"]
    ),
    max_size=30,
).map("".join)


@settings(max_examples=400)
@given(st.one_of(st.text(max_size=60), WORDS).map(normalise))
@example("")
@example("⁇ <unk> <s></s><0x0A>")
def test_any_text_gives_the_same(made: Both, text: str) -> None:
    assert_alike(made, text)


def test_long_texts_give_the_same(made: Both) -> None:
    """Sums of scores are set back on the way, and a heap of pairs is deep."""
    rng = random.Random(0)
    words = ["the", "king", "niña", "puerta", "opened", "zzzzzz", "日本日本", "a" * 40, "\n", ""]
    for text in (" ".join(rng.choices(words, k=30_000)), "a" * 50_000, " " * 50_000, "\n" * 50_000, "日" * 20_000):
        assert_alike(made, text)


@settings(max_examples=300)
@given(st.data())
def test_any_ids_decode_alike(made: Both, data: st.DataObject) -> None:
    native, reference = made
    ids = data.draw(st.lists(st.integers(0, native.count - 1), max_size=40))
    assert native.decode(ids) == reference.decode(ids)
    for missing in (-1, native.count, 2**31 - 1):
        with pytest.raises(IndexError):
            native.decode([*ids, missing])


def test_pieces_are_the_same(made: Both) -> None:
    native, reference = made
    assert (native.count, native.kind, native.special_ids) == (reference.count, reference.kind, reference.special_ids)
    for token in range(native.count):
        for name in ("piece", "score", "is_byte", "is_silent"):
            assert getattr(native, name)(token) == getattr(reference, name)(token), (name, token)
    with pytest.raises(IndexError):
        native.piece(native.count)


def _kinds(kind: int, *numbers: int) -> Callable[[Any], None]:
    def edit(model: Any) -> None:
        for number in numbers:
            model.pieces[number].type = kind

    return edit


def _equal_scores(model: Any) -> None:
    for piece in model.pieces:
        piece.score = -3.0


def _positive_scores(model: Any) -> None:
    for number, piece in enumerate(model.pieces):
        piece.score = (number % 5 - 2) / 3


def _huge_scores(model: Any) -> None:
    for number, piece in enumerate(model.pieces):
        piece.score = -3e4 * (number % 7)


def _other_surface(model: Any) -> None:
    model.trainer_spec.unk_surface = "?"


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
@pytest.mark.parametrize("byte_fallback", [False, True])
@pytest.mark.parametrize(
    "edit",
    [
        _kinds(UNUSED, *range(-30, 0)),
        _kinds(UNUSED, *range(-70, 0, 2)),
        _kinds(USER_DEFINED, *range(-70, 0, 3)),
        _equal_scores,
        _positive_scores,
        _huge_scores,
        _other_surface,
    ],
)
def test_unusual_models_give_the_same(
    tmp_path: Path, kind: str, byte_fallback: bool, edit: Callable[[Any], None]
) -> None:
    path = learned_model(tmp_path / "m", model_type=kind, byte_fallback=byte_fallback, vocab_size=400)
    made = both(edited_model(path, edit))
    rng = random.Random(0)
    words = ["the", " king", " and", " queen", " number", " 12", "7", ", ", "“", "ñandú", "…", "\n", "th", "eki", "日"]
    for _ in range(300):
        assert_alike(made, "".join(rng.choices(words, k=rng.randint(1, 12))))


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_symbols_of_the_user_and_controls_of_the_model(tmp_path: Path, kind: str) -> None:
    symbols = ["\n", "<a>", "<a>b", "the", "▁▁"]
    options = {"user_defined_symbols": symbols, "control_symbols": ["<c>", "§"], "model_type": kind}
    made = both(learned_model(tmp_path / "m", vocab_size=90, **options))
    rng = random.Random(1)
    for _ in range(500):
        assert_alike(made, "".join(rng.choices(["<a>", "b", "the", " ", "<c>", "§", "<", "a>", "th", "king"], k=6)))


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_a_space_without_a_piece_gives_the_same(tmp_path: Path, kind: str) -> None:
    lines = ["".join(random.Random(i).choices("一丁七万丈三上下不与丑且世", k=90)) for i in range(30)]
    for byte_fallback, size in ((False, 19), (True, 290)):
        options = {"byte_fallback": byte_fallback, "vocab_size": size, "model_type": kind}
        native, reference = both(learned_model(tmp_path / "m", sentence_iterator=iter(lines), **options))
        for text in (" ", "一 丁", "  一", "q 一"):
            ids = reference.encode(text)
            assert native.encode(text) == ids
            assert native.decode(ids) == reference.decode(ids)


@pytest.mark.parametrize(
    "options",
    [
        {"add_dummy_prefix": True},
        {"remove_extra_whitespaces": True},
        {"normalization_rule_name": "nmt_nfkc"},
        {"model_type": "char"},
        {"model_type": "word"},
    ],
)
def test_other_rules_are_left_to_sentencepiece(tmp_path: Path, options: dict[str, Any]) -> None:
    path = learned_model(tmp_path / "m", **options)
    with pytest.raises(NotCovered):
        NativePieces(path.read_bytes())
    assert isinstance(open_pieces(path.read_bytes(), "m"), SentencePiecePieces)
    assert Tokenizer(path).vocab_size > 10


def _without_unknown(model: Any) -> None:
    model.pieces[3].type = 3


def _twice(model: Any) -> None:
    model.pieces[10].piece = model.pieces[11].piece


def _infinite(model: Any) -> None:
    model.pieces[10].score = float("inf")


def _unescaped(model: Any) -> None:
    model.normalizer_spec.escape_whitespaces = False


def _denormalised(model: Any) -> None:
    model.denormalizer_spec.precompiled_charsmap = b"x"


def _spaced(model: Any) -> None:
    model.pieces[10].piece = "a b"


def _bytes_without_pieces(model: Any) -> None:
    model.trainer_spec.byte_fallback = True


@pytest.mark.parametrize(
    "edit", [_without_unknown, _twice, _infinite, _unescaped, _denormalised, _spaced, _bytes_without_pieces]
)
def test_models_that_do_not_fit_are_not_covered(tmp_path: Path, edit: Callable[[Any], None]) -> None:
    with pytest.raises(NotCovered):
        NativePieces(edited_model(learned_model(tmp_path / "m"), edit).read_bytes())


def test_without_the_library_sentencepiece_does_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(model: bytes) -> NativePieces:
        raise NativeUnavailable("there is none")

    path = learned_model(tmp_path / "tokenizer.model")
    expected = Tokenizer(path).encode("the king")
    monkeypatch.setattr(tokenizers, "NativePieces", missing)
    assert isinstance(open_pieces(path.read_bytes(), "m"), SentencePiecePieces)
    assert Tokenizer(path).encode("the king") == expected
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(TinylmError, match="needs the package `sentencepiece`"):
        Tokenizer(path)


def test_a_process_that_uses_a_tokenizer_loads_no_sentencepiece(tmp_path: Path) -> None:
    path = learned_model(tmp_path / "tokenizer.model")
    program = (
        "import sys, pathlib; from tinylm.tokenizer.tokenizer import Tokenizer;"
        f"t = Tokenizer(pathlib.Path({str(path)!r})); assert t.decode(t.encode('the king')) == 'the king';"
        "assert not {'sentencepiece', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
