"""The types of a bundle: what is written comes back, from older bundles too."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from sample_bundles import CONTENTS, GOLDEN_RECORD, RECORD, edit_manifest

from tinylm.base.records import read, to_bytes
from tinylm.bundle.manifest import MANIFEST, MODEL, TOKENIZER, Manifest
from tinylm.bundle.reading import Bundle, open_bundle


def test_what_is_written_is_read_back(bundle: Bundle) -> None:
    opened = open_bundle(bundle.path)
    assert dataclasses.replace(opened.manifest, files={}) == RECORD
    assert set(opened.manifest.files) == set(CONTENTS)
    assert opened.golden() == GOLDEN_RECORD
    assert opened.model.read_bytes() == CONTENTS[MODEL]
    assert opened.tokenizer.read_bytes() == CONTENTS[TOKENIZER]
    assert opened.size_bytes == sum(file.stat().st_size for file in bundle.path.iterdir())
    assert opened.manifest_sha256 == hashlib.sha256((bundle.path / MANIFEST).read_bytes()).hexdigest()


def test_a_bundle_of_schema_1_0_is_read(bundle: Bundle) -> None:
    def as_it_was(data: dict[str, Any]) -> None:
        data["schema"] = "1.0"
        del data["quantization"]["embedding"], data["quality"]["es"]["intervals"]
        del data["quality"]["es"]["perplexity_fp32"]

    edit_manifest(bundle, as_it_was)
    manifest = open_bundle(bundle.path).manifest
    assert manifest.quantization.embedding is None
    quality = manifest.quality["es"]
    assert (quality.bpb_increase, quality.intervals) == (pytest.approx(0.001), None)
    assert quality.perplexity_fp32 is None


def test_a_manifest_of_an_older_tinylm_says_the_same_to_the_last_byte() -> None:
    """A trained bundle's, written in November 2026: no later change of the types may lose, add or reorder a key."""
    raw = (Path(__file__).parent / "manifest-1.1.json").read_bytes()
    assert to_bytes(read(Manifest, json.loads(raw), "the manifest")) == raw
