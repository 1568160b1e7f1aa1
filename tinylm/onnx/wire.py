"""Protobuf's wire format, read with bounds; `tinylm.onnx.graph_file` gives its messages their meaning.

A message is scanned once into its fields. Nested messages stay views of the same bytes until they are asked for, so
that weights are never copied. The number of fields of one file is limited: a small file cannot make a large heap.

    message = Message(memoryview(data), "`model.onnx`")
    message.integer(1), message.text(2), message.messages(8, "opset import")

All scalar readers take the field's number. A field that may stand once and stands twice is an error.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from tinylm.base.errors import TinylmError

MAX_FIELDS = 500_000
"""Fields of one file; a model of 100 layers needs about 20 000."""
MAX_NAME_BYTES = 4096
"""Names, operator types and domains; documentation is never read."""
MAX_LIST = 100_000
"""Values of one list attribute or shape."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_HINT = "copy or export the bundle again"

Field = Any
"""An `int`, a varint's value, or a `memoryview` of anything else; the wire type beside it says which."""


class _Count:
    """Fields read so far in one file, shared by all of its messages."""

    def __init__(self) -> None:
        self.fields = 0


class Message:
    """One message: its fields by number, in the order of the file."""

    def __init__(self, data: memoryview, where: str, parent: Message | None = None) -> None:
        self._data = data
        self._where = where
        self._parent = parent
        self._count: _Count = _Count() if parent is None else parent._count
        self._fields: dict[int, list[tuple[int, Field]]] = {}
        self._scan()

    def error(self, problem: str) -> TinylmError:
        """What is wrong, with the way to this message; only an error needs that in words."""
        way, message = self._where, self._parent
        while message is not None:
            way, message = f"{message._where}, {way}", message._parent
        return TinylmError(f"{way} {problem}", _HINT)

    def has(self, number: int) -> bool:
        return number in self._fields

    def integer(self, number: int) -> int | None:
        """A signed 64-bit number; None when it is not there."""
        entry = self._single(number, _VARINT)
        return None if entry is None else _signed(entry)

    def integers(self, number: int) -> list[int]:
        """A repeated signed number, packed or not."""
        found: list[int] = []
        for wire, value in self._fields.get(number, []):
            if wire == _VARINT:
                found.append(_signed(value))
            elif wire == _BYTES:
                data, at = value, 0
                while at < len(data):
                    item, at = self._varint(data, at)
                    found.append(_signed(item))
                    self._check_list(len(found))
            else:
                raise self.error(f"has field {number} in the wire type {wire}")
            self._check_list(len(found))
        return found

    def float32(self, number: int) -> float | None:
        entry = self._single(number, _FIXED32)
        return None if entry is None else float(struct.unpack("<f", entry)[0])

    def float32s(self, number: int) -> list[float]:
        """A repeated float, packed or not."""
        found: list[float] = []
        for wire, value in self._fields.get(number, []):
            data = value if wire in (_BYTES, _FIXED32) else None
            if data is None or len(data) % 4:
                raise self.error(f"has field {number} in a form that is no list of floats")
            self._check_list(len(found) + len(data) // 4)
            found += struct.unpack(f"<{len(data) // 4}f", data)
        return found

    def text(self, number: int) -> str:
        """A name; an empty string when it is not there."""
        entry = self._single(number, _BYTES)
        return "" if entry is None else self._decode(entry)

    def texts(self, number: int) -> list[str]:
        return [self._decode(data) for data in self._all(number, _BYTES)]

    def payload(self, number: int) -> memoryview | None:
        """The bytes of a field, of any size and not copied; None when it is not there."""
        entry: memoryview | None = self._single(number, _BYTES)
        return entry

    def payload_bytes(self, *numbers: int) -> int:
        """How many bytes these fields hold; an unpacked varint counts as one."""
        entries = (value for number in numbers for _, value in self._fields.get(number, []))
        return sum(1 if isinstance(value, int) else len(value) for value in entries)

    def message(self, number: int, name: str) -> Message | None:
        """A nested message; `name` says in errors what it is."""
        entry = self._single(number, _BYTES)
        return None if entry is None else self._child(entry, name)

    def messages(self, number: int, name: str) -> Iterator[Message]:
        for index, data in enumerate(self._all(number, _BYTES)):
            yield self._child(data, f"{name} {index}")

    def _child(self, data: memoryview, name: str) -> Message:
        return Message(data, name, self)

    def _scan(self) -> None:
        # Most of reading a file happens here: what is one byte long, as nearly all tags and sizes are, calls nothing.
        data, fields, count, end, at = self._data, self._fields, self._count, len(self._data), 0
        while at < end:
            count.fields += 1
            if count.fields > MAX_FIELDS:
                raise self.error(f"has more than {MAX_FIELDS} fields")
            tag = data[at]
            if tag < 0x80:
                at += 1
            else:
                tag, at = self._varint(data, at)
            number, wire = tag >> 3, tag & 7
            if not 0 < number < 2**29:
                raise self.error(f"has a field with the number {number}")
            value: Field
            if wire == _VARINT:
                value, at = self._varint(data, at)
            else:
                if wire == _BYTES:
                    if at < end and (size := data[at]) < 0x80:
                        at += 1
                    else:
                        size, at = self._varint(data, at)
                elif wire in (_FIXED32, _FIXED64):
                    size = 4 if wire == _FIXED32 else 8
                else:  # 3 and 4 are groups, which ONNX never had; 6 and 7 do not exist
                    raise self.error(f"has field {number} in the unknown wire type {wire}")
                if size > end - at:
                    raise self.error(f"ends early: field {number} has {size} bytes, {end - at} are left")
                value, at = data[at : at + size], at + size
            entry = (wire, value)
            if number in fields:
                fields[number].append(entry)
            else:
                fields[number] = [entry]

    def _varint(self, data: memoryview, at: int) -> tuple[int, int]:
        """The number at `at`, at most ten bytes and 64 bits long, and the place after it."""
        value = 0
        for index in range(10):
            if at + index >= len(data):
                raise self.error("ends in the middle of a number")
            byte = data[at + index]
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                if value >= 2**64:
                    break
                return value, at + index + 1
        raise self.error("has a number of more than 64 bits")

    def _all(self, number: int, wire: int) -> list[Field]:
        values = []
        for found, value in self._fields.get(number, ()):
            if found != wire:
                raise self.error(f"has field {number} in the wire type {found}; {wire} was expected")
            values.append(value)
        return values

    def _single(self, number: int, wire: int) -> Field | None:
        values = self._all(number, wire)
        if len(values) > 1:
            raise self.error(f"has field {number} twice; it may stand there once")
        return values[0] if values else None

    def _decode(self, data: memoryview) -> str:
        if len(data) > MAX_NAME_BYTES:
            raise self.error(f"has a name of {len(data)} bytes; at most {MAX_NAME_BYTES} are read")
        try:
            return str(data, "utf-8")
        except UnicodeDecodeError as error:
            raise self.error("has a name that is not UTF-8") from error

    def _check_list(self, length: int) -> None:
        if length > MAX_LIST:
            raise self.error(f"has a list of more than {MAX_LIST} values")


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value
