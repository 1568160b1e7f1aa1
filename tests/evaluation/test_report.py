"""A saved report is the same baseline as the model that it is about."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tinylm.base.errors import TinylmError
from tinylm.evaluation.costs import Cost, DocumentCost
from tinylm.evaluation.documents import TextDocument
from tinylm.evaluation.report import ModelDescription, make_report, read_saved, to_json

MODEL = ModelDescription(
    name="runs/a", kind="checkpoint", description="step 8", vocab_size=100, context_length=32, precision="fp32"
)


def costs(nats: float = 10.0) -> list[DocumentCost]:
    texts = ["el rey " * (number + 1) for number in range(8)]
    return [
        DocumentCost(
            TextDocument(text=text, language="es", source=f"{number}.txt", ends=True),
            (Cost(text_bytes=len(text), tokens=2, nats=nats + number / 3, unknown_bytes=0),),
        )
        for number, text in enumerate(texts)
    ]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "old.json"
    path.write_text(to_json(make_report("mine", [(MODEL, costs())])), encoding="utf-8")
    return path


def test_what_was_saved_comes_back_to_the_bit(saved: Path) -> None:
    found = read_saved(saved)
    assert found.model == MODEL
    documents = [cost.document for cost in costs()]
    assert found.costs(documents) == costs()
    assert found.costs(documents[3:5]) == costs()[3:5]


def test_another_text_is_refused(saved: Path) -> None:
    changed = TextDocument(text="el rey", language="es", source="0.txt", ends=True)
    with pytest.raises(TinylmError, match=r"has nothing about `0.txt` as it is now"):
        read_saved(saved).costs([changed])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.update(schema="2.0"), "has schema 2.0"),
        (lambda data: data.update(extra_key=1), "unknown key `extra_key`"),
        (lambda data: data["evaluations"].append(data["evaluations"][0]), "holds 2 models"),
        (lambda data: data["evaluations"].clear(), "holds 0 models"),
        (lambda data: data["evaluations"][0]["documents"][2]["blocks"].clear(), "blocks of `2.txt` do not add up"),
        (lambda data: data["evaluations"][0]["documents"][2].update(bytes=-5), "blocks of `2.txt` do not add up"),
        (lambda data: data["evaluations"][0]["documents"][2].update(nats="many"), "a number was expected"),
    ],
)
def test_damaged_reports_are_refused(saved: Path, change: Callable[[dict[str, Any]], None], message: str) -> None:
    data = json.loads(saved.read_text(encoding="utf-8"))
    change(data)
    saved.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(TinylmError, match=message):
        read_saved(saved)


@pytest.mark.parametrize("content", ["", "{", "[1]", "null"])
def test_what_is_no_report_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content, encoding="utf-8")
    with pytest.raises(TinylmError):
        read_saved(tmp_path / "a.json")
