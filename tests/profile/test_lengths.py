"""Prompt lengths and new tokens for contexts of all sizes."""

from __future__ import annotations

import pytest

from tinylm.base.errors import TinylmError
from tinylm.profile.lengths import choose_new_tokens, prompt_lengths, traced_prompt_tokens


@pytest.mark.parametrize(
    ("context", "new_tokens", "lengths"),
    [
        (128, 20, (16, 32, 64, 108)),
        (256, 20, (16, 32, 64, 128, 236)),
        (36, 20, (16,)),
        (37, 20, (16, 17)),
        (32, 16, (16,)),
        (18, 2, (16,)),
        (17, 16, (1,)),
        (8, 7, (1,)),
    ],
)
def test_defaults_fit_every_context(context: int, new_tokens: int, lengths: tuple[int, ...]) -> None:
    assert choose_new_tokens(context, None) == new_tokens
    assert prompt_lengths(context, new_tokens) == lengths
    assert lengths[-1] + new_tokens == context
    assert 1 <= traced_prompt_tokens(context, new_tokens) <= 17


def test_what_is_wanted_is_taken() -> None:
    assert choose_new_tokens(128, 127) == 127
    assert prompt_lengths(128, 64) == (16, 32, 64)


@pytest.mark.parametrize(("wanted", "reason"), [(1, "at least 2"), (0, "at least 2"), (-3, "at least 2")])
def test_too_few_new_tokens(wanted: int, reason: str) -> None:
    with pytest.raises(TinylmError, match=reason):
        choose_new_tokens(128, wanted)


def test_too_many_new_tokens_say_how_many_fit() -> None:
    with pytest.raises(TinylmError, match=r"128 new tokens leave no room .* context of 128") as error:
        choose_new_tokens(128, 128)
    assert error.value.hint == "at most `--new-tokens 127`"
