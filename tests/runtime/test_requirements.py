"""What a bundle asks of the device: refused before the model is loaded, with the name of what is missing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import onnxruntime
import pytest

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle
from tinylm.machine.kernel_files import CpuInfo
from tinylm.runtime import requirements
from tinylm.runtime.engine import Engine

MakeBundle = Callable[..., Bundle]


def asking(bundle: Bundle, **changes: object) -> Bundle:
    return dataclasses.replace(bundle, manifest=dataclasses.replace(bundle.manifest, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("versions", "message"),
    [
        ({"onnxruntime": "999.1"}, r"needs onnxruntime 999\.1 or newer; .* is installed"),
        ({"sentencepiece": "0.2.1", "onnxruntime": onnxruntime.__version__ + ".1"}, "needs onnxruntime"),
        ({"sentencepiece": "1000"}, "needs sentencepiece 1000 or newer"),
        ({"numpy": "1.26"}, "needs `numpy`, which this tinylm does not use"),
        ({"onnxruntime": "new"}, "`new` is not a version number"),
        ({"onnxruntime": ""}, "`` is not a version number"),
    ],
)
def test_missing_versions_are_refused(make_bundle: MakeBundle, versions: dict[str, str], message: str) -> None:
    with pytest.raises(TinylmError, match=message) as caught:
        Engine(asking(make_bundle(), minimum_versions=versions), backend="onnxruntime")
    assert caught.value.hint


def test_installed_versions_are_enough(make_bundle: MakeBundle) -> None:
    versions = {"onnxruntime": onnxruntime.__version__, "sentencepiece": "0.2.1"}
    Engine(asking(make_bundle(), minimum_versions=versions), backend="onnxruntime").close()


@pytest.mark.parametrize(
    ("older", "newer"), [("1.9", "1.10"), ("1.22", "1.22.1"), ("0.2.1", "0.3"), ("1.22.0rc1", "1.22.1"), ("9", "10.0")]
)
def test_versions_compare_as_numbers(older: str, newer: str) -> None:
    assert requirements._release(older) < requirements._release(newer)


@pytest.mark.parametrize("same", ["1.22.0", "1.22", "1.22.0.dev20260101", "1.22+cpu", "1.22rc1"])
def test_what_follows_the_numbers_is_left_out(same: str) -> None:
    assert requirements._release(same) == (1, 22)


def test_unknown_capabilities_are_refused(make_bundle: MakeBundle) -> None:
    bundle = make_bundle()
    graph = dataclasses.replace(bundle.manifest.graph, capabilities=("telepathy",))
    with pytest.raises(TinylmError, match="capability `telepathy`") as caught:
        Engine(asking(bundle, graph=graph))
    assert caught.value.hint == "upgrade tinylm"


def with_flags(flags: set[str] | None) -> CpuInfo:
    return CpuInfo(first={} if flags is None else {"flags": " ".join(flags)}, cores=())


def test_missing_processor_features_are_refused(make_bundle: MakeBundle, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = asking(make_bundle(), cpu_features=("asimd", "asimddp"))
    monkeypatch.setattr(requirements, "read_cpuinfo", lambda: with_flags({"fp", "asimd"}))
    with pytest.raises(TinylmError, match="needs the processor feature `asimddp`"):
        Engine(bundle)
    monkeypatch.setattr(requirements, "read_cpuinfo", lambda: with_flags(None))
    Engine(bundle).close()
