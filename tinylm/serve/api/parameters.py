"""Every parameter of the API, declared once: reading, errors, /openapi.json and the docs are made of this.

Names and meaning are OpenAI's; `top_k`, `repetition_penalty`, `ignore_eos` and prompts of token ids are as vLLM and
llama.cpp have them. What cannot be honoured is `Neutral`: a client that sends its default value is served, any other
value is refused by name.
"""

from __future__ import annotations

from tinylm.runtime.generation import MAX_TEXT_CHARACTERS
from tinylm.serve.api.kinds import (
    Boolean,
    Choice,
    Either,
    Integer,
    Labels,
    ListOf,
    Neutral,
    Number,
    Object,
    Parameter,
    Text,
)

MAX_TOKENS = 32_768
"""The longest answer that can be asked for; the limit on time ends most of these."""
MAX_CHOICES = 8
MAX_ALTERNATIVES = 20
MAX_LOGPROBS = 10_000
"""Log-probabilities in an answer, with those of alternatives: each takes 300 bytes until it is sent."""
MAX_PROMPTS = 8
MAX_STOPS = 16
MAX_STOP_CHARACTERS = 1000
MAX_MESSAGES = 2000
_MOST_PIECES = 65536  # the largest vocabulary that a model of tinylm has
_LABELS = Labels(16, 512)

_PROMPT_TEXT = Text(MAX_TEXT_CHARACTERS)
_STOP = Text(MAX_STOP_CHARACTERS, least=1)

_MODEL = Parameter("model", Text(200), "Which of the served models; the first one when left out.")
_STREAM = (
    Parameter("stream", Boolean(), "Send the text as it is written, as server-sent events.", default=False),
    Parameter(
        "stream_options",
        Object(
            (
                Parameter("include_usage", Boolean(), "A last chunk with the counts of tokens.", default=False),
                Parameter("include_obfuscation", Neutral((False,)), "Not supported."),
            )
        ),
        "Of a stream.",
    ),
)
_LENGTH = (
    Parameter("max_tokens", Integer(1, MAX_TOKENS), "The most tokens to write; the bundle's own when left out."),
    Parameter("max_completion_tokens", Integer(1, MAX_TOKENS), "Another name of `max_tokens`."),
    Parameter(
        "stop",
        Either((_STOP, ListOf(_STOP, MAX_STOPS)), "a string or a list of strings"),
        "End before this text.",
    ),
    Parameter("ignore_eos", Boolean(), "Do not end where the model would.", default=False),
)
_CHOICE_OF_TOKENS = (
    Parameter("temperature", Number(0, 100), "0 takes the likeliest token, as anything below 0.001 does."),
    Parameter("top_p", Number(0, 1, above=True), "Draw from the likeliest tokens with this probability; 1 is off."),
    Parameter("top_k", Integer(-1, 2**31 - 1), "Draw from the k likeliest tokens only; 0 and -1 are off."),
    Parameter("repetition_penalty", Number(0.01, 100), "Above 1 avoids tokens that were seen; 1 is off."),
    Parameter(
        "seed",
        Integer(-(2**63), 2**64 - 1),
        "The same seed gives the same text; of several choices each has the next seed.",
    ),
    Parameter("n", Integer(1, MAX_CHOICES), "How many texts to write.", default=1),
)
_TAKEN = (
    Parameter("user", Text(512), "Taken, and not used."),
    Parameter("metadata", _LABELS, "Taken, and not used."),
    Parameter("safety_identifier", Text(512), "Taken, and not used."),
    Parameter("prompt_cache_key", Text(512), "Taken, and not used: prompts with the same beginning share work anyway."),
)
_NOT_SUPPORTED = (
    Parameter("presence_penalty", Neutral((0,)), "Not supported; see `repetition_penalty`."),
    Parameter("frequency_penalty", Neutral((0,)), "Not supported; see `repetition_penalty`."),
    Parameter("min_p", Neutral((0,)), "Not supported."),
    Parameter("min_tokens", Neutral((0,)), "Not supported; see `ignore_eos`."),
    Parameter("logit_bias", Neutral(({},)), "Not supported."),
    Parameter("store", Neutral((False,)), "Not supported."),
    Parameter("service_tier", Neutral(("auto", "default")), "Not supported."),
)


