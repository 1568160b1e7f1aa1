"""A bootable image, made of Debian packages and the device's wheels, and kept by the content of what it is made of.

    image = build_image(release=find_release(12), folder=default_folder(), announce=print)

What to install is resolved at most once in seven days; an image is named by the hash of everything that was resolved,
so a new package or another guest file makes another image, and two mirrors with the same packages make the same one.
When the mirror or the index cannot be reached, the image that the same request gave before is used, and that is said.

An image is only kept once it has booted: its first start compiles the libraries' byte code, and proves that it starts.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.files import sha256_bytes, sync_folder
from tinylm.base.records import read_file, write_file
from tinylm.virtual_pi.disk import make_disk
from tinylm.virtual_pi.folders import locked
from tinylm.virtual_pi.initrd import make_initrd
from tinylm.virtual_pi.machine import clean_stale, images_in_use, running
from tinylm.virtual_pi.packages import PYTHON, SYSTEM, Apt, Package
from tinylm.virtual_pi.programs import BUILDING, RUNNING, check_programs, run_program
from tinylm.virtual_pi.qemu import DISK, INITRD, KERNEL, OVERLAY, RELEASE, Settings
from tinylm.virtual_pi.releases import DEFAULT_KEYRING, Release, sources_text
from tinylm.virtual_pi.remote import HOST_ALIAS, HOST_KEY, KEY, KNOWN_HOSTS
from tinylm.virtual_pi.root_tree import configure, guest_files_sha256, read_guest_files, unpack
from tinylm.virtual_pi.wheels import Wheel, device_requirements, download_wheels, unpack_wheels

BUILDER = 1
"""Raised whenever this code makes other images of the same inputs."""
SCHEMA = "1.0"
_FRESH_S = 7 * 24 * 3600
_FORGOTTEN_S = 30 * 24 * 3600
_NEEDED_BYTES = 2_500_000_000
"""Free space for packages, their files and the disk, all at once."""
_POWER_OFF_S = 60.0
_LOADED = "numpy, onnxruntime, sentencepiece, psutil, typer, rich.console, rich.table"
"""Imported at the first start, as root, so that their byte code is on the disk."""


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """What a request came to."""

    schema: str
    image: str
    """Hash of everything the image is made of."""
    at: float
    """When, in seconds since 1970."""


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """Everything that is known and downloaded for a build."""

    packages: tuple[Package, ...]
    wheels: tuple[Wheel, ...]
    apt: Apt


def build_image(
    *,
    release: Release,
    folder: Path,
    announce: Callable[[str], None],
    mirror: str | None = None,
    keyring: Path = DEFAULT_KEYRING,
    refresh: bool = False,
    python: bool = True,
) -> Path:
    """The image's folder, built when it is not there; `refresh` resolves again even within the seven days. Without
    `python` it has none, and nothing else that a bare system lacks.

    TinylmError with exit code 3 when it cannot be built here: no programs, no network, no space.
    """
    check_programs((*RUNNING, *BUILDING))
    sources = sources_text(release, mirror=mirror, keyring=keyring)
    names, requirements = ((*SYSTEM, *PYTHON), device_requirements()) if python else (SYSTEM, ())
    made_of = [str(BUILDER), str(release.number), *names, *requirements, guest_files_sha256()]
    request = folder / "requests" / f"{sha256_bytes(json.dumps([sources, *made_of]).encode())}.json"
    with locked(folder / "lock", announce=announce, waiting="waiting for another builder"):
        known = _read_resolved(request)
        old = folder / "images" / known.image if known else None
        old = old if old is not None and (old / DISK).is_file() else None
        if old is not None and known is not None and not refresh and 0 <= time.time() - known.at < _FRESH_S:
            return old
        clean_stale(folder / "partial")  # a builder that was killed left its machine and its files
        shutil.rmtree(folder / "partial", ignore_errors=True)
        try:
            _check_space(folder)
            (folder / "partial").mkdir(parents=True)
            try:
                wheels = f" and wheels for Python {release.python}" if python else ""
                announce(f"resolving packages of Debian {release.number}{wheels}")
                parts = _resolve(release, sources, names, requirements, folder / "partial")
            except TinylmError as error:
                if old is None or known is None:
                    raise
                days = (time.time() - known.at) / 86400
                announce(f"{error.message}; using the image of {days:.0f} days ago")
                return old
            key = image_key(made_of=made_of, packages=parts.packages, wheels=parts.wheels)
            image = folder / "images" / key
            if not (image / DISK).is_file():
                _build(image, key, release=release, parts=parts, work=folder / "partial", announce=announce)
            resolved = Resolved(schema=SCHEMA, image=key, at=time.time())
            write_file(request, resolved)
            _prune(folder)
            return image
        except OSError as error:
            raise TinylmError(
                f"cannot build a virtual Pi in `{folder}`: {error.strerror}",
                "check the disk space, or name another folder with --folder",
                exit_code=3,
            ) from error
        finally:
            shutil.rmtree(folder / "partial", ignore_errors=True)


def image_key(*, made_of: list[str], packages: tuple[Package, ...], wheels: tuple[Wheel, ...]) -> str:
    """SHA-256 over everything an image is made of."""
    contents = [
        made_of,
        [dataclasses.astuple(part) for part in packages],
        [dataclasses.astuple(part) for part in wheels],
    ]
    return sha256_bytes(json.dumps(contents).encode())


def _resolve(
    release: Release, sources: str, names: tuple[str, ...], requirements: tuple[str, ...], work: Path
) -> _Parts:
    apt = Apt(folder=work / "apt", sources=sources)
    apt.update()
    packages = apt.resolve(names)
    wheels: tuple[Wheel, ...] = ()
    if requirements:
        wheels = download_wheels(requirements=requirements, python=release.python, folder=work / "wheels")
    return _Parts(packages=packages, wheels=wheels, apt=apt)


def _build(
    image: Path, key: str, *, release: Release, parts: _Parts, work: Path, announce: Callable[[str], None]
) -> None:
    announce(f"downloading {len(parts.packages)} packages")
    files = parts.apt.download(parts.packages, into=work / "packages")
    announce("unpacking")
    root, made = work / "root", work / "image"
    unpack(files, root)
    if parts.wheels:
        unpack_wheels(
            wheels=work / "wheels",
            python=release.python,
            target=root / f"usr/local/lib/python{release.python}/dist-packages",
        )
    made.mkdir()
    _make_keys(made)
    _take_kernel(root, made)
    configure(
        root,
        machine_id=key[:32],
        authorized_key=(made / f"{KEY}.pub").read_text(encoding="ascii"),
        host_key=made / HOST_KEY,
    )
    announce("writing the disk")
    make_disk(root=root, image=made / DISK, key=key)
    (made / HOST_KEY).unlink()
    (made / RELEASE).write_text(f"{release.number}\n", encoding="ascii")
    shutil.rmtree(root)
    announce("first start")
    _first_boot(made, work, python=bool(parts.wheels))
    image.parent.mkdir(parents=True, exist_ok=True)
    made.rename(image)
    sync_folder(image.parent)


def _make_keys(made: Path) -> None:
    for name in (KEY, HOST_KEY):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", HOST_ALIAS, "-f", str(made / name)]
        run_program(command, what="the virtual Pi's keys cannot be made")
    known = f"{HOST_ALIAS} {(made / f'{HOST_KEY}.pub').read_text(encoding='ascii')}"
    (made / KNOWN_HOSTS).write_text(known, encoding="ascii")


def _take_kernel(root: Path, made: Path) -> None:
    """Move kernel and drivers out of the system: the emulator loads them, and the disk stays small."""
    (kernel,) = (root / "boot").glob("vmlinuz-*")
    shutil.copy(kernel, made / KERNEL)
    modules = root / "usr/lib/modules"
    initrd = make_initrd(
        modules=modules / kernel.name.removeprefix("vmlinuz-"),
        busybox=(root / "usr/bin/busybox").read_bytes(),
        init=read_guest_files()["initrd/init"],
    )
    (made / INITRD).write_bytes(initrd)
    shutil.rmtree(modules)
    shutil.rmtree(root / "boot")
    (root / "boot").mkdir()


def _first_boot(made: Path, work: Path, *, python: bool) -> None:
    """Start the image once, writing to its disk: it must come up, and it compiles what it will import."""
    settings = Settings(cpu="cortex-a72", cores=2, memory_mib=1024, port=0, measure=False, snapshot=False)
    with running(image=made, settings=settings, folder=work, name="first") as machine:
        machine.wait()
        machine.ssh("ldconfig", user="root")
        if python:
            machine.ssh(f"python3 -c 'import {_LOADED}'", user="root", timeout_s=600)
        machine.ssh("systemctl poweroff --no-block", user="root")
        end = time.monotonic() + _POWER_OFF_S
        while machine.alive() and time.monotonic() < end:
            time.sleep(0.1)
        if machine.alive():
            raise TinylmError("the new virtual Pi did not power off", "build again", exit_code=3)
        overlay = machine.folder / OVERLAY
        run_program(["qemu-img", "commit", "-q", str(overlay)], what="the first start cannot be kept")


def _prune(folder: Path) -> None:
    """Remove images that no recent request came to and no machine lives on; each takes half a gigabyte."""
    used = images_in_use(folder)
    for file in (folder / "requests").glob("*.json"):
        request = _read_resolved(file)
        if request is None or time.time() - request.at > _FORGOTTEN_S:
            file.unlink(missing_ok=True)
        else:
            used.add(request.image)
    for image in (folder / "images").iterdir():
        if image.name not in used:
            shutil.rmtree(image, ignore_errors=True)


def _check_space(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < _NEEDED_BYTES:
        raise TinylmError(
            f"`{folder}` has {free / 1e6:.0f} MB free; building a virtual Pi needs {_NEEDED_BYTES / 1e6:.0f} MB",
            "free some space, or name another folder with --folder",
            exit_code=3,
        )


def _read_resolved(file: Path) -> Resolved | None:
    try:
        return read_file(Resolved, file, major=1, hint="")
    except TinylmError:
        return None
