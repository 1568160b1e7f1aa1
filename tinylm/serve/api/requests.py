"""The body of a request to what is to be written: a model, and a `CompletionRequest` for each choice.

Unusable values are `ApiError`s that name the parameter; nothing is computed before all of a request is known to be
good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from tinylm.base.errors import TinylmError
from tinylm.runtime.chat_template import Message, fit_messages
from tinylm.runtime.completion import CompletionRequest
from tinylm.runtime.content_filter import FilteredPrompt
from tinylm.runtime.sampling import LEAST_TEMPERATURE, LEAST_TOP_P, MAX_SEED, Sampling
from tinylm.serve.api.errors import ApiError, invalid
from tinylm.serve.api.parameters import CHAT, COMPLETION, GENERATE, MAX_LOGPROBS
from tinylm.serve.served_model import ServedModel
from tinylm.tokenizer.tokenizer import BOS, normalise

Endpoint = Literal["completions", "chat", "generate"]
Models = Mapping[str, ServedModel]
"""By name, the default first."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request that was read: everything about it is known to be good."""

    endpoint: Endpoint
    model: ServedModel
    choices: tuple[CompletionRequest, ...]
    """The choices of the first prompt, then those of the next."""
    prompts: int = 1
    texts: tuple[str, ...]
    """What was asked, for the log and for counting what the tokenizer does not know; empty for token ids."""
    stream: bool = False
    include_usage: bool = False
    dropped_messages: int = 0
    """The oldest messages of a chat that did not fit the context."""


def read_completion(document: dict[str, Any], models: Models) -> Asked:
    """The body of POST /v1/completions."""
    _check_place("messages", document, "/v1/chat/completions")
    values = COMPLETION.read(document, "")
    model = find_model(values["model"], models)
    given = values["prompt"]
    prompts = given if isinstance(given, tuple) and not isinstance(given[0], int) else (given,)
    ids = [_prompt_ids(prompt, model) for prompt in prompts]
    texts = tuple(prompt if isinstance(prompt, str) else model.tokenizer.decode(prompt) for prompt in prompts)
    _check_filter(texts, model, "prompt")
    common = _Common(values, model, logprobs=values["logprobs"], prompts=len(ids))
    return Asked(
        endpoint="completions",
        model=model,
        choices=tuple(choice for one in ids for choice in common.choices(one)),
        prompts=len(ids),
        texts=tuple(prompt for prompt in prompts if isinstance(prompt, str)),
        stream=values["stream"],
        include_usage=_include_usage(values),
    )


def _check_place(name: str, document: dict[str, Any], path: str) -> None:
    """The commonest slip is another path's body."""
    if name in document:
        raise invalid(f"`{name}` belongs to {path}", name, code="unknown_parameter")


def read_chat(document: dict[str, Any], models: Models) -> Asked:
    """The body of POST /v1/chat/completions."""
    _check_place("prompt", document, "/v1/completions")
    values = CHAT.read(document, "")
    model = find_model(values["model"], models)
    if values["top_logprobs"] and not values["logprobs"]:
        raise invalid("`top_logprobs` needs `logprobs`: true", "top_logprobs")
    messages = [_message(message) for message in values["messages"]]
    texts = tuple(message.content for message in messages)
    _check_filter(("\n".join(texts),), model, "messages")  # a phrase may be spread over several of them
    common = _Common(values, model, logprobs=values["top_logprobs"] if values["logprobs"] else None)
    try:
        fitted = fit_messages(
            model.template,
            messages,
            tokenizer=model.tokenizer,
            context_length=model.context_length,
            max_tokens=common.max_tokens,
        )
    except TinylmError as error:  # the template refuses these messages
        raise invalid(_sentence(error), "messages") from error
    newest = "the newest message" + (", with the system message," if messages[0].role == "system" else "")
    _check_room(newest, len(fitted.ids) + fitted.cut_tokens, model, "messages")
    return Asked(
        endpoint="chat",
        model=model,
        choices=tuple(common.choices(fitted.ids)),
        texts=texts,
        stream=values["stream"],
        include_usage=_include_usage(values),
        dropped_messages=fitted.dropped_messages,
    )


def read_generate(document: dict[str, Any], models: Models) -> Asked:
    """The body of POST /generate: a prompt, and the little that can be said about it."""
    values = GENERATE.read(document, "")
    length = _same(values, "max_tokens", "max_length")
    wanted = {"prompt": values["prompt"], "max_tokens": length, "temperature": values["temperature"]}
    return replace(read_completion(wanted, models), endpoint="generate")


