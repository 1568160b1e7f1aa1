"""A bundle that is served: opened once, with an engine for each text that is being written.

    served = ServedModel(bundle, name="tiny", parallel=4, threads=1, backend="auto")
    engine = served.take_engine(prompt_ids)          # the one whose cache knows most of the prompt
    ...
    served.give_back(engine)

Everything is in memory once it is open, so a bundle that changes on disk changes nothing of what is served; `changed`
tells it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import MANIFEST, MODEL, Manifest
from tinylm.bundle.reading import Bundle
from tinylm.machine.memory import read_memory
from tinylm.runtime.backends.contract import Backend
from tinylm.runtime.engine import Engine
from tinylm.runtime.generation import check_tokenizer
from tinylm.runtime.measurement.proc_self import resident_bytes
from tinylm.runtime.model import Model
from tinylm.runtime.sampling import Sampling
from tinylm.tokenizer.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tinylm.runtime.chat_template import ChatTemplate
    from tinylm.runtime.content_filter import ContentFilter

_OPENING_BYTES = 4_000_000
"""What opening takes beyond weights and caches: the engine's library, buffers, the vocabulary."""


class ServedModel:
    """An open bundle and the engines of its texts. Engines are for one thread, the scheduler's."""

    def __init__(
        self,
        bundle: Bundle,
        *,
        name: str,
        parallel: int,
        template: ChatTemplate,
        content_filter: ContentFilter | None,
        threads: int = 1,
        backend: Backend = "auto",
    ) -> None:
        """Open the model for at most `parallel` texts at a time; TinylmError as in `Model` and `Tokenizer`."""
        self.name = name
        """As requests call it."""
        self.bundle = bundle
        self.template = template
        self.content_filter = content_filter
        Sampling.of(bundle.manifest.generation)  # out of range, no request could be answered with them
        self.tokenizer = Tokenizer(bundle.tokenizer)
        check_tokenizer(self.tokenizer, vocab_size=bundle.manifest.model.vocab_size)
        self.context_length = bundle.manifest.model.context_length
        self._state = _state_of(bundle.path)
        self._model = Model(bundle, threads=threads, backend=backend)
        self.software = self._model.backend.software
        """What computes, as `native avx2`."""
        self._parallel = parallel
        self._idle: list[Engine] = []
        self._busy: set[Engine] = set()

    def take_engine(self, prompt_ids: Sequence[int]) -> Engine:
        """An engine for a text with this prompt; TinylmError when `parallel` of them are taken or there is no memory.

        Of those that are idle the one with the longest beginning of the prompt in its cache; a new one where that would
        throw a longer cache away than it keeps.
        """
        best = max(self._idle, key=lambda engine: (engine.reusable(prompt_ids), -engine.length), default=None)
        room = len(self._idle) + len(self._busy) < self._parallel
        if best is None or (room and best.length and not best.reusable(prompt_ids)):
            if not room:
                raise TinylmError(f"{self._parallel} texts are being written; no more fit")
            try:
                best = Engine(self._model)
            except TinylmError:  # no memory for one more cache: then one that is there forgets its text
                if best is None:
                    raise
                self._idle.remove(best)
        else:
            self._idle.remove(best)
        self._busy.add(best)
        return best

    def give_back(self, engine: Engine) -> None:
        """The text is written; the cache stays for the next that begins like it."""
        self._busy.discard(engine)
        self._idle.append(engine)

    def fill_caches(self) -> None:
        """Take all the memory that as many texts as there may be will need, now."""
        while len(self._idle) + len(self._busy) < self._parallel:
            self._idle.append(Engine(self._model))
        for engine in self._idle:
            engine.fill_cache()

    @property
    def changed(self) -> bool:
        """Another bundle lies on disk than the one that is served."""
        return _state_of(self.bundle.path) != self._state

    def close(self) -> None:
        """Free the memory; no text may be in writing."""
        for engine in (*self._idle, *self._busy):
            engine.close()
        self._model.close()


def memory_needed(manifest: Manifest, *, parallel: int) -> int:
    """Bytes that serving a bundle will take, about: its weights, the caches of `parallel` texts, and what opens it."""
    return manifest.files[MODEL].bytes + parallel * _cache_bytes(manifest) + _OPENING_BYTES


def _cache_bytes(manifest: Manifest) -> int:
    """Of one text."""
    config = manifest.model
    value_bytes = 1 if manifest.quantization.kv_cache == "int8" else 4
    return 2 * config.n_layer * config.n_kv_head * config.head_dim * config.context_length * value_bytes


def memory_left(limit_bytes: int | None) -> int | None:
    """Bytes that this process may still take: up to `limit_bytes`, else what the system has; None where it does not
    tell."""
    if limit_bytes is None:
        available_mb = read_memory(Path("/")).available_mb
        return None if available_mb is None else int(available_mb * 1e6)
    resident = resident_bytes()
    return None if resident is None else limit_bytes - resident


def check_memory(manifest: Manifest, *, parallel: int, limit_bytes: int | None, opened: Mapping[str, Manifest]) -> None:
    """TinylmError when there is no memory to serve one more bundle beside those that are `opened`, by name."""
    needed, left = memory_needed(manifest, parallel=parallel), memory_left(limit_bytes)
    if left is None:
        return
    left -= parallel * sum(map(_cache_bytes, opened.values()))  # theirs to take, when texts are written
    if needed <= left:
        return
    beside = f" beside {', '.join(f'`{name}`' for name in opened)}" if opened else ""
    whose = "the system" if limit_bytes is None else "the budget"
    of = "" if limit_bytes is None else f" of {limit_bytes / 1e6:g} MB beside what the server has taken"
    leaves = f"{whose} leaves {max(left, 0) / 1e6:.1f} MB{of}"
    raise TinylmError(
        f"`{manifest.name}` needs about {needed / 1e6:.1f} MB{beside}, and {leaves}",
        "serve fewer bundles, fewer texts at a time (`--parallel`), or a smaller model",
    )


def _state_of(bundle: Path) -> tuple[int, int, int] | None:
    """What changes when a bundle is replaced; None when it has gone."""
    try:
        status = (bundle / MANIFEST).stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
