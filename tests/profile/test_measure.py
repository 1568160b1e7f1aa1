"""Whole profiles of small bundles: everything is counted, nothing is left behind. Times decide nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle, open_bundle
from tinylm.profile import measure
from tinylm.profile.measure import WARMUP, profile_bundle
from tinylm.profile.profile import Profile
from tinylm.profile.trace import GraphRun
from tinylm.runtime.measurement.profile_probe import prompts_of, run_profile
from tinylm.runtime.measurement.protocol import ProfileOrders
from tinylm.tokenizer.tokenizer import Tokenizer

MakeBundle = Callable[..., Bundle]


def profiled(bundle: Bundle, *, requests: int = 3, threads: int = 1, new_tokens: int | None = None) -> Profile:
    lines: list[str] = []
    report = profile_bundle(bundle, requests=requests, threads=threads, new_tokens=new_tokens, announce=lines.append)
    assert "requests of each of" in lines[0]
    return report


def test_a_profile(tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    report = profiled(tiny_bundle)
    assert list(tmp_path.iterdir()) == []  # the trace is gone
    assert report.bundle.sha256 == tiny_bundle.manifest_sha256
    assert [length.prompt_tokens for length in report.lengths] == [16, 32, 44]
    for length in report.lengths:
        for times in (length.latency_ms, length.ttft_ms, length.itl_ms):
            assert times.n == 3
            assert 0 < times.p50 <= times.p95 <= times.p99
        assert length.latency_ms.p50 > length.ttft_ms.p50 > length.itl_ms.p50 / 10
    assert (report.decode.tokens, report.decode.runs) == (1, 54)
    assert report.prefill is not None
    assert (report.prefill.tokens, report.prefill.runs) == (16, 3)
    assert report.step_us.n == report.traced_step_us.n == 60
    for breakdown in (report.decode, report.prefill):
        assert [row.name for row in breakdown.layers] == ["embedding", "layer 0", "layer 1", "head", "sampler"]
        timed = [sum(row.timed_us for row in rows) for rows in (breakdown.operators, breakdown.layers)]
        assert timed[0] == pytest.approx(timed[1], abs=0.1)
        assert timed[0] + breakdown.outside_us == pytest.approx(breakdown.run_us, abs=0.1)
    assert {row.name: row.calls for row in report.decode.operators}["GroupQueryAttention"] == 2


def test_a_short_context_and_two_threads(make_bundle: MakeBundle) -> None:
    report = profiled(make_bundle(context_length=16, n_layer=1), requests=1, threads=2)
    assert report.new_tokens == 15
    assert [length.prompt_tokens for length in report.lengths] == [1]
    assert report.prefill is None
    assert report.decode.runs == 14


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"requests": 0}, "`--requests` is 0; at least 1"),
        ({"threads": 0}, "`--threads` is 0; at least 1"),
        ({"new_tokens": 64}, "no room for a prompt in the bundle's context of 64"),
        ({"new_tokens": 1}, "at least 2"),
    ],
)
def test_arguments_out_of_range(tiny_bundle: Bundle, arguments: dict[str, int], reason: str) -> None:
    with pytest.raises(TinylmError, match=reason) as error:
        profiled(tiny_bundle, **arguments)
    assert error.value.exit_code == 2


def test_a_bundle_that_is_damaged_after_it_was_opened(tiny_bundle: Bundle, tmp_path: Path) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(tiny_bundle.path, copy)
    opened = open_bundle(copy)
    (copy / "model.onnx").write_bytes(b"nonsense")
    with pytest.raises(TinylmError, match=r"model\.onnx") as error:
        profiled(opened)
    assert error.value.exit_code == 2


def test_a_trace_that_lacks_runs(tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "read_trace", lambda path: (GraphRun(total_us=1, calls=()),))
    with pytest.raises(TinylmError, match=f"of 1 runs; there were {(WARMUP + 1) * 3}"):
        profiled(tiny_bundle, requests=1, new_tokens=2)


def test_a_trace_that_was_not_written(tiny_bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(TinylmError, match="wrote 0 files"):
        measure._only_file(tmp_path)


def test_the_measuring_process_refuses_what_does_not_fit(tiny_bundle: Bundle) -> None:
    orders = ProfileOrders(
        schema="1.0",
        prompts=("one",),
        lengths=(60,),
        rounds=1,
        traced_prompt_tokens=17,
        traced_requests=1,
        trace=None,
        new_tokens=20,
        threads=1,
        warmup=0,
    )
    with pytest.raises(TinylmError, match=r"60 \+ 20 tokens does not fit the bundle's context of 64"):
        run_profile(tiny_bundle.path, orders)


def test_prompts_are_as_long_as_their_tokens_need(tiny_bundle: Bundle) -> None:
    tokenizer = Tokenizer(tiny_bundle.tokenizer)
    for length in (1, 2, 16, 300):
        texts = prompts_of(tokenizer, ("the can is out", "casa del out"), length)
        assert len(texts) == 2
        for text in texts:
            assert len(tokenizer.encode(text)) >= length - 1
            assert len(tokenizer.encode(text.rpartition(" ")[0])) < max(length - 1, 1)
    assert texts[0].startswith("the can is out casa")
    assert texts[1].startswith("casa del out the")
