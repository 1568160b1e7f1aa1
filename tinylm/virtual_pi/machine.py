"""One virtual Pi: started, waited for, stopped, and cleaned up after whatever happened.

    with running(image=image, board=board, folder=folder, announce=print) as machine:
        machine.wait()
        machine.ssh("python3 --version")

A machine lives in a state folder, `machine.json` beside its disk changes and its console. What a killed tinylm left
behind is found by the next one: the process number in the state is believed only when that process is an emulator
that works in this very folder, because numbers are used again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.files import write_atomic
from tinylm.base.printable import printable
from tinylm.base.records import read_file, write_file
from tinylm.base.termination import ended_by_signals
from tinylm.virtual_pi.programs import QEMU, RUNNING, check_programs, find_program, last_line, run_program
from tinylm.virtual_pi.qemu import CONSOLE, DISK, LOG, OVERLAY, RELEASE, Settings, qemu_command
from tinylm.virtual_pi.remote import User, run_remote, scp_command, ssh_command

SCHEMA = "1.0"
STATE = "machine.json"
BOOT_TIMEOUT_S = 240.0
_BASE = "image"
"""In a machine's folder: the image that its changes belong to."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,40}")
_STOP_S = 10.0
_PORT_TRIES = 5
_PORT_TAKEN = "Could not set up host forwarding rule"


@dataclass(frozen=True, kw_only=True)
class State:
    """What is written down of a running machine."""

    schema: str
    pid: int
    owner_pid: int | None
    """The tinylm that stops it at its end; None for a machine that stays until `tinylm virtual-pi stop`."""
    image: str
    port: int
    settings: Settings


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A started machine; its process may have ended since."""

    folder: Path
    state: State

    @property
    def image(self) -> Path:
        return Path(self.state.image)

    def alive(self) -> bool:
        """Whether the emulator still runs."""
        return _is_emulator(self.state.pid, self.folder)

    def wait(self, *, timeout_s: float = BOOT_TIMEOUT_S) -> float:
        """Wait until ssh answers and the system has started everything; returns the seconds that took."""
        start = time.monotonic()
        command = ssh_command(
            image=self.image, port=self.state.port, command=["systemctl", "is-system-running", "--wait"], user="root"
        )
        while (left := timeout_s - (time.monotonic() - start)) > 0:
            self.check_alive()
            with contextlib.suppress(subprocess.TimeoutExpired):
                done = run_remote(command, timeout_s=min(left, 90.0))
                if done.stdout.strip() in ("running", "degraded"):
                    return time.monotonic() - start
            time.sleep(0.3)
        self.check_alive()
        raise TinylmError(
            f"the virtual Pi did not answer on ssh within {timeout_s:.0f} s: {self.last_words()}",
            f"read its console: `{self.folder / CONSOLE}`; a busy host needs a longer --timeout",
            exit_code=3,
        )

    def check_alive(self) -> None:
        """TinylmError when the emulator has ended."""
        if not self.alive():
            raise TinylmError(f"the virtual Pi died: {self.last_words()}", "start it again", exit_code=3)

    def ssh(self, command: str, *, user: User = "pi", timeout_s: float = 300.0) -> str:
        """Run a shell command in the guest and return its output; TinylmError (exit code 3) when it fails."""
        return self._remote(
            ssh_command(image=self.image, port=self.state.port, command=[command], user=user),
            what=f"`{command[:60]}` in the virtual Pi",
            timeout_s=timeout_s,
        )

    def scp(self, *paths: str, timeout_s: float = 300.0) -> None:
        """Copy; a leading `pi:` stands for the machine."""
        command = scp_command(image=self.image, port=self.state.port, paths=paths)
        self._remote(command, what="copying to the virtual Pi", timeout_s=timeout_s)

    def last_words(self) -> str:
        """What the emulator or the guest's console said last, for an error."""
        for name in (LOG, CONSOLE):
            with contextlib.suppress(OSError):
                text = (self.folder / name).read_text(encoding="utf-8", errors="replace")
                if text.strip():
                    return printable(last_line(text))
        return "it said nothing"

    def _remote(self, command: Sequence[str], *, what: str, timeout_s: float) -> str:
        try:
            done = run_remote(command, timeout_s=timeout_s)
        except subprocess.TimeoutExpired as error:
            self.check_alive()
            raise TinylmError(
                f"{what}: no end within {timeout_s:.0f} s", "is the host very busy?", exit_code=3
            ) from error
        if done.returncode != 0:
            self.check_alive()
            raise TinylmError(f"{what}: code {done.returncode}, {last_line(done.stderr)}", exit_code=3)
        return done.stdout


