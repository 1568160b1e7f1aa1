"""The bundle contract under random damage: a manifest opens as it is written, or it is refused with a clear error."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinylm.base.errors import TinylmError
from tinylm.base.records import to_bytes
from tinylm.bundle.manifest import MANIFEST, REQUIRED, TOKENIZER, LanguageQuality, QualityIntervals
from tinylm.bundle.reading import Bundle, open_bundle
from tinylm.bundle.writing import write_bundle


@pytest.fixture
def bundle(make_bundle: Callable[..., Bundle], tmp_path: Path) -> Bundle:
    """A bundle whose manifest has a value of every kind, and whose other files are a few bytes."""
    contents = {name: name.encode() for name in REQUIRED}
    manifest = make_bundle().manifest
    tokenizer = dataclasses.replace(manifest.tokenizer, sha256=hashlib.sha256(contents[TOKENIZER]).hexdigest())
    quality = LanguageQuality(
        tokens=100,
        bytes=400,
        bpb_fp32=1.7,
        bpb=1.701,
        perplexity=30.0,
        kl=0.001,
        top1_agreement=0.99,
        intervals=QualityIntervals(
            bpb_increase=(0, 0.1), perplexity=(1, 2), perplexity_fp32=(1, 2), kl=(0, 1), top1_agreement=(0, 1)
        ),
    )
    provenance = dataclasses.replace(manifest.provenance, metrics={"val_loss": 2.5})
    manifest = dataclasses.replace(
        manifest,
        tokenizer=tokenizer,
        quality={"es": quality},
        provenance=provenance,
        minimum_versions={"onnxruntime": "1.22"},
    )
    return write_bundle(tmp_path / "bundle", manifest, contents)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def paths(data: object, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Where every value inside decoded JSON lies."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [at, *(path for key, value in items for path in paths(value, (*at, key)))]


def assert_says(read: object, written: object) -> None:
    """Everything that was written is read as it was; what was left out of a table may be there, by its default."""
    if isinstance(written, dict) and isinstance(read, dict):
        for key, value in written.items():
            assert_says(read[key], value)
    else:
        assert read == written


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_change_to_a_manifest_opens_as_written_or_is_refused(bundle: Bundle, data: st.DataObject) -> None:
    """Replace, remove or add any value anywhere: TinylmError, or a bundle that says exactly what the file says."""
    original = json.loads(to_bytes(bundle.manifest))
    changed = copy.deepcopy(original)
    *parents, last = data.draw(st.sampled_from(paths(original)[1:]))
    place = changed
    for key in parents:
        place = place[key]
    action = data.draw(st.sampled_from(["replace", "remove", "add"]))
    if action == "replace":
        place[last] = data.draw(JSON)
    elif action == "remove":
        del place[last]
    elif isinstance(place, dict):
        place[data.draw(st.text(max_size=8))] = data.draw(JSON)
    (bundle.path / MANIFEST).write_bytes(to_bytes(changed))
    try:
        opened = open_bundle(bundle.path)
    except TinylmError:
        return
    assert_says(json.loads(to_bytes(opened.manifest)), changed)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(raw=st.binary(max_size=200), at=st.integers(0, 5000))
def test_any_bytes_in_a_manifest_are_refused_or_open(bundle: Bundle, raw: bytes, at: int) -> None:
    whole = to_bytes(bundle.manifest)
    (bundle.path / MANIFEST).write_bytes(whole[:at] + raw + whole[at + len(raw) :])
    try:
        open_bundle(bundle.path)
    except TinylmError:
        return
