"""A machine in nine facts: what a report says of the machine that it was made on, and a budget of its device."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from tinylm.machine.facts import Facts, Processor
from tinylm.machine.memory import total_mb
from tinylm.machine.onnxruntime_version import installed_onnxruntime
from tinylm.machine.processor import read_processor
from tinylm.machine.software import kernel


@dataclass(frozen=True, kw_only=True)
class DeviceFacts:
    """Facts of one machine; None where the system does not tell."""

    model: str
    """Of the board where the kernel tells it, of the processor otherwise."""
    arch: str
    isa: tuple[str, ...]
    """Relevant processor flags."""
    cores: int
    memory_mb: float | None
    """What the kernel manages (MemTotal), in 10^6 bytes."""
    governor: str | None
    """How the kernel picks the clock, such as `ondemand`; None where it is not ours to see, as in most clouds."""
    system: str
    """Kernel and release."""
    python: str
    onnxruntime: str | None


def device_facts(root: Path = Path("/")) -> DeviceFacts:
    """Read the facts of this machine; `root` is where `proc` and `sys` are mounted."""
    return _device(
        read_processor(root, arch=platform.machine(), cores=os.cpu_count() or 1),
        memory_mb=total_mb(root),
        system=kernel(),
        python=platform.python_version(),
        onnxruntime=installed_onnxruntime(),
    )


def device_of(facts: Facts) -> DeviceFacts:
    """The same, of what the doctor knows of a machine."""
    versions = {trial.module: trial.version for trial in facts.software.trials}
    return _device(
        facts.processor,
        memory_mb=facts.memory.total_mb,
        system=facts.software.system,
        python=facts.software.python,
        onnxruntime=versions.get("onnxruntime"),
    )


def _device(
    processor: Processor, *, memory_mb: float | None, system: str, python: str, onnxruntime: str | None
) -> DeviceFacts:
    return DeviceFacts(
        model=processor.model or processor.board,
        arch=processor.arch,
        isa=processor.isa or (),
        cores=processor.cores,
        memory_mb=memory_mb,
        governor=processor.policies[0].governor if processor.policies else None,
        system=system,
        python=python,
        onnxruntime=onnxruntime,
    )
