"""Settings: what is typed for them is read back as the same, by either command."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.base.errors import TinylmError
from tinylm.serve.__main__ import parse
from tinylm.serve.settings import ServeSettings, words

_TEXT = st.from_regex(r"[a-z0-9./:]{1,12}", fullmatch=True)
_NAMES = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,8}[a-z0-9])?", fullmatch=True)
_SETTINGS = st.builds(
    ServeSettings,
    host=_TEXT,
    port=st.integers(0, 65535),
    parallel=st.integers(1, 64),
    rate=st.none() | st.integers(0, 1000),
    timeout=st.floats(0.1, 1000),
    token_file=st.none() | _TEXT.map(Path),
    allow_host=st.none() | st.lists(_NAMES, min_size=1, max_size=3),
    allow_origin=st.none() | st.lists(_NAMES.map("https://{}:8443".format), min_size=1, max_size=3),
    log_text=st.booleans(),
    threads=st.sampled_from(["auto", "1"]),
    backend=st.sampled_from(["auto", "native"]),
)


@given(_SETTINGS, st.lists(_TEXT, max_size=2))
def test_words_are_read_back_as_the_same_settings(settings: ServeSettings, bundles: list[str]) -> None:
    assert parse([*bundles, *words(settings)]) == ([Path(one) for one in bundles], settings)


def test_defaults_need_no_words() -> None:
    assert words(ServeSettings()) == []


@pytest.mark.parametrize(
    ("host", "beyond"),
    [("127.0.0.1", False), ("127.9.9.9", False), ("::1", False), ("localhost", False), ("0.0.0.0", True), ("pi", True)],
)
def test_addresses_beyond_this_machine(host: str, beyond: bool) -> None:
    settings = ServeSettings(host=host)
    assert settings.beyond_this_machine is beyond
    assert settings.rate_per_minute == (100 if beyond else 0)
    assert dataclasses.replace(settings, rate=7).rate_per_minute == 7


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": -1},
        {"parallel": 0},
        {"timeout": 0.0},
        {"max_body": 1},
        {"rate": -1},
        {"timeout": float("nan")},
        {"allow_origin": ["https://chat.example", "foo"]},
        {"allow_origin": ["https://chat.example/"]},
        {"allow_host": ["http://chat.example"]},
        {"allow_host": ["chat.example:8000"]},
    ],
)
def test_values_out_of_range_are_named_as_they_are_typed(wrong: dict[str, Any]) -> None:
    with pytest.raises(TinylmError, match=f"--{next(iter(wrong)).replace('_', '-')} is"):
        ServeSettings(**wrong)
