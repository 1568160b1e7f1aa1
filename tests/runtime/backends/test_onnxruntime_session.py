"""ONNX Runtime's session: what may be bound, with which kernels, in which process, and what it says when it fails."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tinylm.base.buffer import Buffer
from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle
from tinylm.machine.kernel_files import CpuInfo
from tinylm.runtime.backends import onnxruntime_session
from tinylm.runtime.backends.onnxruntime_session import Session, Value, giving_back_memory, overflows_int8
from tinylm.runtime.engine import Engine

MakeBundle = Callable[..., Bundle]
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(params=["fp32", "int8"])
def model(request: pytest.FixtureRequest, make_bundle: MakeBundle) -> Path:
    return make_bundle(scheme=request.param).model


@pytest.fixture
def session(model: Path) -> Iterator[Session]:
    opened = Session(model)
    yield opened
    opened.close()


def inputs_of(session: Session) -> dict[str, Buffer]:
    """Memory for everything that the graph reads, for one token in an empty cache."""
    buffers = {
        name: Buffer([1 if size is None else size for size in value.shape], value.type)
        for name, value in session.inputs.items()
    }
    buffers["total_length"].data[0] = 1
    return buffers


def test_a_graph_says_what_it_takes(session: Session) -> None:
    assert session.inputs["seen"] == Value("uint8", (1, 128))
    assert session.inputs["input_ids"] == Value("int32", (1, None))
    assert str(session.outputs["logits"]) == "float32 [1, 128]"


@pytest.mark.parametrize("name", [b"ni\xf1o.onnx", "ñ 語.onnx".encode()])
def test_a_name_of_any_bytes(model: Path, tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    shutil.copy(model, path)
    Session(path).close()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux /proc")
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_session_starts_no_more_threads_than_it_is_given(model: Path, threads: int) -> None:
    before = len(list(Path("/proc/self/task").iterdir()))
    session = Session(model, threads=threads)
    assert len(list(Path("/proc/self/task").iterdir())) == before + threads - 1  # the caller's own is one of them
    session.close()


@pytest.mark.parametrize(
    ("side", "name", "buffer", "message"),
    [
        ("input", "total_length", None, "the graph's input `total_length` is not bound"),
        ("input", "past.0.key", None, "the graph's input `past.0.key` is not bound"),
        ("input", "past.2.key", ((1,), "float32"), "the graph has no input `past.2.key`"),
        ("input", "logits", ((1, 128), "float32"), "the graph has no input `logits`"),
        ("output", "tokens", ((1,), "int32"), "the graph has no output `tokens`"),
        ("input", "input_ids", ((1, 1), "int64"), r"is int32 \[1, None\]; int64 \[1, 1\] was bound"),
        ("input", "input_ids", ((1,), "int32"), r"is int32 \[1, None\]; int32 \[1\] was bound"),
        ("input", "input_ids", ((2, 1), "int32"), r"is int32 \[1, None\]; int32 \[2, 1\] was bound"),
        ("input", "past.0.key", ((1, 2, 47, 16), "float32"), r"is float32 \[1, 2, 48, 16\]; float32 \[1, 2, 47, 16\]"),
        ("output", "logits", ((1, 127), "float32"), r"is float32 \[1, 128\]; float32 \[1, 127\] was bound"),
        ("output", "logits", ((1, 128), "int32"), r"is float32 \[1, 128\]; int32 \[1, 128\] was bound"),
    ],
)
def test_what_does_not_fit_the_graph_is_refused(
    session: Session, side: str, name: str, buffer: tuple[tuple[int, ...], str] | None, message: str
) -> None:
    inputs, logits = inputs_of(session), Buffer((1, 128), "float32")
    sides = {"input": dict(inputs), "output": {"logits": logits}}
    sides[side].pop(name, None)
    if buffer is not None:
        sides[side][name] = Buffer(*buffer)
    with pytest.raises(TinylmError, match=message):
        session.bind(sides["input"], sides["output"])
    session.bind(inputs, {"logits": logits}).run()
    assert any(logits.data)


def test_a_graph_that_fails_while_running_says_so_and_runs_again(session: Session) -> None:
    inputs, logits = inputs_of(session), Buffer((1, 128), "float32")
    binding = session.bind(inputs, {"logits": logits})
    inputs["input_ids"].data[0] = 128  # an id outside the embedding
    with pytest.raises(TinylmError, match=r"the model failed while running: .*Gather") as caught:
        binding.run()
    assert caught.value.hint == "export the bundle again"
    inputs["input_ids"].data[0] = 5
    binding.run()
    assert any(logits.data)


@pytest.mark.parametrize("content", [None, b"", b"not a graph", b"\x00" * 1000])
def test_a_file_that_is_no_graph_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "mödel.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TinylmError, match=r"ONNX Runtime [\d.]+ cannot load `.*mödel\.onnx`: ") as caught:
        Session(path)
    assert caught.value.hint


def test_a_closed_session_says_so(model: Path) -> None:
    session = Session(model)
    fits = inputs_of(session)
    binding = session.bind(fits, {})
    session.close()
    session.close()
    for use in (binding.run, lambda: session.bind(fits, {}), lambda: session.run([], {})):
        with pytest.raises(TinylmError, match="the model is closed"):
            use()


def with_flags(flags: set[str] | None) -> CpuInfo:
    return CpuInfo(first={} if flags is None else {"flags": " ".join(flags)}, cores=())


@pytest.mark.parametrize(
    ("machine", "features", "expected"),
    [
        ("x86_64", {"avx2"}, True),
        ("x86_64", {"avx512f", "avx512bw"}, True),
        ("x86_64", {"avx2", "avx_vnni"}, False),
        ("AMD64", {"avx512f", "avx512_vnni"}, False),
        ("AMD64", None, True),
        ("aarch64", {"asimd"}, False),
        ("aarch64", None, False),
    ],
)
def test_only_x86_without_vnni_overflows(
    monkeypatch: pytest.MonkeyPatch, machine: str, features: set[str] | None, expected: bool
) -> None:
    monkeypatch.setattr(onnxruntime_session.os, "uname", lambda: types.SimpleNamespace(machine=machine))
    monkeypatch.setattr(onnxruntime_session, "read_cpuinfo", lambda: with_flags(features))
    assert overflows_int8() is expected


@pytest.mark.skipif(overflows_int8(), reason="this processor cannot show what exact products are")
def test_the_slower_kernels_give_the_same_logits(make_bundle: MakeBundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Integer sums are exact in both, so the logits are the same to the last bit."""
    bundle = make_bundle(scheme="int8")
    ids = [0, 5, 77, 12, 100, 31]
    with Engine(bundle, backend="onnxruntime") as engine:
        expected = np.stack([np.array(engine.logits(token)) for token in ids])
    monkeypatch.setattr(onnxruntime_session, "overflows_int8", lambda: True)
    with Engine(bundle, backend="onnxruntime") as engine:
        assert np.array_equal(np.stack([np.array(engine.logits(token)) for token in ids]), expected)


class BareLibrary:
    """A C library that has none of the functions it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> object:
        self.asked.append(name)
        raise AttributeError(name)


def test_a_c_library_without_mallopt_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    library = BareLibrary()
    monkeypatch.setattr(onnxruntime_session.ctypes, "CDLL", lambda name: library)
    with giving_back_memory():
        assert library.asked == ["mallopt"]
    assert library.asked == ["mallopt"]  # nothing to undo, and nothing else is tried


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_large_blocks_go_back_while_a_model_is_loaded() -> None:
    """Freed blocks between blocks in use: resident in glibc's heap as a rule, gone inside the context."""
    program = """
import ctypes
from tinylm.runtime.backends.onnxruntime_session import giving_back_memory
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
def kept_bytes():
    before = resident()
    blocks = [libc.malloc(100_000) for _ in range(100)]
    for block in blocks:
        ctypes.memset(block, 1, 100_000)
    for block in blocks[::2]:
        libc.free(block)
    return resident() - before
with giving_back_memory():
    inside = kept_bytes()
print(inside < 7_000_000 < 9_000_000 < kept_bytes())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")
