"""What a bundle asks of the device that runs it: graph capabilities, library versions, instruction-set features."""

from __future__ import annotations

import os

import sentencepiece

from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import SAMPLER, Manifest
from tinylm.machine.cpuinfo import read_cpuinfo
from tinylm.machine.onnxruntime_version import installed_onnxruntime

CAPABILITIES = frozenset({SAMPLER})
"""Names in `graph.capabilities` that this runtime understands."""


def check_requirements(manifest: Manifest) -> None:
    """TinylmError, with what to do, for the first thing that the bundle needs and this device does not have.

    Processor features are compared with /proc/cpuinfo; where there is none, they are taken to be there.
    """
    where = f"the bundle `{manifest.name}`"
    for capability in manifest.graph.capabilities:
        if capability not in CAPABILITIES:
            raise TinylmError(
                f"{where} has a graph with the capability `{capability}`, which this tinylm does not know",
                "upgrade tinylm",
            )
    for library, least in manifest.minimum_versions.items():
        if library == "onnxruntime":
            installed = onnxruntime_version()
        elif library == "sentencepiece":
            installed = sentencepiece.__version__
        else:
            raise TinylmError(f"{where} needs `{library}`, which this tinylm does not use", "upgrade tinylm")
        if _release(installed) < _release(least):
            raise TinylmError(
                f"{where} needs {library} {least} or newer; {installed} is installed",
                f"pip install '{library}>={least}'",
            )
    features = read_cpuinfo().flags
    for feature in manifest.cpu_features:
        if features is not None and feature not in features:
            raise TinylmError(
                f"{where} needs the processor feature `{feature}`, which this processor does not have",
                "export the bundle for this device, or use another device",
            )


def overflows_int8() -> bool:
    """Whether products of uint8 activations and int8 weights can overflow here in ONNX Runtime's fast kernels.

    x86 without VNNI adds pairs of such products in 16 bits, with saturation, as ONNX Runtime's
    `onnxruntime_session_options_config_keys.h` says at `session.x64quantprecision`. True for an unknown x86 processor.
    """
    if os.uname().machine.lower() not in ("x86_64", "amd64"):
        return False
    features = read_cpuinfo().flags
    return features is None or not features & {"avx512_vnni", "avx_vnni"}


def onnxruntime_version() -> str:
    """The installed version; importing onnxruntime for it costs what the lean backend saves."""
    if version := installed_onnxruntime():
        return version
    from tinylm.runtime.backends.reference import VERSION  # a build that keeps its version elsewhere

    return VERSION


def _release(version: str) -> tuple[int, ...]:
    """The numbers of `1.22.0`, without zeros at the end, to compare; what follows the numbers is left out."""
    numbers: list[int] = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    if not numbers:
        raise TinylmError(f"`{version}` is not a version number", "export the bundle again")
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
