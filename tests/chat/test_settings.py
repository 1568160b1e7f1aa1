"""What can be set while chatting: read as it is typed, checked as the runtime checks it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.base.errors import TinylmError
from tinylm.chat.settings import NAMES, Settings, changed
from tinylm.runtime.sampling import Sampling


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("temperature", "0.7", 0.7),
        ("top_p", "1", 1.0),
        ("top_k", "20", 20),
        ("repetition_penalty", "1.2", 1.2),
        ("max_tokens", "5", 5),
        ("seed", "18446744073709551615", 2**64 - 1),
        ("stop", "The end", ("The end",)),
        ("stop", r'"\n" "User:"', ("\n", "User:")),
    ],
)
def test_a_setting_is_set_and_given_back(name: str, text: str, value: object) -> None:
    settings = changed(Settings(), name, text)
    assert getattr(settings, name) == value
    assert settings.given() == {name: value}
    assert changed(settings, name, "default") == Settings()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("temperature", "warm", "`temperature` is `warm`; a number is needed"),
        ("temperature", "nan", "`temperature` is nan"),
        ("top_k", "1.5", "`top_k` is `1.5`; a whole number is needed"),
        ("top_p", "2", "`top_p` is 2.0; "),
        ("max_tokens", "0", "`max_tokens` is 0; at least 1 is needed"),
        ("seed", "-1", "`seed` is -1"),
        ("stop", '"open', '`stop` cannot be read at `"open`'),
        ("stop", '"a" b', "`stop` cannot be read at `b`"),
        ("stop", '""', "a text of `stop` is empty"),
        ("stop", "x" * 100_001, "`stop` has 100001 characters"),
        ("temprature", "1", "there is no setting `temprature`"),
    ],
)
def test_what_cannot_be_set_is_told(name: str, text: str, message: str) -> None:
    with pytest.raises(TinylmError) as raised:
        changed(Settings(), name, text)
    assert raised.value.message.startswith(message)
    assert name in NAMES or raised.value.hint == "did you mean `temperature`?"


@given(st.text())
def test_nothing_that_is_typed_breaks_it(text: str) -> None:
    for name in NAMES:
        try:
            changed(Settings(), name, text)
        except TinylmError as error:
            assert error.message  # noqa: PT017


def test_what_is_not_set_is_the_models_own() -> None:
    own = Sampling(temperature=0.8, top_k=40, top_p=0.9)
    assert Settings(temperature=0, seed=3).sampling(own) == Sampling(temperature=0, top_k=40, top_p=0.9, seed=3)
