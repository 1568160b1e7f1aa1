"""JSON schemas of the answers, for /openapi.json: every name is there, and no other.

The answers are made in `answers.py`, `token_texts.py`, `tinylm.serve.models_list` and `tinylm.serve.app`; tests hold
each of them against its schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]


def _object(names: Mapping[str, Schema], **optional: Schema) -> Schema:
    """With all of `names`, and perhaps the `optional` ones."""
    return {
        "type": "object",
        "properties": {**names, **optional},
        "required": list(names),
        "additionalProperties": False,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_NUMBER: Schema = {"type": "number"}
_AMOUNT: Schema = _or_null({"type": "number", "minimum": 0})
_LOGPROB: Schema = {"type": "number", "maximum": 0}

_USAGE = _object(
    {
        "prompt_tokens": _COUNT,
        "completion_tokens": _COUNT,
        "total_tokens": _COUNT,
        "prompt_tokens_details": _object({"cached_tokens": _COUNT}),
    }
)
_TIMINGS = _object(
    {
        "queued_ms": _AMOUNT,
        "ttft_ms": _AMOUNT,
        "itl_ms": _AMOUNT,
        "tokens_per_second": _AMOUNT,
        "cached_tokens": _COUNT,
    },
    timeout={"const": True},
    remembered={"const": True},
)
_FINISH: Schema = {"enum": ["stop", "length", "content_filter"]}
_COMPLETION_LOGPROBS = _object(
    {
        "tokens": _list(_TEXT),
        "token_logprobs": _list(_LOGPROB),
        "top_logprobs": _list({"type": "object", "additionalProperties": _LOGPROB}),
        "text_offset": _list(_COUNT),
    }
)
_BYTES = _list({"type": "integer", "minimum": 0, "maximum": 255})
_TOKEN = {"token": _TEXT, "logprob": _LOGPROB, "bytes": _BYTES}
_CHAT_LOGPROBS = _object(
    {"content": _list(_object({**_TOKEN, "top_logprobs": _list(_object(_TOKEN))})), "refusal": {"type": "null"}}
)
_SAID = {"role": {"const": "assistant"}, "content": _TEXT, "refusal": {"type": "null"}}
_MESSAGE = _object(_SAID)
_DELTA = _object({}, **_SAID)
_MORE = _object({"dropped_messages": _COUNT})
ERROR = _object(
    {"error": _object({"message": _TEXT, "type": _TEXT, "param": _or_null(_TEXT), "code": _or_null(_TEXT)})}
)
"""Of every status from 400 on, and an event of a stream that could not end in order."""


def _answer(kind: str, choice: Schema) -> Schema:
    return _object(
        {
            "id": _TEXT,
            "object": {"const": kind},
            "created": _COUNT,
            "model": _TEXT,
            "choices": {**_list(choice), "minItems": 1},
            "usage": _USAGE,
            "system_fingerprint": _TEXT,
            "timings": _TIMINGS,
        },
        tinylm=_MORE,
    )


def _event(kind: str, choice: Schema) -> Schema:
    """An event of a stream: a chunk, an error, or the end; `data` is JSON but for that."""
    chunk = _object(
        {
            "id": _TEXT,
            "object": {"const": kind},
            "created": _COUNT,
            "model": _TEXT,
            "system_fingerprint": _TEXT,
            "choices": _list(choice),
        },
        usage=_or_null(_USAGE),
        timings=_TIMINGS,
        tinylm=_MORE,
    )
    document = {"contentMediaType": "application/json", "contentSchema": {"anyOf": [chunk, ERROR]}}
    return {
        "type": "object",
        "properties": {"data": {"type": "string", "anyOf": [{"const": "[DONE]"}, document]}},
        "required": ["data"],
    }


_COMPLETION_LOGPROBS_OR_NULL = _or_null(_COMPLETION_LOGPROBS)
_CHAT_LOGPROBS_OR_NULL = _or_null(_CHAT_LOGPROBS)
COMPLETION_ANSWER = _answer(
    "text_completion",
    _object({"text": _TEXT, "index": _COUNT, "logprobs": _COMPLETION_LOGPROBS_OR_NULL, "finish_reason": _FINISH}),
)
COMPLETION_EVENT = _event(
    "text_completion",
    _object(
        {"text": _TEXT, "index": _COUNT, "logprobs": _COMPLETION_LOGPROBS_OR_NULL, "finish_reason": _or_null(_FINISH)}
    ),
)
CHAT_ANSWER = _answer(
    "chat.completion",
    _object({"index": _COUNT, "message": _MESSAGE, "logprobs": _CHAT_LOGPROBS_OR_NULL, "finish_reason": _FINISH}),
)
CHAT_EVENT = _event(
    "chat.completion.chunk",
    _object({"index": _COUNT, "delta": _DELTA, "logprobs": _CHAT_LOGPROBS_OR_NULL, "finish_reason": _or_null(_FINISH)}),
)
GENERATE_ANSWER = _object({"text": _TEXT, "finish_reason": _FINISH, "usage": _USAGE})
MODEL = _object(
    {
        "id": _TEXT,
        "object": {"const": "model"},
        "created": _COUNT,
        "owned_by": _TEXT,
        "tinylm": _object(
            {
                "sha256": _TEXT,
                "version": _TEXT,
                "parameters": _COUNT,
                "context_length": _COUNT,
                "languages": _list(_TEXT),
                "base_model": _FLAG,
                "filter": _or_null(_object({"name": _TEXT, "sha256": _TEXT})),
                "generation": _object(
                    {
                        "temperature": _NUMBER,
                        "top_k": _COUNT,
                        "top_p": _NUMBER,
                        "repetition_penalty": _NUMBER,
                        "max_tokens": _COUNT,
                    }
                ),
                "scheme": _TEXT,
                "engine": _TEXT,
            }
        ),
    }
)
MODELS = _object({"object": {"const": "list"}, "data": _list(MODEL)})
STATE = _object({"status": _TEXT})
STATUS = _object(
    {
        "version": _TEXT,
        "models": _list(_TEXT),
        "rss_mb": _AMOUNT,
        "limit_mb": _AMOUNT,
        "budget": _or_null(_TEXT),
        "active": _COUNT,
        "waiting": _COUNT,
        "parallel": _COUNT,
        "queue": _COUNT,
        "requests": _COUNT,
        "tokens": _COUNT,
        "uptime_s": _NUMBER,
        "changed": _list(_TEXT),
    }
)
