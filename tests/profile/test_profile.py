"""The report's arithmetic, JSON, table and picture."""

from __future__ import annotations

import dataclasses
import io
import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from rich.console import Console

from tinylm.base.errors import TinylmError
from tinylm.base.records import read, to_json
from tinylm.profile.plot import plot
from tinylm.profile.profile import Profile, summarise
from tinylm.profile.table import print_profile


def test_a_summary_is_numpys_inverted_cdf() -> None:
    values = np.random.default_rng(0).lognormal(size=137)
    found = summarise(values.tolist())
    assert found.n == 137
    assert found.mean == pytest.approx(values.mean(), abs=1e-4)
    for quantile, value in ((0.5, found.p50), (0.95, found.p95), (0.99, found.p99)):
        assert value == np.quantile(values, quantile, method="inverted_cdf")


def test_a_summary_of_few_values() -> None:
    one = summarise([3.0])
    assert (one.n, one.mean, one.p50, one.p95, one.p99) == (1, 3, 3, 3, 3)
    with pytest.raises(ValueError, match="no samples"):
        summarise([])


def test_json_comes_back_as_it_was(report: Profile) -> None:
    assert read(Profile, json.loads(to_json(report)), "it", major=1) == report
    alone = dataclasses.replace(report, prefill=None)
    assert read(Profile, json.loads(to_json(alone)), "it", major=1) == alone


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"schema": "2.0"}, "schema 2.0"), ({"threds": 1}, "`threads`"), ({"lengths": {}}, "`lengths`")],
)
def test_other_json_is_refused(report: Profile, change: dict[str, object], reason: str) -> None:
    with pytest.raises(TinylmError) as error:
        read(Profile, {**json.loads(to_json(report)), **change}, "it", major=1)
    assert reason in f"{error.value.message} {error.value.hint}"


def printed(report: Profile, width: int = 80) -> str:
    out = io.StringIO()
    print_profile(report, Console(file=out, width=width, highlight=False))
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 80])
def test_the_table_fits_without_colour(report: Profile, width: int) -> None:
    text = printed(report, width)
    assert all(len(line) <= width for line in text.splitlines())
    assert "\x1b" not in text
    assert "…" not in text  # nothing is cut
    for words in ("SkipSimplifiedLayerNormalization", "12 others", "ArgMax", "sampler", "4000 tok/s", "read 16"):
        assert words in text
    flat = " ".join(text.split())
    assert "makes a token take 3.30 times as long" in flat
    assert "A board <1> (aarch64), 4 cores, 512 MB, governor ondemand" in flat
    assert "no verdict" in text


def test_the_table_without_reading(report: Profile) -> None:
    assert "read 16" not in printed(dataclasses.replace(report, prefill=None))


def test_the_picture_is_well_formed_and_names_everything(report: Profile) -> None:
    root = ET.fromstring(plot(report))
    words = " ".join(text for text in root.itertext())
    for expected in ("A board <1>", "request, p50", "108", "layer 0", "MatMul", "5 others", "prompt (tokens)"):
        assert expected in words
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polygon"))) == 2


def test_the_picture_of_a_single_length(report: Profile) -> None:
    root = ET.fromstring(plot(dataclasses.replace(report, lengths=report.lengths[:1])))
    svg = "{http://www.w3.org/2000/svg}"
    points = [line.attrib["points"] for line in root.iter(f"{svg}polyline")]
    assert len(points) == 2  # the request and its first token
    assert all(line.count(",") == 1 for line in points)
