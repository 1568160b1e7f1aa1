"""Values of a request: how each kind is read from decoded JSON, and its JSON schema; both from the same bounds.

Integer(1, 8).read(3, "n")          # 3
Integer(1, 8).read(0, "n")          # ApiError 400: `n` is 0; 1 to 8 is needed
Integer(1, 8).schema()              # {"type": "integer", "minimum": 1, "maximum": 8}
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tinylm.base.records import nearest
from tinylm.serve.api.errors import ApiError, invalid

_SHOWN_CHARACTERS = 60


class Kind(Protocol):
    """One kind of value."""

    def fits(self, value: Any) -> bool:
        """Has `value` the JSON type of this kind? Its bounds are another question."""
        ...

    def read(self, value: Any, where: str) -> Any:
        """`value`, which is never None, as the server uses it; ApiError that names `where`."""
        ...

    def schema(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Integer:
    """A whole number from `low` to `high`; as in JSON schema, 1.0 is one."""

    low: int
    high: int

    def fits(self, value: Any) -> bool:
        return _is_number(value) and (isinstance(value, int) or value.is_integer())

    def read(self, value: Any, where: str) -> int:
        if not self.fits(value):
            raise _wrong(value, where, "a whole number")
        number = int(value)
        if not self.low <= number <= self.high:
            raise invalid(f"`{where}` is {_shown(value)}; {self.low} to {self.high} is needed", where)
        return number

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True)
class Number:
    """A finite number from `low` to `high`; `low` itself is refused where it is `above`."""

    low: float
    high: float
    above: bool = False

    def fits(self, value: Any) -> bool:
        return _is_number(value)

    def read(self, value: Any, where: str) -> float:
        if not self.fits(value):
            raise _wrong(value, where, "a number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not self.low <= number <= self.high or (self.above and number == self.low):
            low = f"above {self.low:g}, and at most" if self.above else f"{self.low:g} to"
            raise invalid(f"`{where}` is {_shown(value)}; {low} {self.high:g} is needed", where)
        return number

    def schema(self) -> dict[str, Any]:
        return {"type": "number", "exclusiveMinimum" if self.above else "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True)
class Boolean:
    def fits(self, value: Any) -> bool:
        return isinstance(value, bool)

    def read(self, value: Any, where: str) -> bool:
        if not isinstance(value, bool):
            raise _wrong(value, where, "true or false")
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Text:
    """A string of `least` to `most` characters (code points) that UTF-8 can hold."""

    most: int
    least: int = 0

    def fits(self, value: Any) -> bool:
        return isinstance(value, str)

    def read(self, value: Any, where: str) -> str:
        if not isinstance(value, str):
            raise _wrong(value, where, "a string")
        if not self.least <= len(value) <= self.most:
            raise invalid(f"`{where}` has {len(value)} characters; {self.least} to {self.most} are read", where)
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise invalid(f"`{where}` holds half of a surrogate pair at character {error.start + 1}", where) from error
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "maxLength": self.most} | ({"minLength": self.least} if self.least else {})


@dataclass(frozen=True)
class Choice:
    """One of a few strings."""

    values: tuple[str, ...]
    refused: Mapping[str, str] = field(default_factory=dict)
    """Values that OpenAI knows and this server does not serve, with the reason."""

    def fits(self, value: Any) -> bool:
        return isinstance(value, str)

    def read(self, value: Any, where: str) -> str:
        if not isinstance(value, str):
            raise _wrong(value, where, "a string")
        if value in self.refused:
            raise invalid(f"`{where}` is `{value}`: {self.refused[value]}", where)
        if value not in self.values:
            raise invalid(f"`{where}` is {_shown(value)}; {nearest(value[:_SHOWN_CHARACTERS], self.values)}", where)
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.values)}


@dataclass(frozen=True)
class ListOf:
    """A list of `least` to `most` values of one kind."""

    kind: Kind
    most: int
    least: int = 0

    def fits(self, value: Any) -> bool:
        return isinstance(value, list) and (not value or self.kind.fits(value[0]))

    def read(self, value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise _wrong(value, where, "a list")
        if not self.least <= len(value) <= self.most:
            raise invalid(f"`{where}` has {len(value)} entries; {self.least} to {self.most} are read", where)
        return tuple(_required(self.kind, entry, f"{where}[{i}]") for i, entry in enumerate(value))

    def schema(self) -> dict[str, Any]:
        least = {"minItems": self.least} if self.least else {}
        return {"type": "array", "items": self.kind.schema(), "maxItems": self.most} | least


@dataclass(frozen=True)
class Either:
    """A value of the first kind that it fits."""

    kinds: tuple[Kind, ...]
    words: str
    """What is expected, for people."""

    def fits(self, value: Any) -> bool:
        return any(kind.fits(value) for kind in self.kinds)

    def read(self, value: Any, where: str) -> Any:
        for kind in self.kinds:
            if kind.fits(value):
                return kind.read(value, where)
        raise _wrong(value, where, self.words)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [kind.schema() for kind in self.kinds]}


@dataclass(frozen=True)
class Neutral:
    """What this server cannot honour: accepted with a value that asks for nothing, refused by name with any other."""

    values: Sequence[Any]

    def fits(self, value: Any) -> bool:
        return True

    def read(self, value: Any, where: str) -> None:
        if not any(type(value) is type(one) and value == one for one in self._all()):
            allowed = " or ".join(json.dumps(one) for one in self.values)
            only = f"; only {allowed}, which asks for nothing, is accepted" if allowed else "; leave it out"
            raise invalid(
                f"`{where}` is {_shown(value)}, and this server does not support it{only}",
                where,
                code="unsupported_parameter",
            )

    def _all(self) -> list[Any]:
        """0 and 0.0 are the same number to whoever writes JSON."""
        return [*self.values, *(float(one) for one in self.values if type(one) is int)]

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.values)}


@dataclass(frozen=True)
class Parameter:
    """One named value of an object."""

    name: str
    kind: Kind
    help: str
    required: bool = False
    default: Any = None
    """What an absent or null one is; None is left to the bundle."""


@dataclass(frozen=True)
class Object:
    """An object of known names; null is as good as absent, as OpenAI's clients write it."""

    parameters: tuple[Parameter, ...]
    rules: Mapping[str, Any] = field(default_factory=dict)
    """More JSON schema, for what binds several of them; who reads the object checks that."""

    def fits(self, value: Any) -> bool:
        return isinstance(value, dict)

    def read(self, value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong(value, where, "an object")
        prefix = f"{where}." if where else ""
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in value:
            if name not in known:
                shown = name[:_SHOWN_CHARACTERS].encode(errors="replace").decode()
                raise invalid(
                    f"`{prefix}{shown}` is no parameter; {nearest(shown, known)}",
                    f"{prefix}{shown}",
                    code="unknown_parameter",
                )
        return {name: _member(parameter, value.get(name), prefix + name) for name, parameter in known.items()}

    def schema(self) -> dict[str, Any]:
        required = [parameter.name for parameter in self.parameters if parameter.required]
        properties = {parameter.name: _property(parameter) for parameter in self.parameters}
        return (
            {"type": "object", "properties": properties, "additionalProperties": False}
            | ({"required": required} if required else {})
            | dict(self.rules)
        )


@dataclass(frozen=True)
class Labels:
    """An object of any names with short strings, which the server takes and does nothing with."""

    most: int
    characters: int

    def fits(self, value: Any) -> bool:
        return isinstance(value, dict)

    def read(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise _wrong(value, where, "an object")
        if len(value) > self.most:
            raise invalid(f"`{where}` has {len(value)} entries; at most {self.most} are read", where)
        for one in value.values():
            Text(self.characters).read(one, where)

    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "maxProperties": self.most,
            "additionalProperties": Text(self.characters).schema(),
        }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _member(parameter: Parameter, value: Any, where: str) -> Any:
    if value is None:
        if parameter.required:
            raise invalid(f"`{where}` is missing", where, code="missing_required_parameter")
        return parameter.default
    return parameter.kind.read(value, where)


def _required(kind: Kind, value: Any, where: str) -> Any:
    if value is None:
        raise invalid(f"`{where}` is null", where)
    return kind.read(value, where)


def _property(parameter: Parameter) -> dict[str, Any]:
    schema = parameter.kind.schema()
    described: dict[str, Any] = {"description": parameter.help}
    if parameter.default is not None:
        described["default"] = parameter.default
    if parameter.required:
        return schema | described
    if "enum" in schema:
        return (
            schema
            | described
            | {"enum": [*schema["enum"], None]}
            | ({"type": [schema["type"], "null"]} if "type" in schema else {})
        )
    if "type" in schema:
        return schema | described | {"type": [schema["type"], "null"]}
    return {"anyOf": [*schema["anyOf"], {"type": "null"}]} | described


def _wrong(value: Any, where: str, wanted: str) -> ApiError:
    return invalid(f"`{where or 'the request'}` is {_shown(value)}; {wanted} was expected", where or None)


def _shown(value: Any) -> str:
    """A value of a request as an error shows it: short, and in UTF-8."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 64:
        return f"a whole number of {value.bit_length()} bits"
    shown = json.dumps(value)  # ASCII: half of a surrogate pair too
    return shown if len(shown) <= _SHOWN_CHARACTERS else shown[:_SHOWN_CHARACTERS] + "..."
