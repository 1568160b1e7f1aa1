"""What this machine is, as far as it decides what a measurement here is worth; and whether it is a budget's device."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from tinylm.budget.spec import DeviceMatch
from tinylm.machine.kernel_files import fields, megabytes, text
from tinylm.machine.processor import RELEVANT_FLAGS

Basis = Literal["measured", "indicative", "estimated", "claimed"]


@dataclass(frozen=True, kw_only=True)
class DeviceFacts:
    """Facts of one machine; None where the system does not tell."""

    model: str
    """Of the board where it has a device tree, of the processor otherwise."""
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
    cpu = fields(text(root / "proc/cpuinfo"))
    flags = cpu.get("flags") or cpu.get("Features") or ""  # x86, ARM
    return DeviceFacts(
        model=text(root / "proc/device-tree/model") or cpu.get("model name") or platform.processor() or "unknown",
        arch=platform.machine(),
        isa=tuple(sorted(RELEVANT_FLAGS.intersection(flags.split()))),
        cores=os.cpu_count() or 1,
        memory_mb=megabytes(fields(text(root / "proc/meminfo")).get("MemTotal")),
        governor=text(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        onnxruntime=_installed("onnxruntime"),
    )


def differences(facts: DeviceFacts, wanted: DeviceMatch) -> list[str]:
    """What makes this machine another one than the budget's device, in words; empty when it is that device."""
    found = []
    if wanted.models and not any(facts.model.startswith(model) for model in wanted.models):
        found.append(f"it is `{facts.model}`, not " + " or ".join(f"`{model}`" for model in wanted.models))
    if wanted.arch is not None and facts.arch != wanted.arch:
        found.append(f"its architecture is {facts.arch}, not {wanted.arch}")
    if missing := [flag for flag in wanted.isa if flag not in facts.isa]:
        found.append("its processor lacks " + ", ".join(missing))
    low, high = wanted.min_memory_mb, wanted.max_memory_mb
    if low is not None or high is not None:
        if facts.memory_mb is None:
            found.append("its memory is unknown")
        elif low is not None and facts.memory_mb < low:
            found.append(f"it has {facts.memory_mb:.0f} MB of memory, less than {low:.0f}")
        elif high is not None and facts.memory_mb > high:
            found.append(f"it has {facts.memory_mb:.0f} MB of memory, more than {high:.0f}")
    return found


def _installed(package: str) -> str | None:
    try:
        return version(package)  # without importing it: this process stays small and cannot die of SIGILL
    except PackageNotFoundError:
        return None
