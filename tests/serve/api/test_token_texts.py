"""Tokens come out with their text, and never before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinylm.bundle.reading import Bundle
from tinylm.runtime.chat_template import ChatTemplate
from tinylm.runtime.completion import TokenLogprob
from tinylm.runtime.generation import TextDecoder
from tinylm.serve.api.token_texts import TokenTexts, chat_logprobs, completion_logprobs, token_text
from tinylm.serve.served_model import ServedModel
from tinylm.tokenizer.tokenizer import BOS, EOS


@pytest.fixture(scope="module")
def model(make_bundle: Callable[..., Bundle]) -> Iterator[ServedModel]:
    bundle = make_bundle(scheme="int8", byte_fallback=True)
    found = ServedModel(bundle, name="test", parallel=1, template=ChatTemplate(None), content_filter=None)
    yield found
    found.close()


def scored(token: int) -> TokenLogprob:
    return TokenLogprob(token=token, logprob=-1.0, alternatives=((token, -1.0), (5, float("-inf"))))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(4, 399), max_size=30), st.lists(st.integers(0, 9), max_size=30))
def test_tokens_never_run_before_their_text(model: ServedModel, tokens: list[int], steps: list[int]) -> None:
    decoder = TextDecoder(model.tokenizer)
    text = "".join(map(decoder.push, tokens))
    texts, shown, out = TokenTexts(model, after=BOS), 0, []
    for i, token in enumerate(tokens):
        step = steps[i] if i < len(steps) else 3
        out += texts.push([scored(token)], text[shown : shown + step])
        shown = min(shown + step, len(text))
        assert all(one.end <= shown for one in out)
    out += texts.push([], text[shown:])
    assert [one.logprob.token for one in out] == tokens[: len(out)]
    assert "".join(text[one.offset : one.end] for one in out) == text


def test_the_end_of_a_text_is_no_token_of_it(model: ServedModel) -> None:
    texts = TokenTexts(model, after=BOS)
    (token,) = model.tokenizer.encode("ca")[:1]
    shown = texts.push([scored(token), scored(EOS)], model.tokenizer.decode([token]))
    assert [one.logprob.token for one in shown] == [token]


def test_bytes_and_what_is_no_number_are_written_as_openai_does(model: ServedModel) -> None:
    ids = model.tokenizer.encode("ca€")
    texts = [token_text(model.tokenizer, token) for token in ids]
    assert texts[-3:] == ["bytes:\\xe2", "bytes:\\x82", "bytes:\\xac"]
    shown = TokenTexts(model, after=BOS).push(map(scored, ids), "ca€")
    entries = chat_logprobs(shown, model.tokenizer)["content"]
    assert bytes(byte for one in entries for byte in one["bytes"]).decode() == "ca€"
    assert entries[0]["top_logprobs"][1]["logprob"] == -9999.0
    assert completion_logprobs(shown, model.tokenizer)["text_offset"][-1] == 2
