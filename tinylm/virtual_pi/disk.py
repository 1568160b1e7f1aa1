"""A folder of files to a journalled ext4 file system, without being root and without mounting anything.

`mke2fs -d` copies files with the owner that they have here, which for anybody but root is the wrong one. debugfs then
sets the owners inside the image, which is a plain file.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from tinylm.virtual_pi.programs import run_program

SIZE_BYTES = 1536 * 2**20
"""Room for a virtual environment with everything in it, beside the system; the image file is sparse."""
PI_ID = 1000
"""User and group number of the unprivileged user, as on Raspberry Pi OS."""


def make_disk(*, root: Path, image: Path, key: str) -> None:
    """Write the files under `root` to the disk `image`; `key`, a hexadecimal hash, becomes the disk's UUID."""
    with image.open("wb") as file:
        file.truncate(SIZE_BYTES)
    identity = str(uuid.UUID(hex=key[:32]))
    # No reserved blocks: a full disk shall show in tests as it would on a card.
    options = ["-q", "-F", "-t", "ext4", "-m", "0", "-U", identity, "-E", f"hash_seed={identity},root_owner=0:0"]
    run_program(["mke2fs", *options, "-d", root, image], what="the virtual Pi's disk cannot be made")
    commands = "".join(f"{line}\n" for line in owner_commands(root, as_root=os.geteuid() == 0))
    run_program(["debugfs", "-w", "-f", "-", image], what="owners on the virtual Pi's disk", text=commands)


def owner_commands(root: Path, *, as_root: bool) -> Iterator[str]:
    """debugfs commands that give everything to root, and the home folder to its user.

    As root the files of `root` belong to root already, and only the home folder is named.
    """
    start = root / "home/pi" if as_root else root
    for folder, folders, files in os.walk(start):
        here = Path(folder).relative_to(root)
        names = [here / name for name in (*folders, *files)]
        for path in [here, *names] if folder == str(start) else names:
            owner = PI_ID if path.is_relative_to("home/pi") else 0
            for field in ("uid", "gid"):
                yield f'set_inode_field "/{path.as_posix() if path != Path() else ""}" {field} {owner}'
