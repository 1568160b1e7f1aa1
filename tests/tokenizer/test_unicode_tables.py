"""The C normalisation is Python's: every character, and any sequence of those that act on each other."""

from __future__ import annotations

import random
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from native_tokenizer import NativeTokenizer
from sentencepiece_models import learned_model

from tinylm.tokenizer.native_pieces import pieces_image
from tinylm.tokenizer.tokenizer import normalise
from tinylm.tokenizer.unicode_tables import unicode_tables

EVERY = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
MARKS = [character for character in EVERY if unicodedata.combining(character)]
MADE = [c for c in EVERY if unicodedata.decomposition(c) and not unicodedata.decomposition(c).startswith("<")]
HANGUL = [chr(code) for code in (*range(0x1100, 0x1200), *range(0xAC00, 0xD7A4, 5))]
CONTROLS = list("\x1b[]PX^_\\\x07\x08\n\r\x85\u2028\u2581\x9b\x90\x9d\x9c()09;mH~@ /a\ufeff\x00\x7f")


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> NativeTokenizer:
    model = learned_model(tmp_path_factory.mktemp("model") / "tokenizer.model").read_bytes()
    return NativeTokenizer(pieces_image(model, unicode_tables()))


def assert_alike(native: NativeTokenizer, text: str) -> None:
    assert native.normalise(text.encode()).decode() == normalise(text)


def test_every_character_alone_and_between_others(native: NativeTokenizer) -> None:
    for start in range(0, len(EVERY), 4096):
        characters = EVERY[start : start + 4096]
        # Each alone: a newline acts on nothing. Then each with a letter before it, and with marks behind it.
        for between in ("\n", "a", "\u0301", "\u0327", "\u1161", "\u11a8"):
            assert_alike(native, between.join(characters))


ACTING = [*MARKS, *MADE, *HANGUL, *"aeiouqAE\n" * 100]


@settings(max_examples=300)
@given(st.text(st.sampled_from(ACTING), max_size=12))
@example("\u0344\u0f73\u0f81\U0001d160\u0958\u1f82")
def test_characters_that_act_on_each_other(native: NativeTokenizer, text: str) -> None:
    assert_alike(native, text)


def test_random_rows_of_characters_that_act_on_each_other(native: NativeTokenizer) -> None:
    rng = random.Random(0)
    for _ in range(20_000):
        assert_alike(native, "".join(rng.choice(rng.choice((MARKS, MADE, HANGUL, ACTING))) for _ in range(12)))


@settings(max_examples=500)
@given(st.text(st.sampled_from(CONTROLS), max_size=16))
@example("\x1b[12;\n")
@example("\x1b[12;")
@example("\x1b]0;title\x1b[mx")
@example("\x90ab\x1b\\c\x9dd\x90e")
@example("a\r\x08\x08\nb")
def test_sequences_for_terminals(native: NativeTokenizer, text: str) -> None:
    assert_alike(native, text)


@settings(max_examples=300)
@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=50))
def test_any_text(native: NativeTokenizer, text: str) -> None:
    assert_alike(native, text)


def test_long_rows_take_linear_time(native: NativeTokenizer) -> None:
    """Each of these would take minutes in quadratic time."""
    rng = random.Random(0)
    marks = "".join(rng.choices(MARKS, k=200_000))
    assert len(native.normalise(("a" + marks).encode())) > 200_000
    for row in ("\x90" * 300_000, "\x90a\x9d" * 100_000, "a\x08" * 300_000, "\x1b[" * 300_000, "\x9b1" * 300_000):
        native.normalise(row.encode())


def test_bytes_that_are_no_text_are_replaced_one_by_one(native: NativeTokenizer) -> None:
    assert native.normalise(b"a\xffb\xe2\x82c\xed\xa0\x80").decode() == "a�b��c���"
    assert native.normalise(b"\xe2\x1b[m\x82\xac").decode() == "���"  # no character comes together
