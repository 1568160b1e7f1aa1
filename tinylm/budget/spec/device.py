"""Whether a machine is a budget's device, and what a measurement on it is worth."""

from __future__ import annotations

from typing import Literal

from tinylm.budget.spec.budget import DeviceMatch
from tinylm.machine.device import DeviceFacts

Basis = Literal["measured", "indicative", "estimated", "claimed"]


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
