"""What tells a bundle from any other, by a Python that has no package installed."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

from tinylm.bundle.identity import identity
from tinylm.bundle.manifest import MODEL
from tinylm.bundle.reading import Bundle

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-S", "-m", "tinylm.bundle.identity", str(folder)]
    return subprocess.run(command, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)


def test_whole_and_damaged(tiny_bundle: Bundle) -> None:
    done = run(tiny_bundle.path)
    assert done.stdout.split() == [f"test-1.0.0-{tiny_bundle.manifest_sha256[:12]}", tiny_bundle.manifest_sha256]
    assert run(tiny_bundle.path.parent / "none").returncode == 2


def test_a_changed_byte_is_no_bundle(tiny_bundle: Bundle, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_bundle.path, tmp_path / "copy"))
    data = bytearray((copy / MODEL).read_bytes())
    data[-1] ^= 1
    (copy / MODEL).write_bytes(data)
    done = run(copy)
    assert (done.returncode, done.stdout) == (2, "")
    assert "does not match its SHA-256 in the manifest" in done.stderr


def test_any_name_becomes_a_folder(tiny_bundle: Bundle) -> None:
    manifest = dataclasses.replace(tiny_bundle.manifest, name="../mein Modell", version="2")
    renamed = dataclasses.replace(tiny_bundle, manifest=manifest)
    assert identity(renamed) == f"mein-Modell-2-{tiny_bundle.manifest_sha256[:12]}"
