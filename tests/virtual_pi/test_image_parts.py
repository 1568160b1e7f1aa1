"""What an image is made of: sources, packages, wheels, drivers, owners, and the key that names it."""

from __future__ import annotations

import gzip
import lzma
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tinylm
from tinylm.base.errors import TinylmError
from tinylm.base.files import sha256_bytes
from tinylm.native.build import BuildError
from tinylm.virtual_pi import image as images
from tinylm.virtual_pi import programs
from tinylm.virtual_pi.disk import owner_commands
from tinylm.virtual_pi.folders import default_folder, locked
from tinylm.virtual_pi.image import Resolved, build_image, image_key
from tinylm.virtual_pi.initrd import dependencies, load_order, make_initrd, newc
from tinylm.virtual_pi.packages import Package, parse_uris
from tinylm.virtual_pi.releases import find_release, sources_text
from tinylm.virtual_pi.root_tree import configure, guest_files_sha256, read_guest_files
from tinylm.virtual_pi.runtime_files import runtime_archive
from tinylm.virtual_pi.wheels import Wheel, device_requirements, platform_options

ROOT = Path(tinylm.__file__).resolve().parents[1]
BOOKWORM, TRIXIE = find_release(12), find_release(13)
AARCH64 = 183
"""In the header of an ELF file."""
NO_KEYRING = Path("/nowhere/keyring.gpg")

STANZAS = """\
Types: deb
# a comment
URIs: http://mirror.invalid/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/one.gpg

Types: deb
URIs: http://mirror.invalid/debian-security
Suites: bookworm-security
Components: main

Types: deb-src
URIs: http://mirror.invalid/source
Suites: bookworm
Components: main

Types: deb
Enabled: no
URIs: http://mirror.invalid/disabled
Suites: bookworm
Components: main
"""
LINES = """\
deb [arch=amd64 signed-by=/etc/two.gpg] http://mirror.invalid/old bookworm main non-free
deb http://somebody.invalid/tools tools-bookworm main
# deb http://mirror.invalid/commented bookworm main
deb http://somebody.invalid/flat ./
"""


def machine(root: Path, codename: str, stanzas: str = "", lines: str = "") -> Path:
    (root / "etc/apt/sources.list.d").mkdir(parents=True)
    (root / "etc/os-release").write_text(f'ID=x\nVERSION_CODENAME="{codename}"\n')
    (root / "etc/apt/sources.list.d/debian.sources").write_text(stanzas)
    (root / "etc/apt/sources.list").write_text(lines)
    return root


def test_the_machines_own_sources_are_taken(tmp_path: Path) -> None:
    text = sources_text(BOOKWORM, mirror=None, keyring=NO_KEYRING, root=machine(tmp_path, "bookworm", STANZAS, LINES))
    assert text.count("Types: deb\n") == 4
    for part in ("invalid/debian\n", "invalid/debian-security\n", "invalid/old\n", "/etc/two.gpg", "/keyrings/one.gpg"):
        assert part in text
    for part in ("somebody", "commented", "source", "disabled", "contrib"):
        assert part not in text


def test_another_release_is_derived_from_them(tmp_path: Path) -> None:
    text = sources_text(TRIXIE, mirror=None, keyring=NO_KEYRING, root=machine(tmp_path, "bookworm", STANZAS, LINES))
    assert "bookworm" not in text
    assert [line for line in text.splitlines() if line.startswith("Suites")] == [
        "Suites: trixie",  # from sources.list, which apt reads first
        "Suites: trixie",
        "Suites: trixie-updates",
        "Suites: trixie-security",
    ]


@pytest.mark.parametrize(("codename", "lines"), [("noble", "deb http://u.invalid/ noble main\n"), ("bookworm", "")])
def test_a_machine_without_debian_names_a_mirror(tmp_path: Path, codename: str, lines: str) -> None:
    with pytest.raises(TinylmError, match="no Debian") as caught:
        sources_text(BOOKWORM, mirror=None, keyring=NO_KEYRING, root=machine(tmp_path, codename, lines=lines))
    assert caught.value.exit_code == 3
    assert "--mirror" in caught.value.hint


def test_a_mirror_is_never_trusted_without_keys(tmp_path: Path) -> None:
    with pytest.raises(TinylmError, match="no keyring") as caught:
        sources_text(TRIXIE, mirror="http://m.invalid", keyring=NO_KEYRING)
    assert "debian-archive-keyring" in caught.value.hint
    keyring = tmp_path / "keys.gpg"
    keyring.write_bytes(b"")
    text = sources_text(TRIXIE, mirror="http://m.invalid", keyring=keyring)
    assert text.endswith(f"Suites: trixie\nComponents: main\nSigned-By: {keyring}\n")


