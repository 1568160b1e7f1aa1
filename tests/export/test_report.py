"""The report beside a bundle: what is written comes back through the strict reader."""

from __future__ import annotations

import json

from tinylm.export.export import ExportResult
from tinylm.export.report import ExportReport, report_path
from tinylm.records import read


def test_the_report_is_read_back(int8: ExportResult, fp32: ExportResult) -> None:
    for result in (int8, fp32):
        path = report_path(result.bundle.path)
        assert path.name == "bundle-report.json"
        data = json.loads(path.read_text(encoding="utf-8"))
        assert read(ExportReport, data, path.name) == result.report
        assert result.report.manifest_sha256 == result.bundle.manifest_sha256
    names = [error.name for error in int8.report.tensor_errors]
    assert names == [alone.name for alone in int8.report.sensitivities]
    assert fp32.report.tensor_errors == fp32.report.sensitivities == ()
