"""Recorded boards, written from their documentation."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tinylm.base.records import read
from tinylm.machine.facts import Facts

BOARDS = Path(__file__).parent / "boards"


def merged(data: Any, change: Any) -> Any:
    """`data` with the values of `change` put in, table by table; the key `2` of a list is its third entry."""
    if isinstance(data, list) and isinstance(change, dict):
        data = copy.deepcopy(data)
        for index, value in change.items():
            data[int(index)] = merged(data[int(index)], value)
        return data
    if isinstance(data, dict) and isinstance(change, dict):
        return {**data, **{key: merged(data.get(key), value) for key, value in change.items()}}
    return change


@pytest.fixture(scope="session")
def recorded() -> Callable[..., Facts]:
    """`recorded(board, change)`: a board's recorded facts, some of them changed."""

    def load(board: str, change: dict[str, Any] | None = None) -> Facts:
        data = json.loads((BOARDS / f"{board}.json").read_text(encoding="utf-8"))["facts"]
        return read(Facts, merged(data, change or {}), board)

    return load
