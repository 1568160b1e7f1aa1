"""Strict reading: what a file must not say is named, with what was meant."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from tinylm.base.errors import TinylmError
from tinylm.base.records import check_schema, nearest, read


@dataclass(frozen=True)
class Inner:
    size: int

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError(f"`size` is {self.size}; 0 or more is needed")


@dataclass(frozen=True)
class Outer:
    name: str
    kind: Literal["a", "b"]
    share: float
    flag: bool = False
    inner: Inner | None = None
    pair: tuple[int, float] = (1, 2.0)
    names: tuple[str, ...] = ()
    table: dict[str, Inner] = field(default_factory=dict)
    extra: Any = None


GOOD: dict[str, Any] = {"name": "x", "kind": "a", "share": 1}


def test_everything_is_read() -> None:
    data = {
        **GOOD,
        "flag": True,
        "inner": {"size": 3},
        "pair": [4, 5],
        "names": ["p", "q"],
        "table": {"k": {"size": 1}},
        "extra": {"anything": [1, None]},
    }
    assert read(Outer, data, "file") == Outer(
        "x", "a", 1.0, True, Inner(3), (4, 5.0), ("p", "q"), {"k": Inner(1)}, {"anything": [1, None]}
    )
    assert isinstance(read(Outer, GOOD, "file").share, float)
    assert read(Outer, {**GOOD, "inner": None}, "file").inner is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "file is a list; a table was expected"),
        (None, "file is nothing"),
        ({"name": "x", "kind": "a"}, "file lacks the key `share`"),
        ({**GOOD, "nmae": "y"}, "file has the unknown key `nmae`"),
        ({**GOOD, "name": 3}, r"file: `name` is a whole number \(3\); a string was expected"),
        ({**GOOD, "kind": "c"}, "file: `kind` is 'c'"),
        ({**GOOD, "share": "1"}, "a number was expected"),
        ({**GOOD, "share": True}, "`share` is true or false"),
        ({**GOOD, "share": float("nan")}, "a finite number was expected"),
        ({**GOOD, "share": 10**400}, "`share` is inf"),
        ({**GOOD, "flag": 1}, "true or false was expected"),
        ({**GOOD, "inner": {"size": 1.5}}, "file: `inner`: `size` is a number"),
        ({**GOOD, "inner": {"size": True}}, "a whole number was expected"),
        ({**GOOD, "inner": {"size": -1}}, "file: `inner`: `size` is -1; 0 or more is needed"),
        ({**GOOD, "pair": [1]}, "has 1 values; 2 were expected"),
        ({**GOOD, "names": ["p", 4]}, r"`names`\[1\]"),
        ({**GOOD, "names": "pq"}, "a list was expected"),
        ({**GOOD, "table": [1]}, "a table was expected"),
        ({**GOOD, "table": {"k": {"sise": 1}}}, r"`table`\.k has the unknown key `sise`"),
    ],
)
def test_what_does_not_fit_is_named(data: object, message: str) -> None:
    with pytest.raises(TinylmError, match=message) as caught:
        read(Outer, data, "file")
    assert caught.value.hint


def test_the_nearest_known_word() -> None:
    assert nearest("lerning_rate", ["learning_rate", "epochs"]) == "did you mean `learning_rate`?"
    assert nearest("zzz", ["b", "a"]) == "known: `a`, `b`"


@pytest.mark.parametrize("schema", ["1.0", "1.7", "1.99"])
def test_minor_versions_are_read(schema: str) -> None:
    check_schema({"schema": schema}, major=1, where="file")


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        ({"schema": "2.0"}, "upgrade tinylm"),
        ({"schema": "0.9"}, "write the file again"),
        ({"schema": 1.0}, "is this a tinylm file"),
        ({"schema": "1"}, "is this a tinylm file"),
        ({"schema": "1.x"}, "is this a tinylm file"),
        ({"schema": "１.0"}, "is this a tinylm file"),
        ({}, "is this a tinylm file"),
        ([], "is this a tinylm file"),
    ],
)
def test_other_versions_are_refused(data: object, hint: str) -> None:
    with pytest.raises(TinylmError, match="file has schema") as caught:
        check_schema(data, major=1, where="file")
    assert hint in caught.value.hint
