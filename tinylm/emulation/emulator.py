"""A program for another processor as a command of this machine, with its instructions counted.

    with emulation(PROCESSORS["Cortex-A53"]) as emulated:
        subprocess.run(emulated.command([program, "--golden"]))
        emulated.counted().instructions

The program's own clock is its instruction count: a nanosecond each. What it reads of its memory in /proc is the
emulator's; `counted()` has its own.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.emulation.counter import counter_library
from tinylm.emulation.processors import EmulatedProcessor

NS_PER_INSTRUCTION = 1
"""Of the guest's clock."""
_GUEST_BYTES = 2**32
"""Address space of the guest: all that a 32-bit one has, and enough for any program here."""
INSTALL = "sudo apt-get install qemu-user"


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What one run of a program took."""

    instructions: int
    resident_bytes: int | None
    """Of its memory at its end, without the emulator; None where that is not known."""


@dataclass(frozen=True, kw_only=True)
class Emulation:
    """Ready to run programs for one processor."""

    processor: EmulatedProcessor
    emulator: str
    counter: Path
    report: Path
    """Where the counter writes."""

    def command(self, program: Sequence[str]) -> list[str]:
        """What runs `program` with its arguments; its standard streams are the program's own."""
        options = [] if self.processor.cpu is None else ["-cpu", self.processor.cpu]
        if self.processor.family != "arm":  # a 32-bit guest has its addresses reserved anyway
            options += ["-R", hex(_GUEST_BYTES)]
        plugin = f"{self.counter},out={self.report},reserved={_GUEST_BYTES}"
        # The guest must not look for the emulator's library.
        start = ["env", f"LD_PRELOAD={self.counter}", self.emulator, "-U", "LD_PRELOAD", *options, "-plugin", plugin]
        return [*start, *program]

    def counted(self) -> Counted:
        """What the last program to end took; TinylmError (exit code 3) when this emulator did not count."""
        try:
            instructions, resident = map(int, self.report.read_text(encoding="ascii").split())
        except (OSError, ValueError) as error:
            raise TinylmError(
                f"`{self.emulator}` counted no instructions",
                f"it must load plugins of version 1, as Debian 12's does and a static one does not: {INSTALL}",
                exit_code=3,
            ) from error
        return Counted(instructions=instructions, resident_bytes=resident or None)


@contextlib.contextmanager
def emulation(processor: EmulatedProcessor) -> Iterator[Emulation]:
    """For as long as the block runs; TinylmError (exit code 3) when the emulator or the counter is not there."""
    emulator = shutil.which(processor.emulator)
    if emulator is None:
        raise TinylmError(
            f"`{processor.emulator}` is not installed, which runs programs for {processor.arch}", INSTALL, exit_code=3
        )
    counter = counter_library()
    with tempfile.TemporaryDirectory(prefix="tinylm-emulation-") as folder:
        yield Emulation(processor=processor, emulator=emulator, counter=counter, report=Path(folder, "counted"))