def prompt_parameter(vocab_size: int) -> Parameter:
    """A prompt for models of so many tokens."""
    ids = ListOf(Integer(0, vocab_size - 1), MAX_TEXT_CHARACTERS, least=1)
    return Parameter(
        "prompt",
        Either(
            (_PROMPT_TEXT, ids, ListOf(Either((_PROMPT_TEXT, ids), "text or token ids"), MAX_PROMPTS, least=1)),
            "a string, a list of strings or a list of token ids",
        ),
        "What the text begins with, as text or token ids; of several prompts each gets its choices.",
        required=True,
    )


COMPLETION = Object(
    (
        _MODEL,
        prompt_parameter(_MOST_PIECES),
        *_STREAM,
        *_LENGTH,
        *_CHOICE_OF_TOKENS,
        Parameter(
            "logprobs", Integer(0, MAX_ALTERNATIVES), "Log-probabilities: of the tokens, and of so many alternatives."
        ),
        *_TAKEN,
        Parameter("echo", Neutral((False,)), "Not supported."),
        Parameter("suffix", Neutral(("",)), "Not supported."),
        Parameter("best_of", Neutral((1,)), "Not supported."),
        *_NOT_SUPPORTED,
    )
)
"""POST /v1/completions."""

_NO_TOOLS = {"tool": "this server has no tools", "function": "this server has no functions"}
_PART = Object(
    (
        Parameter(
            "type",
            Choice(
                ("text",),
                dict.fromkeys(("image_url", "input_audio", "file", "refusal"), "the models here read text only"),
            ),
            "`text`.",
            required=True,
        ),
        Parameter("text", _PROMPT_TEXT, "The text.", required=True),
    )
)
_MESSAGE = Object(
    (
        Parameter(
            "role",
            Choice(("system", "developer", "user", "assistant"), _NO_TOOLS),
            "Who says it; `developer` is another name of `system`.",
            required=True,
        ),
        Parameter(
            "content",
            Either((_PROMPT_TEXT, ListOf(_PART, 100)), "a string or a list of text parts"),
            "What is said.",
            required=True,
        ),
        Parameter("name", Text(256), "Taken, and not used."),
        # What a client sends that gives an answer back as a message.
        Parameter("refusal", Neutral(()), "Not supported."),
        Parameter("audio", Neutral(()), "Not supported."),
        Parameter("annotations", Neutral(([],)), "Not supported."),
        Parameter("function_call", Neutral(()), "Not supported."),
        Parameter("tool_calls", Neutral(([],)), "Not supported."),
    )
)
CHAT = Object(
    (
        _MODEL,
        Parameter("messages", ListOf(_MESSAGE, MAX_MESSAGES, least=1), "The conversation so far.", required=True),
        *_STREAM,
        *_LENGTH,
        *_CHOICE_OF_TOKENS,
        Parameter("logprobs", Boolean(), "Log-probabilities of the tokens.", default=False),
        Parameter(
            "top_logprobs", Integer(0, MAX_ALTERNATIVES), "Also of so many alternatives; needs `logprobs`.", default=0
        ),
        *_TAKEN,
        Parameter("tools", Neutral(([],)), "Not supported."),
        Parameter("tool_choice", Neutral(("none", "auto")), "Not supported."),
        Parameter("parallel_tool_calls", Neutral((True, False)), "Not supported."),
        Parameter("functions", Neutral(([],)), "Not supported."),
        Parameter("function_call", Neutral(("none", "auto")), "Not supported."),
        Parameter("response_format", Neutral(({"type": "text"},)), "Not supported."),
        Parameter("modalities", Neutral((["text"],)), "Not supported."),
        Parameter("audio", Neutral(()), "Not supported."),
        Parameter("prediction", Neutral(()), "Not supported."),
        Parameter("reasoning_effort", Neutral(("none",)), "Not supported."),
        Parameter("verbosity", Neutral(("medium",)), "Not supported."),
        Parameter("web_search_options", Neutral(()), "Not supported."),
        *_NOT_SUPPORTED,
    ),
    rules={
        "if": {"properties": {"top_logprobs": {"type": "integer", "minimum": 1}}, "required": ["top_logprobs"]},
        "then": {"properties": {"logprobs": {"const": True}}, "required": ["logprobs"]},
    },
)
"""POST /v1/chat/completions."""

GENERATE = Object(
    (
        Parameter("prompt", _PROMPT_TEXT, "What the text begins with.", required=True),
        Parameter("max_length", Integer(1, MAX_TOKENS), "The most tokens to write; another name of `max_tokens`."),
        Parameter("max_tokens", Integer(1, MAX_TOKENS), "The most tokens to write; the bundle's own when left out."),
        Parameter("temperature", Number(0, 100), "0 takes the likeliest token."),
    )
)
"""POST /generate."""