def find_model(name: str | None, models: Models) -> ServedModel:
    """The model `name`, or the first one; ApiError 404."""
    if name is None:
        return next(iter(models.values()))
    if name not in models:
        known = ", ".join(f"`{one}`" for one in models)
        raise ApiError(404, f"no model `{name}` is served; there is {known}", param="model", code="model_not_found")
    return models[name]


class _Common:
    """What the endpoints share: how long, how tokens are chosen, how many choices."""

    def __init__(self, values: dict[str, Any], model: ServedModel, *, logprobs: int | None, prompts: int = 1) -> None:
        defaults = model.bundle.manifest.generation
        self._n: int = values["n"]
        self._stop = _stops(values["stop"])
        self._at_eos: bool = not values["ignore_eos"]
        self._logprobs = logprobs
        self.max_tokens = _same(values, "max_tokens", "max_completion_tokens") or defaults.max_tokens
        if logprobs is not None:
            _check_logprobs(logprobs, tokens=prompts * self._n * self.max_tokens)
        changed = {
            name: values[name]
            for name in ("temperature", "top_p", "top_k", "repetition_penalty")
            if values[name] is not None
        }
        # Below these the likeliest token is drawn anyway.
        if changed.get("temperature", 1) < LEAST_TEMPERATURE:
            changed["temperature"] = 0.0
        if changed.get("top_p", 1) < LEAST_TOP_P:
            changed["top_p"] = LEAST_TOP_P
        if changed.get("top_k") == -1:
            changed["top_k"] = 0
        self._sampling = replace(Sampling.of(defaults), **changed)
        self._seed: int | None = values["seed"]

    def choices(self, ids: Sequence[int]) -> list[CompletionRequest]:
        return [
            CompletionRequest(
                prompt_ids=tuple(ids),
                sampling=replace(self._sampling, seed=None if self._seed is None else (self._seed + i) & MAX_SEED),
                max_tokens=self.max_tokens,
                stop=self._stop,
                stop_at_eos=self._at_eos,
                logprobs=self._logprobs,
            )
            for i in range(self._n)
        ]


def _same(values: dict[str, Any], name: str, other: str) -> int | None:
    """The value of two names for the same; ApiError where both are given and differ."""
    first: int | None = values[name]
    second: int | None = values[other]
    if None not in (first, second) and first != second:
        raise invalid(f"`{name}` is {first} and `{other}` is {second}; they mean the same", other)
    return first or second


def _check_logprobs(alternatives: int, *, tokens: int) -> None:
    if (numbers := (1 + alternatives) * tokens) > MAX_LOGPROBS:
        raise invalid(
            f"`logprobs` of {tokens} tokens with {alternatives} alternatives are {numbers} numbers; at most"
            f" {MAX_LOGPROBS} are given in an answer: ask for fewer `max_tokens`",
            "logprobs",
        )


def _stops(given: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """Without those of nothing but characters that no text of a model has: it would never end there."""
    stops = (given,) if isinstance(given, str) else given or ()
    return tuple(stop for stop in stops if normalise(stop))


def _prompt_ids(prompt: str | tuple[int, ...], model: ServedModel) -> list[int]:
    """BOS first; ApiError for ids that the model lacks, and for a prompt that leaves no room in the context."""
    vocab_size = model.tokenizer.vocab_size
    ids = list(model.tokenizer.encode(prompt) if isinstance(prompt, str) else prompt)
    if (largest := max(ids, default=0)) >= vocab_size:
        raise invalid(f"`prompt` has the token id {largest}; the model has ids 0 to {vocab_size - 1}", "prompt")
    if not ids or isinstance(prompt, str) or ids[0] != BOS:
        ids.insert(0, BOS)
    _check_room("the prompt", len(ids), model, "prompt")
    return ids


def _check_room(what: str, tokens: int, model: ServedModel, param: str) -> None:
    """ApiError where `tokens` leave no room in the context."""
    if tokens >= model.context_length:
        raise invalid(
            f"{what} has {tokens} tokens with BOS; the context of `{model.name}` is {model.context_length}"
            " tokens, and at least one of them is for the answer",
            param,
            code="context_length_exceeded",
        )


def _message(values: dict[str, Any]) -> Message:
    content = values["content"]
    text = content if isinstance(content, str) else "".join(part["text"] for part in content)
    return Message(role="system" if values["role"] == "developer" else values["role"], content=text)


def _check_filter(texts: Sequence[str], model: ServedModel, param: str) -> None:
    if model.content_filter is None:
        return
    try:
        for text in texts:
            model.content_filter.check(text, what="the prompt")
    except FilteredPrompt as error:
        raise invalid(error.message, param, code="content_filter") from error


def _include_usage(values: dict[str, Any]) -> bool:
    options = values["stream_options"]
    return options is not None and options["include_usage"]


def _sentence(error: TinylmError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message