def test_unknown_release() -> None:
    with pytest.raises(TinylmError, match="Debian 11"):
        find_release(11)


def test_what_apt_prints_is_read() -> None:
    output = (
        "Reading package lists...\n"
        "'http://m.invalid/pool/z/zlib1g_1%3a1.2.13_arm64.deb' zlib1g_1%3a1.2.13_arm64.deb 82744 SHA256:ab12\n"
        "'http://m.invalid/pool/b/bash_5.2~rc1_arm64.deb' bash_5.2~rc1_arm64.deb 1 SHA256:cd34\n"
    )
    assert parse_uris(output) == (
        Package(name="bash", version="5.2~rc1", file="bash_5.2~rc1_arm64.deb", sha256="cd34"),
        Package(name="zlib1g", version="1:1.2.13", file="zlib1g_1%3a1.2.13_arm64.deb", sha256="ab12"),
    )


def test_a_package_without_its_hash_is_refused() -> None:
    with pytest.raises(TinylmError, match="without its SHA-256"):
        parse_uris("'http://m.invalid/a_1_all.deb' a_1_all.deb 1 MD5Sum:00\n")


def test_wheels_are_for_the_device() -> None:
    options = platform_options("3.13")
    assert options[options.index("--python-version") + 1] == "3.13"
    platforms = [options[i + 1] for i, option in enumerate(options) if option == "--platform"]
    assert {"manylinux_2_17_aarch64", "manylinux_2_28_aarch64", "manylinux2014_aarch64"} <= set(platforms)
    assert all(platform.endswith("aarch64") for platform in platforms)
    assert "--only-binary=:all:" in options
    names = {requirement.split(">")[0] for requirement in device_requirements()}
    assert {"numpy", "onnxruntime", "sentencepiece"} <= names
    assert "torch" not in names


KEY_PARTS = {
    "made_of": ["1", "12", "bash"],
    "packages": (Package(name="bash", version="5", file="bash_5_arm64.deb", sha256="aa"),),
    "wheels": (Wheel(name="numpy-2.whl", sha256="bb"),),
}


def test_the_key_is_the_content() -> None:
    key = image_key(**KEY_PARTS)  # type: ignore[arg-type]
    assert key == image_key(**KEY_PARTS)  # type: ignore[arg-type]
    others = [
        {**KEY_PARTS, "made_of": ["2", "12", "bash"]},
        {**KEY_PARTS, "packages": (Package(name="bash", version="5", file="bash_5_arm64.deb", sha256="ab"),)},
        {**KEY_PARTS, "wheels": (Wheel(name="numpy-2.whl", sha256="bc"),)},
        {**KEY_PARTS, "wheels": ()},
    ]
    assert len({key, *(image_key(**other) for other in others)}) == 5  # type: ignore[arg-type]


def prepared(monkeypatch: pytest.MonkeyPatch, folder: Path, *, at: float) -> Path:
    """A folder with an image that was resolved at `at`; resolving again fails, as without a network."""
    monkeypatch.setattr(images, "check_programs", lambda names: None)
    monkeypatch.setattr(images, "sources_text", lambda release, *, mirror, keyring: "sources")
    monkeypatch.setattr(images, "_check_space", lambda folder: None)

    def unreachable(*_: object) -> None:
        raise TinylmError("no network", exit_code=3)

    monkeypatch.setattr(images, "_resolve", unreachable)
    made_of = [str(images.BUILDER), "12", *images.SYSTEM, *images.PYTHON, *device_requirements(), guest_files_sha256()]
    request = sha256_bytes(images.json.dumps(["sources", *made_of]).encode())
    (folder / "images/abc").mkdir(parents=True)
    (folder / "images/abc/disk.ext4").write_bytes(b"")
    resolved = Resolved(schema="1.0", image="abc", at=at)
    (folder / "requests").mkdir()
    document = images.json.dumps(images.dataclasses.asdict(resolved))
    (folder / "requests" / f"{request}.json").write_text(document)
    return folder / "images/abc"


def test_a_fresh_image_needs_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image, lines = prepared(monkeypatch, tmp_path, at=images.time.time() - 60), list[str]()
    assert build_image(release=BOOKWORM, folder=tmp_path, announce=lines.append) == image
    assert lines == []


