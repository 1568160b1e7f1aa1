"""Debian packages for another processor: which ones, with which hashes, and the files themselves.

apt does the work in a folder of its own: nothing of this machine's package database is read or changed, and no root is
needed. Signatures are checked as always.

    apt = Apt(folder=folder, sources=sources_text(...))
    apt.update()
    packages = apt.resolve(SYSTEM)
    files = apt.download(packages, into=folder)
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from tinylm.base.errors import TinylmError
from tinylm.base.files import sha256
from tinylm.virtual_pi.programs import find_program, last_line, run_program

KERNEL = "linux-image-cloud-arm64"
"""The kernel for virtual machines: small, and it has everything that the emulator's devices need."""
INITRD_PACKAGE = "busybox-static"
SYSTEM = (
    KERNEL,
    INITRD_PACKAGE,
    # What Debian calls essential; with an empty package database nothing else asks for it.
    *("base-files", "base-passwd", "bash", "coreutils", "dash", "diffutils", "findutils", "grep", "gzip", "hostname"),
    *("libc-bin", "login", "mount", "procps", "sed", "tar", "util-linux"),
    *("systemd", "systemd-sysv", "openssh-server", "openssh-sftp-server", "sudo", "iproute2"),
)
PYTHON = ("python3-venv", "libgomp1", "libstdc++6")
"""And what the runtime needs beside its wheels."""
_NOT_WANTED = (
    # Dependencies of the kernel and of maintainer scripts, none of which run here.
    *("initramfs-tools", "klibc-utils", "libklibc", "linux-base", "cpio", "udev", "debconf", "ucf", "usrmerge"),
    *("perl", "libperl", "libfile-find-rule-perl", "libnumber-compare-perl", "libtext-glob-perl"),
    *("zstd", "kmod", "dracut-install", "ca-certificates", "openssl_"),
)
_CONFIGURATION = """\
#clear APT::Architectures;
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::NeverAutoRemove;
APT::Architecture "arm64";
APT::Architectures {{ "arm64"; }};
APT::Install-Recommends "false";
APT::Get::List-Cleanup "false";
APT::Update::Error-Mode "any";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::ForceHash "SHA256";
Acquire::Retries "3";
Debug::NoLocking "true";
Dir::State "{folder}/state";
Dir::State::lists "{folder}/state/lists";
Dir::State::status "{folder}/state/status";
Dir::Cache "{folder}/cache";
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "{folder}/sources";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::Log "{folder}/log";
"""


@dataclass(frozen=True, kw_only=True)
class Package:
    """One package file, as the signed index names it."""

    name: str
    version: str
    file: str
    sha256: str


class Apt:
    """apt for arm64 in the folder `folder`, reading the deb822 text `sources`."""

    def __init__(self, *, folder: Path, sources: str) -> None:
        self._configuration = folder / "apt.conf"
        for name in ("state/lists/partial", "cache/archives/partial", "sources", "log"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "state/status").write_text("")
        (folder / "sources/virtual-pi.sources").write_text(sources, encoding="utf-8")
        self._configuration.write_text(_CONFIGURATION.format(folder=folder.resolve()), encoding="utf-8")

    def update(self) -> None:
        """Fetch the indexes; TinylmError when a source cannot be reached or is not signed by its key."""
        run_program(self._apt("apt-get", "update"), what="the package sources cannot be read")

    def resolve(self, names: Sequence[str]) -> tuple[Package, ...]:
        """The packages that `names` need, without those whose only use is in scripts that never run here."""
        command = self._apt("apt-get", "install", "--print-uris", "--yes", *names)
        packages = parse_uris(run_program(command, what="the packages of the virtual Pi cannot be resolved"))
        return tuple(package for package in packages if not package.file.startswith(_NOT_WANTED))

    def download(self, packages: Sequence[Package], *, into: Path) -> list[Path]:
        """Fetch the files of `packages` into `into`; each is compared with its SHA-256."""
        into.mkdir(parents=True, exist_ok=True)
        names = [f"{package.name}={package.version}" for package in packages]
        command = self._apt("apt-get", "download", *names)
        done = subprocess.run(
            [find_program(command[0]), *command[1:]],
            cwd=into,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
        if done.returncode != 0:
            raise TinylmError(
                f"the packages of the virtual Pi cannot be downloaded: {last_line(done.stderr)}",
                "check the network and the disk space",
                exit_code=3,
            )
        files = [into / package.file for package in packages]
        for package, file in zip(packages, files, strict=True):
            if not file.is_file() or sha256(file) != package.sha256:
                raise TinylmError(f"the package `{package.file}` is missing or damaged", "build again", exit_code=3)
        return files

    def _apt(self, program: str, *arguments: str) -> list[str]:
        return [program, "-q", "-c", str(self._configuration), *arguments]


def parse_uris(output: str) -> tuple[Package, ...]:
    """The lines `'URI' FILE BYTES SHA256:HEX` that apt prints, sorted by file name."""
    packages = []
    for line in output.splitlines():
        if not line.startswith("'"):
            continue
        words = line.rpartition("'")[2].split()
        if len(words) != 3 or not words[2].startswith("SHA256:"):
            raise TinylmError(f"apt named a package without its SHA-256: {line[:200]}", exit_code=3)
        name, version, _ = words[0].removesuffix(".deb").split("_")
        packages.append(
            Package(name=name, version=unquote(version), file=words[0], sha256=words[2].removeprefix("SHA256:"))
        )
    return tuple(sorted(packages, key=lambda package: package.file))
