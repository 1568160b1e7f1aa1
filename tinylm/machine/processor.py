"""Board, cores, instruction sets and clock speeds, from /proc and /sys."""

from __future__ import annotations

import platform
from collections import Counter
from pathlib import Path

from tinylm.machine.facts import ClockPolicy, CoreType, Processor
from tinylm.machine.kernel_files import CpuInfo, folders, number, read_cpuinfo, text

# MIDR part numbers (ARM's technical reference manuals; Linux arch/arm64/include/asm/cputype.h).
_ARM_PARTS = {
    "0xb76": "ARM1176",
    "0xc07": "Cortex-A7",
    "0xc08": "Cortex-A8",
    "0xc09": "Cortex-A9",
    "0xc0f": "Cortex-A15",
    "0xd03": "Cortex-A53",
    "0xd04": "Cortex-A35",
    "0xd05": "Cortex-A55",
    "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72",
    "0xd09": "Cortex-A73",
    "0xd0a": "Cortex-A75",
    "0xd0b": "Cortex-A76",
    "0xd0c": "Neoverse-N1",
    "0xd40": "Neoverse-V1",
    "0xd41": "Cortex-A78",
    "0xd49": "Neoverse-N2",
    "0xd4f": "Neoverse-V2",
}
_ARM = "0x41"

# The flags that decide which kernels run, or whether a program runs at all (`vfp`); the rest is noise.
RELEVANT_FLAGS = frozenset(
    {"asimd", "asimddp", "asimdhp", "fphp", "i8mm", "bf16", "sve", "sve2", "svei8mm", "neon", "vfp"}
    | {"sse4_1", "sse4_2", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512_vnni", "avx_vnni", "avx_vnni_int8"}
    | {"avx512_bf16", "amx_int8"}
)


def read_processor(root: Path, *, arch: str, cores: int) -> Processor:
    """Read what `root` tells; `arch` and `cores` come from the running system."""
    cpuinfo = read_cpuinfo(root)
    board = read_board(root, cpuinfo)
    return Processor(
        board=board or _maker(root) or cpuinfo.model_name or "unknown",
        model=board or cpuinfo.model_name or platform.processor() or "unknown",
        arch=arch,
        cores=cores,
        core_types=_core_types(cpuinfo),
        isa=relevant_flags(cpuinfo),
        policies=read_policies(root),
    )


def read_board(root: Path, cpuinfo: CpuInfo) -> str | None:
    """Model of the board; None where there is none, as on a PC. A container hides the device tree, which Linux keeps
    below /sys/firmware, and shows /proc/cpuinfo."""
    return text(root / "proc/device-tree/model") or cpuinfo.board


def relevant_flags(cpuinfo: CpuInfo) -> tuple[str, ...] | None:
    """The processor's flags that decide kernels, sorted; None where they cannot be read."""
    return None if cpuinfo.flags is None else tuple(sorted(RELEVANT_FLAGS & cpuinfo.flags))


def _maker(root: Path) -> str | None:
    """Who made this computer and what it is called, on a PC."""
    dmi = [text(root / f"sys/class/dmi/id/{name}") for name in ("sys_vendor", "product_name")]
    return " ".join(word for word in dmi if word) or None


def _core_types(cpuinfo: CpuInfo) -> tuple[CoreType, ...]:
    """Kinds of cores, in the order of their first core."""
    kinds: Counter[tuple[str | None, str | None, str]] = Counter()
    for core in cpuinfo.cores:
        implementer, part = core.get("CPU implementer"), core.get("CPU part")
        known = _ARM_PARTS.get(part or "") if implementer == _ARM else None
        kinds[implementer, part, known or core.get("model name") or "unknown core"] += 1
    return tuple(
        CoreType(name=name, implementer=implementer, part=part, count=count)
        for (implementer, part, name), count in kinds.items()
    )


def read_policies(root: Path) -> tuple[ClockPolicy, ...]:
    """How the clocks are chosen and what they are now; empty where it cannot be read."""
    found = folders(root / "sys/devices/system/cpu/cpufreq", "policy*")
    return tuple(_policy(folder) for folder in found or folders(root / "sys/devices/system/cpu", "cpu0/cpufreq"))


def _policy(folder: Path) -> ClockPolicy:
    def mhz(name: str) -> float | None:
        kilohertz = number(folder / name)
        return None if kilohertz is None else round(kilohertz / 1e3, 1)

    return ClockPolicy(
        policy=folder.name,
        governor=text(folder / "scaling_governor"),
        current_mhz=mhz("scaling_cur_freq"),
        allowed_mhz=mhz("scaling_max_freq"),
        hardware_mhz=mhz("cpuinfo_max_freq"),
    )
