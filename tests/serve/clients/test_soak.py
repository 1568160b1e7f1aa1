"""Constant mixed load for a long time: no error, no drift of memory, and every counter adds up.

python -m pytest -m soak -s tests/serve/clients/test_soak.py       # an hour; SOAK_MINUTES=20 says otherwise
"""

from __future__ import annotations

import json
import os
import statistics
from pathlib import Path

import pytest
from mixed_load import MixedLoad
from running_server import RunningServer


def soak(bundle: Path, log: Path, *, minutes: float, most_drift: float) -> None:
    with RunningServer(bundle, log=log, options=("--remember", "8")) as server:
        load = MixedLoad(server, workers=6, seed=1, pause_s=0.02)
        samples: list[float] = []
        load.run(seconds=60 * minutes, watch=lambda: samples.append(server.resident_mb()))
        assert not load.wrong
        assert server.becomes_idle()
        # A third is warm-up; then the first tenth is compared with the last.
        settled = samples[len(samples) // 3 :]
        tenth = max(len(settled) // 10, 1)
        first, last = statistics.median(settled[:tenth]), statistics.median(settled[-tenth:])
        figures = {
            "minutes": minutes,
            "requests": sum(load.sums.requests.values()),
            "statuses": dict(sorted(load.statuses.items())),
            "tokens": load.sums.tokens,
            "resident_mb": [round(samples[0], 1), round(first, 1), round(last, 1), round(max(samples), 1)],
            "drift": round(last / first - 1, 5),
        }
        print(json.dumps(figures))
        load.sums.requests["/v1/completions"] += 1  # by `becomes_idle`
        load.sums.choices += 1
        check_counters(server.metrics(), load)
        assert last / first - 1 < most_drift
    assert "Traceback" not in server.said()


def check_counters(metrics: dict[str, float], load: MixedLoad) -> None:
    """What the server counted is what was done, to the last request."""
    for path, count in load.sums.requests.items():
        if path in ("/status", "/healthz"):
            continue  # others ask there too
        assert total(metrics, f'tinylm_requests_total{{path="{path}",') == count, path
    assert total(metrics, "tinylm_answers_total{") == load.sums.choices
    assert metrics["tinylm_completion_tokens_total"] >= load.sums.tokens  # and those of texts that were left
    for name in ("queue", "time_to_first_token"):
        counts = [value for key, value in metrics.items() if key.startswith(f"tinylm_{name}_seconds_bucket")]
        assert counts == sorted(counts)
        assert counts[-1] == metrics[f"tinylm_{name}_seconds_count"]
    assert metrics["tinylm_active_texts"] == metrics["tinylm_waiting_texts"] == 0


def total(metrics: dict[str, float], beginning: str) -> float:
    return sum(value for name, value in metrics.items() if name.startswith(beginning))


@pytest.mark.slow
def test_three_minutes(served_bundle: Path, tmp_path: Path) -> None:
    soak(served_bundle, tmp_path / "log", minutes=3, most_drift=0.02)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_an_hour(served_bundle: Path, tmp_path: Path) -> None:
    soak(served_bundle, tmp_path / "log", minutes=float(os.environ.get("SOAK_MINUTES", "60")), most_drift=0.01)