@pytest.mark.parametrize("refresh", [False, True])
def test_an_old_image_is_used_when_nothing_can_be_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refresh: bool
) -> None:
    days = 0 if refresh else 30
    image, lines = prepared(monkeypatch, tmp_path, at=images.time.time() - days * 86400), list[str]()
    assert build_image(release=BOOKWORM, folder=tmp_path, announce=lines.append, refresh=refresh) == image
    assert lines[-1] == f"no network; using the image of {days} days ago"
    assert not (tmp_path / "partial").exists()


def test_without_image_and_network_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = prepared(monkeypatch, tmp_path, at=images.time.time())
    (image / "disk.ext4").unlink()
    with pytest.raises(TinylmError, match="no network") as caught:
        build_image(release=BOOKWORM, folder=tmp_path, announce=lambda line: None)
    assert caught.value.exit_code == 3


def test_images_that_nobody_uses_are_removed(tmp_path: Path) -> None:
    for name in ("recent", "forgotten", "unnamed", "kept"):
        (tmp_path / "images" / name).mkdir(parents=True)
    (tmp_path / "requests").mkdir()
    (tmp_path / "machines/mine").mkdir(parents=True)
    (tmp_path / "machines/mine/image").write_text(str(tmp_path / "images/kept"))
    for name, days in (("recent", 20), ("forgotten", 40)):
        resolved = Resolved(schema="1.0", image=name, at=images.time.time() - days * 86400)
        document = images.json.dumps(images.dataclasses.asdict(resolved))
        (tmp_path / "requests" / f"{name}.json").write_text(document)
    images._prune(tmp_path)
    assert sorted(image.name for image in (tmp_path / "images").iterdir()) == ["kept", "recent"]
    assert [file.name for file in (tmp_path / "requests").iterdir()] == ["recent.json"]


def test_a_full_disk_is_said_before_anything_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "check_programs", lambda names: None)
    monkeypatch.setattr(images, "sources_text", lambda release, *, mirror, keyring: "sources")
    monkeypatch.setattr(images, "_NEEDED_BYTES", 10**18)
    with pytest.raises(TinylmError, match="MB free; building a virtual Pi needs") as caught:
        build_image(release=BOOKWORM, folder=tmp_path, announce=lambda line: None)
    assert caught.value.exit_code == 3


def test_a_missing_program_names_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs.shutil, "which", lambda name, path: None)
    with pytest.raises(TinylmError, match="`qemu-system-aarch64` is not installed") as caught:
        programs.check_programs(programs.RUNNING)
    assert caught.value.exit_code == 3
    assert caught.value.hint.startswith("sudo apt-get install")
    assert "qemu-system-arm" in caught.value.hint


def test_two_builders_wait_for_each_other(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from tinylm.virtual_pi.folders import locked
with locked(Path({str(tmp_path / "lock")!r}), announce=lambda line: print(line, flush=True), waiting="waiting"):
    print("held", flush=True)
    sys.stdin.readline()
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def builder() -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True, env=environment)

    with builder() as first, builder() as second:
        # Whichever is first holds it; the other one says that it waits.
        assert first.stdout is not None
        assert second.stdout is not None
        lines = {first: first.stdout.readline(), second: second.stdout.readline()}
        assert sorted(lines.values()) == ["held\n", "waiting\n"]
        (holder,) = [process for process, line in lines.items() if line == "held\n"]
        (waiter,) = [process for process in lines if process is not holder]
        holder.kill()  # the kernel frees the lock
        assert waiter.stdout is not None
        assert waiter.stdout.readline() == "held\n"
        waiter.kill()


def test_the_cache_folder_follows_the_desktops_rule(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "tinylm/virtual-pi"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert default_folder() == Path.home() / ".cache/tinylm/virtual-pi"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(TinylmError, match="cannot write"),
        locked(tmp_path / "file/lock", announce=print, waiting=""),
    ):
        pass


def kernel(folder: Path, modules: dict[str, str], built_in: str) -> Path:
    (folder / "kernel").mkdir(parents=True)
    for name, depends in modules.items():
        data = b"ELF\0name=x\0depends=" + depends.encode() + b"\0license=GPL\0"
        (folder / "kernel" / name).write_bytes(lzma.compress(data) if name.endswith(".xz") else data)
    (folder / "modules.builtin").write_text("".join(f"kernel/{name}.ko\n" for name in built_in.split()))
    return folder


def test_drivers_come_after_what_they_need(tmp_path: Path) -> None:
    names = {"virtio_mmio.ko": "virtio,virtio_ring", "virtio_ring.ko": "virtio", "virtio.ko": ""}
    names |= {"virtio_blk.ko": "virtio", "virtio_net.ko.xz": "net-failover", "net_failover.ko": "", "virtio-rng.ko": ""}
    order = list(load_order(kernel(tmp_path, names, "ext4")))
    first = ["virtio.ko", "virtio_ring.ko", "virtio_mmio.ko", "virtio_blk.ko"]
    assert order == [*first, "net_failover.ko", "virtio_net.ko", "virtio_rng.ko"]


