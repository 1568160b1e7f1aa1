"""Findings about board, processor, clock speed, voltage and heat. Pure: facts in, findings out."""

from __future__ import annotations

from collections.abc import Iterator

from tinylm.doctor.finding import Finding, not_readable, note, ok, problem, warning
from tinylm.doctor.software_rules import native_works
from tinylm.machine.facts import Facts, Firmware, Processor
from tinylm.machine.firmware import decode
from tinylm.onnx.kernels import Cpu, Level

_WARM_C, _HOT_C = 70.0, 80.0
"""The firmware lowers the clock at 80 degrees, on some boards at 60 to 70 already."""

_THIRTY_TWO_BIT_CORES = {"ARM1176", "Cortex-A7", "Cortex-A8", "Cortex-A9", "Cortex-A15"}

_SUPPLY = (
    "use the official power supply (5.1 V; 2.5 A, Pi 4: 3 A, Pi 5: 5 A) and a short thick cable; unplug USB devices"
)
_COOL = "add a heat sink or a fan, give it air, and let it cool; then restart, which clears the memory of it"
_VOLTAGE_WHY = "the firmware lowers the clock, times are void, and writes to the card may be damaged"
_CLOCK_WHY = "the same request takes up to several times as long; a budget check here is void"
_CAUSE = "the cause is voltage or heat: see the other findings"
_AGAIN_WHY = "it will happen again under load"
_FIND_OUT = "find out whether it is voltage or heat: see the other findings"
_SOFT_WHY = "the clock is lowered a little to stay below the limit; times are not what a cool board reaches"
_HOT_WHY = "it gets hot under load, and sustained speed is lower than what a short test shows"
_BITS: dict[int, tuple[str, Level, str, str]] = {
    0: ("the supply voltage is too low now", "problem", _VOLTAGE_WHY, _SUPPLY),
    1: ("the clock is capped now", "problem", _CLOCK_WHY, _CAUSE),
    2: ("the clock is throttled now", "problem", _CLOCK_WHY, _CAUSE),
    3: ("the soft temperature limit is active now", "warning", _SOFT_WHY, _COOL),
    16: ("the supply voltage has been too low since the last start", "warning", _VOLTAGE_WHY, _SUPPLY),
    17: ("the clock has been capped since the last start", "warning", _AGAIN_WHY, _FIND_OUT),
    18: ("the clock has been throttled since the last start", "warning", _AGAIN_WHY, _FIND_OUT),
    19: ("the soft temperature limit has been reached since the last start", "warning", _HOT_WHY, _COOL),
}
"""What each bit of `vcgencmd get_throttled` means: what, level, why, what to do."""


def hardware_findings(facts: Facts) -> Iterator[Finding]:
    yield _board(facts.processor)
    yield _userland(facts)
    yield _instructions(facts)
    yield from _clock_speed(facts.processor)
    yield from _throttling(facts.firmware, facts.processor)
    yield _temperature(facts.firmware)
    yield from _cooling(facts)


def _board(processor: Processor) -> Finding:
    cores = ", ".join(f"{kind.count} x {kind.name}" for kind in processor.core_types) or f"{processor.cores} cores"
    return ok("board", f"{processor.board}, {cores} ({processor.arch})")


def _userland(facts: Facts) -> Finding:
    processor, bits = facts.processor, facts.software.pointer_bits
    if bits == 64:
        return ok("userland", "64-bit Python on a 64-bit system")
    if native_works(facts.software):
        return ok(
            "userland", f"32-bit Python ({processor.arch}): the native engine runs models, onnxruntime is not there"
        )
    why = "there are no 32-bit wheels of onnxruntime: `pip` says that no matching distribution was found"
    old = [kind.name for kind in processor.core_types if kind.name in _THIRTY_TWO_BIT_CORES]
    if old:
        return problem(
            "userland",
            f"this processor ({old[0]}) is 32-bit",
            why=why,
            what_to_do="use a board with a 64-bit processor: Zero 2 W, 3, 4 or 5",
        )
    kernel = "a 64-bit kernel" if Cpu(arch=processor.arch, isa=None).family != "other" else "a 32-bit system"
    return problem(
        "userland",
        f"32-bit Python on {kernel} ({processor.arch})",
        why=why + ("; `uname -m` looks right because only the kernel is 64-bit" if kernel == "a 64-bit kernel" else ""),
        what_to_do="write the 64-bit Raspberry Pi OS to the card; `getconf LONG_BIT` must say 64",
    )


