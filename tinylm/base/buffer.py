"""Memory for what computes outside of Python: taken once, zeroed, and given by the system only where it is touched."""

from __future__ import annotations

import ctypes
import math
import mmap
import struct
from collections.abc import Sequence
from typing import Any

from tinylm.base.errors import TinylmError

FORMATS: dict[str, str] = {"float32": "f", "int32": "i", "int64": "q", "uint8": "B", "int8": "b"}
"""Element types of buffers, and their codes in `struct`, which a memoryview's elements follow."""
PAGE_BYTES = 4096
"""The smallest that a system has."""
_MOST_BYTES = 1 << 40  # Beyond any device; keeps the product of absurd dimensions from overflowing in C.


class Buffer:
    """Typed memory of fixed shape that an engine reads or writes: zeroed, at an address that is a multiple of 64.

    It is a private anonymous mapping: the system gives and zeroes a page when it is first touched, so the part of a
    cache that no token has reached costs no memory. It lives as long as the buffer, a view of it, or its `data`.

        ids = Buffer((1, 16), "int32")
        ids.data[3] = 7
        first = ids.view((1, 5))                             # the same memory, read as five tokens
        logits = np.asarray(buffer.data).reshape(buffer.shape)
    """

    __slots__ = ("_memory", "address", "data", "nbytes", "shape", "type")

    def __init__(self, shape: Sequence[int], type: str) -> None:
        """Take memory for `shape` elements of `type`, a key of `FORMATS`.

        TinylmError when the type is unknown, a dimension is not positive, or there is not that much memory.
        """
        if type not in FORMATS:
            raise TinylmError(f"`{type}` is not a type of buffers; these are: {', '.join(FORMATS)}")
        if any(dimension < 1 for dimension in shape):
            raise TinylmError(f"a buffer of the shape {list(shape)} holds nothing; every dimension is at least 1")
        nbytes = math.prod(shape) * struct.calcsize(FORMATS[type])
        try:
            if nbytes > _MOST_BYTES:
                raise OSError("too much for any device")
            # A private copy of no file: anonymous memory that a forked process does not share.
            self._memory: Any = mmap.mmap(-1, nbytes, access=mmap.ACCESS_COPY)
        except (OSError, ValueError) as error:
            raise TinylmError(f"no memory for a buffer of {nbytes / 1e6:.0f} MB: {error}") from error
        self.shape = tuple(shape)
        self.type = type
        self.nbytes = nbytes
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        """Where the first element lies in memory; pages begin at multiples of 4096."""
        self.data: memoryview[Any] = memoryview(self._memory)[:nbytes].cast(FORMATS[type])  # type: ignore[call-overload]
        """The elements, flat and writable."""

    def view(self, shape: Sequence[int]) -> Buffer:
        """The first elements of this buffer under another shape: the same memory, kept alive by the view as well.

        TinylmError when `shape` holds nothing, or more than the buffer does.
        """
        elements = math.prod(shape)
        if any(dimension < 1 for dimension in shape) or elements > len(self.data):
            raise TinylmError(f"the shape {list(shape)} does not fit into a buffer of the shape {list(self.shape)}")
        part = Buffer.__new__(Buffer)
        part._memory = self._memory
        part.shape = tuple(shape)
        part.type = self.type
        part.nbytes = elements * self.data.itemsize
        part.address = self.address
        part.data = self.data[:elements]
        return part

    def __repr__(self) -> str:
        return f"Buffer({self.shape}, {self.type!r})"
