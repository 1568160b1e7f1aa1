"""The programs that the virtual Pi is made with and runs in; a missing one names the line that installs it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tinylm.base.errors import TinylmError

QEMU = "qemu-system-aarch64"
_PACKAGES = {
    QEMU: "qemu-system-arm",
    "qemu-img": "qemu-utils",
    "mke2fs": "e2fsprogs",
    "debugfs": "e2fsprogs",
    "ssh": "openssh-client",
    "scp": "openssh-client",
    "ssh-keygen": "openssh-client",
    "apt-get": "apt",
    "apt-cache": "apt",
    "dpkg-deb": "dpkg",
    "tar": "tar",
}
RUNNING = (QEMU, "ssh", "scp")
BUILDING = ("apt-get", "apt-cache", "dpkg-deb", "tar", "mke2fs", "debugfs", "ssh-keygen")


def find_program(name: str) -> str:
    """The program's path; TinylmError (exit code 3: nothing can be measured here) when it is not installed."""
    # mke2fs and debugfs lie in sbin, which is not on everybody's path.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    found = shutil.which(name, path=path)
    if found is None:
        raise TinylmError(f"`{name}` is not installed", install_line(), exit_code=3)
    return found


def check_programs(names: Sequence[str]) -> None:
    """Fail early, before minutes of work, when one of them is missing."""
    for name in names:
        find_program(name)


def install_line() -> str:
    """The command that installs everything a virtual Pi needs on Debian and Ubuntu."""
    packages = sorted(set(_PACKAGES.values()) - {"apt", "dpkg", "tar"})
    return f"sudo apt-get install --no-install-recommends {' '.join(packages)}"


def run_program(command: Sequence[str | Path], *, what: str, text: str | None = None) -> str:
    """Run a program to its end and return what it printed; TinylmError says `what` failed, with its last line."""
    name, *arguments = map(str, command)
    try:
        done = subprocess.run(
            [find_program(name), *arguments],
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except OSError as error:
        raise TinylmError(f"{what}: `{name}` could not be started: {error.strerror}", exit_code=3) from error
    if done.returncode != 0:
        raise TinylmError(
            f"{what}: `{name}` ended with code {done.returncode}: {last_line(done.stderr)}",
            "check the network, the disk space and the rights on the folder",
            exit_code=3,
        )
    return done.stdout


def last_line(output: str) -> str:
    """The last line that says something, for an error of one line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"
