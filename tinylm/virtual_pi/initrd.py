"""The first files that the kernel sees: busybox, the drivers of disk and network, and `deploy/virtual-pi/initrd/init`.

The cpio archive ("newc", https://docs.kernel.org/driver-api/early-userspace/buffer-format.html) is written here rather
than by `cpio`: it is a header per file, and everything in it belongs to root whoever builds it.
"""

from __future__ import annotations

import gzip
import lzma
import re
from collections.abc import Mapping
from pathlib import Path

from tinylm.base.errors import TinylmError

DRIVERS = ("virtio_mmio", "virtio_blk", "virtio_net", "virtio_rng", "ext4")
"""Those that are built into a kernel are left out by themselves."""

_FOLDER, _FILE = 0o040755, 0o100755


def make_initrd(*, modules: Path, busybox: bytes, init: bytes) -> bytes:
    """The archive, compressed; `modules` is the kernel's `lib/modules/VERSION`."""
    drivers = load_order(modules)
    contents: dict[str, bytes | None] = dict.fromkeys(("bin", "dev", "proc", "sys", "root", "modules"))
    contents |= {"bin/busybox": busybox, "init": init}
    contents |= {f"modules/{name}": data for name, data in drivers.items()}
    contents["modules/order"] = "".join(f"{name}\n" for name in drivers).encode()
    return gzip.compress(newc(contents), compresslevel=1, mtime=0)


def load_order(modules: Path) -> dict[str, bytes]:
    """The drivers and what they depend on, by file name, in an order in which each finds its dependencies loaded."""
    files = {_plain(file): file for file in sorted(modules.rglob("*.ko*"))}
    built_in = {_plain(Path(line)) for line in (modules / "modules.builtin").read_text(encoding="ascii").splitlines()}
    order: dict[str, bytes] = {}

    def load(name: str) -> None:
        if name in built_in or f"{name}.ko" in order:
            return
        if name not in files:
            raise TinylmError(f"the kernel has no driver `{name}`", "this is a fault of tinylm: report it", exit_code=3)
        data = _decompressed(files[name])
        for needed in dependencies(data):
            load(needed)
        order[f"{name}.ko"] = data

    for name in DRIVERS:
        load(name)
    return order


def dependencies(module: bytes) -> list[str]:
    """Names in the `depends=` of a module's .modinfo section, where fields end in NUL."""
    found = re.search(rb"\0depends=([^\0]*)\0", module)
    names = found.group(1).decode("ascii").split(",") if found else []
    return [name.replace("-", "_") for name in names if name]


def newc(contents: Mapping[str, bytes | None]) -> bytes:
    """A cpio archive of folders (None) and executable files, in the order given."""
    archive = bytearray()
    for number, (name, data) in enumerate({**contents, "TRAILER!!!": b""}.items(), start=1):
        mode = _FOLDER if data is None else _FILE
        body, path = data or b"", name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(body), 0, 0, 0, 0, len(path), 0)
        archive += b"070701" + b"".join(b"%08X" % field for field in fields) + path
        archive += bytes(-len(archive) % 4) + body
        archive += bytes(-len(archive) % 4)
    return bytes(archive)


def _plain(file: Path) -> str:
    """`virtio_rng` for `.../virtio-rng.ko.xz`: the kernel takes both spellings for one."""
    return file.name.partition(".")[0].replace("-", "_")


def _decompressed(file: Path) -> bytes:
    data = file.read_bytes()
    return lzma.decompress(data) if file.suffix == ".xz" else data
