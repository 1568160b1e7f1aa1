"""`scripts/deploy.sh` against a real ssh server on this machine, whose sessions see a home folder of their own."""

from __future__ import annotations

import getpass
import hashlib
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tinylm.bundle.manifest import CARD, MODEL
from tinylm.bundle.reading import Bundle

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "deploy.sh"
GUIDE = ROOT / "docs" / "deployment.md"
SBIN = os.pathsep.join([os.environ["PATH"], "/usr/local/sbin", "/usr/sbin", "/sbin"])
SFTP = next(
    (
        path
        for path in map(
            Path,
            (
                "/usr/lib/openssh/sftp-server",
                "/usr/libexec/openssh/sftp-server",
                "/usr/lib/ssh/sftp-server",
                "/usr/libexec/sftp-server",
            ),
        )
        if path.is_file()
    ),
    None,
)

# Every session starts here, file transfers too. The files `hang` and `damage` make one transfer go wrong; `greeting` is
# what a start file prints, `other shell` what runs in the shell's place, `full` has the size of a disk of its own.
SESSION = """#!/bin/sh
export HOME={home} PATH={path} SHELL=/bin/bash
cd || exit 1
[ ! -e greeting ] || cat greeting
[ ! -e 'other shell' ] || exec sh 'other shell'
if [ -e full ] && [ -z "$ON_FULL" ]; then
    mkdir -p tinylm
    ON_FULL=1 exec unshare --user --map-root-user --mount sh -c \
        'mount -t tmpfs -o "size=$(cat full)" tmpfs tinylm && exec "$0"' "$0"
fi
case $SSH_ORIGINAL_COMMAND in
*sftp-server*)
    [ ! -e hang ] || {{ rm hang; echo > tinylm/releases/hanging; exec sleep 20; }};;
*)
    for model in tinylm/releases/*.partial/{model}; do
        [ ! -e damage ] || [ ! -e "$model" ] || {{ rm damage; echo more >> "$model"; }}
    done;;
esac
exec sh -c "$SSH_ORIGINAL_COMMAND"
"""
FAULTS = ("hang", "damage", "greeting", "other shell", "full")
TOOL = '#!/bin/sh\nPYTHONPATH={root} exec {python} {arguments} "$@"\n'


