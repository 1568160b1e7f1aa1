"""Parts of the standalone program as a library of their own, to be called from Python."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

import pytest

from tinylm.native.build import NATIVE, Product, build
from tinylm.native.targets import Target

Compile = Callable[..., ctypes.CDLL]


@pytest.fixture(scope="session")
def compiled(own_target: Target, tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """Compile files of `program/` to a library: `compiled("twister.c")`."""

    def compile(*names: str) -> ctypes.CDLL:
        sources = tmp_path_factory.mktemp("sources")
        (sources / "parts").mkdir()
        (sources / "tokenizer").symlink_to(NATIVE / "tokenizer")
        for name in names:
            text = (NATIVE / "program" / name).read_text(encoding="utf-8")
            (sources / "parts" / name).write_text(text, encoding="utf-8")
        for header in (NATIVE / "program").glob("*.h"):
            (sources / "parts" / header.name).write_text(header.read_text(encoding="utf-8"), encoding="utf-8")
        product = Product(
            target=own_target,
            output=sources / "library.so",
            folders=("parts",),
            compiling=("-fPIC", "-Werror", "-fvisibility=default"),
            linking=("-shared",),
        )
        build(product, sources)
        return ctypes.CDLL(str(product.output))

    return compile


@pytest.fixture(scope="session")
def program_folder() -> Path:
    return NATIVE / "program"
