"""Recognising a board from its files."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from sample_machines import ZERO

from tinylm.budget.spec.budget import DeviceMatch, load_budget
from tinylm.budget.spec.device import differences
from tinylm.machine.device import device_facts

PI5 = dataclasses.replace(ZERO, model="Raspberry Pi 5 Model B Rev 1.0", isa=("asimd", "asimddp"), memory_mb=8454.0)


def test_facts_of_a_board(tmp_path: Path) -> None:
    for name, content in {
        "proc/device-tree/model": "Raspberry Pi Zero 2 W Rev 1.0\0",
        "proc/cpuinfo": "processor\t: 0\nBogoMIPS\t: 38.40\nFeatures\t: fp asimd evtstrm crc32 cpuid\n\n",
        "proc/meminfo": "MemTotal:         426984 kB\nMemFree:          100 kB\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    facts = device_facts(tmp_path)
    assert facts.model == "Raspberry Pi Zero 2 W Rev 1.0"
    assert facts.isa == ("asimd",)
    assert facts.memory_mb == pytest.approx(426984 * 1024 / 1e6, abs=0.1)
    assert facts.governor == "ondemand"


def test_a_machine_that_tells_nothing(tmp_path: Path) -> None:
    facts = device_facts(tmp_path)
    assert (facts.isa, facts.memory_mb, facts.governor) == ((), None, None)
    assert facts.model
    assert "its memory is unknown" in differences(facts, DeviceMatch(min_memory_mb=1))


def test_this_machine() -> None:
    facts = device_facts()
    assert facts.cores >= 1
    assert facts.onnxruntime
    assert differences(facts, load_budget("host").device) == []


def test_a_board_is_its_own_budget_and_no_other() -> None:
    assert differences(ZERO, load_budget("pi-zero-2w").device) == []
    assert differences(PI5, load_budget("pi-5").device) == []
    assert differences(ZERO, load_budget("pi-5").device) == [
        "it is `Raspberry Pi Zero 2 W Rev 1.0`, not `Raspberry Pi 5 Model B` or `Raspberry Pi 500`",
        "its processor lacks asimddp",
        "it has 436 MB of memory, less than 800",
    ]


# /proc/device-tree/model, `uname -m`, and lines of /proc/cpuinfo and /proc/meminfo as these boards' kernels write them.
SMALL_BOARDS = {
    "pi-zero-w": (
        "Raspberry Pi Zero W Rev 1.1",
        "armv6l",
        "model name\t: ARMv6-compatible processor rev 7 (v6l)\nFeatures\t: half thumb fastmult vfp edsp java tls \n",
        "MemTotal:         440228 kB\n",
    ),
    "pi-2": (
        "Raspberry Pi 2 Model B Rev 1.1",
        "armv7l",
        "model name\t: ARMv7 Processor rev 5 (v7l)\nFeatures\t: half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva"
        " idivt vfpd32 lpae evtstrm \n",
        "MemTotal:         944272 kB\n",
    ),
    "milkv-duo": (
        "Cvitek. CV180X ASIC. C906.",
        "riscv64",
        "hart\t\t: 0\nisa\t\t: rv64imafdvcsu\nmmu\t\t: sv39\n",
        "MemTotal:          28988 kB\n",
    ),
}


@pytest.mark.parametrize("name", list(SMALL_BOARDS))
def test_the_boards_without_onnxruntime_are_recognised(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, arch, cpuinfo, meminfo = SMALL_BOARDS[name]
    monkeypatch.setattr("platform.machine", lambda: arch)
    files = {"device-tree/model": f"{model}\0", "cpuinfo": f"processor\t: 0\n{cpuinfo}", "meminfo": meminfo}
    for file, content in files.items():
        (tmp_path / "proc" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "proc" / file).write_text(content)
    facts = device_facts(tmp_path)
    assert [board for board in SMALL_BOARDS if not differences(facts, load_budget(board).device)] == [name]


def test_a_larger_duo_is_another_board() -> None:
    larger = dataclasses.replace(ZERO, model="Milk-V Duo256M", arch="riscv64", isa=(), memory_mb=332.0)
    assert differences(larger, load_budget("milkv-duo").device) == ["it has 332 MB of memory, more than 66"]


def test_an_emulated_board_is_not_the_board() -> None:
    virtual = dataclasses.replace(ZERO, model="linux,dummy-virt")
    assert differences(virtual, load_budget("pi-zero-2w").device) == [
        "it is `linux,dummy-virt`, not `Raspberry Pi Zero 2 W`"
    ]


def test_another_architecture_and_too_much_memory() -> None:
    other = dataclasses.replace(ZERO, arch="armv7l", memory_mb=1000.0)
    assert differences(other, load_budget("pi-zero-2w").device) == [
        "its architecture is armv7l, not aarch64",
        "it has 1000 MB of memory, more than 540",
    ]
