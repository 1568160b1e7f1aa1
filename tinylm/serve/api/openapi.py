"""The schema at /openapi.json, of the same declarations that read requests."""

from __future__ import annotations

from typing import Any

import tinylm
from tinylm.serve.api.answer_schemas import (
    CHAT_ANSWER,
    CHAT_EVENT,
    COMPLETION_ANSWER,
    COMPLETION_EVENT,
    ERROR,
    GENERATE_ANSWER,
    MODEL,
    MODELS,
    STATE,
    STATUS,
    Schema,
)
from tinylm.serve.api.kinds import Object
from tinylm.serve.api.parameters import CHAT, COMPLETION, GENERATE, prompt_parameter

_COMMON = {
    400: "The request is at fault; `param` says where.",
    401: "The token is missing or wrong.",
    403: "A host or page that may not ask.",
    405: "Not with this method.",
    408: "The request took too long to arrive.",
    429: "Too many requests; `Retry-After` says when the next is welcome.",
    431: "The headers are too large.",
    503: "The server is shutting down, or has too many connections.",
}
_POSTED = {404: "No such model.", 413: "The body is too large.", 415: "The body is no JSON.", 500: "The model failed."}
_OPEN = {"/healthz", "/readyz"}


def openapi(*, token: bool, vocab_size: int) -> dict[str, Any]:
    """OpenAPI 3.1, for models of at least `vocab_size` tokens; with `token`, clients must send one."""
    prompt = prompt_parameter(vocab_size)
    completion = Object(tuple(prompt if one.name == prompt.name else one for one in COMPLETION.parameters))
    paths: dict[str, Any] = {
        "/v1/completions": {"post": _post("Continue a text", completion, COMPLETION_ANSWER, COMPLETION_EVENT)},
        "/v1/chat/completions": {"post": _post("The next turn of a conversation", CHAT, CHAT_ANSWER, CHAT_EVENT)},
        "/generate": {"post": _post("Continue a text, simply", GENERATE, GENERATE_ANSWER)},
    }
    for path, summary, answer in (
        ("/v1/models", "The models that are served", MODELS),
        ("/healthz", "Is the server alive?", STATE),
        ("/readyz", "Does the server take requests?", STATE),
        ("/status", "Memory, load and counts", STATUS),
        ("/metrics", "Figures for Prometheus", None),
        ("/openapi.json", "This schema", {"type": "object"}),
    ):
        paths[path] = {"get": _get(summary, answer)}
        if path in _OPEN:
            paths[path]["get"]["security"] = []
    name = {"name": "name", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    one = _get("One model", MODEL)
    one["responses"] |= _errors({404: _POSTED[404]})
    paths["/v1/models/{name}"] = {"get": one | {"parameters": [name]}}
    components: dict[str, Any] = {"schemas": {"Error": ERROR}}
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "tinylm", "version": tinylm.__version__},
        "paths": paths,
        "components": components,
    }
    if token:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
    return document


def _post(summary: str, body: Object, answer: Schema, event: Schema | None = None) -> dict[str, Any]:
    """`event` is of a stream, which as OpenAPI 3.1 has it is described by its events."""
    content: dict[str, Any] = {"application/json": {"schema": answer}}
    if event is not None:
        content["text/event-stream"] = {"schema": event}
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body.schema()}}},
        "responses": {"200": {"description": "The answer.", "content": content}, **_errors(_COMMON | _POSTED)},
    }


def _get(summary: str, answer: Schema | None) -> dict[str, Any]:
    """`answer` is None for plain text."""
    content = (
        {"text/plain": {"schema": {"type": "string"}}} if answer is None else {"application/json": {"schema": answer}}
    )
    return {"summary": summary, "responses": {"200": {"description": summary, "content": content}, **_errors(_COMMON)}}


def _errors(statuses: dict[int, str]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {str(status): {"description": words, "content": content} for status, words in statuses.items()}
