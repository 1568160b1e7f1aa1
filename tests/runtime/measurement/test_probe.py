"""The probe as a real process on a real bundle."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
from probe_orders import ORDERS, PROMPTS
from sample_bundles import with_golden

from tinylm.base.records import read
from tinylm.bundle import manifest as contract
from tinylm.bundle.reading import Bundle
from tinylm.native.library import instruction_sets
from tinylm.runtime.backends.contract import Backend
from tinylm.runtime.measurement.probe import process_memory
from tinylm.runtime.measurement.proc_self import waited_ns
from tinylm.runtime.measurement.protocol import MemoryResult, ProbeResult

ROOT = Path(contract.__file__).resolve().parents[1]


def probe(bundle: Path, *, module: str = "probe", **changes: Any) -> tuple[int, Any]:
    """Exit code and decoded answer of a probe in another folder than the repository."""
    done = subprocess.run(
        [sys.executable, "-m", f"tinylm.runtime.measurement.{module}", str(bundle)],
        input=json.dumps(dataclasses.asdict(dataclasses.replace(ORDERS, **changes))).encode(),
        capture_output=True,
        cwd=bundle,
        env={"PYTHONPATH": str(ROOT)},
        timeout=120,
        check=False,
    )
    assert done.stdout, done.stderr.decode()
    return done.returncode, json.loads(done.stdout)


def engine_of(backend: Backend) -> str:
    """What the report calls it."""
    return f"native {instruction_sets()[0]}" if backend == "native" else f"onnxruntime {onnxruntime.__version__}"


def test_it_measures_every_request_and_its_own_memory(tiny_bundle: Bundle) -> None:
    code, document = probe(tiny_bundle.path)
    assert code == 0
    result = read(ProbeResult, document, "the result")
    assert len(result.latency_ms) == len(result.ttft_ms) == len(result.itl_ms) == 5
    for latency, ttft, itl in zip(result.latency_ms, result.ttft_ms, result.itl_ms, strict=True):
        # The parts of a request, each rounded down to a nanosecond and then to a microsecond.
        assert 0 < ttft < ttft + 9 * itl <= latency + 0.01
    assert result.verification is None
    assert result.memory is not None
    assert result.cold_start_ms is not None
    assert result.memory.peak_rss_bytes >= result.memory.rss_bytes
    # Anonymous and file pages are all of it but shared memory, of which a probe has none to speak of.
    together = result.memory.anonymous_bytes + result.memory.file_bytes
    assert together == pytest.approx(result.memory.rss_bytes, rel=0.02)
    rising = [stage.until_ms for stage in result.stages]
    assert rising == sorted(rising, key=lambda value: value or 0)
    # Before the first request and after each.
    assert len(result.work_ms) == 6
    assert min(result.work_ms) > 0
    # Each begins after the one before has ended, and the fixed work lies between.
    for place in range(4):
        assert result.at_ms[place + 1] >= result.at_ms[place] + result.latency_ms[place]
    assert result.requests_cpu_ms > 0
    if waited_ns() is not None:
        assert all(0 <= waited <= whole for waited, whole in zip(result.waited_ms, result.latency_ms, strict=True))
        assert probe(tiny_bundle.path, threads=2)[1]["waited_ms"] == []
    assert result.storage_read_bytes >= 0
    assert result.memory.uss_bytes is not None
    assert result.memory.pss_bytes is not None
    assert 0 < result.memory.uss_bytes <= result.memory.pss_bytes <= result.memory.rss_bytes * 1.02


def test_memory_stays_far_below_the_contract(tiny_bundle: Bundle) -> None:
    """Python, numpy, onnxruntime, sentencepiece and a very small model: 62 MB here (measured), 100 is a mistake."""
    _, document = probe(tiny_bundle.path)
    assert document["memory"]["peak_rss_bytes"] < 100e6


def test_it_imports_the_runtime_and_nothing_more() -> None:
    code = "import sys, tinylm.runtime.measurement.probe; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env={"PYTHONPATH": str(ROOT)}, check=True)
    modules = set(done.stdout.decode().split())
    assert "tinylm.runtime.engine" in modules
    assert not modules & {"numpy", "onnxruntime", "torch", "onnx", "typer", "rich", "psutil"}
    assert not modules & {"tinylm.budget", "tinylm.cli"}


def test_the_contract_imports_nothing_heavy() -> None:
    code = "import sys, tinylm.budget.check; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env={"PYTHONPATH": str(ROOT)}, check=True)
    assert not set(done.stdout.decode().split()) & {"onnxruntime", "numpy", "torch", "rich", "typer"}


def test_golden_tokens_hold_and_quality_is_remeasured(tiny_bundle: Bundle) -> None:
    code, document = probe(tiny_bundle.path, verify=True)
    verified = document["verification"]
    assert code == 0
    assert (verified["prompts"], verified["tokens"], verified["encodings"]) == (3, 24, 3)
    assert verified["mismatches"] == []
    for text, held_out in zip(verified["held_out"], tiny_bundle.golden().held_out, strict=True):
        assert text["bits"] == pytest.approx(held_out.bits, rel=1e-9)  # the same machine and graph, in another process
        assert text["text_bytes"] == len(held_out.text.encode())


def test_either_backend_reproduces_the_golden_tokens(tiny_bundle: Bundle, backend: Backend) -> None:
    code, document = probe(tiny_bundle.path, verify=True, backend=backend)
    assert code == 0
    assert document["engine"] == engine_of(backend)
    assert document["verification"]["mismatches"] == []


def test_an_unknown_backend_is_refused(tiny_bundle: Bundle) -> None:
    code, document = probe(tiny_bundle.path, backend="fast")
    assert code == 2
    assert "backend" in document["refused"]["message"]


def test_wrong_golden_tokens_are_found_with_their_position(tiny_bundle: Bundle, tmp_path: Path) -> None:
    def edit(golden: dict[str, Any]) -> None:
        golden["prompts"][0]["ids"][3] += 1
        golden["prompts"][1]["prompt_ids"].append(9)
        golden["encodings"][0]["ids"][0] += 1

    _, document = probe(with_golden(tiny_bundle, tmp_path, edit).path, verify=True)
    tokenizer, first, second = document["verification"]["mismatches"]
    assert tokenizer.startswith("tokenizer, `casa ñolu    del`, position 0: token ")
    assert first.startswith("after the prompt `Sañolu mité.`, position 3: token ")
    assert second.startswith("encoded prompt `The can`, ")


def test_the_longest_request_that_fits_the_context(tiny_bundle: Bundle) -> None:
    context = tiny_bundle.manifest.model.context_length
    assert probe(tiny_bundle.path, new_tokens=context - 8)[0] == 0
    code, document = probe(tiny_bundle.path, new_tokens=context - 7)
    assert code == 2
    assert f"8 + {context - 7} tokens does not fit the bundle's context of {context}" in document["refused"]["message"]


def test_a_prompt_that_is_too_short_is_refused(tiny_bundle: Bundle) -> None:
    code, document = probe(tiny_bundle.path, prompts=(*PROMPTS, "the can"))
    assert code == 2
    assert "the prompt `the can` has only" in document["refused"]["message"]


def test_a_damaged_bundle_is_refused(tiny_bundle: Bundle, tmp_path: Path) -> None:
    broken = with_golden(tiny_bundle, tmp_path, lambda golden: None).path
    with (broken / contract.MODEL).open("r+b") as file:
        file.write(b"damage")
    code, document = probe(broken)
    assert code == 2
    assert "SHA-256" in document["refused"]["message"]


def test_the_same_request_number_does_the_same_work(tiny_bundle: Bundle, tmp_path: Path) -> None:
    """Which prompt and which random numbers a request gets is fixed by its number in the whole check."""
    from tinylm.runtime.engine import Engine
    from tinylm.runtime.measurement.candidate import BundleCandidate
    from tinylm.runtime.measurement.probe import do_request

    candidate = BundleCandidate(tiny_bundle, PROMPTS)
    with Engine(tiny_bundle) as engine:
        texts = [do_request(candidate, engine, ORDERS, number).text for number in (0, 1, 2, 0)]
        assert engine.length == 8 + 10 - 1
    assert texts[0] == texts[3]
    assert len(set(texts)) == 3


def test_the_end_of_sequence_token_does_not_shorten_a_request(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tinylm.runtime.engine import Engine
    from tinylm.runtime.measurement.candidate import BundleCandidate
    from tinylm.runtime.measurement.probe import do_request
    from tinylm.tokenizer.tokenizer import EOS

    asked = []
    monkeypatch.setattr(Engine, "step", lambda self, token, sampler: (asked.append(token), (EOS, 0.0))[1])
    with Engine(tiny_bundle) as engine:
        do_request(BundleCandidate(tiny_bundle, PROMPTS), engine, ORDERS, 0)
    assert len(asked) == 10


def test_the_memory_probe_explains_every_page(tiny_bundle: Bundle, backend: Backend) -> None:
    code, document = probe(tiny_bundle.path, module="memory_probe", backend=backend, requests=60)
    assert code == 0
    result = read(MemoryResult, document, "the result")
    names = [step.name for step in result.steps]
    loaded = {"native": ["native engine"], "onnxruntime": ["numpy", "onnxruntime"]}[backend]
    assert names == [
        "interpreter",
        "tinylm and the standard library",
        "tokenizer",
        *loaded,
        "graph and weights",
        "key/value cache",
        "working memory of a request",
    ]
    assert result.memory is not None
    assert result.memory.rss_bytes is not None
    # Counted page by page on one side, by counters that may lag by some 100 KB on the other.
    together = result.growth[-1].anonymous_bytes + sum(result.files_bytes.values())
    assert together == pytest.approx(result.memory.rss_bytes, rel=0.03)
    assert [reading.requests for reading in result.growth] == list(range(3, 61, 3))
    assert any("onnxruntime" in path for path in result.files_bytes) is (backend == "onnxruntime")


def test_the_memory_probe_refuses_as_the_probe_does(tiny_bundle: Bundle) -> None:
    code, document = probe(tiny_bundle.path, module="memory_probe", prompt_tokens=5000)
    assert code == 2
    assert "does not fit" in document["refused"]["message"]


def test_without_proc_only_macos_tells_a_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinylm.runtime.measurement.probe.kilobyte_fields", lambda path: {})
    monkeypatch.setattr(sys, "platform", "freebsd14")
    assert process_memory() is None
    monkeypatch.setattr(sys, "platform", "darwin")
    memory = process_memory()
    assert memory is not None
    assert memory.peak_rss_bytes > 0
    assert (memory.rss_bytes, memory.anonymous_bytes, memory.swap_bytes, memory.pss_bytes) == (None,) * 4


@pytest.mark.parametrize("module", ["probe", "memory_probe"])
def test_another_bundle_than_ordered_is_refused(tiny_bundle: Bundle, module: str) -> None:
    """Whole in itself, and still not the one whose name the report will bear."""
    assert probe(tiny_bundle.path, module=module, bundle_sha256=tiny_bundle.manifest_sha256)[0] == 0
    code, document = probe(tiny_bundle.path, module=module, bundle_sha256="0" * 64)
    assert code == 2
    assert "another bundle than when the check began" in document["refused"]["message"]
