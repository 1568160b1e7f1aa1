"""The C library, loaded through ctypes: found, checked, and with the types of its functions.

    library = load()                                    NativeUnavailable where it cannot work, with the reason
    library.tinylm_instruction_sets()                   b"avx2 sse2 scalar"

The functions are those of `engine/tinylm.h` and `tokenizer/tinylm_tokenizer.h`, where they are explained. Every pointer
is an address: an int, bytes, a ctypes array, `byref(...)` or None. A call releases the interpreter's lock.

Only ctypes is needed, so that a process with a model stays small.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import c_char_p, c_float, c_int, c_size_t, c_uint64, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

from tinylm.base.errors import TinylmError

LIBRARY = Path(__file__).resolve().parent / "lib" / "libtinylm.so"
INTERFACE = 2
"""TINYLM_INTERFACE of tinylm.h that this tinylm calls."""
NOT_FINITE, WINDOW_PASSED = -6, -8
"""Errors of tinylm.h that are told from others."""
HASH_START = 1469598103934665603
"""TINYLM_HASH_START."""

_FUNCTIONS: dict[str, tuple[Any, ...]] = {
    # the result, then the arguments
    "tinylm_interface": (c_int,),
    "tinylm_arithmetic": (c_int,),
    "tinylm_error": (c_char_p, c_int),
    "tinylm_instruction_sets": (c_char_p,),
    "tinylm_model_bytes": (c_size_t, c_void_p, c_size_t, c_int),
    "tinylm_model_open": (c_int, c_void_p, c_void_p, c_size_t, c_void_p, c_int),
    "tinylm_model_close": (None, c_void_p),
    "tinylm_model_instructions": (c_char_p, c_void_p),
    "tinylm_vocab_size": (c_int, c_void_p),
    "tinylm_context_length": (c_int, c_void_p),
    "tinylm_sequence_bytes": (c_size_t, c_void_p),
    "tinylm_sequence_open": (None, c_void_p, c_void_p),
    "tinylm_cache": (c_void_p, c_void_p, c_void_p),
    "tinylm_length": (c_int, c_void_p),
    "tinylm_truncate": (c_int, c_void_p, c_int),
    "tinylm_prefill": (c_int, c_void_p, c_void_p, c_int),
    "tinylm_logits": (c_int, c_void_p, c_int, c_void_p),
    "tinylm_step": (c_int, c_void_p, c_int, c_void_p, c_float, c_void_p),
    "tinylm_score": (c_int, c_void_p, c_void_p, c_int, c_void_p),
    "tinylm_choose": (c_int, c_void_p, c_int, c_uint64, c_void_p, c_float, c_void_p, c_void_p),
    "tinylm_top_logprobs": (
        c_int,
        *(c_void_p, c_int, c_uint64, c_int, c_int),
        *(c_void_p, c_void_p, c_void_p, c_void_p),
    ),
    "tinylm_hash_logits": (c_uint64, c_void_p, c_uint64),
    "tinylm_pack_int8": (c_int, c_void_p, c_void_p, c_void_p, c_int, c_int, c_size_t, c_size_t),
    "tinylm_pack_float": (c_int, c_void_p, c_void_p, c_int, c_int, c_size_t, c_size_t),
    "tinylm_tokenizer_bytes": (c_size_t,),
    "tinylm_tokenizer_open": (c_int, c_void_p, c_void_p, c_size_t),
    "tinylm_piece_count": (c_int, c_void_p),
    "tinylm_tokenizer_algorithm": (c_int, c_void_p),
    "tinylm_special_ids": (None, c_void_p, c_void_p),
    "tinylm_piece": (c_int, c_void_p, c_int, c_void_p),
    "tinylm_piece_kind": (c_int, c_void_p, c_int),
    "tinylm_piece_score": (c_float, c_void_p, c_int),
    "tinylm_normalise_room": (c_size_t, c_size_t),
    "tinylm_normalise": (c_int, c_void_p, c_void_p, c_size_t, c_void_p, c_void_p),
    "tinylm_encode_room": (c_size_t, c_void_p, c_size_t),
    "tinylm_encode": (c_int, c_void_p, c_void_p, c_size_t, c_void_p, c_void_p, c_void_p),
    "tinylm_decode_room": (c_size_t, c_void_p, c_size_t),
    "tinylm_decode": (c_int, c_void_p, c_void_p, c_size_t, c_void_p),
    "tinylm_pieces_room": (c_size_t, c_void_p, c_size_t, c_size_t),
    "tinylm_pieces_lay": (c_int, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p),
}
_AGAIN = "install tinylm again; in a checkout: python -m tinylm.native.build"
_HEADER_BYTES = 64


class NativeUnavailable(TinylmError):
    """The C library cannot work here, whatever the model; the message says why."""


class Sampling(ctypes.Structure):
    """`tinylm_sampling` of tinylm.h."""

    _fields_ = (
        ("temperature", c_float),
        ("top_k", ctypes.c_int32),
        ("top_p", c_float),
        ("repetition_penalty", c_float),
        ("seen", c_void_p),
    )


@cache
def load(path: Path = LIBRARY) -> ctypes.CDLL:
    """The library, ready to be called; NativeUnavailable where there is none that works."""
    try:
        _check_file(path)
        library = ctypes.CDLL(str(path))
    except FileNotFoundError:
        message = f"there is no C library at `{path}`: none was built for this machine"
        raise NativeUnavailable(message, _AGAIN) from None
    except OSError as error:
        raise _unavailable(path, str(error)) from error
    try:
        interface = library.tinylm_interface()
        if interface == INTERFACE:
            for name, (result, *arguments) in _FUNCTIONS.items():
                function = getattr(library, name)
                function.restype, function.argtypes = result, arguments
    except AttributeError as error:
        raise NativeUnavailable(f"`{path}` is another library: {error}", _AGAIN) from error
    if interface != INTERFACE:
        message = f"`{path}` has version {interface} of its interface; this tinylm needs {INTERFACE}"
        raise NativeUnavailable(message, _AGAIN)
    return library


def instruction_sets() -> tuple[str, ...]:
    """What the engine can use on this processor, the fastest first; NativeUnavailable."""
    names: bytes = load().tinylm_instruction_sets()
    return tuple(names.decode("ascii").split())


def _check_file(path: Path) -> None:
    """Refuse what the loader of libraries would die of, or would explain badly: NativeUnavailable or OSError.

    It maps a file whose end is missing without a word, and whoever touches that part gets SIGBUS.
    """
    with path.open("rb", buffering=0) as file:
        header, size = file.read(_HEADER_BYTES), os.fstat(file.fileno()).st_size
    wide = header[4:5] == b"\x02"
    if header[:4] != b"\x7fELF" or len(header) < _HEADER_BYTES:
        raise NativeUnavailable(f"`{path}` is damaged: it does not begin as a library", _AGAIN)
    try:
        with Path("/proc/self/exe").open("rb", buffering=0) as file:
            own = file.read(_HEADER_BYTES)
    except OSError:  # no /proc: the loader will look at it
        own = header
    if (header[4:6], header[18:20]) != (own[4:6], own[18:20]):
        raise NativeUnavailable(f"`{path}` was built for another processor than this Python", _AGAIN)
    # The table of sections is the end of the file.
    at, entries = (slice(40, 48), slice(58, 62)) if wide else (slice(32, 36), slice(46, 50))
    entry_bytes, count = (int.from_bytes(header[entries][i : i + 2], "little") for i in (0, 2))
    if int.from_bytes(header[at], "little") + entry_bytes * count > size:
        raise NativeUnavailable(f"`{path}` is damaged: it is cut off after {size:,} bytes", _AGAIN)


def _unavailable(path: Path, said: str) -> NativeUnavailable:
    """What the system's loader said, with what to do about it."""
    said = said.removeprefix(f"{path}: ")
    if "failed to map" in said and os.statvfs(path).f_flag & os.ST_NOEXEC:
        where = "its folder is mounted `noexec`, so no library there can be used"
        return NativeUnavailable(f"`{path}` cannot be loaded: {where}", "install tinylm where programs may lie")
    if "GLIBC_" in said:
        hint = "build it on this machine: pip install --no-binary tinylm tinylm"
        return NativeUnavailable(f"`{path}` needs a newer C library than this system has: {said}", hint)
    return NativeUnavailable(f"`{path}` cannot be loaded: {said}", _AGAIN)
