"""However people write a language, it is the same one; what is no language is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.text import languages
from tinylm.text.languages import folder_code, language_code, language_name, nearest_language


@pytest.mark.parametrize(
    ("written", "code"),
    [
        *(("en", "en"), ("EN", "en"), ("eng", "en"), ("en-GB", "en"), ("en_US", "en"), ("English", "en")),
        *(("Spanish", "es"), ("español", "es"), ("ESPANOL", "es"), ("es-419", "es"), ("castellano", "es")),
        *(("Deutsch", "de"), ("ger", "de"), ("de-CH-1996", "de"), ("pt_BR", "pt"), ("PORTUGUÊS", "pt")),
        *(("中文", "zh"), ("zh-Hant-TW", "zh"), ("日本語", "ja"), ("ไทย", "th"), ("हिन्दी", "hi"), ("العربية", "ar")),
        *(("Tiếng Việt", "vi"), ("tieng viet", "vi"), ("und", "und"), ("yue", "yue"), ("Norwegian Bokmål", "nb")),
    ],
)
def test_ways_to_write_a_language(written: str, code: str) -> None:
    assert language_code(written) == code


@pytest.mark.parametrize("written", ["C", "x", "src", "raw", "http", "Klingon", "jp", "Spansh", "en novels", "", " "])
def test_what_names_none(written: str) -> None:
    assert language_code(written) is None


@pytest.mark.parametrize(
    ("folder", "code"),
    [
        *(("es", "es"), ("spa", "es"), ("Spanish", "es"), ("français", "fr"), ("pt_BR", "pt"), ("zh-Hans", "zh")),
        *(("中文", "zh"), ("ไทย", "th"), ("src", None), ("per", None), ("may", None), ("mac", None), ("in", None)),
        *(("no-go", None), ("IT", None), ("EN", None), ("lao", "lo"), ("en-novels", None), ("my-texts", None)),
    ],
)
def test_a_folder_is_a_language_only_where_it_looks_like_one(folder: str, code: str | None) -> None:
    assert folder_code(folder) == code


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("Spansh", "es"),
        ("Englisch", "en"),
        ("portugues", "pt"),
        ("Chines", "zh"),
        ("jp", "ja"),
        ("CZ", "cs"),
        ("q", None),
    ],
)
def test_what_was_probably_meant(written: str, code: str | None) -> None:
    assert nearest_language(written) == code


def test_the_table_says_one_thing_of_each() -> None:
    rows = languages._rows()
    codes = [code for row, _, _ in rows for code in row] + languages._OTHERS.split()
    assert len(codes) == len(set(codes))
    assert all(code.isascii() and code.islower() and len(code) in (2, 3) for code in codes)
    names = [name for _, english, own in rows for name in {*map(languages._plain, (*english, *own))}]
    assert len(names) == len(set(names))
    assert all(names)
    for row, english, _ in rows:
        assert len(row[0]) == 2 or row == ["fil"]
        assert language_name(row[0]) == english[0]
    assert language_name("xyz") == "xyz"


@given(st.text(max_size=20))
def test_any_text_gives_a_known_code_or_none(text: str) -> None:
    for code in (language_code(text), folder_code(text), nearest_language(text)):
        assert code is None or code == language_code(code)
