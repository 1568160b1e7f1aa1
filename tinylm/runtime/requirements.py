"""What a bundle asks of the device that runs it: graph capabilities, library versions, instruction-set features."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

import sentencepiece

from tinylm.bundle import SAMPLER, Manifest
from tinylm.errors import TinylmError

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
    features = processor_features()
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
    features = processor_features()
    return features is None or not features & {"avx512_vnni", "avx_vnni"}


def processor_features(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str] | None:
    """The first processor's features as Linux names them (`avx2`, `asimddp`); None where Linux does not tell."""
    try:
        with cpuinfo.open(encoding="ascii", errors="replace") as lines:
            for line in lines:
                name, _, value = line.partition(":")
                if name.strip() in ("flags", "Features"):  # x86, ARM
                    return frozenset(value.split())
    except OSError:
        pass
    return None


def onnxruntime_version() -> str:
    """The installed version, from a file of the package: importing it costs what the lean backend saves."""
    spec = importlib.util.find_spec("onnxruntime")
    for folder in () if spec is None else spec.submodule_search_locations or ():
        try:
            text = Path(folder, "capi", "build_and_package_info.py").read_text(encoding="utf-8")
        except OSError:
            continue
        if found := re.search(r"""^__version__ = ["']([^"']+)["']$""", text, re.MULTILINE):
            return found[1]
    from tinylm.runtime.reference import VERSION  # a build that keeps its version elsewhere

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
