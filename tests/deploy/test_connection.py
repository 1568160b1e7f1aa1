"""`tinylm deploy` where ssh, or the system behind it, stands in the way."""

from __future__ import annotations

import re
import shlex
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from deployments import Device, quick_tinylm, script

from tinylm.deploy.failures import login_failure


@pytest.mark.parametrize("greeting", ["Welcome to the board!", "\n\n  Welcome to the board!\n\n"])
def test_what_a_start_file_prints_is_no_answer(fresh: Device, bundle: Path, greeting: str) -> None:
    (fresh.home / "greeting").write_text(greeting, encoding="utf-8")
    result = fresh.deploy(bundle, "--python", quick_tinylm(fresh.home))
    assert result.returncode == 0, result.stderr
    assert "Welcome" not in result.stdout


@pytest.mark.parametrize(
    "instead", ["echo This account is not available.; exit 1", "exit 1", "echo 'Please log in at the web page'"]
)
def test_a_device_that_runs_no_command(fresh: Device, bundle: Path, instead: str) -> None:
    (fresh.home / "other shell").write_text(instead, encoding="utf-8")
    result = fresh.deploy(bundle)
    assert result.returncode == 2
    assert "lets you in and runs no command" in result.stderr
    assert not fresh.root.exists()


def test_a_port_where_nobody_listens(fresh: Device, bundle: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = str(closed.getsockname()[1])
        result = fresh.deploy(bundle, "--port", port)  # the last one given counts
    assert result.returncode == 2
    assert f"error: `127.0.0.1` is there, but no ssh server answers on port {port}" in result.stderr


def test_a_name_that_is_no_host(fresh: Device, bundle: Path) -> None:
    device = Device(fresh.home, fresh.tools, "pi@no-such-board.invalid", fresh.port)
    result = device.deploy(bundle)
    assert result.returncode == 2
    assert "error: `no-such-board.invalid` is not known here" in result.stderr
    assert "password" not in result.stderr


def configured(device: Device, folder: Path, **options: object) -> Device:
    """The same server, to a client that has `options` in the place of its own."""
    lines = (device.home.parent / "ssh_config").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.split()[0] not in {*options, "ControlMaster", "ControlPath"}]
    (folder / "ssh_config").write_text(
        "".join(f"{line}\n" for line in (*kept, *(f"{name} {value}" for name, value in options.items()))),
        encoding="utf-8",
    )
    script(folder / "tools" / "ssh", f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/ssh_config "$@"\n')
    return Device(device.home, folder / "tools", device.target, device.port)


def new_key(file: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True)
    return file


def test_a_host_key_that_is_unknown(fresh: Device, bundle: Path, tmp_path: Path) -> None:
    stranger = configured(fresh, tmp_path, UserKnownHostsFile=tmp_path / "none", StrictHostKeyChecking="ask")
    result = stranger.deploy(bundle)
    assert result.returncode == 2
    assert "error: the host key of `127.0.0.1` is not known here yet" in result.stderr
    assert f"log in once with `ssh -p {fresh.port} {fresh.target}`" in result.stderr


def test_a_host_key_that_changed(fresh: Device, bundle: Path, tmp_path: Path) -> None:
    key = new_key(tmp_path / "other").with_suffix(".pub").read_text(encoding="utf-8")
    (tmp_path / "known").write_text(f"[127.0.0.1]:{fresh.port} {key}", encoding="utf-8")
    deceived = configured(fresh, tmp_path, UserKnownHostsFile=tmp_path / "known")
    result = deceived.deploy(bundle)
    assert result.returncode == 2
    assert "error: `127.0.0.1` has another host key than the one that is known here" in result.stderr
    forget = re.search(r"`(ssh-keygen -R [^`]+)`", result.stderr)
    assert forget is not None
    assert shlex.split(forget[1])[-1] == f"[127.0.0.1]:{fresh.port}"


def test_a_key_that_is_not_accepted(fresh: Device, bundle: Path, tmp_path: Path) -> None:
    keyless = configured(fresh, tmp_path, IdentityFile=new_key(tmp_path / "other"), IdentityAgent="none")
    result = keyless.deploy(bundle)
    assert result.returncode == 2
    assert f"error: `{fresh.target}` accepts no key of yours, and no password either" in result.stderr


@pytest.mark.parametrize(
    ("words", "problem", "remedy"),
    [
        ("ssh: connect to host b port 22: Connection timed out", "does not answer", "is it on"),
        ("ssh: connect to host b port 22: No route to host", "does not answer", "ping b"),
        ("Connection timed out during banner exchange", "does not answer", "is it on"),
        ("kex_exchange_identification: Connection closed by remote host", "hung up before the login", "wait a minute"),
        ("pi@b: Permission denied (publickey,password).", "asks for a password", "ssh-copy-id"),
        ("Received disconnect from b: 2: Too many authentication failures", "too many keys", "IdentitiesOnly"),
        ("/home/me/.ssh/config: line 3: Bad configuration option: x", "ssh cannot log in", "`ssh pi@b` must work"),
    ],
)
def test_what_ssh_says(words: str, problem: str, remedy: str) -> None:
    """Failures that no server on this machine can be made to have, as OpenSSH words them."""
    error = login_failure(words, "pi@b", None)
    assert problem in error.message
    assert remedy in error.hint
