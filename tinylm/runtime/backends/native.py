"""The backend `native`: tinylm's own engine in C (`tinylm/native/engine/tinylm.h`), called through ctypes.

It needs neither numpy nor ONNX Runtime. All memory of a sequence is taken once; a token allocates nothing, and the
interpreter's lock is free while the engine works.

Lifetime: a call holds what it uses. So closing a model or dropping a sequence while another thread computes a token
lets that token end, and then frees the memory and ends the model's threads.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import byref, c_double, c_float, c_int32, c_size_t, c_void_p
from typing import Any

from tinylm.base.buffer import PAGE_BYTES, Buffer
from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import GoldenPrompt, LogitsHash
from tinylm.bundle.reading import Bundle
from tinylm.native.image import UnsupportedModel, build_image
from tinylm.native.library import HASH_START, NOT_FINITE, WINDOW_PASSED, NativeUnavailable, load
from tinylm.runtime.backends.contract import BackendName, BackendUnavailable, closed_model
from tinylm.runtime.logits import native_settings, sample_scored
from tinylm.runtime.sampling import Sampler, ScoredChoice, logits_not_finite


class NativeModel:
    """An open model; a `tinylm.runtime.backends.contract.BackendModel`."""

    name: BackendName = "native"

    def __init__(self, bundle: Bundle, *, threads: int, instructions: str | None = None) -> None:
        """Lay out the weights; `instructions` is an instruction set, None the fastest that this processor has.

        BackendUnavailable when there is no library for this machine, or the engine lacks what was asked for or what the
        bundle needs; another TinylmError when the model's file is damaged.
        """
        try:
            self.library = load()
        except NativeUnavailable as error:
            raise BackendUnavailable(error.message, error.hint) from error
        self.vocab_size = bundle.manifest.model.vocab_size
        self._memory: _Memory | None = _Memory(self.library, bundle, threads, instructions)

    @property
    def software(self) -> str:
        """`native` with the instruction set that computes."""
        name: bytes = self.library.tinylm_model_instructions(self.opened().address)
        return f"native {name.decode()}"

    def opened(self) -> _Memory:
        """What the engine works on, to be held meanwhile; TinylmError when the model is closed."""
        if self._memory is None:
            raise closed_model()
        return self._memory

    def sequence(self) -> NativeSequence:
        return NativeSequence(self)

    def close(self) -> None:
        self._memory = None


class _Memory:
    """The weights and the open model; its threads end with it."""

    def __init__(self, library: ctypes.CDLL, bundle: Bundle, threads: int, instructions: str | None) -> None:
        try:
            self._image = image = build_image(library, bundle.model, bundle.manifest.model)
        except UnsupportedModel as error:
            raise BackendUnavailable(error.message, error.hint) from error
        nbytes = library.tinylm_model_bytes(image.address, image.nbytes, threads)
        if nbytes == 0:
            raise BackendUnavailable(
                f"the native engine does not take this model with {threads} threads",
                "use fewer threads, or `--backend onnxruntime`",
            )
        self._buffer = Buffer((nbytes,), "uint8")
        self.address = self._buffer.address
        name = None if instructions is None else instructions.encode()
        code = library.tinylm_model_open(self.address, image.address, image.nbytes, name, threads)
        if code:
            raise BackendUnavailable(f"the native engine: {_text(library, code)}", "use `--backend onnxruntime`")
        self._end = library.tinylm_model_close

    def __del__(self) -> None:
        # Also when the interpreter ends: threads that wait in memory which is gone would crash. A daemon thread that
        # still computes holds this object, and then nothing is freed.
        if hasattr(self, "_end"):
            self._end(self.address)


class NativeSequence:
    """One sequence; a `tinylm.runtime.backends.contract.BackendSequence`."""

    def __init__(self, model: NativeModel) -> None:
        opened, library = model.opened(), model.library
        self._model, self._library, self._vocab_size = model, library, model.vocab_size
        self._memory = Buffer((library.tinylm_sequence_bytes(opened.address),), "uint8")
        self._address = c_void_p(self._memory.address)
        library.tinylm_sequence_open(self._address, opened.address)
        self._step = library.tinylm_step
        self._sampler: Sampler | None = None
        self._settings: Any = None
        self._uniform, self._logprob = c_float(), c_float()
        self._logprob_at = byref(self._logprob)
        self._logits_at = c_void_p()

    def prefill(self, ids: Sequence[int]) -> None:
        _opened = self._model.opened()
        self._check(self._library.tinylm_prefill(self._address, (c_int32 * len(ids))(*ids), len(ids)))

    def logits(self, token: int) -> memoryview[float]:
        _opened = self._model.opened()
        self._check(self._library.tinylm_logits(self._address, token, byref(self._logits_at)))
        # A part of this sequence's memory, which then lives as long as whoever reads it.
        start = (self._logits_at.value or 0) - self._memory.address
        return self._memory.data[start : start + 4 * self._vocab_size].cast("f")

    def step(self, token: int, sampler: Sampler) -> tuple[int, float]:
        _opened = self._model.opened()
        if sampler is not self._sampler:
            self._sampler, self._settings = sampler, byref(native_settings(sampler, self._vocab_size))
        self._uniform.value = sampler.uniform() if sampler.sampling.temperature else 0.0
        chosen: int = self._step(self._address, token, self._settings, self._uniform, self._logprob_at)
        if chosen < 0:
            if chosen == NOT_FINITE:  # known when the token has been read
                self._library.tinylm_truncate(self._address, self._library.tinylm_length(self._address) - 1)
            self._check(chosen)
        sampler.count(chosen)
        return chosen, self._logprob.value

    def step_scored(self, token: int, sampler: Sampler, *, alternatives: int) -> ScoredChoice:
        logits = self.logits(token)
        try:
            return sample_scored(logits, sampler, alternatives=alternatives)
        except TinylmError:
            self._check(self._library.tinylm_truncate(self._address, self._library.tinylm_length(self._address) - 1))
            raise

    def score(self, ids: Sequence[int]) -> list[float]:
        _opened = self._model.opened()
        nats = (c_double * (len(ids) - 1))()
        code = self._library.tinylm_score(self._address, (c_int32 * len(ids))(*ids), len(ids), nats)
        if code:
            self._library.tinylm_truncate(self._address, 0)
            self._check(code)
        return list(nats)

    def logits_hash(self, prompts: Sequence[GoldenPrompt]) -> LogitsHash:
        found = HASH_START
        for prompt in prompts:
            self.truncate(())
            self.prefill(prompt.prompt_ids[:-1])
            for token in [prompt.prompt_ids[-1], *prompt.ids[:-1]]:
                self.logits(token)
                found = self._library.tinylm_hash_logits(self._address, found)
        self.truncate(())
        return LogitsHash(arithmetic=self._library.tinylm_arithmetic(), fnv1a64=f"{found:016x}")

    def truncate(self, ids: Sequence[int]) -> None:
        _opened = self._model.opened()
        code = self._library.tinylm_truncate(self._address, len(ids))
        if code == WINDOW_PASSED:
            self._check(self._library.tinylm_truncate(self._address, 0))
            self.prefill(ids)
        else:
            self._check(code)

    def fill_cache(self) -> None:
        _opened, nbytes = self._model.opened(), c_size_t()
        start = self._library.tinylm_cache(self._address, byref(nbytes)) - self._memory.address
        for place in range(start, start + nbytes.value, PAGE_BYTES):
            self._memory.data[place] = 0

    def _check(self, code: int) -> None:
        if code == NOT_FINITE:
            raise logits_not_finite()
        if code < 0:
            raise TinylmError(f"the native engine: {_text(self._library, code)}", exit_code=1)


def _text(library: ctypes.CDLL, code: int) -> str:
    text: bytes = library.tinylm_error(code)
    return text.decode()
