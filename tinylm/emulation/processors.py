"""The processors that qemu's user emulation imitates here: one for each set of kernels that the native engine has."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

Family = Literal["x86_64", "aarch64", "arm", "riscv64"]
"""Of processors that run the same program files."""


@dataclass(frozen=True, kw_only=True)
class EmulatedProcessor:
    """A processor, and what imitates it."""

    name: str
    family: Family
    arch: str
    """What `uname -m` says on it."""
    cpu: str | None
    """For the emulator's `-cpu`; None for what it takes by itself."""
    isa: tuple[str, ...] = ()
    """Flags by which it differs from others of the same `arch`."""

    @property
    def emulator(self) -> str:
        """The program that imitates it."""
        return f"qemu-{self.family}"


PROCESSORS = {
    processor.name: processor
    for processor in (
        EmulatedProcessor(
            name="Cortex-A76", family="aarch64", arch="aarch64", cpu="cortex-a76", isa=("asimd", "asimddp")
        ),
        EmulatedProcessor(name="Cortex-A53", family="aarch64", arch="aarch64", cpu="cortex-a53", isa=("asimd",)),
        EmulatedProcessor(name="Cortex-A7", family="arm", arch="armv7l", cpu="cortex-a7", isa=("neon", "vfp")),
        EmulatedProcessor(name="ARM1176", family="arm", arch="armv6l", cpu="arm1176", isa=("vfp",)),
        # The C906's own vectors are a draft that qemu does not know, and no kernel uses them.
        EmulatedProcessor(name="RV64GC", family="riscv64", arch="riscv64", cpu=None),
    )
}
"""By name; of the same `arch` the one with most flags first."""


def processor_of(arch: str | None, isa: Collection[str]) -> EmulatedProcessor | None:
    """The processor that runs the same kernels as one of this `arch` with these flags; None where there is none."""
    arch = "aarch64" if arch == "arm64" else arch
    same = [processor for processor in PROCESSORS.values() if processor.arch == arch]
    # Flags beyond those that kernels ask for change nothing. A budget may name fewer than its board has.
    like = [processor for processor in same if set(processor.isa) <= set(isa)]
    if like:
        return max(like, key=lambda processor: len(processor.isa))
    return min(same, key=lambda processor: len(processor.isa), default=None)