def test_a_kernel_without_a_driver_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TinylmError, match="no driver `virtio_mmio`"):
        load_order(kernel(tmp_path, {}, "ext4"))


def test_no_dependencies() -> None:
    assert dependencies(b"\0depends=\0") == []
    assert dependencies(b"nothing") == []


def test_the_archive_is_what_cpio_reads(tmp_path: Path) -> None:
    archive = newc({"bin": None, "bin/sh": b"x" * 5, "init": b"#!"})
    assert len(archive) % 4 == 0
    assert archive.startswith(b"070701")
    assert archive.count(b"070701") == 4
    assert b"TRAILER!!!\0" in archive
    modules = kernel(tmp_path, {}, "virtio_mmio virtio_blk virtio_net virtio_rng ext4")
    made = make_initrd(modules=modules, busybox=b"busybox", init=b"init")
    assert made == make_initrd(modules=modules, busybox=b"busybox", init=b"init")
    assert b"bin/busybox\0" in gzip.decompress(made)


def test_owners_inside_the_image(tmp_path: Path) -> None:
    (tmp_path / "home/pi").mkdir(parents=True)
    (tmp_path / "home/pi/.bashrc").write_text("")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/a file").write_text("")
    mine = list(owner_commands(tmp_path, as_root=True))
    assert mine == [
        f'set_inode_field "/home/pi{name}" {field} 1000' for name in ("", "/.bashrc") for field in ("uid", "gid")
    ]
    everything = list(owner_commands(tmp_path, as_root=False))
    assert set(mine) <= set(everything)
    assert 'set_inode_field "/etc/a file" uid 0' in everything


def test_the_guest_files_are_whole_and_have_no_password(tmp_path: Path) -> None:
    files = read_guest_files()
    assert files["initrd/init"].startswith(b"#!/bin/busybox sh\n")
    assert b"PasswordAuthentication no" in files["root/etc/ssh/sshd_config"]
    for name in ("usr/share/base-passwd", "etc/skel"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "usr/share/base-passwd/passwd.master").write_text("root:*:0:0:root:/root:/bin/bash\n")
    (tmp_path / "usr/share/base-passwd/group.master").write_text("root:*:0:\n")
    (tmp_path / "etc/skel/.bashrc").write_text("")
    (tmp_path / "host").write_text("key")
    configure(tmp_path, machine_id="0" * 32, authorized_key="ssh-ed25519 A", host_key=tmp_path / "host")
    assert all(line.split(":")[1] == "*" for line in (tmp_path / "etc/shadow").read_text().splitlines())
    assert "pi:x:1000:1000::/home/pi:/bin/bash" in (tmp_path / "etc/passwd").read_text()
    assert (tmp_path / "etc/systemd/system/ldconfig.service").readlink() == Path("/dev/null")
    assert (tmp_path / "etc/ssh/ssh_host_ed25519_key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "etc/sudoers.d/pi").stat().st_mode & 0o777 == 0o440


def test_the_runtime_archive_is_all_that_the_probe_imports(tmp_path: Path) -> None:
    (tmp_path / "runtime.tar").write_bytes(runtime_archive())
    subprocess.run(["tar", "-xf", "runtime.tar"], cwd=tmp_path, check=True)  # as it is unpacked there
    library = (tmp_path / "tinylm/native/lib/libtinylm.so").read_bytes()
    assert int.from_bytes(library[18:20], "little") == AARCH64
    # An editable installation has a finder that brings from the checkout what the archive lacks.
    no_finder = "import sys; sys.meta_path = [f for f in sys.meta_path if 'editable' not in str(f).lower()]"
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"{no_finder}; import tinylm.runtime.measurement.probe; print(tinylm.__file__)"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == str(tmp_path / "tinylm/__init__.py"), done.stderr
    assert runtime_archive() == runtime_archive()


def test_a_board_is_not_sent_half_a_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: object) -> None:
        raise BuildError("no compiler", "install one")

    monkeypatch.setattr("tinylm.virtual_pi.runtime_files.build", fails)
    with pytest.raises(TinylmError, match="no C library for the board: no compiler") as raised:
        runtime_archive()
    assert (raised.value.exit_code, raised.value.hint) == (3, "install one")


def test_the_check_loads_no_onnxruntime_here() -> None:
    code = "import sys, tinylm.virtual_pi.check; print({'onnxruntime', 'numpy', 'typer'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "set()\n", done.stderr
