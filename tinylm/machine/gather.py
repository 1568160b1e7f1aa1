"""All facts of a machine, in order; nothing here needs root, a network, or more than a few seconds."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from pathlib import Path

from tinylm.machine.facts import Facts
from tinylm.machine.firmware import read_firmware
from tinylm.machine.memory import read_memory
from tinylm.machine.processor import read_processor
from tinylm.machine.software import read_software
from tinylm.machine.storage import read_storage
from tinylm.machine.surroundings import read_surroundings


def read_facts(root: Path = Path("/"), *, announce: Callable[[str], None]) -> Facts:
    """Read this machine; `root` is where `proc` and `sys` lie. `announce` gets a line before what takes time."""
    # Before anything here makes load of its own.
    announce("looking around: clock, load, other processes")
    surroundings = read_surroundings(root)
    announce("reading the board, its memory and its clocks")
    processor = read_processor(root, arch=platform.machine(), cores=os.cpu_count() or 1)
    memory, firmware = read_memory(root), read_firmware(root)
    announce("trying imports, each in a process of its own")
    software = read_software(root)
    announce("writing and reading a small file")
    return Facts(
        processor=processor,
        memory=memory,
        software=software,
        firmware=firmware,
        storage=read_storage(root),
        surroundings=surroundings,
    )
