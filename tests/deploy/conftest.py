"""A real ssh server on this machine, whose sessions see a home folder of their own."""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from deployments import FAULTS, ROOT, SBIN, SESSION, TOOL, Device, script

from tinylm.bundle.reading import Bundle


@pytest.fixture(scope="package")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    sshd = shutil.which("sshd", path=SBIN)
    missing = [tool for tool in ("ssh", "ssh-keygen") if shutil.which(tool) is None]
    if sshd is None or missing:
        pytest.skip("deploying is not tested: no ssh server or client; on Debian: apt-get install openssh-server")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # as the system's unit does; sshd does not start without
    folder = tmp_path_factory.mktemp("deploy")
    home = folder / "the device's home"
    for name, arguments in (("python", ""), ("tinylm", "-m tinylm")):
        text = TOOL.format(root=shlex.quote(str(ROOT)), python=shlex.quote(sys.executable), arguments=arguments)
        script(home / "tinylm-venv" / "bin" / name, text)
    session = SESSION.format(home=shlex.quote(str(home)), path=shlex.quote(SBIN))
    for key in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)], check=True)
    shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = f"""ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile {folder}/sshd.pid
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
PermitUserRC no
PrintMotd no
MaxStartups 50
ForceCommand {script(folder / "session", session)}
"""
    (folder / "sshd_config").write_text(config, encoding="utf-8")
    sockets = tempfile.mkdtemp(prefix="tinylm-ssh-")  # one connection for many sessions; socket paths must be short
    client = f"""Host board
HostName 127.0.0.1
Port {port}
Host *
UserKnownHostsFile {folder}/known_hosts
IdentityFile {folder}/user_key
IdentitiesOnly yes
StrictHostKeyChecking accept-new
ControlMaster auto
ControlPath {sockets}/%C
ControlPersist 5
"""
    (folder / "ssh_config").write_text(client, encoding="utf-8")
    script(folder / "tools" / "ssh", f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/ssh_config "$@"\n')
    # By the protocol that needs no subsystem of the server, in which no command could be put first.
    script(folder / "tools" / "scp", f'#!/bin/sh\nexec {shutil.which("scp")} -O -F {folder}/ssh_config "$@"\n')
    log = folder / "sshd.log"
    server = subprocess.Popen([sshd, "-D", "-E", str(log), "-f", str(folder / "sshd_config")])
    try:
        device = Device(home, folder / "tools", f"{getpass.getuser()}@127.0.0.1", port)
        for _ in range(100):
            if server.poll() is not None:
                pytest.fail(f"sshd did not start: {log.read_text(encoding='utf-8')}")
            if device.shell(f"ssh -p {port} {device.target} true").returncode == 0:
                break
            time.sleep(0.1)
        else:
            pytest.fail(f"cannot log in to the test's own sshd: {log.read_text(encoding='utf-8')}")
        yield device
    finally:
        server.terminate()
        server.wait(timeout=10)
        shutil.rmtree(sockets, ignore_errors=True)


@pytest.fixture
def fresh(device: Device) -> Device:
    """The device without anything deployed."""
    shutil.rmtree(device.root, ignore_errors=True)
    for fault in FAULTS:
        (device.home / fault).unlink(missing_ok=True)
    return device


@pytest.fixture
def bundle(tiny_bundle: Bundle, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle.path, tmp_path / "it's a: bundle"))
