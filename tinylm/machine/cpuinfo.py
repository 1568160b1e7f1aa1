"""/proc/cpuinfo, read in one place: what the kernel says of the cores, and the board where a Raspberry Pi adds it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tinylm.machine.kernel_files import fields, text


@dataclass(frozen=True, kw_only=True)
class CpuInfo:
    """Empty where the file cannot be read."""

    first: dict[str, str]
    """The first value of every name, such as `model name` or `CPU part`."""
    cores: tuple[dict[str, str], ...]
    """The lines of each core, in order."""

    @property
    def flags(self) -> frozenset[str] | None:
        """The first core's features as Linux names them (`avx2`, `asimddp`); None where it does not tell."""
        found = self.first.get("flags") or self.first.get("Features")  # x86, ARM
        return None if found is None else frozenset(found.split())

    @property
    def board(self) -> str | None:
        """Only a Raspberry Pi's own kernel says it here."""
        return self.first.get("Model") or None

    @property
    def model_name(self) -> str | None:
        """Of the processor; on x86."""
        return self.first.get("model name") or None


def read_cpuinfo(root: Path = Path("/")) -> CpuInfo:
    """Read it; `root` is where `proc` lies."""
    content = text(root / "proc/cpuinfo") or ""
    blocks = map(fields, content.split("\n\n"))
    return CpuInfo(first=fields(content), cores=tuple(block for block in blocks if "processor" in block))