@dataclass(frozen=True)
class Device:
    """The server, and the folder with the `ssh` and `scp` that know it."""

    home: Path
    tools: Path
    target: str
    port: int

    @property
    def releases(self) -> list[str]:
        return sorted(path.name for path in (self.home / "tinylm" / "releases").iterdir())

    def current(self) -> str | None:
        link = self.home / "tinylm" / "current"
        return str(link.readlink()) if link.is_symlink() else None

    def command(self, *arguments: str | Path) -> list[str]:
        return [str(SCRIPT), self.target, *map(str, arguments)]

    def environment(self) -> dict[str, str]:
        return {**os.environ, "PATH": f"{self.tools}{os.pathsep}{SBIN}"}

    def deploy(self, *arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), env=self.environment(), cwd=cwd, capture_output=True, text=True, timeout=120
        )

    def shell(self, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", "-c", line], env=self.environment(), capture_output=True, text=True, timeout=120)


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    sshd = shutil.which("sshd", path=SBIN)
    missing = [tool for tool in ("ssh", "scp", "ssh-keygen") if shutil.which(tool) is None]
    if sshd is None or SFTP is None or missing:
        pytest.skip("deploying is not tested: no ssh server or client; on Debian: apt-get install openssh-server")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # as the system's unit does; sshd does not start without
    folder = tmp_path_factory.mktemp("deploy")
    home = folder / "the device's home"
    for name, arguments in (("python", ""), ("tinylm", "-m tinylm")):
        text = TOOL.format(root=shlex.quote(str(ROOT)), python=shlex.quote(sys.executable), arguments=arguments)
        script(home / "tinylm-venv" / "bin" / name, text)
        if name == "tinylm":
            script(folder / "tools" / name, text)
    session = SESSION.format(home=shlex.quote(str(home)), path=shlex.quote(SBIN), model=MODEL)
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
Subsystem sftp {SFTP}
ForceCommand {script(folder / "session", session)}
"""
    (folder / "sshd_config").write_text(config, encoding="utf-8")
    sockets = tempfile.mkdtemp(prefix="tinylm-ssh-")  # one connection for many sessions; socket paths must be short
    client = f"""UserKnownHostsFile {folder}/known_hosts
IdentityFile {folder}/user_key
IdentitiesOnly yes
StrictHostKeyChecking accept-new
ControlMaster auto
ControlPath {sockets}/%C
ControlPersist 5
"""
    (folder / "ssh_config").write_text(client, encoding="utf-8")
    # A transfer has a connection of its own: over a shared one, Ctrl-C would wait for the other end.
    for tool, own in (("ssh", ""), ("scp", "-o ControlPath=none")):
        real = shutil.which(tool)
        script(folder / "tools" / tool, f'#!/bin/sh\nexec {real} -F {folder}/ssh_config {own} "$@"\n')
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
    shutil.rmtree(device.home / "tinylm", ignore_errors=True)
    for fault in FAULTS:
        (device.home / fault).unlink(missing_ok=True)
    return device


@pytest.fixture
def bundle(tiny_bundle: Bundle, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle.path, tmp_path / "it's a: bundle"))


def budget(folder: Path, *changes: tuple[str, str]) -> Path:
    """The host's budget with the fewest requests and a time limit that no busy machine misses, then `changes`."""
    text = (ROOT / "budgets" / "host.toml").read_text(encoding="utf-8")
    quick = [
        ("latency_p95_ms = 250", "latency_p95_ms = 60000"),
        ("looks = [124, 250, 500]", "looks = [59]"),
        ("processes = 4", "processes = 2"),
    ]
    for old, new in [*quick, *changes]:
        assert old in text
        text = text.replace(old, new)
    file = folder / "my budget.toml"
    file.write_text(text, encoding="utf-8")
    return file


def identity(bundle: Path) -> str:
    return f"test-1.0.0-{hashlib.sha256((bundle / 'manifest.json').read_bytes()).hexdigest()[:12]}"


def another(bundle: Path, folder: Path) -> Path:
    """The same bundle with another hash, as a later export has."""
    other = Path(shutil.copytree(bundle, folder / "other"))
    (other / "manifest.json").write_bytes((bundle / "manifest.json").read_bytes() + b"\n")
    return other


def test_passing_failing_and_going_back(fresh: Device, bundle: Path, tmp_path: Path) -> None:
    port = f"--port={fresh.port}".split("=")
    first = fresh.deploy(bundle, "--budget", budget(tmp_path), *port)
    old = f"releases/{identity(bundle)}"
    assert first.returncode == 0, first.stderr
    assert fresh.current() == old
    assert "golden tokens after 3 prompts are reproduced" in first.stdout
    assert "test fits the budget host." in first.stdout
    assert [line[:3] for line in first.stderr.splitlines() if re.match(r"\d/6 ", line)] == [
        f"{n}/6" for n in range(1, 7)
    ]
    assert {path.name for path in (fresh.home / "tinylm" / "current").iterdir()} == {
        path.name for path in bundle.iterdir()
    }

    other = another(bundle, tmp_path)
    impossible = budget(tmp_path, ("peak_rss_mb = 400", "peak_rss_mb = 12"))
    failed = fresh.deploy(other, "--budget", impossible, *port)
    assert failed.returncode == 1, failed.stderr
    assert "✗ fail" in failed.stdout
    assert f"not switched; `~/tinylm/current` there is still {old}" in failed.stderr
    assert fresh.current() == old

    # The same bundle again, against limits that it keeps: nothing is copied, and the way back is printed.
    passed = fresh.deploy(other, "--budget", budget(tmp_path), *port)
    assert passed.returncode == 0, passed.stderr
    assert "nothing to copy" in passed.stderr
    assert fresh.current() == f"releases/{identity(other)}"
    back = next(line for line in passed.stderr.splitlines() if line.startswith("back to the one before: "))
    assert fresh.shell(back.split(": ", 1)[1]).returncode == 0
    assert fresh.current() == old
    assert fresh.releases == sorted([identity(bundle), identity(other)])

    # What the guide says to type afterwards.
    lines = [
        line for line in GUIDE.read_text(encoding="utf-8").splitlines() if line.startswith("ssh pi@raspberrypi.local '")
    ]
    assert len(lines) >= 3
    for line in lines:
        real = line.replace("pi@raspberrypi.local", f"-p {fresh.port} {fresh.target}").replace("ID", identity(other))
        done = fresh.shell(real)
        assert done.returncode == 0, (real, done.stderr)
    assert fresh.current() == f"releases/{identity(other)}"


def test_damage_here_is_refused_before_anything_is_sent(fresh: Device, bundle: Path) -> None:
    data = bytearray((bundle / MODEL).read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / MODEL).write_bytes(data)
    result = fresh.deploy(bundle, "--port", str(fresh.port))
    assert result.returncode == 2
    assert "/model.onnx` does not match its SHA-256" in result.stderr
    assert "2/6" not in result.stderr
    assert not (fresh.home / "tinylm").exists()


def test_damage_on_the_way_is_found_there(fresh: Device, bundle: Path, tmp_path: Path) -> None:
    (fresh.home / "damage").touch()
    result = fresh.deploy(bundle, "--port", str(fresh.port))
    assert result.returncode == 2
    assert "the bundle was damaged on its way; `~/tinylm/current` there is still nothing" in result.stderr
    assert fresh.releases == [f"{identity(bundle)}.partial"]
    assert fresh.current() is None


def test_an_interrupted_and_a_decayed_deployment_are_mended_by_the_next(
    fresh: Device, bundle: Path, tmp_path: Path
) -> None:
    (fresh.home / "hang").touch()
    arguments = (bundle, "--budget", budget(tmp_path), "--port", str(fresh.port))
    running = subprocess.Popen(
        fresh.command(*arguments), env=fresh.environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    hanging = fresh.home / "tinylm" / "releases" / "hanging"
    for _ in range(600):
        if hanging.exists():
            break
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGINT)  # as Ctrl-C does
    messages = running.communicate(timeout=30)[1]
    assert running.returncode == 130, messages
    assert "error: interrupted; `~/tinylm/current` there is still nothing" in messages
    hanging.unlink()
    assert fresh.releases == [f"{identity(bundle)}.partial"]

    # A release of that name whose bytes went bad since.
    decayed = fresh.home / "tinylm" / "releases" / identity(bundle)
    shutil.copytree(bundle, decayed)
    (decayed / CARD).write_bytes(b"decayed")
    result = fresh.deploy(*arguments)
    assert result.returncode == 0, result.stderr
    assert fresh.releases == [identity(bundle)]
    assert (decayed / CARD).read_bytes() == (bundle / CARD).read_bytes()
    assert fresh.current() == f"releases/{identity(bundle)}"


@pytest.mark.parametrize(
    "greeting", ["Welcome to the board!\n", "Welcome to the board!", "\n\n  Welcome to the board!\n\n"]
)
def test_what_a_start_file_prints_is_no_answer(fresh: Device, bundle: Path, greeting: str) -> None:
    (fresh.home / "greeting").write_text(greeting, encoding="utf-8")
    result = fresh.deploy(bundle, "--port", str(fresh.port))
    assert result.returncode == 2
    assert "3/6" not in result.stderr
    assert "a start file of the shell there prints `" in result.stderr
    assert "Welcome to the board!`, also in sessions that are no terminal" in result.stderr
    assert "hint: put `case $- in *i*) ;; *) return ;; esac` at the top of ~/.bashrc there" in result.stderr
    assert not (fresh.home / "tinylm").exists()


def test_a_greeting_that_comes_later_is_no_answer_either(fresh: Device, bundle: Path, tmp_path: Path) -> None:
    """As of a start file that prints now and then: every answer is told from it, and the copy says what broke it."""
    (fresh.home / "tinylm-venv" / "bin" / "greeting").write_text("", encoding="utf-8")
    noisy = script(
        tmp_path / "noisy",
        f"#!/bin/sh\necho Welcome > {shlex.quote(str(fresh.home / 'greeting'))}\n"
        f'exec {shlex.quote(str(fresh.home / "tinylm-venv/bin/python"))} "$@"\n',
    )
    result = fresh.deploy(bundle, "--port", str(fresh.port), "--python", noisy, "--budget", budget(tmp_path))
    assert result.returncode == 2
    assert f"    {noisy}: tinylm" in result.stderr
    assert "`~/tinylm/current` there is still nothing" in result.stderr
    assert "is still Welcome" not in result.stderr
    assert fresh.current() is None


@pytest.mark.parametrize(
    "instead", ["echo This account is not available.; exit 1", "exit 1", "echo 'Please log in at the web page'"]
)
def test_a_device_that_runs_no_command(fresh: Device, bundle: Path, instead: str) -> None:
    (fresh.home / "other shell").write_text(instead, encoding="utf-8")
    result = fresh.deploy(bundle, "--port", str(fresh.port))
    assert result.returncode == 2
    assert "lets you in and runs no command" in result.stderr
    if "echo" in instead:
        assert "it says `" in result.stderr
    assert "3/6" not in result.stderr


def test_a_full_disk(fresh: Device, bundle: Path, tmp_path: Path) -> None:
    if subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "true"], check=False).returncode:
        pytest.skip("a full disk is not tested: this system gives nobody a mount of their own")
    (fresh.home / "full").write_text("400k", encoding="utf-8")
    result = fresh.deploy(bundle, "--port", str(fresh.port), "--budget", budget(tmp_path))
    assert result.returncode == 2, result.stderr
    assert "error: the disk is full there: 0 MB are free, the bundle takes 1 MB" in result.stderr
    assert "remove old releases" in result.stderr


