"""Free space, and how fast the disk that tinylm lives on writes and reads.

An SD card that needs seconds to sync is the reason for slow starts, and a failing one for much else. The test writes
8 MB once, syncs, reads them back and removes them; it needs no root, so the read may come partly from the cache.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tinylm.machine.facts import Storage
from tinylm.machine.kernel_files import text

TEST_BYTES = 8_000_000
_LEAST_FREE_BYTES = 64_000_000
"""The test must not be what fills a disk."""
_BLOCK_BYTES = 1_000_000
_IN_MEMORY = {"tmpfs", "ramfs"}


@dataclass(frozen=True)
class _Mount:
    filesystem: str
    device: str
    read_only: bool


def read_storage(root: Path, folder: Path | None = None) -> Storage:
    """Look at the disk under `folder`, by default where a user's state lies, and test its speed."""
    folder = (folder or state_folder(root)).absolute()
    mount = _mount(root, folder)
    total, free = _space(folder)
    write = read = None
    problem = None
    if free is not None and free < _LEAST_FREE_BYTES:
        problem = f"less than {_LEAST_FREE_BYTES / 1e6:.0f} MB are free"
    else:
        try:
            write, read = measure(folder)
        except OSError as error:
            problem = f"`{folder}` cannot be written: {error.strerror}"
    return Storage(
        folder=str(folder),
        filesystem=mount.filesystem if mount else None,
        device=mount.device if mount else None,
        sd_card=_sd_card(root, mount),
        total_mb=None if total is None else round(total / 1e6, 1),
        free_mb=None if free is None else round(free / 1e6, 1),
        read_only=mount.read_only if mount else None,
        tested_mb=0.0 if write is None else TEST_BYTES / 1e6,
        write_mb_per_s=write,
        read_mb_per_s=read,
        problem=problem,
    )


def _space(folder: Path) -> tuple[int | None, int | None]:
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None, None
    return usage.total, usage.free


def state_folder(root: Path = Path("/")) -> Path:
    """An existing folder of the user's on a real disk: XDG's state folder, the home folder, or the temporary one."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111  # Path.home() raises where there is none
    named = os.environ.get("XDG_STATE_HOME")
    candidates = [*([Path(named)] if named else []), home / ".local/state", home, Path(tempfile.gettempdir())]
    for folder in candidates:
        mount = _mount(root, folder)
        in_memory = mount is not None and mount.filesystem in _IN_MEMORY
        if folder.is_dir() and os.access(folder, os.W_OK) and not in_memory:
            return folder
    return candidates[-1]


def measure(folder: Path) -> tuple[float, float]:
    """Write (with fsync) and read speed in MB/s; the file is gone afterwards. OSError when it cannot be written."""
    block = os.urandom(_BLOCK_BYTES)  # a disk that compresses must not look fast
    descriptor, name = tempfile.mkstemp(prefix=".tinylm-doctor-", dir=folder)
    try:
        # The name goes at once: whatever ends this process, nothing stays behind.
        with contextlib.suppress(OSError):
            Path(name).unlink()
        start = time.perf_counter()
        for _ in range(TEST_BYTES // _BLOCK_BYTES):
            view = memoryview(block)
            while view:
                view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
        written = time.perf_counter() - start
        with contextlib.suppress(AttributeError, OSError):  # ask the kernel to forget what it has cached
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.lseek(descriptor, 0, os.SEEK_SET)
        start = time.perf_counter()
        while os.read(descriptor, _BLOCK_BYTES):
            pass
        read = time.perf_counter() - start
    finally:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            Path(name).unlink(missing_ok=True)
    return _speed(written), _speed(read)


def _speed(seconds: float) -> float:
    return round(TEST_BYTES / 1e6 / max(seconds, 1e-6), 1)


def _mount(root: Path, folder: Path) -> _Mount | None:
    """The mount that holds `folder`: the longest mount point above it, the later one of two."""
    best: tuple[int, _Mount] | None = None
    for line in (text(root / "proc/mounts") or "").splitlines():
        words = line.split()
        if len(words) < 4:
            continue
        point = Path(words[1].replace("\\040", " "))
        if folder.is_relative_to(point) and (best is None or len(point.parts) >= best[0]):
            mount = _Mount(filesystem=words[2], device=words[0], read_only="ro" in words[3].split(","))
            best = (len(point.parts), mount)
    return best[1] if best else None


def _sd_card(root: Path, mount: _Mount | None) -> bool | None:
    """Whether the mount's device is an SD card; soldered eMMC has the same kind of name and says `MMC`."""
    if mount is None or not mount.device.startswith("/dev/"):
        return None
    name = Path(mount.device).name
    if name == "root":  # what an initramfs leaves; only the boot options know more
        for word in (text(root / "proc/cmdline") or "").split():
            if word.startswith("root=/dev/"):
                name = Path(word).name
    if not name.startswith("mmcblk"):
        return False if name != "root" else None
    return (text(root / f"sys/block/{name.partition('p')[0]}/device/type") or "SD") == "SD"
