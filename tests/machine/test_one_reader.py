"""A fact about the machine is read in one place, so that no two parts can say two things about it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinylm
from tinylm.machine.device import device_facts
from tinylm.machine.kernel_files import read_cpuinfo
from tinylm.machine.memory import control_groups, read_memory
from tinylm.machine.processor import read_processor

Machine = Callable[[dict[str, str]], Path]
PACKAGE = Path(tinylm.__file__).resolve().parent
CORE = "processor\t: 0\nFeatures\t: fp asimd asimddp\nCPU implementer\t: 0x41\nCPU part\t: 0xd0b\n\n"
MODEL = "Revision\t: 904170\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0\n"


@pytest.fixture(scope="module")
def named() -> dict[str, set[str]]:
    """Every string that is a whole path below /proc, and the modules that it stands in."""
    found: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        content = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(content)) if "proc/" in content else ():
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "proc/" in node.value:
                found.setdefault(node.value.removeprefix("/"), set()).add(path.relative_to(PACKAGE).as_posix())
    return found


@pytest.mark.parametrize("name", ["cpuinfo", "device-tree/model", "meminfo", "self/cgroup", "loadavg", "mounts"])
def test_one_module_names_the_file(named: dict[str, set[str]], name: str) -> None:
    assert len(named[f"proc/{name}"]) == 1


def test_a_board_in_a_container(machine: Machine) -> None:
    """Docker hides /sys/firmware, where the device tree lies, and shows /proc/cpuinfo."""
    root = machine({"proc/cpuinfo": CORE + MODEL})
    assert device_facts(root).model == "Raspberry Pi 5 Model B Rev 1.0"
    assert read_processor(root, arch="aarch64", cores=4).board == "Raspberry Pi 5 Model B Rev 1.0"


def test_the_device_tree_goes_first(machine: Machine) -> None:
    root = machine({"proc/device-tree/model": "Raspberry Pi 500 Rev 1.0\0", "proc/cpuinfo": CORE + MODEL})
    assert device_facts(root).model == "Raspberry Pi 500 Rev 1.0"


_FILES = {
    "proc/device-tree/model": ["Raspberry Pi 4 Model B Rev 1.5\0", "linux,dummy-virt\0", "\0"],
    "proc/cpuinfo": [
        CORE,
        CORE + MODEL,
        CORE + "Model\t:\n",
        "processor\t: 0\nmodel name\t: Fast\nflags\t: avx2\n",
        "",
    ],
    "sys/class/dmi/id/product_name": ["A Laptop"],
    "proc/meminfo": ["MemTotal:  8000000 kB\n", "MemTotal: many\n"],
    "sys/devices/system/cpu/cpufreq/policy0/scaling_governor": ["ondemand\n", "\n"],
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": ["performance\n"],
}


@settings(max_examples=60)
@given(files=st.fixed_dictionaries({}, optional={name: st.sampled_from(texts) for name, texts in _FILES.items()}))
def test_budget_check_and_doctor_say_the_same(files: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("machine")
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")
    facts, processor = device_facts(root), read_processor(root, arch="aarch64", cores=4)
    assert facts.model == processor.model
    assert facts.isa == (processor.isa or ())
    assert facts.memory_mb == read_memory(root).total_mb
    assert facts.governor == next((policy.governor for policy in processor.policies), None)


def test_features_are_read_as_linux_writes_them(machine: Machine) -> None:
    arm = "processor\t: 0\nBogoMIPS\t: 38.40\nFeatures\t: fp asimd crc32\nCPU part\t: 0xd03\n"
    x86 = "processor\t: 0\nflags\t\t: fpu avx2 avx_vnni\nbugs\t\t: none\n\nflags\t\t: fpu\n"
    assert read_cpuinfo(machine({"proc/cpuinfo": arm})).flags == {"fp", "asimd", "crc32"}
    assert read_cpuinfo(machine({"proc/cpuinfo": x86})).flags == {"fpu", "avx2", "avx_vnni"}
    assert read_cpuinfo(machine({"proc/cpuinfo": "isa\t: rv64imafdc\n"})).flags is None
    assert read_cpuinfo(Path("/nowhere")).flags is None


@pytest.mark.parametrize(
    ("content", "groups"),
    [
        ("0::/system.slice/tinylm.service\n", {"": "system.slice/tinylm.service"}),
        ("0::/../../user.slice\n", {"": "user.slice"}),
        ("5:cpu,memory:/a\n4:pids:/\n", {"cpu": "a", "memory": "a", "pids": ""}),
        ("nonsense\n", {}),
    ],
)
def test_control_groups(machine: Machine, content: str, groups: dict[str, str]) -> None:
    assert control_groups(machine({"proc/self/cgroup": content})) == groups
