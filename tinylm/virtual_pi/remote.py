"""ssh and scp to a virtual Pi: the image's own key, its pinned host key, and nothing of the user's configuration."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from tinylm.virtual_pi.programs import find_program

User = Literal["pi", "root"]

KEY, HOST_KEY, KNOWN_HOSTS = "id_ed25519", "host_ed25519", "known_hosts"
"""Files of an image."""
HOST_ALIAS = "tinylm-virtual-pi"
"""The name under which every machine's key is known, whatever its port."""


def ssh_options(image: Path) -> list[str]:
    """Options for ssh and scp, independent of the machine's port."""
    options = {
        "IdentityFile": f'"{image / KEY}"',
        "IdentitiesOnly": "yes",
        "HostKeyAlias": HOST_ALIAS,
        "UserKnownHostsFile": f'"{image / KNOWN_HOSTS}"',
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "BatchMode": "yes",
        "LogLevel": "ERROR",
        # Under emulation a key exchange takes seconds; a guest that is gone must still be noticed.
        "ConnectTimeout": "60",
        "ServerAliveInterval": "30",
        "ServerAliveCountMax": "4",
    }
    return ["-F", "none", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]


def ssh_command(*, image: Path, port: int, command: Sequence[str], user: User = "pi") -> list[str]:
    """`ssh` to the machine at `port`, running `command` there, or a shell when it is empty."""
    return [find_program("ssh"), *ssh_options(image), "-p", str(port), f"{user}@127.0.0.1", *command]


def scp_command(*, image: Path, port: int, paths: Sequence[str], user: User = "pi") -> list[str]:
    """`scp -r` of `paths`, in which a leading `pi:` stands for the machine, as in `pi:/tmp/file`."""
    there = [f"{user}@127.0.0.1:{path.removeprefix('pi:')}" if path.startswith("pi:") else path for path in paths]
    return [find_program("scp"), "-q", "-r", *ssh_options(image), "-P", str(port), *there]


def run_remote(command: Sequence[str], *, timeout_s: float) -> subprocess.CompletedProcess[str]:
    """Run an ssh or scp command to its end; subprocess.TimeoutExpired when it takes longer."""
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
        check=False,
    )