def _instructions(facts: Facts) -> Finding:
    processor = facts.processor
    if processor.isa is None:
        return not_readable("instructions", "processor flags are")
    cpu, flags = Cpu(arch=processor.arch, isa=frozenset(processor.isa)), ", ".join(processor.isa) or "none"
    if native_works(facts.software):
        return ok("instructions", f"{flags}; the native engine gives the same logits with any of them")
    if cpu.family == "arm64":
        if cpu.has("asimddp"):
            extra = " and matrix multiply (i8mm)" if cpu.has("i8mm") else ""
            return ok("instructions", f"int8 dot products{extra}: {flags}")
        return note(
            "instructions",
            f"no int8 dot products (asimddp): {flags}",
            why="int8 saves memory here, not instructions; 8-bit MatMulNBits would turn its weights into floats",
            what_to_do="use int8 bundles as `tinylm export` writes them",
        )
    if cpu.family == "x86_64":
        if cpu.has("avx512_vnni", "avx_vnni"):
            return ok("instructions", "int8 dot products (VNNI)")
        return note(
            "instructions",
            f"no VNNI: {flags}",
            why="int8 products saturate in 16 bits, so logits may differ from those of other machines",
            what_to_do="trust `tinylm bundle verify` of the board, not of this machine",
        )
    return note("instructions", f"kernels are not known for {processor.arch}: {flags}")


def _clock_speed(processor: Processor) -> Iterator[Finding]:
    if not any(policy.governor for policy in processor.policies):
        yield not_readable("clock speed", "governor and frequency are")
        return
    for policy in processor.policies:
        speed = "" if policy.current_mhz is None else f", now {policy.current_mhz:.0f} MHz"
        most = "" if policy.allowed_mhz is None else f" of at most {policy.allowed_mhz:.0f}"
        what = f"{policy.policy}: governor `{policy.governor}`{speed}{most}"
        if policy.governor == "powersave" and processor.arch not in ("x86_64", "amd64"):
            yield warning(
                "clock speed",
                what,
                why="`powersave` keeps the lowest clock even under load: every request takes longer",
                what_to_do="echo ondemand | sudo tee /sys/devices/system/cpu/cpufreq/policy*/scaling_governor",
            )
        elif policy.allowed_mhz and policy.hardware_mhz and policy.allowed_mhz < 0.99 * policy.hardware_mhz:
            yield warning(
                "clock speed",
                f"{what}, while the hardware can do {policy.hardware_mhz:.0f} MHz",
                why="the clock is capped by a setting, and times are worse than this board can do",
                what_to_do=f"echo {policy.hardware_mhz * 1000:.0f} | sudo tee"
                f" /sys/devices/system/cpu/cpufreq/{policy.policy}/scaling_max_freq",
            )
        else:
            yield ok("clock speed", what)


def _throttling(firmware: Firmware, processor: Processor) -> Iterator[Finding]:
    if firmware.throttled is not None:
        bits = decode(firmware.throttled)
        for bit in bits:
            what, level, why, what_to_do = _BITS[bit]
            what = f"{what} (bit {bit} of {firmware.throttled:#x})"
            if bit - 16 in bits:  # said already, of now
                level, why, what_to_do = "note", "", ""
            yield Finding(check="throttling", level=level, what=what, why=why, what_to_do=what_to_do)
        if not bits:
            yield ok("throttling", "no under-voltage, no throttling since the last start")
    elif firmware.undervoltage_alarm:
        what = "the supply voltage is too low (alarm of the kernel's sensor)"
        yield problem("throttling", what, why=_VOLTAGE_WHY, what_to_do=_SUPPLY)
    elif processor.board.startswith("Raspberry Pi"):
        yield note(
            "throttling",
            f"not readable here: {firmware.problem or 'the firmware gave no answer'}",
            why="under-voltage and heat lower the clock, and only the firmware knows",
            what_to_do="sudo apt install raspi-utils; sudo usermod -aG video $USER; then log in again",
        )


def _temperature(firmware: Firmware) -> Finding:
    if firmware.temperature_c is None:
        return not_readable("temperature", "temperature is")
    what = f"{firmware.temperature_c:.0f} °C"
    if firmware.temperature_c < _WARM_C:
        return ok("temperature", what)
    level: Level = "problem" if firmware.temperature_c >= _HOT_C else "warning"
    return Finding(check="temperature", level=level, what=what, why=_CLOCK_WHY, what_to_do=_COOL)


def _cooling(facts: Facts) -> Iterator[Finding]:
    """Whether the kernel drives a fan; a heat sink cannot be seen."""
    fans = facts.firmware.fans
    if fans:
        yield ok("cooling", f"a fan that the kernel drives (`{fans[0]}`)")
    elif fans is not None and facts.processor.board.startswith("Raspberry Pi"):
        yield note(
            "cooling",
            "no fan that the kernel drives; a heat sink cannot be seen from here",
            why="under sustained load a bare board gets hot and lowers its clock",
            what_to_do="measure it: tinylm check-budgets --soak 10",
        )
