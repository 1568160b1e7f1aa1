"""The generated text, made once for these tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tinylm.text.documents import Document

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "scripts"))

from sample_corpus.generator import generate


@pytest.fixture(scope="session")
def corpus() -> list[Document]:
    return list(generate())
