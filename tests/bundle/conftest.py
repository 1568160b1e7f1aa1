"""The bundle that most tests here read, write or damage."""

from __future__ import annotations

from pathlib import Path

import pytest
from sample_bundles import CONTENTS, RECORD

from tinylm.bundle.reading import Bundle
from tinylm.bundle.writing import write_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return write_bundle(tmp_path / "bundle", RECORD, CONTENTS)