def machine_folder(folder: Path, name: str) -> Path:
    """The state folder of the machine `name`; TinylmError for a name that is no plain file name."""
    if not _NAME.fullmatch(name):
        raise TinylmError(f"`{name}` cannot be a machine's name", "use letters, digits, dots and dashes")
    return folder / "machines" / name


def find_machine(folder: Path, name: str) -> Machine:
    """The running machine `name`; TinylmError when there is none, after cleaning up what is left of it."""
    clean_stale(folder)
    place = machine_folder(folder, name)
    state = _read_state(place)
    if state is None or not _is_emulator(state.pid, place):
        raise TinylmError(f"no virtual Pi `{name}` is running", "start one: tinylm virtual-pi start", exit_code=3)
    return Machine(folder=place, state=state)


def kept_image(folder: Path, name: str, *, release: int) -> Path | None:
    """The image that the machine's kept changes belong to, when it is there and of that Debian release."""
    place = machine_folder(folder, name)
    try:
        image = Path((place / _BASE).read_text(encoding="utf-8"))
        same = int((image / RELEASE).read_text(encoding="ascii")) == release
    except (OSError, ValueError):
        return None
    return image if same and (place / OVERLAY).exists() else None


def images_in_use(folder: Path) -> set[str]:
    """Names of the images that machines run on, or have changes to."""
    used = set()
    for place in (folder / "machines").glob("*"):
        state = _read_state(place)
        if state is not None:
            used.add(Path(state.image).name)
        with contextlib.suppress(OSError):
            used.add(Path((place / _BASE).read_text(encoding="utf-8")).name)
    return used


def start_machine(
    *,
    image: Path,
    settings: Settings,
    folder: Path,
    name: str,
    owned: bool = False,
) -> Machine:
    """Start the emulator and return at once; port 0 is a free one.

    With `owned`, this process stops it in the end, and the next tinylm does when this one could not.
    """
    place = machine_folder(folder, name)
    if settings.snapshot and (place / OVERLAY).exists():
        raise TinylmError(
            f"the virtual Pi `{name}` keeps changes to its disk, which a snapshot would not show and then forget",
            "use another --name for the snapshot, or drop the changes: tinylm virtual-pi stop --forget",
            exit_code=3,
        )
    check_programs(RUNNING)
    clean_stale(folder)
    state = _read_state(place)
    if state is not None and _is_emulator(state.pid, place):
        raise TinylmError(f"the virtual Pi `{name}` is running already", "stop it, or use another --name", exit_code=3)
    try:
        place.mkdir(parents=True, exist_ok=True)
        if not settings.snapshot:
            _prepare_overlay(image, place)
        for _ in range(1 if settings.port else _PORT_TRIES):
            chosen = dataclasses.replace(settings, port=settings.port or _free_port())
            machine = _launch(image=image, settings=chosen, place=place, owned=owned)
            if machine.alive():
                return machine
            words = machine.last_words()
            if _PORT_TAKEN not in words:
                raise TinylmError(f"the emulator did not start: {words}", "see the message above", exit_code=3)
            # Between choosing a free port and taking it, somebody else was faster: once more.
        raise TinylmError(f"the emulator did not start: {words}", "name another --port, or leave it out", exit_code=3)
    except OSError as error:
        _leave(place, snapshot=settings.snapshot)
        raise TinylmError(
            f"cannot start a virtual Pi in `{place}`: {error.strerror}",
            "check the folder and the disk space",
            exit_code=3,
        ) from error
    except BaseException:  # Ctrl-C too
        _leave(place, snapshot=settings.snapshot)
        raise


def stop_machine(machine: Machine) -> None:
    """End the emulator, if it still runs, and forget the machine; changes to a disk that is kept stay."""
    _end(machine.state.pid, machine.folder)
    _leave(machine.folder, snapshot=machine.state.settings.snapshot)


