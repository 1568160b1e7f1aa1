"""Answers from a bundle on this machine.

One engine serves the whole conversation: what it has read of it, the system prompt first, is not read again
(`tinylm.runtime.completion`), so that a turn costs no more than what is new in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tinylm.base.errors import say
from tinylm.base.printable import printable
from tinylm.bundle.reading import open_bundle
from tinylm.bundle.store import find_bundle, find_bundles
from tinylm.chat.contract import Memory, ModelFacts, Usage
from tinylm.chat.settings import Settings
from tinylm.runtime.backends.contract import Backend
from tinylm.runtime.chat_template import ChatTemplate, FittedMessages, Message, fit_messages
from tinylm.runtime.completion import Completion, CompletionRequest
from tinylm.runtime.content_filter import ContentFilter, FilterGate, text_gates
from tinylm.runtime.engine import Engine
from tinylm.runtime.measurement.proc_self import resident_bytes
from tinylm.runtime.print_text import parse_threads
from tinylm.runtime.sampling import Sampling
from tinylm.tokenizer.tokenizer import Tokenizer

_CALLED = {"user": "what was said", "system": "the system prompt"}


class LocalBackend:
    """A bundle, open; a `tinylm.chat.contract.ChatBackend`."""

    def __init__(
        self,
        path: Path | None,
        *,
        threads: str,
        backend: Backend,
        content_filter: ContentFilter | None = None,
        redact: bool = False,
    ) -> None:
        """Open the bundle or run `path`, or the latest run's bundle. TinylmError as in `print_text`."""
        self._threads, self._backend = threads, backend
        self._filter, self._redact = content_filter, redact
        self._open = _OpenBundle(find_bundle(path), threads=threads, backend=backend)

    @property
    def model(self) -> ModelFacts:
        return self._open.facts

    @property
    def names(self) -> Sequence[str]:
        return [str(path) for path in find_bundles()]

    @property
    def chosen(self) -> str:
        return str(self._open.path)

    def models(self) -> Sequence[str]:
        return list(dict.fromkeys([*self.names, self.chosen]))

    def use(self, name: str) -> None:
        before = self._open
        self._open = _OpenBundle(find_bundle(Path(name).expanduser()), threads=self._threads, backend=self._backend)
        before.close()

    def answer(self, messages: Sequence[Message], settings: Settings) -> LocalAnswer:
        return LocalAnswer(self._open, messages, settings, content_filter=self._filter, redact=self._redact)

    def memory(self) -> Memory | None:
        rss = resident_bytes()
        return None if rss is None else Memory(rss_mb=rss / 1e6, whose="this process")

    def close(self) -> None:
        self._open.close()


class _OpenBundle:
    """Everything of one bundle that answers need."""

    def __init__(self, path: Path, *, threads: str, backend: Backend) -> None:
        number = parse_threads(threads)
        bundle = open_bundle(path)
        if bundle.warning:
            say(bundle.warning)
        manifest = bundle.manifest
        self.path = path
        self.defaults = manifest.generation
        self.template = ChatTemplate(manifest.chat_template)
        self.tokenizer = Tokenizer(bundle.tokenizer)
        if number is None:
            from tinylm.runtime.threads import calibrated_threads  # not loaded when a number is given

            number = calibrated_threads(bundle, backend=backend)
        self.engine = Engine(bundle, threads=number, backend=backend)
        parts = [f"{manifest.quantization.parameters:,} parameters", " ".join(manifest.languages), self.engine.software]
        self.facts = ModelFacts(
            name=manifest.name,
            details=", ".join(printable(part) for part in parts if part),
            context_length=self.engine.context_length,
            only_continues=self.template.is_default,
            defaults={
                name: getattr(self.defaults, name)
                for name in ("temperature", "top_p", "top_k", "repetition_penalty", "max_tokens")
            },
        )

    def close(self) -> None:
        self.engine.close()


class LocalAnswer:
    """One answer of a bundle; a `tinylm.chat.contract.Answer`."""

    def __init__(
        self,
        opened: _OpenBundle,
        messages: Sequence[Message],
        settings: Settings,
        *,
        content_filter: ContentFilter | None,
        redact: bool,
    ) -> None:
        """FilteredPrompt when the filter refuses what was said, or the system prompt."""
        if content_filter is not None:
            for message in messages:
                if message.role != "assistant":
                    content_filter.check(message.content, what=_CALLED[message.role])
            # A phrase may be spread over several of them.
            content_filter.check("\n".join(message.content for message in messages), what="the conversation")
        max_tokens = settings.max_tokens or opened.defaults.max_tokens
        fitted = fit_messages(
            opened.template,
            messages,
            tokenizer=opened.tokenizer,
            context_length=opened.engine.context_length,
            max_tokens=max_tokens,
        )
        self.forgotten = fitted.dropped_messages
        self._cut = _cut(fitted, with_system=messages[0].role == "system")
        self._unknown_bytes = opened.tokenizer.unknown_bytes(messages[-1].content)
        request = CompletionRequest(
            prompt_ids=tuple(fitted.ids),
            sampling=settings.sampling(Sampling.of(opened.defaults)),
            max_tokens=max_tokens,
            stop=settings.stop,
        )
        self._gates = text_gates(content_filter, prompt=opened.tokenizer.decode(fitted.ids), redact=redact)
        self._completion = Completion(opened.engine, opened.tokenizer, request, gates=self._gates)

    @property
    def notes(self) -> Sequence[str]:
        unknown = f"the model does not know some characters of what was said ({self._unknown_bytes} bytes)"
        blocked = [gate.told for gate in self._gates if isinstance(gate, FilterGate) and gate.blocked]
        return [*self._cut, *([unknown] if self._unknown_bytes else []), *blocked]

    @property
    def finish_reason(self) -> str | None:
        return self._completion.finish_reason

    @property
    def usage(self) -> Usage:
        done = self._completion
        return Usage(
            prompt_tokens=done.prompt_tokens,
            cached_tokens=done.cached_tokens,
            completion_tokens=done.completion_tokens,
        )

    def cancel(self) -> None:
        self._completion.cancel()

    def __iter__(self) -> Iterator[str]:
        return iter(self._completion)


def _cut(fitted: FittedMessages, *, with_system: bool) -> list[str]:
    """The note about what the context cannot hold of a single message; none where it fits."""
    cut = fitted.cut_tokens
    if not cut:
        return []
    what, whose = ("the system prompt and the message are", "their") if with_system else ("the message is", "its")
    tokens = len(fitted.ids) - 1 + cut
    return [f"warning: {what} too long for the model's context; {whose} first {cut} of {tokens} tokens are cut"]
