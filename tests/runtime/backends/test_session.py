"""Which backend opens a graph, with which kernels, and that the reference refuses what the lean one refuses."""

from __future__ import annotations

import os
import shutil
import types
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime
import pytest

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle
from tinylm.machine.kernel_files import CpuInfo
from tinylm.runtime.backends import session
from tinylm.runtime.backends.contract import BackendUnavailable, Buffer, Value
from tinylm.runtime.backends.lean import LeanSession
from tinylm.runtime.backends.reference import ReferenceSession
from tinylm.runtime.backends.session import open_session, overflows_int8
from tinylm.runtime.engine import Engine

MakeBundle = Callable[..., Bundle]


def no_library() -> None:
    raise BackendUnavailable("there is no C library")


def test_each_backend_can_be_had_by_name(make_bundle: MakeBundle) -> None:
    model = make_bundle().model
    lean, reference = (
        open_session(model, threads=1, backend="lean"),
        open_session(model, threads=1, backend="reference"),
    )
    assert isinstance(lean, LeanSession)
    assert isinstance(reference, ReferenceSession)
    assert lean.inputs == reference.inputs
    assert lean.outputs == reference.outputs
    assert reference.inputs["seen"] == Value("uint8", (1, 128))
    assert reference.inputs["input_ids"] == Value("int32", (1, None))


@pytest.mark.parametrize("backend", ["lean", "reference"])
def test_a_name_that_is_not_utf_8(
    make_bundle: MakeBundle, tmp_path: Path, backend: Literal["lean", "reference"]
) -> None:
    model = tmp_path / os.fsdecode(b"ni\xf1o.onnx")
    shutil.copy(make_bundle().model, model)
    assert open_session(model, threads=1, backend=backend).inputs


def test_auto_takes_lean_and_falls_back_where_it_cannot_work(
    make_bundle: MakeBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_bundle().model
    assert isinstance(open_session(model, threads=1), LeanSession)
    monkeypatch.setattr("tinylm.runtime.backends.lean.load", no_library)
    assert isinstance(open_session(model, threads=1), ReferenceSession)
    with pytest.raises(BackendUnavailable, match="no C library"):
        open_session(model, threads=1, backend="lean")


def test_the_reference_refuses_what_does_not_fit(make_bundle: MakeBundle) -> None:
    session = ReferenceSession(make_bundle().model)
    fits = {
        name: Buffer([1 if size is None else size for size in value.shape], value.type)
        for name, value in session.inputs.items()
    }
    fits["total_length"].data[0] = 1
    logits = Buffer((1, 128), "float32")
    session.bind(fits, {"logits": logits}).run()
    for inputs, outputs, message in (
        ({name: buffer for name, buffer in fits.items() if name != "seen"}, {}, "input `seen` is not bound"),
        ({**fits, "tail": logits}, {}, "no input `tail`"),
        (fits, {"tail": logits}, "no output `tail`"),
        ({**fits, "seen": logits}, {}, r"`seen` of the graph is uint8 \[1, 128\]; float32 \[1, 128\] was bound"),
        (fits, {"logits": Buffer((1, 127), "float32")}, r"\[1, 128\]; float32 \[1, 127\] was bound"),
    ):
        with pytest.raises(TinylmError, match=message):
            session.bind(inputs, outputs)


def test_a_closed_reference_session_says_so(make_bundle: MakeBundle) -> None:
    session = ReferenceSession(make_bundle().model)
    fits = {
        name: Buffer([1 if size is None else size for size in value.shape], value.type)
        for name, value in session.inputs.items()
    }
    binding = session.bind(fits, {})
    session.close()
    session.close()
    for use in (binding.run, lambda: session.bind(fits, {})):
        with pytest.raises(TinylmError, match="the session is closed"):
            use()


def test_the_version_is_read_without_importing_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    assert session.onnxruntime_version() == onnxruntime.__version__
    monkeypatch.setattr(Path, "read_text", lambda path, **options: "package_name = 'onnxruntime'\n")
    assert session.onnxruntime_version() == onnxruntime.__version__  # from the library itself


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
    monkeypatch.setattr(session.os, "uname", lambda: types.SimpleNamespace(machine=machine))
    monkeypatch.setattr(session, "read_cpuinfo", lambda: with_flags(features))
    assert overflows_int8() is expected


@pytest.mark.skipif(overflows_int8(), reason="this processor cannot show what exact products are")
def test_the_slower_kernels_give_the_same_logits(make_bundle: MakeBundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Integer sums are exact in both, so the logits are the same to the last bit."""
    bundle = make_bundle(scheme="int8")
    ids = [0, 5, 77, 12, 100, 31]
    with Engine(bundle) as engine:
        expected = np.stack([np.array(engine.logits(token)) for token in ids])
    monkeypatch.setattr("tinylm.runtime.backends.session.overflows_int8", lambda: True)
    with Engine(bundle) as engine:
        assert np.array_equal(np.stack([np.array(engine.logits(token)) for token in ids]), expected)
