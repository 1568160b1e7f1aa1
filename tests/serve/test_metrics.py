"""The text of metrics, read by Prometheus' own parser."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.serve.metrics import Counter, Histogram, Metrics

parser = pytest.importorskip(
    "prometheus_client.parser", reason="reading metrics needs it: pip install prometheus_client"
)


def test_what_is_written_is_what_prometheus_reads() -> None:
    metrics = Metrics()
    metrics.requests.add(2, "/v1/completions", "200")
    metrics.requests.add(1, 'a"b\\c\nd', "404")
    for seconds in (0.001, 0.005, 0.3, 99):
        metrics.ttft_s.observe(seconds)
    metrics.gauge("tinylm_x", "A figure.", lambda: 1.5)
    metrics.gauge("tinylm_nothing", "No figure.", lambda: None)
    families = {family.name: family for family in parser.text_string_to_metric_families(metrics.text())}
    assert all(
        family.documentation and family.type in ("counter", "gauge", "histogram") for family in families.values()
    )
    values = {
        (sample.labels["path"], sample.labels["status"]): sample.value for sample in families["tinylm_requests"].samples
    }
    assert values == {("/v1/completions", "200"): 2, ('a"b\\c\nd', "404"): 1}
    assert families["tinylm_x"].samples[0].value == 1.5
    assert "tinylm_nothing" not in families
    buckets = {
        sample.labels["le"]: sample.value
        for sample in families["tinylm_time_to_first_token_seconds"].samples
        if sample.name.endswith("_bucket")
    }
    assert (buckets["0.005"], buckets["0.25"], buckets["0.5"], buckets["+Inf"]) == (2, 2, 3, 4)


@given(st.lists(st.floats(0, 1e6)))
def test_a_histogram_counts_everything_once(values: list[float]) -> None:
    histogram = Histogram("x", "X.", (0.1, 1.0, 10.0))
    for value in values:
        histogram.observe(value)
    (family,) = parser.text_string_to_metric_families("".join(f"{line}\n" for line in histogram.lines()))
    for sample in family.samples:
        if sample.name == "x_bucket":
            assert sample.value == sum(value <= float(sample.labels["le"]) for value in values)
    assert [sample.value for sample in family.samples if sample.name == "x_count"] == [len(values)]


def test_a_counter_without_labels_begins_at_zero() -> None:
    assert list(Counter("x", "X.").lines())[-1] == "x 0"
