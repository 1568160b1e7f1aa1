"""Strict reading of JSON and TOML tables into frozen dataclasses, and the one way that these become JSON.

    write_file(path, record)
    record = read_file(Record, path, major=1, hint="make it again")

Every file contract of tinylm (run configuration, bundle manifest, budget, report) goes through `read`, so that a typo
is an error that names the key and the nearest known one, never a setting that is silently ignored.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from tinylm.base.errors import TinylmError
from tinylm.base.files import write_atomic

T = TypeVar("T")
_CORRECT = "correct the file, or restore it as it was written"

LARGEST_WHOLE = 2**63 - 1
"""What other programs count with; a whole number beyond it is refused."""


def nearest(name: str, known: typing.Iterable[str]) -> str:
    """A hint that names the known word nearest to `name`, or all of them when none is near."""
    import difflib  # only an error needs it

    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean `{close[0]}`?" if close else "known: " + ", ".join(f"`{word}`" for word in known)


def to_json(record: object) -> str:
    """A record, or a table with records in it, as a JSON document. ValueError for a number that is not finite."""
    return json.dumps(record, default=dataclasses.asdict, ensure_ascii=False, allow_nan=False, indent=1)


def to_bytes(record: object) -> bytes:
    """The same as the content of a file: same record, same bytes."""
    return f"{to_json(record)}\n".encode()


def write_file(path: Path, record: object) -> None:
    """Write a record as a JSON file; TinylmError as for `write_atomic`."""
    write_atomic(path, to_bytes(record))


def read(cls: type[T], data: object, where: str, *, major: int | None = None) -> T:
    """Build the dataclass `cls` from the decoded table `data`; `where` names it in errors, such as `config.toml`.

    With `major`, `data` is a document whose `schema` must have this major version.
    Unknown and missing keys, wrong types, non-finite numbers and values outside a `Literal` raise TinylmError.
    What a class checks in `__post_init__` by raising ValueError becomes a TinylmError too.
    """
    if major is not None:
        check_schema(data, major=major, where=where)
    if not isinstance(data, Mapping):
        raise TinylmError(f"{where} is {_kind(data)}; a table was expected", _CORRECT)
    hints = _hints(cls)  # type: ignore[arg-type]
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in data:
        if key not in fields:
            raise TinylmError(f"{where} has the unknown key `{key}`", nearest(str(key), fields))
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in data:
            values[name] = _value(hints[name], data[name], f"{where}: `{name}`")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise TinylmError(f"{where} lacks the key `{name}`", _CORRECT)
    try:
        return cls(**values)
    except ValueError as error:
        raise TinylmError(f"{where}: {error}", _CORRECT) from error


def read_file(cls: type[T], path: Path, *, major: int, hint: str) -> T:
    """`read` the JSON file `path` of schema `major`; TinylmError with `hint` when it cannot be read or is no JSON."""
    return read(cls, load_json(path, hint), f"`{path}`", major=major)


def load_json(path: Path, hint: str) -> Any:
    """What a JSON file holds; TinylmError with `hint` when it cannot be read or is no JSON."""
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise TinylmError(f"cannot read `{path}`: {error.strerror}", hint) from error
    except (ValueError, RecursionError) as error:
        raise TinylmError(f"`{path}` is not valid JSON: {error}", hint) from error


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    """A class's types, worked out once: a corpus has thousands of rows of one class."""
    return typing.get_type_hints(cls)


def check_schema(data: object, *, major: int, where: str) -> None:
    """Refuse a document whose `schema` is missing, malformed or of another major version than `major`."""
    schema = data.get("schema") if isinstance(data, Mapping) else None
    parts = schema.split(".") if isinstance(schema, str) else []
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise TinylmError(f"{where} has schema {schema!r}; `{major}.0` was expected", "is this a tinylm file?")
    if int(parts[0]) != major:
        newer = int(parts[0]) > major
        raise TinylmError(
            f"{where} has schema {schema}; this tinylm reads {major}.x",
            "upgrade tinylm" if newer else "write the file again with this tinylm",
        )


def _kind(value: object) -> str:
    """What a decoded value is, in words that a person who wrote the file knows."""
    if isinstance(value, bool):
        return "true or false"
    names: list[tuple[type | tuple[type, ...], str]] = [
        (str, "a string"),
        (int, "a whole number"),
        (float, "a number"),
        (Mapping, "a table"),
        ((list, tuple), "a list"),
    ]
    return next((name for kind, name in names if isinstance(value, kind)), "nothing" if value is None else "unknown")


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _value(next(a for a in arguments if a is not type(None)), value, where)
    if origin is Literal:
        if value not in arguments or isinstance(value, bool):
            raise TinylmError(f"{where} is {value!r}", nearest(str(value), map(str, arguments)))
        return value
    if origin is tuple and isinstance(value, (list, tuple)):
        if arguments[-1] is not Ellipsis and len(arguments) != len(value):
            raise TinylmError(f"{where} has {len(value)} values; {len(arguments)} were expected", _CORRECT)
        inner = arguments[:-1] * len(value) if arguments[-1] is Ellipsis else arguments
        return tuple(_value(h, v, f"{where}[{i}]") for i, (h, v) in enumerate(zip(inner, value, strict=True)))
    if origin is dict and isinstance(value, Mapping):
        return {str(k): _value(arguments[1], v, f"{where}.{k}") for k, v in value.items()}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return read(hint, value, where)
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:  # a whole number beyond float64
            number = math.inf
        if not math.isfinite(number):
            raise TinylmError(f"{where} is {number}; a finite number was expected", _CORRECT)
        return number
    if hint is int and isinstance(value, int) and not isinstance(value, bool):
        if abs(value) > LARGEST_WHOLE:
            raise TinylmError(f"{where} is a whole number of {value.bit_length()} bits; at most 63 are read", _CORRECT)
        return value
    if hint in (str, bool) and isinstance(value, hint):
        return value
    wanted = {float: "a number", int: "a whole number", str: "a string", bool: "true or false"}.get(hint)
    if wanted is None:
        wanted = "a table" if origin is dict else "a list"
    raise TinylmError(f"{where} is {_kind(value)} ({value!r}); {wanted} was expected", _CORRECT)
