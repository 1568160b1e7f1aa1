"""LangChain's clients of OpenAI's API: asked once, streamed, in a chain."""

from __future__ import annotations

from typing import Any

import pytest
from running_server import RunningServer

pytestmark = pytest.mark.slow
langchain_openai = pytest.importorskip(
    "langchain_openai", reason='langchain-openai is not installed: pip install -e ".[clients]"'
)


def settings(server: RunningServer, **more: Any) -> dict[str, Any]:
    common = {"base_url": f"{server.url}/v1", "api_key": "none", "model": "test", "max_retries": 0, "timeout": 30}
    return {**common, "temperature": 0.0, "max_tokens": 12, **more}


def test_a_chat_is_answered_whole_and_in_pieces(server: RunningServer) -> None:
    chat = langchain_openai.ChatOpenAI(**settings(server))
    messages = [("system", "Sé breve."), ("human", "¿Qué casa?"), ("ai", "Ñolu."), ("human", "¿Sa?")]
    whole = chat.invoke(messages)
    assert whole.content
    assert whole.usage_metadata["output_tokens"] == 12
    assert whole.response_metadata["finish_reason"] == "length"
    pieces = list(chat.stream(messages, stream_usage=True))  # its default for an address that is not OpenAI's is False
    assert "".join(piece.content for piece in pieces) == whole.content
    assert len(pieces) > 2
    assert sum(piece.usage_metadata["output_tokens"] for piece in pieces if piece.usage_metadata) == 12


def test_a_text_is_continued_whole_in_pieces_and_in_batches(server: RunningServer) -> None:
    model = langchain_openai.OpenAI(**settings(server))
    whole = model.invoke("casa")
    assert whole == server.complete(prompt="casa", temperature=0, max_tokens=12).text
    assert "".join(model.stream("casa")) == whole
    assert model.batch(["casa", "luté", "casa"]) == [whole, model.invoke("luté"), whole]


def test_log_probabilities_and_a_seed_arrive(server: RunningServer) -> None:
    chat = langchain_openai.ChatOpenAI(**settings(server, temperature=1.0, seed=3)).bind(logprobs=True, top_logprobs=2)
    first, second = chat.invoke("casa"), chat.invoke("casa")
    assert first.content == second.content
    assert all(len(token["top_logprobs"]) == 2 for token in first.response_metadata["logprobs"]["content"])


def test_a_chain_with_a_template_runs(server: RunningServer) -> None:
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate

    template = ChatPromptTemplate.from_messages([("user", "{word} y más")])
    chain = template | langchain_openai.ChatOpenAI(**settings(server)) | StrOutputParser()
    assert (
        chain.invoke({"word": "casa"}) == langchain_openai.ChatOpenAI(**settings(server)).invoke("casa y más").content
    )


def test_what_the_server_refuses_is_openais_exception(server: RunningServer) -> None:
    import openai

    chat = langchain_openai.ChatOpenAI(**settings(server, presence_penalty=1.0))
    with pytest.raises(openai.BadRequestError, match="`presence_penalty`"):
        chat.invoke("casa")