def test_a_folder_that_is_none(fresh: Device, bundle: Path, tmp_path: Path) -> None:
    (fresh.home / "tinylm").write_text("a file", encoding="utf-8")
    result = fresh.deploy(bundle, "--port", str(fresh.port), "--budget", budget(tmp_path))
    (fresh.home / "tinylm").unlink()
    assert result.returncode == 2
    assert "error: `~/tinylm` cannot be used there" in result.stderr
    assert "it must be a folder to write in" in result.stderr


def test_a_port_where_nobody_listens(fresh: Device, bundle: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = str(closed.getsockname()[1])
        result = fresh.deploy(bundle, "--port", port)
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
    for tool in ("ssh", "scp"):
        script(folder / "tools" / tool, f'#!/bin/sh\nexec {shutil.which(tool)} -F {folder}/ssh_config "$@"\n')
    shutil.copy(device.tools / "tinylm", folder / "tools" / "tinylm")
    return Device(device.home, folder / "tools", device.target, device.port)


def new_key(file: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True)
    return file


def test_a_host_key_that_is_unknown(fresh: Device, bundle: Path, tmp_path: Path) -> None:
    stranger = configured(fresh, tmp_path, UserKnownHostsFile=tmp_path / "none", StrictHostKeyChecking="ask")
    result = stranger.deploy(bundle, "--port", str(fresh.port))
    assert result.returncode == 2
    assert "error: the host key of `127.0.0.1` is not known here yet" in result.stderr
    assert f"log in once with `ssh -p {fresh.port} {fresh.target}`" in result.stderr


def test_a_host_key_that_changed(fresh: Device, bundle: Path, tmp_path: Path) -> None:
    key = new_key(tmp_path / "other").with_suffix(".pub").read_text(encoding="utf-8")
    (tmp_path / "known").write_text(f"[127.0.0.1]:{fresh.port} {key}", encoding="utf-8")
    deceived = configured(fresh, tmp_path, UserKnownHostsFile=tmp_path / "known")
    result = deceived.deploy(bundle, "--port", str(fresh.port))
    assert result.returncode == 2
    assert "error: `127.0.0.1` has another host key than the one that is known here" in result.stderr
    forget = re.search(r"`(ssh-keygen -R [^`]+)`", result.stderr)
    assert forget is not None
    assert shlex.split(forget[1])[-1] == f"[127.0.0.1]:{fresh.port}"


def test_a_key_that_is_not_accepted(fresh: Device, bundle: Path, tmp_path: Path) -> None:
    keyless = configured(fresh, tmp_path, IdentityFile=new_key(tmp_path / "other"), IdentityAgent="none")
    result = keyless.deploy(bundle, "--port", str(fresh.port))
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
    line = '. scripts/remote_failures.sh; ssh_failure "$1" pi@b ""; printf "%s\\n" "$problem" "$remedy"'
    told = subprocess.run(["bash", "-c", line, "-", words], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert problem in told.splitlines()[0]
    assert remedy in told.splitlines()[1]


def test_a_device_without_tinylm(fresh: Device, bundle: Path) -> None:
    result = fresh.deploy(bundle, "--port", str(fresh.port), "--python", "no such/python")
    assert result.returncode == 2
    assert "error: no tinylm on" in result.stderr
    assert "tinylm-venv/bin/pip install tinylm-*.whl" in result.stderr
    assert not (fresh.home / "tinylm").exists()


def test_a_device_whose_tinylm_cannot_check_a_bundle(fresh: Device, bundle: Path, tmp_path: Path) -> None:
    old = script(
        tmp_path / "old",
        '#!/bin/sh\ncase "$*" in *identity*) exit 1 ;; esac\n'
        f'exec {shlex.quote(str(fresh.home / "tinylm-venv/bin/python"))} "$@"\n',
    )
    result = fresh.deploy(bundle, "--port", str(fresh.port), "--python", old)
    assert result.returncode == 2
    assert f"error: the tinylm on `{fresh.target}` is of an older release than this script" in result.stderr
    assert not (fresh.home / "tinylm").exists()


@pytest.mark.parametrize("typo", ["an unknown name", "a wrong key", "no TOML"])
def test_a_budgets_typo_is_found_before_anything_is_copied(
    fresh: Device, bundle: Path, tmp_path: Path, typo: str
) -> None:
    mine = budget(tmp_path)
    text = mine.read_text(encoding="utf-8")
    given: str | Path = "pi-zero" if typo == "an unknown name" else mine
    mine.write_text(text + "latency = 5\n" if typo == "a wrong key" else text + "latency =\n", encoding="utf-8")
    result = fresh.deploy(bundle, "--port", str(fresh.port), "--budget", given)
    assert result.returncode == 2
    assert ("error: unknown budget `pi-zero`" if given == "pi-zero" else f"`{mine}`") in result.stderr
    assert "4/6" not in result.stderr
    assert "nothing was copied" in result.stderr
    assert not (fresh.home / "tinylm").exists()


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(SCRIPT), *arguments], cwd=cwd, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "no device was named"),
        (("-oProxyCommand=touch x",), "unknown option"),
        (("pi@host:22",), "is no `user@host`"),
        (("pi@host", "--port", "x"), "is no number"),
        (("pi@host", "--budget"), "needs a value"),
        (("pi@host", "a", "b"), "one argument too many"),
        (("pi@host",), "no bundle named and none in `runs/`"),
        (("pi@host", "nothing"), "has no manifest.json"),
    ],
)
def test_what_cannot_be_understood(arguments: tuple[str, ...], problem: str, tmp_path: Path) -> None:
    if any(shutil.which(tool) is None for tool in ("ssh", "scp")):
        pytest.skip("scripts/deploy.sh is not tested: no ssh client; on Debian: apt-get install openssh-client")
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert problem in result.stderr
    assert "\n\nhint: " in result.stderr
    assert result.stdout == ""


def test_help_and_the_guide_agree(tmp_path: Path) -> None:
    result = run("--help", cwd=tmp_path)
    assert result.returncode == 0
    guide = GUIDE.read_text(encoding="utf-8")
    for option in ("--budget", "--port", "--python"):
        assert option in result.stdout
        assert option in guide


def test_the_newest_bundle_is_taken(fresh: Device, bundle: Path, tmp_path: Path) -> None:
    for age, name in enumerate(("new run", "old run")):
        copy = shutil.copytree(bundle, tmp_path / "runs" / name / "bundle")
        os.utime(copy / "manifest.json", (1e9 - age, 1e9 - age))
    result = fresh.deploy("--port", "1", cwd=tmp_path)
    assert "1/6 check the bundle runs/new run/bundle" in result.stderr
