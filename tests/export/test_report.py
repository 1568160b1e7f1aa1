"""The report beside a bundle: what is written comes back through the strict reader."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tinylm.base.records import read
from tinylm.export.report import ExportReport, ExportResult, report_path


def test_the_report_is_read_back(int8: ExportResult, fp32: ExportResult) -> None:
    for result in (int8, fp32):
        path = report_path(result.bundle.path)
        assert path.name == "bundle-report.json"
        data = json.loads(path.read_text(encoding="utf-8"))
        assert read(ExportReport, data, path.name) == result.report
        assert result.report.manifest_sha256 == result.bundle.manifest_sha256
    assert int8.report.tensor_errors
    assert fp32.report.tensor_errors == ()
    assert int8.report.sensitivities is fp32.report.sensitivities is None


def test_every_matrix_is_measured_when_asked(export: Callable[..., ExportResult], tmp_path: Path) -> None:
    report = export(sensitivity=True, folder=tmp_path / "bundle").report
    assert report.sensitivities
    assert [alone.name for alone in report.sensitivities] == [error.name for error in report.tensor_errors]
    path = report_path(tmp_path / "bundle")
    assert read(ExportReport, json.loads(path.read_text(encoding="utf-8")), path.name) == report
