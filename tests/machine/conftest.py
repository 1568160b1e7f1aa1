"""Machines that exist only as a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Files = dict[str, str]


@pytest.fixture
def machine(tmp_path: Path) -> Callable[[Files], Path]:
    """Write files under a folder that stands for `/`."""

    def make(files: Files) -> Path:
        for name, content in files.items():
            path = tmp_path / "machine" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return tmp_path / "machine"

    return make
