"""What a Raspberry Pi's firmware says of voltage, heat and clock.

`vcgencmd` is asked and not the kernel's file `get_throttled`: reading that file clears the bits that remember.
https://www.raspberrypi.com/documentation/computers/os.html#get_throttled
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tinylm.machine.facts import Firmware
from tinylm.machine.kernel_files import folders, number, text, whole

THROTTLED_BITS = (0, 1, 2, 3, 16, 17, 18, 19)
"""Of `vcgencmd get_throttled`: under-voltage, capped, throttled, soft temperature limit; now, and since boot."""

_TIMEOUT_S = 5


def decode(throttled: int) -> list[int]:
    """The numbers of the known bits that are set."""
    return [bit for bit in THROTTLED_BITS if throttled >> bit & 1]


class FirmwareSilent(Exception):
    """`vcgencmd` gave no answer; the message says why."""


def ask_firmware(*arguments: str) -> str:
    """What `vcgencmd` answers, such as `throttled=0x50000`; FirmwareSilent when there is none."""
    program = shutil.which("vcgencmd", path=None) or shutil.which("vcgencmd", path="/usr/bin:/opt/vc/bin")
    if program is None:
        raise FirmwareSilent("`vcgencmd` is not installed")
    try:
        done = subprocess.run(
            [program, *arguments], capture_output=True, stdin=subprocess.DEVNULL, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise FirmwareSilent(f"`vcgencmd` gave no answer within {_TIMEOUT_S} s") from error
    except OSError as error:
        raise FirmwareSilent(f"`vcgencmd` cannot be run: {error.strerror}") from error
    answer = done.stdout.decode(errors="replace").strip()
    if done.returncode or "=" not in answer:
        said = (done.stderr.decode(errors="replace").strip() or answer or "nothing").splitlines()[0][:100]
        raise FirmwareSilent(f"`vcgencmd` failed and said: {said}")
    return answer


def read_firmware(root: Path, ask: Callable[..., str] = ask_firmware) -> Firmware:
    """Ask the firmware where there is one, and read the kernel's sensors."""
    throttled, problem = read_throttled(ask)
    return Firmware(
        throttled=throttled,
        problem=problem,
        arm_freq_mhz=None if problem else whole(_answer(ask, "get_config", "arm_freq")),
        undervoltage_alarm=_undervoltage(root),
        fans=_fans(root),
        temperature_c=_hottest(root) if problem else _hottest(root) or _degrees(_answer(ask, "measure_temp")),
    )


def read_throttled(ask: Callable[..., str] = ask_firmware) -> tuple[int | None, str | None]:
    """The number of `vcgencmd get_throttled`, or why there is none."""
    try:
        throttled = _hexadecimal(ask("get_throttled"))
    except FirmwareSilent as silent:
        return None, str(silent)
    return throttled, None if throttled is not None else "`vcgencmd get_throttled` gave no number"


def _answer(ask: Callable[..., str], *arguments: str) -> str | None:
    try:
        return ask(*arguments).partition("=")[2].strip()
    except FirmwareSilent:
        return None


def _hexadecimal(answer: str) -> int | None:
    try:
        return int(answer.partition("=")[2], 16)
    except ValueError:
        return None


def _degrees(answer: str | None) -> float | None:
    """42.2 of `42.2'C`."""
    try:
        return None if answer is None else float(answer.partition("'")[0])
    except ValueError:
        return None


def _hottest(root: Path) -> float | None:
    """The hottest thermal zone, in degrees Celsius; zones that are off say 0 or less."""
    zones = [number(zone / "temp") for zone in folders(root / "sys/class/thermal", "thermal_zone*")]
    hot = [millidegrees for millidegrees in zones if millidegrees is not None and 0 < millidegrees < 200_000]
    return round(max(hot) / 1e3, 1) if hot else None


def _fans(root: Path) -> tuple[str, ...] | None:
    """Cooling devices that are fans; the others slow the processor down instead."""
    thermal = root / "sys/class/thermal"
    if not folders(thermal, "thermal_zone*"):
        return None
    kinds = [text(device / "type") or "" for device in folders(thermal, "cooling_device*")]
    return tuple(sorted({kind for kind in kinds if "fan" in kind.lower()}))


def _undervoltage(root: Path) -> bool | None:
    """The kernel's alarm; its sensor is called `rpi_volt`."""
    for sensor in folders(root / "sys/class/hwmon", "hwmon*"):
        if text(sensor / "name") == "rpi_volt":
            alarm = number(sensor / "in0_lcrit_alarm")
            return None if alarm is None else alarm != 0
    return None