def stop_named(folder: Path, name: str, *, forget: bool) -> None:
    """Stop the machine `name`; with `forget`, whether it runs or not, drop what it wrote to its disk, too."""
    place = machine_folder(folder, name)
    if not (forget and place.is_dir() and _read_state(place) is None):
        stop_machine(find_machine(folder, name))
    if forget:
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def running(*, image: Path, settings: Settings, folder: Path, name: str | None = None) -> Iterator[Machine]:
    """A machine for as long as the block runs: stopped at its end, after an error, and when this process is told to
    end, by Ctrl-C, SIGTERM or a terminal that closes."""
    with ended_by_signals():
        machine = start_machine(
            image=image, settings=settings, folder=folder, name=name or f"check-{os.getpid()}", owned=True
        )
        try:
            yield machine
        finally:
            stop_machine(machine)


def clean_stale(folder: Path) -> list[str]:
    """Forget machines whose emulator is gone, end those whose owner is; returns their names."""
    cleaned = []
    for place in sorted((folder / "machines").glob("*")):
        state = _read_state(place)
        if state is None:
            continue
        orphan = state.owner_pid is not None and not _exists(state.owner_pid)
        if orphan or not _is_emulator(state.pid, place):
            stop_machine(Machine(folder=place, state=state))
            cleaned.append(place.name)
    return cleaned


def _launch(*, image: Path, settings: Settings, place: Path, owned: bool) -> Machine:
    command = qemu_command(program=find_program(QEMU), settings=settings, image=image, folder=place)
    (place / CONSOLE).write_text("")
    with (place / LOG).open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=place,
            start_new_session=True,  # Ctrl-C is for tinylm, which then stops the machine
        )
    state = State(
        schema=SCHEMA,
        pid=process.pid,
        owner_pid=os.getpid() if owned else None,
        image=str(image),
        port=settings.port,
        settings=settings,
    )
    try:
        write_file(place / STATE, state)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.5)  # a bad option or a taken port ends it at once
    except BaseException:
        process.kill()
        process.wait()
        raise
    return Machine(folder=place, state=state)


def _prepare_overlay(image: Path, place: Path) -> None:
    """The disk's changes: those of the last time, or none yet. They are worth nothing on another image."""
    overlay, base = place / OVERLAY, place / _BASE
    if overlay.exists() and base.exists():
        if base.read_text(encoding="utf-8") == str(image):
            return
        raise TinylmError(
            f"the virtual Pi `{place.name}` has changes to the disk of another image",
            f"drop them: tinylm virtual-pi stop --forget --name {place.name}; or use another --name",
        )
    create = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str((image / DISK).resolve()), "-F", "raw", str(overlay)]
    run_program(create, what="the virtual Pi's disk cannot be made")
    write_atomic(base, str(image).encode())


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _read_state(place: Path) -> State | None:
    """What the folder says of its machine; None for none, or for a state that an older tinylm wrote."""
    try:
        return read_file(State, place / STATE, major=1, hint="")
    except TinylmError:
        return None


def _leave(place: Path, *, snapshot: bool) -> None:
    """Forget the machine, whose process has ended; with `snapshot` nothing of it is kept."""
    with contextlib.suppress(OSError):
        (place / STATE).unlink(missing_ok=True)
    if snapshot:
        shutil.rmtree(place, ignore_errors=True)


def _is_emulator(pid: int, place: Path) -> bool:
    """Whether the process `pid` is a live emulator that works in `place`."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # our own child that has ended is not alive
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    ended = stat.rpartition(")")[2].split()[0] in ("Z", "X")
    console = f"file:{place / CONSOLE}".encode()
    return not ended and QEMU.encode() in words[0].split(b"/")[-1] and console in words


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _end(pid: int, place: Path) -> None:
    """Ask the emulator to end, then insist; a process that is not this machine's is never touched."""
    for number, seconds in ((signal.SIGTERM, _STOP_S), (signal.SIGKILL, _STOP_S)):
        if not _is_emulator(pid, place):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        end = time.monotonic() + seconds
        while time.monotonic() < end and _is_emulator(pid, place):
            time.sleep(0.05)
