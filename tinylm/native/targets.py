"""What the C sources are compiled for: processors, C libraries, and the flags of every file. A small table.

A compiler that is not told uses whatever the machine that builds has, so every target names its oldest processor here.
What newer ones have beyond it lies in kernels of their own, each a file in `engine/kernels/` that is compiled for one
instruction set and asked for at run time only where the processor has it.
"""

from __future__ import annotations

import os
import struct
import sys
from dataclasses import dataclass
from typing import Literal

CLibrary = Literal["gnu", "musl"]


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A family of processors and the oldest of them that tinylm runs on."""

    name: str
    cpu: str
    """In the compiler's words: what may be used everywhere."""
    triple: str
    """Of the compiler, before the C library's name."""
    abi: str
    """Behind the C library's name."""
    glibc: str
    """The oldest that a library runs with."""
    tag: str
    """In the names of wheels and in `uname -m`."""


ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        Architecture(name="x86_64", cpu="x86_64", triple="x86_64", abi="", glibc="2.17", tag="x86_64"),
        Architecture(
            name="aarch64",  # a Raspberry Pi's Cortex-A53 and Cortex-A72 lack the A53's optional cryptography
            cpu="cortex_a53-aes-sha2-crc",
            triple="aarch64",
            abi="",
            glibc="2.17",
            tag="aarch64",
        ),
        Architecture(name="armv7", cpu="cortex_a7", triple="arm", abi="eabihf", glibc="2.17", tag="armv7l"),
        Architecture(name="armv6", cpu="arm1176jzf_s", triple="arm", abi="eabihf", glibc="2.17", tag="armv6l"),
        Architecture(name="riscv64", cpu="baseline_rv64", triple="riscv64", abi="", glibc="2.31", tag="riscv64"),
    )
}


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """For whom a file in `engine/kernels/` is compiled, and with what beyond the oldest processor's instructions."""

    architectures: tuple[str, ...] = tuple(ARCHITECTURES)
    features: str = ""


KERNELS = {
    "scalar.c": Kernel(),
    "sse2.c": Kernel(architectures=("x86_64",)),
    "avx2.c": Kernel(architectures=("x86_64",), features="+avx2"),
    "avxvnni.c": Kernel(architectures=("x86_64",), features="+avx2+avxvnni"),
    "avx512vnni.c": Kernel(architectures=("x86_64",), features="+avx2+avx512f+avx512bw+avx512vl+avx512dq+avx512vnni"),
    "neon.c": Kernel(architectures=("aarch64", "armv7")),
    "dotprod.c": Kernel(architectures=("aarch64",), features="+dotprod"),
    "smlad.c": Kernel(architectures=("armv6",)),
}

FLAGS = (
    *("-std=gnu11", "-O3", "-g0", "-Wall", "-Wextra", "-fvisibility=hidden"),
    "-ffp-contract=off",  # clang fuses a product and a sum where a loop ends: other bits than in its middle
    "-fno-math-errno",  # a square root is one instruction
    "-fno-sanitize=all",  # zig's default, which needs its own library
)
SMALL = ("-Os",)
"""Of what no token waits for: a fifth of the program."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A processor and a C library."""

    architecture: Architecture
    c_library: CLibrary

    @property
    def triple(self) -> str:
        """What zig's `-target` takes; with the glibc that its symbols must be found in."""
        version = f".{self.architecture.glibc}" if self.c_library == "gnu" else ""
        return f"{self.architecture.triple}-linux-{self.c_library}{self.architecture.abi}{version}"

    @property
    def wheel_tag(self) -> str:
        """The platform in a wheel's name."""
        tag = self.architecture.tag
        if self.c_library == "musl":
            return f"musllinux_1_2_{tag}"
        # manylinux knows no ARMv6
        return f"linux_{tag}" if tag == "armv6l" else f"manylinux_{self.architecture.glibc.replace('.', '_')}_{tag}"

    def is_idle(self, file: str) -> bool:
        """Whether no token waits for it: the program's own code, and plain C where every processor has vectors."""
        vectors = self.architecture.name in ("x86_64", "aarch64")
        return file.startswith("program/") or (vectors and file == "engine/kernels/scalar.c")

    def cpu(self, file: str) -> str | None:
        """What zig's `-mcpu` takes for a source file, named from the folder `native`; None: not for this processor.

        KeyError for a kernel that is missing in the table.
        """
        folder, _, name = file.rpartition("/")
        if folder != "engine/kernels":
            return self.architecture.cpu
        kernel = KERNELS[name]
        return self.architecture.cpu + kernel.features if self.architecture.name in kernel.architectures else None


TARGETS = tuple(
    Target(architecture=architecture, c_library=c_library)
    for architecture in ARCHITECTURES.values()
    for c_library in ("gnu", "musl")
)


def target_of_wheel(tag: str) -> Target | None:
    """The target whose wheels have this platform tag."""
    return next((target for target in TARGETS if target.wheel_tag == tag), None)


def host_target() -> Target | None:
    """This Python's own target; None where there is none, as on macOS or in a 32-bit x86 userland."""
    if sys.platform != "linux":
        return None
    machine, bits = os.uname().machine, 8 * struct.calcsize("P")
    if machine in ("aarch64", "armv8l") and bits == 32:
        machine = "armv7l"  # a 32-bit userland under a 64-bit kernel
    try:
        c_library: CLibrary = "gnu" if (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc") else "musl"
    except (ValueError, OSError):
        c_library = "musl"
    for target in TARGETS:
        wide = target.architecture.tag.endswith("64")
        if target.architecture.tag == machine and target.c_library == c_library and wide == (bits == 64):
            return target
    return None
