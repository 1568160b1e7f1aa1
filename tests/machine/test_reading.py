"""Facts from folders that stand for a machine: a Zero 2 W, one with version-1 control groups, and nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tinylm.machine.facts import CoreType
from tinylm.machine.firmware import THROTTLED_BITS, FirmwareSilent, decode, read_firmware
from tinylm.machine.gather import read_facts
from tinylm.machine.memory import read_memory
from tinylm.machine.processor import read_processor
from tinylm.machine.software import read_software
from tinylm.machine.storage import TEST_BYTES, measure, read_storage, state_folder
from tinylm.machine.surroundings import busy_processes, read_clock, read_surroundings

Machine = Callable[[dict[str, str]], Path]

CORE = "processor\t: {n}\nBogoMIPS\t: 38.40\nFeatures\t: fp asimd evtstrm crc32 cpuid\nCPU implementer\t: 0x41\n"
ZERO = {
    "proc/device-tree/model": "Raspberry Pi Zero 2 W Rev 1.0\0",
    "proc/cpuinfo": "\n".join(CORE.format(n=n) + "CPU part\t: 0xd03\n" for n in range(4)) + "\nModel\t: other\n",
    "proc/meminfo": "MemTotal:   426984 kB\nMemAvailable:  289453 kB\nSwapTotal:  102396 kB\nSwapFree: 51200 kB\n",
    "proc/cmdline": "coherent_pool=1M cgroup_disable=memory root=PARTUUID=1-02 rootwait\n",
    "proc/cgroups": "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t0\t50\t1\nmemory\t0\t50\t0\n",
    "proc/mounts": "/dev/mmcblk0p2 / ext4 rw 0 0\ntmpfs /run tmpfs rw 0 0\n/dev/sda1 /media/a\\040b ext4 ro 0 0",
    "proc/swaps": "Filename Type Size Used Priority\n/var/swap file 102396 51196 -2\n",
    "proc/loadavg": "0.31 0.20 0.10 1/120 900\n",
    "sys/fs/cgroup/cgroup.controllers": "cpuset cpu io pids\n",
    "sys/devices/system/cpu/cpufreq/policy0/scaling_governor": "ondemand\n",
    "sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq": "600000\n",
    "sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq": "1000000\n",
    "sys/devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq": "1000000\n",
    "sys/class/thermal/thermal_zone0/temp": "48312\n",
    "sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
    "sys/class/hwmon/hwmon1/name": "rpi_volt\n",
    "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "1\n",
    "sys/block/mmcblk0/device/type": "SD\n",
    "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian"\n',
}


def silent(*arguments: str) -> str:
    raise FirmwareSilent("`vcgencmd` is not installed")


def test_a_zero_2_w(machine: Machine) -> None:
    root = machine(ZERO)
    processor = read_processor(root, arch="aarch64", cores=4)
    assert processor.board == "Raspberry Pi Zero 2 W Rev 1.0"
    assert processor.core_types == (CoreType(name="Cortex-A53", implementer="0x41", part="0xd03", count=4),)
    assert processor.isa == ("asimd",)
    (policy,) = processor.policies
    assert (policy.governor, policy.current_mhz, policy.hardware_mhz) == ("ondemand", 600.0, 1000.0)
    memory = read_memory(root)
    assert (memory.total_mb, memory.swap_total_mb, memory.swap_free_mb) == (437.2, 104.9, 52.4)
    assert (memory.cgroup_memory, memory.cgroup_disabled_by) == ("disabled", "cgroup_disable=memory")
    assert memory.zram_mb is None
    firmware = read_firmware(root, silent)
    assert (firmware.throttled, firmware.undervoltage_alarm, firmware.temperature_c) == (None, True, 48.3)
    assert read_software(root, try_imports=False).distribution == "Debian GNU/Linux 12 (bookworm)"


def test_big_and_little_cores(machine: Machine) -> None:
    core = "processor : {}\nCPU implementer : 0x41\nCPU part : {}\nFeatures : asimd asimddp\n\n"
    text = core.format(0, "0xd05") + core.format(1, "0xd0b") + core.format(2, "0xd0b") + core.format(3, "0xfff")
    kinds = read_processor(machine({"proc/cpuinfo": text}), arch="aarch64", cores=4).core_types
    assert [(kind.name, kind.count) for kind in kinds] == [("Cortex-A55", 1), ("Cortex-A76", 2), ("unknown core", 1)]


def test_a_machine_without_a_device_tree(machine: Machine) -> None:
    root = machine({"sys/class/dmi/id/sys_vendor": "Maker\n", "sys/class/dmi/id/product_name": "Laptop 3\n"})
    assert read_processor(root, arch="x86_64", cores=1).board == "Maker Laptop 3"
    flags = {"proc/cpuinfo": "processor : 0\nmodel name : Fast CPU\nflags : fpu avx2 avx_vnni\n"}
    found = read_processor(machine(flags), arch="x86_64", cores=1)
    assert found.isa == ("avx2", "avx_vnni")


def test_zram_and_limits_of_control_groups(machine: Machine) -> None:
    two = machine(
        {
            "proc/self/cgroup": "0::/system.slice/tinylm.service\n",
            "sys/fs/cgroup/cgroup.controllers": "cpu memory\n",
            "sys/fs/cgroup/system.slice/memory.max": "max\n",
            "sys/fs/cgroup/system.slice/tinylm.service/memory.max": "120000000\n",
            "sys/block/zram0/disksize": "2147483648\n",
            "proc/swaps": "Filename Type Size Used Priority\n/dev/zram0 partition 2097148 0 100\n",
        }
    )
    memory = read_memory(two)
    assert (memory.cgroup_memory, memory.cgroup_limit_mb, memory.zram_mb) == ("enabled", 120.0, 2147.5)


def test_limits_of_control_groups_version_1(machine: Machine) -> None:
    memory = read_memory(
        machine(
            {
                "proc/self/cgroup": "5:cpu,cpuacct:/a\n4:memory:/a/../b\n",
                "proc/cgroups": "memory\t4\t52\t1\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "64000000\n",
            }
        )
    )
    assert (memory.cgroup_memory, memory.cgroup_limit_mb) == ("enabled", 64.0)


@pytest.mark.parametrize("value", ["", "nonsense", "nan", "\0\0", "-", "9" * 4000, "9" * 5000])
def test_nonsense_in_kernel_files_is_not_readable(machine: Machine, value: str) -> None:
    root = machine(dict.fromkeys(ZERO, value))
    read_processor(root, arch="aarch64", cores=4)
    assert read_memory(root).total_mb is None
    assert read_firmware(root, silent).temperature_c is None
    assert read_surroundings(root, watch_s=0).load_average is None
    read_storage(root, root)


def test_a_machine_without_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS: everything that cannot be read is a note, and nothing fails."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("tinylm.machine.gather.read_software", lambda root: read_software(root, try_imports=False))
    facts = read_facts(tmp_path / "nothing", announce=lambda line: None)
    assert facts.processor.board == "unknown"
    assert facts.processor.isa is None
    assert facts.memory.total_mb is None
    assert facts.memory.cgroup_memory is None
    assert facts.surroundings.load_average is None
    from tinylm.doctor.examination import find_all

    notes = {finding.check for finding in find_all(facts) if finding.what.endswith("not readable here")}
    assert {"instructions", "clock speed", "temperature", "memory", "swap", "memory cgroup", "load"} <= notes


def test_throttled_bits() -> None:
    assert decode(0) == []
    assert decode(0x50005) == [0, 2, 16, 18]
    assert decode(0xFFFFFFFF) == list(THROTTLED_BITS)


def test_what_the_firmware_answers(tmp_path: Path) -> None:
    answers = {"get_throttled": "throttled=0x50000", "get_config": "arm_freq=1800", "measure_temp": "temp=42.2'C"}
    firmware = read_firmware(tmp_path, lambda name, *rest: answers[name])
    assert (firmware.throttled, firmware.arm_freq_mhz, firmware.temperature_c) == (0x50000, 1800, 42.2)
    garbage = read_firmware(tmp_path, lambda *arguments: "error=1 error_msg=Command not registered")
    assert garbage.throttled is None
    assert garbage.problem


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("exit 3", "failed and said: nothing"),
        ("echo VCHI initialization failed >&2; exit 255", "VCHI"),
        ("", "nothing"),
    ],
)
def test_a_firmware_tool_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, problem: str) -> None:
    tool = tmp_path / "vcgencmd"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    firmware = read_firmware(tmp_path)
    assert firmware.throttled is None
    assert firmware.problem is not None
    assert problem in firmware.problem


def test_the_disk_under_a_folder(machine: Machine, tmp_path: Path) -> None:
    root = machine(ZERO)
    card = read_storage(root, tmp_path)
    assert (card.filesystem, card.device, card.sd_card, card.read_only) == ("ext4", "/dev/mmcblk0p2", True, False)
    assert card.tested_mb == TEST_BYTES / 1e6
    machine({"sys/block/mmcblk0/device/type": "MMC\n"})
    assert read_storage(root, tmp_path).sd_card is False
    machine({"proc/mounts": "/dev/root / ext4 rw 0 0\n", "proc/cmdline": "root=/dev/mmcblk0p2"})
    machine({"sys/block/mmcblk0/device/type": "SD\n"})
    assert read_storage(root, tmp_path).sd_card is True
    machine({"proc/mounts": "overlay / overlay rw 0 0\n"})
    assert read_storage(root, tmp_path).sd_card is None


def test_the_speed_test_leaves_nothing(tmp_path: Path) -> None:
    write, read = measure(tmp_path)
    assert write > 0
    assert read > 0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    storage = read_storage(Path("/"), tmp_path / "missing")
    assert storage.write_mb_per_s is None
    assert storage.problem is not None
    assert "cannot be written" in storage.problem


def test_a_full_disk_is_not_filled_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinylm.machine.storage._space", lambda folder: (10**9, 10**6))
    storage = read_storage(Path("/"), tmp_path)
    assert storage.tested_mb == 0
    assert storage.problem == "less than 64 MB are free"


def test_where_state_lies(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (home / ".local/state").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    root = machine({"proc/mounts": "/dev/sda1 / ext4 rw 0 0\n"})
    assert state_folder(root) == home / ".local/state"
    machine({"proc/mounts": f"/dev/sda1 / ext4 rw 0 0\ntmpfs {home}/.local tmpfs rw 0 0\n"})
    assert state_folder(root) == home


def test_busy_processes(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = "{pid} (a (b) c) R 1 1 1 0 -1 0 0 0 0 0 {user} {system} 0 0 20 0 1 0 5 0 0\n"
    root = machine({"proc/7/stat": stat.format(pid=7, user=100, system=0), "proc/8/stat": "8 (broken\n"})
    monkeypatch.setattr(
        "time.sleep", lambda seconds: machine({"proc/7/stat": stat.format(pid=7, user=1_000_000, system=500)}) and None
    )
    (process,) = busy_processes(root, 0.01)
    assert (process.pid, process.name) == (7, "a (b) c")
    assert process.cores > 1


def test_this_machines_clock() -> None:
    clock = read_clock(Path("/"))
    assert clock.installed is not None
    assert clock.now[:2] == "20"


def test_fans_are_told_from_what_slows_the_processor_down(machine: Machine) -> None:
    thermal = "sys/class/thermal"
    with_fan = {
        f"{thermal}/thermal_zone0/temp": "48312\n",
        f"{thermal}/cooling_device0/type": "pwm-fan\n",
        f"{thermal}/cooling_device1/type": "cpufreq-cpu0\n",
    }
    assert read_firmware(machine(with_fan), silent).fans == ("pwm-fan",)


def test_without_thermal_zones_fans_are_not_known(machine: Machine) -> None:
    assert read_firmware(machine({"proc/loadavg": "0 0 0\n"}), silent).fans is None
