"""A first start: files leave the system's cache, and the probe says how much it had to read."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tinylm.budget.measure.cold_start import drop_from_cache
from tinylm.budget.measure.probes import ProbeRunner
from tinylm.budget.spec.budget import load_budget
from tinylm.budget.spec.candidate import bundle_candidate
from tinylm.bundle.reading import Bundle


def test_a_dropped_bundle_is_still_itself(tiny_bundle: Bundle, tmp_path: Path) -> None:
    """Links to nowhere, such as a file that vanished meanwhile, stop nothing."""
    folder = shutil.copytree(tiny_bundle.path, tmp_path / "bundle")
    (folder / "link").symlink_to(tmp_path / "nowhere")
    assert drop_from_cache(folder)
    for path in tiny_bundle.path.iterdir():
        assert (folder / path.name).read_bytes() == path.read_bytes()


def test_the_next_start_reads_from_storage(tiny_bundle: Bundle) -> None:
    probes = ProbeRunner(candidate=bundle_candidate(tiny_bundle), budget=load_budget("host"))
    orders = probes.orders(requests=2)
    probes.run(orders)
    warm = probes.run(orders).storage_read_bytes
    if not drop_from_cache(tiny_bundle.path):
        pytest.skip("this system forgets no files: posix_fadvise is missing")
    cold = probes.run(orders).storage_read_bytes
    if cold == 0:
        pytest.skip("the files lie on a file system without storage of its own")
    assert cold > warm


def test_where_it_cannot_be_asked_it_says_so(tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "posix_fadvise")
    assert not drop_from_cache(tiny_bundle.path)
