"""The engine: one sequence, however it is cut into calls; a cache in place; refusals that leave it usable."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto

from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import MODEL
from tinylm.bundle.reading import Bundle
from tinylm.runtime.backends.contract import Backend
from tinylm.runtime.backends.onnxruntime import OnnxruntimeModel
from tinylm.runtime.engine import Engine

MakeBundle = Callable[..., Bundle]
CONTEXT = 48
IDS = [0, *np.random.default_rng(0).integers(4, 128, CONTEXT - 1).tolist()]

# float32 sums in another order; logits are of the size 3.
FP32_TOLERANCE = 1e-4
# One activation scale for a whole call: every product is off by up to 1/255 of the call's largest activation. Measured:
# 0.25 between cuts, where int8 is 0.40 from fp32; a lost token or a wrong position gives 0.8 to 2.9.
INT8_TOLERANCE = 0.35


@pytest.fixture(params=["fp32", "int8"])
def engine(request: pytest.FixtureRequest, backend: Backend, make_bundle: MakeBundle) -> Iterator[Engine]:
    with Engine(make_bundle(scheme=request.param), backend=backend) as opened:
        yield opened


@pytest.fixture
def exact(backend: Backend, make_bundle: MakeBundle) -> Iterator[Engine]:
    with Engine(make_bundle(scheme="fp32"), backend=backend) as opened:
        yield opened


def one_by_one(engine: Engine, ids: Sequence[int]) -> NDArray[np.float32]:
    """Logits [len(ids), vocab_size] after every token, from an empty cache."""
    engine.truncate(0)
    return np.stack([np.array(engine.logits(token)) for token in ids])


@pytest.mark.parametrize(("scheme", "tolerance"), [("fp32", FP32_TOLERANCE), ("int8", INT8_TOLERANCE)])
@pytest.mark.parametrize("cuts", [[47], [16, 16, 15], [1, 16, 17, 13], [2, 3, 42], [33, 0, 14], [15, 1, 31]])
def test_prefill_in_any_chunks_gives_the_same_logits(
    make_bundle: MakeBundle, backend: Backend, scheme: str, tolerance: float, cuts: list[int]
) -> None:
    with Engine(make_bundle(scheme=scheme), backend=backend) as engine:
        expected = one_by_one(engine, IDS)[-1]
        engine.truncate(0)
        start = 0
        for width in cuts:
            engine.prefill(IDS[start : start + width])
            start += width
            assert engine.length == start
        np.testing.assert_allclose(engine.logits(IDS[-1]), expected, atol=tolerance)
        assert engine.length == CONTEXT


def test_prefill_reads_at_most_16_tokens_at_once(make_bundle: MakeBundle, backend: Backend) -> None:
    """Int8 logits depend on the cut, so equal bits show equal cuts."""
    with Engine(make_bundle(scheme="int8"), backend=backend) as engine:

        def after(*widths: int) -> NDArray[np.float32]:
            engine.truncate(0)
            for width in widths:
                engine.prefill(IDS[engine.length : engine.length + width])
            return np.array(engine.logits(IDS[-1]))

        assert np.array_equal(after(47), after(16, 16, 15))
        assert not np.array_equal(after(47), after(15, 16, 16))


def test_cached_decoding_equals_reading_everything_again(exact: Engine) -> None:
    cached = one_by_one(exact, IDS)
    for end in (1, 2, 16, 17, 18, 33, CONTEXT):
        exact.truncate(0)
        exact.prefill(IDS[: end - 1])
        np.testing.assert_allclose(exact.logits(IDS[end - 1]), cached[end - 1], atol=FP32_TOLERANCE)


def test_logits_depend_on_every_earlier_token_and_on_no_later_one(exact: Engine) -> None:
    before = one_by_one(exact, IDS)
    changed = IDS.copy()
    changed[20] = 5 if IDS[20] != 5 else 6
    after = one_by_one(exact, changed)
    assert np.array_equal(before[:20], after[:20])
    assert all(np.abs(before[i] - after[i]).max() > 1e-3 for i in range(20, CONTEXT))


def test_truncate_goes_back_exactly(engine: Engine) -> None:
    expected = one_by_one(engine, IDS)
    engine.truncate(10)
    for token in reversed(IDS[20:40]):
        engine.logits(token)  # other tokens overwrite the cache
    engine.truncate(10)
    assert engine.length == 10
    again = np.stack([np.array(engine.logits(token)) for token in IDS[10:]])
    assert np.array_equal(again, expected[10:])


def test_the_cache_is_written_in_place(make_bundle: MakeBundle) -> None:
    sequence = OnnxruntimeModel(make_bundle(), threads=1).sequence()
    sequence.prefill(IDS[:20])
    sequence.logits(IDS[20])
    for layer, part in ((0, "key"), (0, "value"), (1, "key"), (1, "value")):
        cache = np.asarray(sequence.cached(layer, part)).reshape(2, CONTEXT, 16)  # type: ignore[arg-type]
        written = np.abs(cache).max(axis=(0, 2)) > 0
        assert written.tolist() == [True] * 21 + [False] * (CONTEXT - 21)


def test_logits_reuse_one_buffer(engine: Engine) -> None:
    first = np.asarray(engine.logits(0))
    assert first.dtype == np.float32
    assert first.shape == (engine.vocab_size,)
    assert np.shares_memory(first, np.asarray(engine.logits(5)))


def test_two_threads_give_the_same_logits(make_bundle: MakeBundle, backend: Backend, exact: Engine) -> None:
    expected = one_by_one(exact, IDS)
    with Engine(make_bundle(scheme="fp32"), threads=2, backend=backend) as engine:
        np.testing.assert_allclose(one_by_one(engine, IDS), expected, atol=FP32_TOLERANCE)


def test_refusals_leave_the_sequence_as_it_was(engine: Engine) -> None:
    engine.prefill(IDS[:40])
    expected = np.array(engine.logits(IDS[40]))
    engine.truncate(40)
    for broken, message in (
        (lambda: engine.prefill([5] * 9), "40 tokens and 9 more are too many; the context holds 48"),
        (lambda: engine.prefill([5, 128]), "128 is not in the vocabulary of 128"),
        (lambda: engine.logits(-1), "-1 is not in the vocabulary of 128"),
        (lambda: engine.truncate(41), "41 tokens; the cache holds 40"),
        (lambda: engine.truncate(-1), "-1 tokens; the cache holds 40"),
    ):
        with pytest.raises(TinylmError, match=message):
            broken()
        assert engine.length == 40
    assert np.array_equal(engine.logits(IDS[40]), expected)
    engine.prefill(IDS[41:])
    with pytest.raises(TinylmError, match="48 tokens and 1 more are too many"):
        engine.logits(5)


def test_a_closed_engine_says_so(make_bundle: MakeBundle, backend: Backend) -> None:
    engine = Engine(make_bundle(), backend=backend)
    engine.close()
    engine.close()
    with pytest.raises(TinylmError, match="closed"):
        engine.logits(0)


def test_threads_below_one_are_refused(make_bundle: MakeBundle) -> None:
    with pytest.raises(TinylmError, match="threads is 0; at least 1"):
        Engine(make_bundle(), threads=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_layer": 3}, r"lacks the input `past.2.key` of this tinylm"),
        ({"n_layer": 1}, r"has the input `past.1.key`, unknown to this tinylm"),
        ({"context_length": 64}, r"the input `past.0.key` is float32 \[1, 2, 48, 16\]; .* \[1, 2, 64, 16\]"),
        ({"vocab_size": 256}, r"the input `seen` is uint8 \[1, 128\]; .* uint8 \[1, 256\]"),
    ],
)
def test_a_graph_that_is_not_the_manifests_is_refused(
    make_bundle: MakeBundle, change: dict[str, int], message: str
) -> None:
    bundle = make_bundle()
    model = dataclasses.replace(bundle.manifest.model, **change)  # type: ignore[arg-type]
    with pytest.raises(TinylmError, match=message):
        Engine(
            dataclasses.replace(bundle, manifest=dataclasses.replace(bundle.manifest, model=model)),
            backend="onnxruntime",
        )


def test_a_graph_with_other_names_than_listed_is_refused(make_bundle: MakeBundle) -> None:
    bundle = make_bundle()
    graph = dataclasses.replace(bundle.manifest.graph, outputs=(*bundle.manifest.graph.outputs, "hidden"))
    with pytest.raises(TinylmError, match="lacks the output `hidden` of the manifest"):
        Engine(
            dataclasses.replace(bundle, manifest=dataclasses.replace(bundle.manifest, graph=graph)),
            backend="onnxruntime",
        )


def changed_model(bundle: Bundle, folder: Path, change: Callable[[onnx.ModelProto], None]) -> Bundle:
    """The bundle with another graph, as if someone had made a bundle by hand with matching hashes."""
    model = onnx.load(bundle.model)
    change(model)
    (folder / MODEL).write_bytes(model.SerializeToString())
    return dataclasses.replace(bundle, path=folder)


def test_external_data_is_refused_before_it_is_opened(
    make_bundle: MakeBundle, tmp_path: Path, backend: Backend
) -> None:
    def outside(model: onnx.ModelProto) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="../../etc/passwd")

    with pytest.raises(TinylmError, match=r"`.*` lies outside the file, in `../../etc/passwd`"):
        Engine(changed_model(make_bundle(), tmp_path, outside), backend=backend)


def test_operators_of_unknown_domains_are_refused(
    make_bundle: MakeBundle, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def foreign(model: onnx.ModelProto) -> None:
        model.graph.node[0].domain = "com.example"
        model.opset_import.add(domain="com.example", version=1)

    with pytest.raises(TinylmError, match=r"operator domain `com\.example`, which tinylm does not know"):
        Engine(changed_model(make_bundle(), tmp_path, foreign), backend="onnxruntime")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("content", [b"", b"not a graph", b"\x00" * 1000])
def test_a_file_that_is_no_graph_is_refused(
    make_bundle: MakeBundle, tmp_path: Path, backend: Backend, content: bytes
) -> None:
    (tmp_path / MODEL).write_bytes(content)
    with pytest.raises(TinylmError, match=r"model.onnx` has (0 bytes|a field with the number 0|field 13 in)"):
        Engine(dataclasses.replace(make_bundle(), path=tmp_path), backend=backend)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_scale_that_is_no_number_is_refused_by_name(
    make_bundle: MakeBundle, tmp_path: Path, backend: Backend, value: float
) -> None:
    def spoil(model: onnx.ModelProto) -> None:
        (scale,) = (entry for entry in model.graph.initializer if entry.name == "0.mlp.down.scale")
        scales = onnx.numpy_helper.to_array(scale).copy()
        scales[3] = value
        scale.raw_data = scales.tobytes()

    with pytest.raises(TinylmError, match=r"`0.mlp.down.scale` of float32 \[64\] has values that are NaN or infinite"):
        Engine(changed_model(make_bundle(scheme="int8"), tmp_path, spoil), backend=backend)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux /proc")
@pytest.mark.parametrize("scheme", ["fp32", "int8"])
def test_memory_does_not_grow_with_the_text(make_bundle: MakeBundle, scheme: str, backend: Backend) -> None:
    """In a process of its own: this one's memory moves for reasons of all tests before."""
    program = f"""
import os
from pathlib import Path
from tinylm.bundle.reading import open_bundle
from tinylm.runtime.engine import Engine
from tinylm.runtime.generation import generate_ids
from tinylm.runtime.sampling import Sampler, Sampling

def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

def write(engine, tokens):
    sampler = Sampler(Sampling(top_k=40, top_p=0.9, repetition_penalty=1.1, seed=0))
    for _ in generate_ids(engine, {IDS[:5]}, sampler, max_new_tokens=tokens, stop_at_eos=False):
        pass

with Engine(open_bundle(Path({str(make_bundle(scheme=scheme).path)!r})), backend={backend!r}) as engine:
    write(engine, 200)
    before = resident_bytes()
    write(engine, 2000)
    print(resident_bytes() - before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    # One leaked logits buffer a token would be 1 MB here, one KV cache a token 50 MB.
    assert int(done.stdout) < 500_000


def test_a_device_process_imports_nothing_of_training(make_bundle: MakeBundle) -> None:
    program = f"""
import sys
from pathlib import Path
import tinylm.runtime
assert not [name for name in sys.modules if name.startswith("tinylm.") and name != "tinylm.runtime"]
from tinylm.bundle.reading import open_bundle
from tinylm.runtime import __main__, scoring
from tinylm.runtime.engine import Engine
from tinylm.runtime.completion import generate
from tinylm.runtime.sampling import Sampling
from tinylm.tokenizer.tokenizer import Tokenizer
bundle = open_bundle(Path({str(make_bundle().path)!r}))
tokenizer = Tokenizer(bundle.tokenizer)
with Engine(bundle) as engine:
    text = "".join(generate(engine, tokenizer, "the", sampling=Sampling(seed=0), max_tokens=20))
assert text
unwanted = {{"torch", "onnx", "typer", "rich", "psutil", "asyncio", "http", "numpy.random"}}
print(sorted(unwanted & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")
