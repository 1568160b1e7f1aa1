"""Weights of sources: what is understood, what is refused, and whose pieces they reach."""

from __future__ import annotations

import pytest

from tinylm.base.errors import TinylmError
from tinylm.dataset.selection import parse_weights

SOURCES = ["sample", "en:/data/novels", "es:other/novels", "notes.jsonl"]


def test_a_source_is_named_as_it_was_given_or_as_records_name_it() -> None:
    weights = parse_weights(["en:/data/novels=2", "es:novels=0.5", "notes.jsonl=3"], SOURCES)
    assert weights == {"en:novels": 2.0, "es:novels": 0.5, "notes.jsonl": 3.0}
    assert parse_weights([], SOURCES) == {}
    assert parse_weights(["a=b.txt=2"], ["a=b.txt"]) == {"a=b.txt": 2.0}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["novels"], "--weight is `novels`; SOURCE=NUMBER is needed"),
        (["=2"], "SOURCE=NUMBER is needed"),
        (["sampel=2"], "--weight names `sampel`, which is no source of the corpus"),
        (["sample=-1"], "the weight of `sample` is `-1`; a number above 0 and at most 1000 is needed"),
        (["sample=0"], "above 0"),
        (["sample=nan"], "above 0"),
        (["sample=inf"], "above 0"),
        (["sample=two"], "above 0"),
        (["sample=1001"], "at most 1000"),
        (["sample=1", "sample=2"], "--weight names the source `sample` twice"),
    ],
)
def test_what_is_refused(values: list[str], message: str) -> None:
    with pytest.raises(TinylmError, match=message) as caught:
        parse_weights(values, SOURCES)
    assert caught.value.hint


def test_two_sources_of_one_name_cannot_be_told_apart() -> None:
    with pytest.raises(TinylmError, match="2 sources are called so"):
        parse_weights(["a/novels=2"], ["a/novels", "b/novels"])
