"""What tells a bundle from any other."""

from __future__ import annotations

import dataclasses

from tinylm.bundle.identity import identity
from tinylm.bundle.reading import Bundle


def test_name_version_and_hash(tiny_bundle: Bundle) -> None:
    assert identity(tiny_bundle) == f"test-1.0.0-{tiny_bundle.manifest_sha256[:12]}"


def test_any_name_becomes_a_folder(tiny_bundle: Bundle) -> None:
    manifest = dataclasses.replace(tiny_bundle.manifest, name="../mein Modell", version="2")
    renamed = dataclasses.replace(tiny_bundle, manifest=manifest)
    assert identity(renamed) == f"mein-Modell-2-{tiny_bundle.manifest_sha256[:12]}"
