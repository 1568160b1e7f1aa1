"""What this machine is, as far as it decides what a measurement here is worth; and whether it is a budget's device."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tinylm.budget.spec.budget import DeviceMatch
from tinylm.machine.kernel_files import read_cpuinfo
from tinylm.machine.memory import total_mb
from tinylm.machine.onnxruntime_version import installed_onnxruntime
from tinylm.machine.processor import read_board, read_policies, relevant_flags

Basis = Literal["measured", "indicative", "estimated", "claimed"]


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
    cpuinfo, policies = read_cpuinfo(root), read_policies(root)
    return DeviceFacts(
        model=read_board(root, cpuinfo) or cpuinfo.model_name or platform.processor() or "unknown",
        arch=platform.machine(),
        isa=relevant_flags(cpuinfo) or (),
        cores=os.cpu_count() or 1,
        memory_mb=total_mb(root),
        governor=policies[0].governor if policies else None,
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        onnxruntime=installed_onnxruntime(),
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
