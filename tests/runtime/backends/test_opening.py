"""Which backend opens a bundle: what is asked for, or what works here, with a line about why."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import MODEL
from tinylm.bundle.reading import Bundle
from tinylm.native import library
from tinylm.native.library import INTERFACE, NativeUnavailable, instruction_sets
from tinylm.runtime.backends import native, opening
from tinylm.runtime.backends.contract import BackendUnavailable
from tinylm.runtime.backends.native import NativeModel
from tinylm.runtime.backends.onnxruntime import OnnxruntimeModel
from tinylm.runtime.backends.opening import engine_version, open_backend, serving
from tinylm.runtime.engine import Engine

MakeBundle = Callable[..., Bundle]
ROOT = Path(library.__file__).resolve().parents[2]


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise NativeUnavailable("there is no C library", "install tinylm again")

    for module in (native, opening):
        monkeypatch.setattr(module, "load", fail)
    monkeypatch.setattr(opening, "_said", set())


def test_each_backend_can_be_had_by_name(make_bundle: MakeBundle, tmp_path: Path) -> None:
    assert isinstance(open_backend(make_bundle(), threads=1, backend="native"), NativeModel)
    assert isinstance(open_backend(make_bundle(), threads=1, backend="onnxruntime"), OnnxruntimeModel)
    assert isinstance(open_backend(make_bundle(), threads=1, backend="auto"), NativeModel)
    traced = open_backend(make_bundle(), threads=1, backend="auto", trace=tmp_path / "trace")
    assert isinstance(traced, OnnxruntimeModel)
    assert (serving("auto"), serving("onnxruntime")) == ("native", "onnxruntime")
    assert engine_version("auto") == f"native {INTERFACE} {instruction_sets()[0]}"
    assert engine_version("onnxruntime").startswith("onnxruntime 1.")


def test_without_a_library_onnxruntime_serves_and_one_line_says_why(
    make_bundle: MakeBundle, no_library: None, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        assert isinstance(open_backend(make_bundle(), threads=1, backend="auto"), OnnxruntimeModel)
    expected = "note: ONNX Runtime serves, because the native engine does not: there is no C library\n"
    assert capsys.readouterr() == ("", expected)
    assert serving("auto") == "onnxruntime"
    with pytest.raises(BackendUnavailable, match="there is no C library") as caught:
        open_backend(make_bundle(), threads=1, backend="native")
    assert (caught.value.hint, caught.value.exit_code) == ("install tinylm again", 2)
    open_backend(make_bundle(), threads=1, backend="onnxruntime")
    assert capsys.readouterr() == ("", "")


def changed(bundle: Bundle, folder: Path, change: Callable[[onnx.ModelProto], None]) -> Bundle:
    """The bundle with another graph, as if someone had made a bundle by hand with matching hashes."""
    import dataclasses

    model = onnx.load(bundle.model)
    change(model)
    (folder / MODEL).write_bytes(model.SerializeToString())
    return dataclasses.replace(bundle, path=folder)


def test_a_graph_that_the_engine_does_not_know_goes_to_onnxruntime(
    make_bundle: MakeBundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def rename(model: onnx.ModelProto) -> None:
        for names in [[*model.graph.initializer], *([node] for node in model.graph.node)]:
            for entry in names:
                if isinstance(entry, onnx.TensorProto):
                    entry.name = "last_norm" if entry.name == "norm.weight" else entry.name
                else:
                    entry.input[:] = ["last_norm" if name == "norm.weight" else name for name in entry.input]

    bundle = changed(make_bundle(), tmp_path, rename)
    with Engine(bundle) as found, Engine(make_bundle(), backend="onnxruntime") as expected:
        assert found.logits(5).tolist() == expected.logits(5).tolist()
    assert "has no weight `norm.weight`" in capsys.readouterr().err
    with pytest.raises(BackendUnavailable, match=r"has no weight `norm\.weight`"):
        Engine(bundle, backend="native")


def test_a_damaged_model_is_refused_by_either_without_another_word(
    make_bundle: MakeBundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def spoil(model: onnx.ModelProto) -> None:
        model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[:-4]

    with pytest.raises(TinylmError, match="bytes of values"):
        Engine(changed(make_bundle(), tmp_path, spoil))
    assert capsys.readouterr() == ("", "")


def test_with_neither_both_reasons_are_told(make_bundle: MakeBundle) -> None:
    program = """
import sys
from pathlib import Path
from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import open_bundle
from tinylm.native import library
from tinylm.runtime.backends import native, opening
def fail():
    raise library.NativeUnavailable("there is no C library")
native.load = opening.load = fail
sys.modules["onnxruntime"] = None
try:
    opening.open_backend(open_bundle(Path(sys.argv[1])), threads=1, backend="auto")
except TinylmError as error:
    print(error.message, error.hint, sep=chr(10))
"""
    command = [sys.executable, "-c", program, str(make_bundle().path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    message, hint = done.stdout.splitlines()
    assert message.startswith("ONNX Runtime cannot be loaded: ")
    assert message.endswith("; the native engine does not serve: there is no C library")
    assert hint == "pip install onnxruntime"


def test_native_needs_neither_numpy_nor_onnxruntime(make_bundle: MakeBundle) -> None:
    program = f"""
import sys
sys.modules["numpy"] = sys.modules["onnxruntime"] = None          # as if neither were installed
from pathlib import Path
from tinylm.bundle.reading import open_bundle
from tinylm.runtime import __main__
from tinylm.runtime.measurement import probe
from tinylm.runtime.engine import Engine
from tinylm.runtime.completion import generate
from tinylm.runtime.sampling import Sampling
from tinylm.runtime.scoring import text_bits
from tinylm.tokenizer.tokenizer import Tokenizer
bundle = open_bundle(Path({str(make_bundle().path)!r}))
tokenizer = Tokenizer(bundle.tokenizer)
with Engine(bundle) as engine:
    assert "".join(generate(engine, tokenizer, "the", sampling=Sampling(seed=0, top_p=0.9), max_tokens=20))
    assert text_bits(engine, tokenizer, "the out")[0] > 0
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("", "")
