"""What `tinylm runs` knows of each run and bundle."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tinylm.base.records import to_json
from tinylm.budget.report import BudgetReport
from tinylm.bundle.reading import Bundle, open_bundle
from tinylm.housekeeping.inventory import CheckResult, inventory

MakeBundle = Callable[..., Bundle]


@pytest.fixture(autouse=True)
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = Path("runs/one")
    folder.mkdir(parents=True)
    (folder / "config.toml").touch()
    return folder


def test_nothing() -> None:
    assert inventory(Path("nowhere")) == []


def test_a_run_from_its_first_minute_to_its_bundle(run: Path, make_bundle: MakeBundle) -> None:
    (item,) = inventory()
    assert (item.path, item.kind, item.state) == ("runs/one", "run", "unfinished")
    assert (item.bundle_mb, item.bits_per_byte, item.checked) == (None, None, None)
    with (run / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert inventory()[0].state == "running"
    (run / "checkpoints" / "final").mkdir(parents=True)
    (run / "evaluation.json").write_text(json.dumps({"quality": {"all": {"bits_per_byte": 2.125}}}))
    (item,) = inventory()
    assert (item.state, item.bits_per_byte) == ("trained", 2.125)
    bundle = make_bundle()
    shutil.copytree(bundle.path, run / "bundle")
    (item,) = inventory()
    assert (item.state, item.bundle_mb) == ("whole", round(bundle.size_bytes / 1e6, 3))
    assert item.disk_mb >= round(bundle.size_bytes / 1e6, 3)
    (run / "bundle" / "model.onnx").write_bytes(b"cut short")
    assert inventory()[0].state == "damaged"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"quality": {"all": {"bits_per_byte": "2"}}}', '{"quality": 3}'])
def test_a_damaged_evaluation_is_none(run: Path, text: str) -> None:
    (run / "evaluation.json").write_text(text)
    assert inventory()[0].bits_per_byte is None


def test_the_verdict_is_of_the_bundle_that_is_there(
    run: Path, make_bundle: MakeBundle, full_report: BudgetReport
) -> None:
    shutil.copytree(make_bundle().path, run / "bundle")
    report = full_report
    (run / "budget.json").write_text(to_json(report))
    assert inventory()[0].checked is None, "it was of another bundle"
    sha256 = open_bundle(run / "bundle").manifest_sha256
    report = dataclasses.replace(report, bundle=dataclasses.replace(report.bundle, sha256=sha256))
    (run / "budget.json").write_text(to_json(report))
    assert inventory()[0].checked == CheckResult(budget=report.budget.name, verdict=report.verdict, basis=report.basis)
    (run / "budget.json").write_text("{")
    assert inventory()[0].checked is None


def test_other_bundles_have_rows_of_their_own(run: Path, make_bundle: MakeBundle) -> None:
    for place in ("runs/one/bundle", "runs/one/bundle-fp32", "runs/alone"):
        shutil.copytree(make_bundle().path, place)
    found = {item.path: item.kind for item in inventory()}
    assert found == {"runs/one": "run", "runs/one/bundle-fp32": "bundle", "runs/alone": "bundle"}
