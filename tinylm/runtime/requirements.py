"""What a bundle asks of the device: capabilities of the runtime, versions of libraries, features of the processor."""

from __future__ import annotations

import re
import sys

from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import SAMPLER, Manifest
from tinylm.machine.kernel_files import read_cpuinfo

CAPABILITIES = frozenset({SAMPLER})
"""Names in `graph.capabilities` that this runtime understands."""
_LIBRARIES = ("onnxruntime", "sentencepiece")


def check_requirements(manifest: Manifest) -> None:
    """TinylmError, with what to do, for the first thing that the bundle needs and this device does not have.

    ONNX Runtime is checked by the backend that loads it (`check_version`), and sentencepiece when it was loaded: what
    does not serve need not be there. Processor features are compared with /proc/cpuinfo; where there is none, they are
    taken to be there.
    """
    where = f"the bundle `{manifest.name}`"
    for capability in manifest.graph.capabilities:
        if capability not in CAPABILITIES:
            raise TinylmError(
                f"{where} has a graph with the capability `{capability}`, which this tinylm does not know",
                "upgrade tinylm",
            )
    for library in manifest.minimum_versions:
        if library not in _LIBRARIES:
            raise TinylmError(f"{where} needs `{library}`, which this tinylm does not use", "upgrade tinylm")
    if sys.modules.get("sentencepiece"):
        check_version(manifest, "sentencepiece", sys.modules["sentencepiece"].__version__)
    features = read_cpuinfo().flags
    for feature in manifest.cpu_features:
        if features is not None and feature not in features:
            raise TinylmError(
                f"{where} needs the processor feature `{feature}`, which this processor does not have",
                "export the bundle for this device, or use another device",
            )


def check_version(manifest: Manifest, library: str, installed: str) -> None:
    """TinylmError when a library, which is about to serve, is older than the bundle asks for."""
    least = manifest.minimum_versions.get(library)
    if least is not None and _release(installed) < _release(least):
        raise TinylmError(
            f"the bundle `{manifest.name}` needs {library} {least} or newer; {installed} is installed",
            f"pip install '{library}>={least}'",
        )


def _release(version: str) -> tuple[int, ...]:
    """The numbers of `1.22.0`, without zeros at the end, to compare; what follows the numbers is left out."""
    match = re.match(r"[0-9]+(\.[0-9]+)*", version)
    if match is None:
        raise TinylmError(f"`{version}` is not a version number", "export the bundle again")
    numbers = [int(part) for part in match[0].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
