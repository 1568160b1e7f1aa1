"""A machine at the other end of ssh that a standalone program is copied to and measured on: it needs a shell and sshd.

    with remote_machine("pi@raspberrypi", program) as there:
        there.facts, there.monitor, there.command([program, "--probe"])

Nothing is installed there, and the folder with the program is removed at the end.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.printable import printable
from tinylm.budget.measure.conditions import MachineMonitor, MachineState
from tinylm.machine.device import DeviceFacts, device_facts
from tinylm.machine.firmware import FirmwareSilent

_OPTIONS = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15", "-T")
_TIMEOUT_S = 120.0
_FAILED = 255
"""ssh's own exit code."""
_FOLDER = "tinylm-check.XXXXXX"
# The kernel's files that facts and the monitor read; what others do with the processor is not among them, because only
# on this machine is it known which part of that is the probe's.
_CLOCK = "sys/devices/system/cpu/cpufreq/policy0/scaling_"
_FILES = (
    *(f"proc/{name}" for name in ("device-tree/model", "cpuinfo", "meminfo", "vmstat")),
    *(_CLOCK + name for name in ("governor", "cur_freq", "max_freq")),
    "sys/class/thermal/thermal_zone0/temp",
)
# The shell says which signal ended the probe, because ssh brings back a number only.
_RUN = "{program} || {{ code=$?; [ $code -gt 128 ] && echo killed by SIG$(kill -l $((code - 128))) >&2; exit $code; }}"


@dataclass(frozen=True, kw_only=True)
class RemoteMachine:
    """A machine with the program on it."""

    target: str
    """As ssh takes it."""
    folder: str
    """There."""
    facts: DeviceFacts
    monitor: MachineMonitor
    cache_dropped: bool
    """Whether that system forgot the program's bytes after they were copied."""

    def command(self, program: Sequence[str]) -> list[str]:
        """The command of this machine that runs the program there, with the arguments of the command `program`."""
        there = " ".join([f"{self.folder}/program", *map(shlex.quote, program[1:])])
        return _ssh(self.target, _RUN.format(program=there))


@contextlib.contextmanager
def remote_machine(target: str, program: Path) -> Iterator[RemoteMachine]:
    """`program` copied to `target` for as long as the block runs; TinylmError (exit code 3) when that cannot be."""
    if target.startswith("-") or not target.strip():
        raise TinylmError(
            f"`{target}` is no machine that ssh could reach", "name it as ssh does, such as `pi@raspberrypi`"
        )
    if shutil.which("ssh") is None:
        raise TinylmError("`ssh` is not installed", "sudo apt-get install openssh-client", exit_code=3)
    folder = _run(target, f'mktemp -d "${{TMPDIR:-/tmp}}/{_FOLDER}"').strip()
    try:
        copied = f"cat > {shlex.quote(folder)}/program && chmod +x {shlex.quote(folder)}/program && sync"
        _run(target, copied, data=program.read_bytes())
        dropped = _run(
            target, f"dd if={shlex.quote(folder)}/program iflag=nocache count=0 2>&1 >/dev/null && echo done || :"
        )
        with tempfile.TemporaryDirectory(prefix="tinylm-remote-") as root:
            _read_files(target, Path(root))
            yield RemoteMachine(
                target=target,
                folder=shlex.quote(folder),
                facts=_facts(target, Path(root)),
                monitor=_RemoteMonitor(target, Path(root)),
                cache_dropped=dropped.rstrip().endswith("done"),
            )
    finally:
        with contextlib.suppress(TinylmError):
            _run(target, f"rm -rf {shlex.quote(folder)}")


class _RemoteMonitor(MachineMonitor):
    """The state of the other machine, read between the probes and never beside them."""

    def __init__(self, target: str, root: Path) -> None:
        super().__init__(root, lambda *words: _firmware(target, words))
        self._target = target

    @contextlib.contextmanager
    def polling_firmware(self) -> Iterator[None]:
        """Nothing is asked meanwhile: a login takes a small board a part of a second."""
        yield

    def sample(self) -> MachineState:
        _read_files(self._target, self._root)
        return super().sample()


def _facts(target: str, root: Path) -> DeviceFacts:
    arch, system, cores = _run(target, "uname -m; uname -sr; grep -c ^processor /proc/cpuinfo").splitlines()[:3]
    return dataclasses.replace(
        device_facts(root), arch=arch, system=system, cores=int(cores), python="none", onnxruntime=None
    )


def _read_files(target: str, root: Path) -> None:
    """Copy the kernel's files that say something; what is not there is left out."""
    end = "tinylm-end-of-file"
    told = _run(target, "; ".join(f"cat /{name} 2>/dev/null; echo; echo {end}" for name in _FILES))
    for name, text in zip(_FILES, told.split(f"\n{end}\n"), strict=False):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if text.strip("\0\n"):
            file.write_text(text, encoding="utf-8")


def _firmware(target: str, words: Sequence[str]) -> str:
    try:
        answer = _run(target, f"vcgencmd {shlex.join(words)}").strip()
    except TinylmError as error:
        raise FirmwareSilent(error.message) from error
    if "=" not in answer:
        raise FirmwareSilent("`vcgencmd` gave no answer")
    return answer


def _ssh(target: str, command: str) -> list[str]:
    return ["ssh", *_OPTIONS, target, command]


def _run(target: str, command: str, *, data: bytes = b"") -> str:
    try:
        done = subprocess.run(_ssh(target, command), input=data, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise TinylmError(f"`{target}` gave no answer within {_TIMEOUT_S:.0f} s", "is it busy?", exit_code=3) from error
    except OSError as error:
        raise TinylmError(f"`ssh` cannot be started: {error.strerror}", exit_code=3) from error
    if done.returncode != 0:
        said = printable((done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1])[:200]
        if done.returncode == _FAILED:
            raise TinylmError(f"`{target}` cannot be reached: {said}", f"try it: ssh {target} true", exit_code=3)
        raise TinylmError(f"`{command[:40]}` failed on `{target}`: {said}", exit_code=3)
    return done.stdout.decode("utf-8", errors="replace")
