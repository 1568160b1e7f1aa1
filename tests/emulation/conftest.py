"""A program for each processor that is imitated: it asks for the time, does a loop, and writes how long that took.

Without a C library, so that it is compiled in a moment.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tinylm.emulation.emulator import INSTALL
from tinylm.emulation.processors import PROCESSORS

SOURCE = r"""
#if defined(__aarch64__)
enum { WRITE = 64, EXIT = 93, GETTIME = 113 };
static long call(long n, long a, long b, long c) {
    register long x8 __asm__("x8") = n, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
}
#elif defined(__riscv)
enum { WRITE = 64, EXIT = 93, GETTIME = 113 };
static long call(long n, long a, long b, long c) {
    register long a7 __asm__("a7") = n, a0 __asm__("a0") = a, a1 __asm__("a1") = b, a2 __asm__("a2") = c;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2) : "memory");
    return a0;
}
#else
enum { WRITE = 4, EXIT = 1, GETTIME = 403 };
static long call(long n, long a, long b, long c) {
    register long r7 __asm__("r7") = n, r0 __asm__("r0") = a, r1 __asm__("r1") = b, r2 __asm__("r2") = c;
    __asm__ volatile("svc 0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2) : "memory");
    return r0;
}
#endif
static char touched[BYTES];
void _start(void) {
    struct { long long s, ns; } before, after;
    call(GETTIME, 1, (long)&before, 0);
    for (volatile int i = 0; i < 10000; i++)
        ;
    call(GETTIME, 1, (long)&after, 0);
    for (int i = 0; i < BYTES; i += 4096) ((volatile char *)touched)[i] = 1;
    int ns = (int)(after.ns - before.ns);
    call(WRITE, 1, (long)&ns, sizeof ns);
    call(EXIT, 0, 0, 0);
    for (;;) {}
}
"""


@pytest.fixture(scope="session")
def timed_loop(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`timed_loop(name, touched_bytes=4096)`: the program for the processor of that name."""
    pytest.importorskip("ziglang", reason="pip install ziglang: it compiles the emulated program")
    if missing := [p.emulator for p in PROCESSORS.values() if not shutil.which(p.emulator)]:
        pytest.skip(f"{missing[0]} is not installed: {INSTALL}")
    folder = tmp_path_factory.mktemp("emulated")
    (folder / "loop.c").write_text(SOURCE)
    cpus = {"ARM1176": "arm1176jzf_s", "Cortex-A7": "cortex_a7", "RV64GC": "baseline_rv64"}
    families = {"aarch64": "aarch64-linux-musl", "arm": "arm-linux-musleabihf", "riscv64": "riscv64-linux-musl"}

    def make(name: str, touched_bytes: int = 4096) -> Path:
        processor, program = PROCESSORS[name], folder / f"{name}-{touched_bytes}"
        if not program.exists():
            flags = ["-target", families[processor.family], f"-mcpu={cpus.get(name, name.lower().replace('-', '_'))}"]
            flags += ["-O1", "-nostdlib", "-ffreestanding", "-static", f"-DBYTES={touched_bytes}"]
            command = [sys.executable, "-m", "ziglang", "cc", *flags, str(folder / "loop.c"), "-o", str(program)]
            subprocess.run(command, check=True)
        return program

    return make
