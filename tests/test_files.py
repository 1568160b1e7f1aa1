"""Hashes: the same as hashlib's for every size, without what hashlib loads."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tinylm.files import sha256, sha256_bytes

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65535, 65536, 65537, 200_000])
def test_hashes_are_sha256(tmp_path: Path, size: int) -> None:
    data = random.Random(size).randbytes(size)
    (tmp_path / "file").write_bytes(data)
    assert sha256(tmp_path / "file") == sha256_bytes(data) == hashlib.sha256(data).hexdigest()


def test_a_python_without_its_own_sha256_takes_hashlib() -> None:
    program = """
import sys
sys.modules["_sha2"] = sys.modules["_sha256"] = None
from tinylm.files import sha256_bytes
print(sha256_bytes(b"abc"))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, env={"PYTHONPATH": str(ROOT)}, check=True
    )
    assert done.stdout.decode().strip() == hashlib.sha256(b"abc").hexdigest()


def test_opening_a_bundle_does_not_load_openssl() -> None:
    program = "import sys, tinylm.runtime.probe; print(sorted({'_hashlib', 'tomllib', 'difflib'} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, env={"PYTHONPATH": str(ROOT)}, check=True
    )
    assert done.stdout.decode().strip() == "[]"
