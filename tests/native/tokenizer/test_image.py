"""What lies in memory may be anything: an image is refused or does no harm, and so does any text."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from native_tokenizer import NativeTokenizer, Refused
from sentencepiece_models import learned_model

from tinylm.native.library import load
from tinylm.tokenizer.native_pieces import NotCovered, pieces_image
from tinylm.tokenizer.tokenizer import UNK
from tinylm.tokenizer.unicode_tables import unicode_tables

TABLES = unicode_tables()
ALGORITHM, SPECIAL_IDS = 3, (10, 11, 12)
"""Places in the header, of which the third is the image's size."""
KINDS = [(kind, byte_fallback) for kind in ("unigram", "bpe") for byte_fallback in (False, True)]


@pytest.fixture(scope="module", params=KINDS, ids=str)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    kind, byte_fallback = request.param
    path = tmp_path_factory.mktemp("model") / "tokenizer.model"
    size = 330 if byte_fallback else 80
    return learned_model(path, model_type=kind, byte_fallback=byte_fallback, vocab_size=size).read_bytes()


@pytest.fixture(scope="module")
def image(model: bytes) -> bytes:
    return pieces_image(model, TABLES)


@pytest.fixture(scope="module")
def tokenizer(image: bytes) -> NativeTokenizer:
    return NativeTokenizer(image)


def test_the_same_file_gives_the_same_image(model: bytes, image: bytes) -> None:
    assert pieces_image(model, TABLES) == image
    assert len(image) == struct.unpack_from("<I", image, 8)[0]


def test_every_beginning_of_an_image_is_refused(image: bytes) -> None:
    for size in (*range(300), *range(300, len(image), 61), len(image) - 1):
        with pytest.raises(Refused, match="-1"):
            NativeTokenizer(image[:size])
        stated = image[:8] + struct.pack("<I", size) + image[12:size] if size > 12 else b""
        with pytest.raises(Refused, match="-1"):
            NativeTokenizer(stated)
    with pytest.raises(Refused, match="-1"):
        NativeTokenizer(image + bytes(8))


def test_a_header_that_lies_is_refused(image: bytes) -> None:
    values = (0, 1, 7, 2**15, 2**16, 2**16 + 1, 2**31 - 1, 2**31, 2**32 - 8, 2**32 - 1)
    for field in range(13):
        for value in values:
            start, end = image[: 4 * field], image[4 * field + 4 :]
            lying = start + struct.pack("<I", value) + end
            allowed = {1, 2} if field == ALGORITHM else {0, 1, 7, 2**32 - 1} if field in SPECIAL_IDS else set()
            if value in allowed or lying == image:
                NativeTokenizer(lying).encode(b"the king")
            else:
                with pytest.raises(Refused, match="-1"):
                    NativeTokenizer(lying)


@settings(max_examples=400)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=4), st.binary(max_size=60))
def test_a_damaged_image_is_refused_or_does_no_harm(image: bytes, damage: list[tuple[float, int]], text: bytes) -> None:
    damaged = bytearray(image)
    for place, value in damage:
        damaged[round(place * (len(image) - 1))] = value
    try:
        tokenizer = NativeTokenizer(bytes(damaged))
    except Refused:
        return
    ids, _ = tokenizer.encode(text)
    tokenizer.decode(ids).decode()
    with contextlib.suppress(Refused):  # a text that outgrows its room
        tokenizer.normalise(text).decode()


@settings(max_examples=400)
@given(st.one_of(st.binary(max_size=80), st.text(max_size=40).map(lambda text: text.encode(errors="surrogatepass"))))
@example(b"\xe2\x96\x81" * 3)
@example(b"\xf4\x90\x80\x80\xed\xa0\x80\xc0\xaf\xff")
@example(b"the \x00king")
def test_any_bytes_are_encoded(tokenizer: NativeTokenizer, text: bytes) -> None:
    ids, ends = tokenizer.encode(text)
    assert ends == sorted(ends)
    assert (ends or [0])[-1] == len(text)
    if UNK not in ids and text.decode(errors="ignore").encode() == text:
        assert tokenizer.decode(ids) == text
    normal = tokenizer.normalise(text)
    assert tokenizer.normalise(normal) == normal
    assert len(normal) <= 3 * len(text)
    normal.decode()


@settings(max_examples=300)
@given(st.lists(st.integers(-3, 400), max_size=12))
def test_ids_that_do_not_exist_are_refused(tokenizer: NativeTokenizer, ids: list[int]) -> None:
    if all(0 <= token < tokenizer.count for token in ids):
        tokenizer.decode(ids).decode()
    else:
        with pytest.raises(Refused, match="-4"):
            tokenizer.decode(ids)


def test_texts_that_are_too_long_get_no_room(tokenizer: NativeTokenizer) -> None:
    for size in (2**28 + 1, 2**32, 2**62, 2**64 - 1):
        assert load().tinylm_normalise_room(size) == 0
        assert load().tinylm_encode_room(tokenizer.address, size) == 0
    for count in (2**31, 2**62, 2**64 - 1):
        assert load().tinylm_decode_room(tokenizer.address, count) == 0


def test_every_beginning_of_a_model_file_is_refused(model: bytes) -> None:
    for size in (*range(200), *range(200, len(model), 37)):
        with pytest.raises(NotCovered):
            pieces_image(model[:size])


@settings(max_examples=300)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_model_file_is_refused_or_does_no_harm(model: bytes, damage: list[tuple[float, int]]) -> None:
    damaged = bytearray(model)
    for place, value in damage:
        damaged[round(place * (len(model) - 1))] = value
    try:
        tokenizer = NativeTokenizer(pieces_image(bytes(damaged), TABLES))
    except NotCovered:
        return
    tokenizer.decode(tokenizer.encode(b"the king \xff and the queen")[0])


def test_a_text_without_tables_is_not_normalised(model: bytes) -> None:
    with pytest.raises(Refused, match="-7"):
        NativeTokenizer(pieces_image(model)).normalise(b"the king")
