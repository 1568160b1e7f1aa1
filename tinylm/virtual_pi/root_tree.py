"""The files of a Debian system that was installed without running anything of it.

The packages' own scripts are for another processor and are never run, so what they would have left behind (accounts,
links, keys) is written here, and by the files in `deploy/virtual-pi/root`. The image's first boot does the rest.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.files import sha256_bytes
from tinylm.base.package import shipped_folder
from tinylm.virtual_pi.disk import PI_ID
from tinylm.virtual_pi.programs import find_program, last_line

_NOT_UNPACKED = ("doc", "man", "locale", "info", "lintian", "bash-completion", "zoneinfo")
_MODES = {"etc/sudoers.d/pi": 0o440}
_SSHD_ID = 990
_STARTED = ("ssh.service",)


def guest_files() -> Path:
    """The folder `deploy/virtual-pi/`, what lands in the emulated board."""
    return shipped_folder("deploy_files", checkout="deploy") / "virtual-pi"


def read_guest_files() -> dict[str, bytes]:
    """Everything in it by path, sorted: it decides what an image is."""
    folder = guest_files()
    files = [path for path in folder.rglob("*") if path.is_file()]
    return dict(sorted((path.relative_to(folder).as_posix(), path.read_bytes()) for path in files))


def guest_files_sha256() -> str:
    """One hash over all names and contents."""
    parts = [f"{name} {sha256_bytes(data)}\n" for name, data in read_guest_files().items()]
    return sha256_bytes("".join(parts).encode())


def unpack(packages: Sequence[Path], root: Path) -> None:
    """Lay the packages' files out in `root`; TinylmError names the package that cannot be unpacked."""
    for folder in ("usr/bin", "usr/sbin", "usr/lib"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for folder in ("bin", "sbin", "lib"):  # merged /usr, as every Debian since 12 has it
        (root / folder).symlink_to(f"usr/{folder}")
    exclude = [f"--exclude=./usr/share/{name}/*" for name in _NOT_UNPACKED]
    options = ["--extract", "--preserve-permissions", "--no-same-owner", "--keep-directory-symlink"]
    for package in packages:
        with subprocess.Popen(
            [find_program("dpkg-deb"), "--fsys-tarfile", str(package)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as archive:
            done = subprocess.run(
                [find_program("tar"), *options, *exclude, "-C", str(root)],
                stdin=archive.stdout,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
        if done.returncode != 0 or archive.returncode != 0:
            raise TinylmError(
                f"the package `{package.name}` cannot be unpacked: {last_line(done.stderr)}",
                "check the disk space",
                exit_code=3,
            )


def configure(root: Path, *, machine_id: str, authorized_key: str, host_key: Path) -> None:
    """Make the unpacked files a system: accounts, services, keys. `machine_id` is 32 hexadecimal digits."""
    for name, data in read_guest_files().items():
        if name.startswith("root/"):
            _write(root, name.removeprefix("root/"), data, _MODES.get(name.removeprefix("root/"), 0o644))
    masked = read_guest_files()["masked-units"].decode().splitlines()
    units = root / "etc/systemd/system"
    for unit in (line.strip() for line in masked if line.strip() and not line.startswith("#")):
        _link(units / unit, "/dev/null")
    _link(units / "default.target", "/lib/systemd/system/multi-user.target")
    for unit in _STARTED:
        _link(units / "multi-user.target.wants" / unit, f"/lib/systemd/system/{unit}")
    _accounts(root)
    _write(root, "etc/machine-id", f"{machine_id}\n".encode(), 0o444)
    _write(root, "etc/fstab", b"", 0o644)
    _write(root, "etc/ssh/ssh_host_ed25519_key", host_key.read_bytes(), 0o600)
    for home in ("root", "home/pi"):
        (root / home / ".ssh").mkdir(parents=True, exist_ok=True)
        (root / home / ".ssh").chmod(0o700)
        _write(root, f"{home}/.ssh/authorized_keys", authorized_key.encode(), 0o600)
    shutil.copy(root / "etc/skel/.bashrc", root / "home/pi/.bashrc")
    for folder, mode in {"dev": 0o755, "proc": 0o555, "sys": 0o555, "run": 0o755, "tmp": 0o1777, "root": 0o700}.items():
        (root / folder).mkdir(exist_ok=True)
        (root / folder).chmod(mode)
    (root / "var/tmp").mkdir(parents=True, exist_ok=True)
    (root / "var/tmp").chmod(0o1777)
    # Newer than /usr: systemd has nothing to bring up to date.
    for folder in ("etc", "var"):
        _write(root, f"{folder}/.updated", b"", 0o644)


def _accounts(root: Path) -> None:
    """The accounts of base-passwd's master files, `sshd` and the user `pi`; no password opens any of them."""
    masters = root / "usr/share/base-passwd"
    passwd = (masters / "passwd.master").read_text(encoding="ascii")
    group = (masters / "group.master").read_text(encoding="ascii")
    passwd += f"sshd:*:{_SSHD_ID}:65534::/run/sshd:/usr/sbin/nologin\npi:*:{PI_ID}:{PI_ID}::/home/pi:/bin/bash\n"
    group += f"_ssh:*:{_SSHD_ID}:\npi:*:{PI_ID}:\n"
    names = [line.partition(":")[0] for line in passwd.splitlines()]
    groups = [line.partition(":")[0] for line in group.splitlines()]
    texts = {
        "passwd": (passwd.replace(":*:", ":x:"), 0o644),
        "group": (group.replace(":*:", ":x:"), 0o644),
        "shadow": ("".join(f"{name}:*:19000:0:99999:7:::\n" for name in names), 0o600),
        "gshadow": ("".join(f"{name}:*::\n" for name in groups), 0o600),
    }
    for name, (text, mode) in texts.items():
        _write(root, f"etc/{name}", text.encode(), mode)


def _write(root: Path, name: str, data: bytes, mode: int) -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)  # a package may have left a link there
    file.write_bytes(data)
    file.chmod(mode)


def _link(link: Path, target: str) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(target)
