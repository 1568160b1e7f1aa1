"""Every rule of the doctor at its threshold: where it fires, and where it just does not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from tinylm.budget.spec.budget import load_budget
from tinylm.doctor.bundle_rules import BundleFacts, budget_findings, bundle_findings
from tinylm.doctor.engine_rules import engine_findings
from tinylm.doctor.finding import Finding, worst
from tinylm.doctor.hardware_rules import hardware_findings
from tinylm.doctor.software_rules import software_findings
from tinylm.doctor.system_rules import system_findings
from tinylm.machine.facts import Facts
from tinylm.onnx.kernel_audit import AuditRow

Recorded = Callable[..., Facts]
Change = dict[str, Any]


def level(findings: Any, check: str) -> str | None:
    """The worst that was found of a check; None when nothing was."""
    found = [finding.level for finding in findings if finding.check == check]
    return worst(found) if found else None


@pytest.mark.parametrize(
    ("check", "change", "expected"),
    [
        ("temperature", {"firmware": {"temperature_c": None}}, "note"),
        ("temperature", {"firmware": {"temperature_c": 69.9}}, "ok"),
        ("temperature", {"firmware": {"temperature_c": 70.0}}, "warning"),
        ("temperature", {"firmware": {"temperature_c": 79.9}}, "warning"),
        ("temperature", {"firmware": {"temperature_c": 80.0}}, "problem"),
        ("cooling", {"firmware": {"fans": ["pwm-fan"]}}, "ok"),
        ("cooling", {"firmware": {"fans": []}}, "note"),
        ("cooling", {"firmware": {"fans": []}, "processor": {"board": "A laptop"}}, None),
        ("cooling", {"firmware": {"fans": None}}, None),
        ("throttling", {"firmware": {"throttled": 0}}, "ok"),
        ("throttling", {"firmware": {"throttled": None, "undervoltage_alarm": False}}, "note"),
        ("throttling", {"firmware": {"throttled": None}, "processor": {"board": "A laptop"}}, None),
        ("throttling", {"firmware": {"throttled": 0x100000}}, "ok"),  # a bit that nobody has described
        ("throttling", {"firmware": {"throttled": 1 << 0}}, "problem"),
        ("throttling", {"firmware": {"throttled": 1 << 1}}, "problem"),
        ("throttling", {"firmware": {"throttled": 1 << 2}}, "problem"),
        ("throttling", {"firmware": {"throttled": 1 << 3}}, "warning"),
        ("throttling", {"firmware": {"throttled": 1 << 16}}, "warning"),
        ("throttling", {"firmware": {"throttled": 1 << 17}}, "warning"),
        ("throttling", {"firmware": {"throttled": 1 << 18}}, "warning"),
        ("throttling", {"firmware": {"throttled": 1 << 19}}, "warning"),
        ("clock speed", {"processor": {"policies": {"0": {"allowed_mhz": 1782.0}}}}, "ok"),  # 99 % of 1800
        ("clock speed", {"processor": {"policies": {"0": {"allowed_mhz": 1781.9}}}}, "warning"),
        ("clock speed", {"processor": {"policies": {"0": {"allowed_mhz": None}}}}, "ok"),
        ("clock speed", {"processor": {"policies": {"0": {"governor": "powersave"}}}}, "warning"),
        ("clock speed", {"processor": {"policies": {"0": {"governor": None}}}}, "note"),
        # On x86, `powersave` is how a laptop works: the hardware raises the clock by itself.
        ("clock speed", {"processor": {"arch": "x86_64", "policies": {"0": {"governor": "powersave"}}}}, "ok"),
        ("instructions", {"processor": {"isa": ["asimd"]}}, "note"),
        ("instructions", {"processor": {"isa": ["asimd", "asimddp"]}}, "ok"),
        ("instructions", {"processor": {"arch": "x86_64", "isa": ["avx2"]}}, "note"),
        ("instructions", {"processor": {"arch": "x86_64", "isa": ["avx2", "avx_vnni"]}}, "ok"),
        ("instructions", {"processor": {"arch": "x86_64", "isa": ["avx2", "avx512_vnni"]}}, "ok"),
        ("instructions", {"processor": {"arch": "riscv64", "isa": []}}, "note"),
        ("userland", {"software": {"pointer_bits": 64}}, "ok"),
        ("userland", {"software": {"pointer_bits": 32}}, "problem"),
    ],
)
def test_hardware(recorded: Recorded, check: str, change: Change, expected: str | None) -> None:
    assert level(hardware_findings(recorded("pi-4", change)), check) == expected


@pytest.mark.parametrize(
    ("check", "change", "expected"),
    [
        ("memory", {"memory": {"available_mb": 140.0}}, "ok"),
        ("memory", {"memory": {"available_mb": 139.9}}, "warning"),
        ("memory", {"memory": {"available_mb": 70.0}}, "warning"),
        ("memory", {"memory": {"available_mb": 69.9}}, "problem"),
        ("memory", {"memory": {"total_mb": None}}, "note"),
        ("address space", {"memory": {"address_limit_mb": 1500.0}}, None),
        ("address space", {"memory": {"address_limit_mb": 1499.9}}, "warning"),
        ("memory limit", {"memory": {"cgroup_limit_mb": 3977.1}}, None),  # all that there is
        ("memory limit", {"memory": {"cgroup_limit_mb": 3977.0}}, "note"),
        ("memory limit", {"memory": {"cgroup_limit_mb": 9e9, "total_mb": None}}, "note"),
        ("memory limit", {"memory": {"cgroup_limit_mb": 140.0}}, "note"),
        ("memory limit", {"memory": {"cgroup_limit_mb": 139.9}}, "warning"),
        ("memory limit", {"memory": {"cgroup_limit_mb": 70.0}}, "warning"),
        ("memory limit", {"memory": {"cgroup_limit_mb": 69.9}}, "problem"),
        ("swap", {"memory": {"swap_total_mb": None}}, "note"),
        ("swap", {"memory": {"swap_total_mb": 0.0, "swap_free_mb": 0.0, "total_mb": 1100.0}}, "ok"),
        ("swap", {"memory": {"swap_total_mb": 0.0, "swap_free_mb": 0.0, "total_mb": 1099.9}}, "note"),
        ("swap", {"memory": {"swap_total_mb": 500.0, "swap_free_mb": 49.9, "zram_mb": 500.0}}, "warning"),
        ("swap", {"memory": {"swap_total_mb": 500.0, "swap_free_mb": 50.0, "zram_mb": 500.0}}, "ok"),
        ("swap", {"storage": {"sd_card": True}}, "note"),
        ("swap", {"storage": {"sd_card": False}}, "ok"),
        ("memory cgroup", {"memory": {"cgroup_memory": None}}, "note"),
        ("memory cgroup", {"memory": {"cgroup_memory": "enabled"}}, "ok"),
        ("memory cgroup", {"memory": {"cgroup_memory": "disabled", "cgroup_disabled_by": None}}, "warning"),
        ("disk", {"storage": {"free_mb": 300.0}}, "ok"),
        ("disk", {"storage": {"free_mb": 299.9}}, "warning"),
        ("disk", {"storage": {"free_mb": None}}, "note"),
        ("disk", {"storage": {"read_only": True}}, "problem"),
        ("disk speed", {"storage": {"read_only": True}}, None),
        ("disk speed", {"storage": {"write_mb_per_s": 4.0}}, "ok"),
        ("disk speed", {"storage": {"write_mb_per_s": 3.9}}, "warning"),
        ("disk speed", {"storage": {"write_mb_per_s": None}}, "note"),
        # tinylm was installed on 2026-11-18 at 09:12:44; a day's grace.
        ("time", {"surroundings": {"clock": {"now": "2026-11-17T09:12:44+00:00"}}}, "ok"),
        ("time", {"surroundings": {"clock": {"now": "2026-11-17T09:12:43+00:00"}}}, "warning"),
        ("time", {"surroundings": {"clock": {"now": "2024-12-31T23:59:59", "installed": None}}}, "warning"),
        ("time", {"surroundings": {"clock": {"now": "2025-01-01T00:00:00", "installed": None}}}, "ok"),
        # A file of 1970 says nothing about when tinylm was installed.
        ("time", {"surroundings": {"clock": {"installed": "1970-01-01T00:00:00+00:00"}}}, "ok"),
        ("time", {"surroundings": {"clock": {"now": "2100-12-31T23:59:59+00:00"}}}, "ok"),
        ("time", {"surroundings": {"clock": {"now": "2101-01-01T00:00:00+00:00"}}}, "warning"),
        ("time", {"surroundings": {"clock": {"now": "soon"}}}, "note"),
        ("time", {"surroundings": {"clock": {"synchronised": None}}}, "ok"),
        ("time", {"surroundings": {"clock": {"synchronised": False}}}, "note"),
        ("load", {"surroundings": {"load_average": 2.79}}, "ok"),
        ("load", {"surroundings": {"load_average": 2.8}}, "warning"),  # 0.7 of 4 cores
        ("load", {"surroundings": {"busy": [{"pid": 1, "name": "a", "cores": 0.49}]}}, "ok"),
        ("load", {"surroundings": {"busy": [{"pid": n, "name": "a", "cores": 0.25} for n in (1, 2)]}}, "warning"),
        ("load", {"surroundings": {"load_average": None}}, "note"),
        ("container", {}, None),
        ("container", {"surroundings": {"container": "/.dockerenv exists"}}, "note"),
    ],
)
def test_system(recorded: Recorded, check: str, change: Change, expected: str | None) -> None:
    assert level(system_findings(recorded("pi-4", change)), check) == expected


ABSENT = {"outcome": "missing", "version": None, "ms": None, "rss_mb": None}


def trial(**changes: Any) -> Change:
    return {"software": {"trials": {"1": changes}}}


@pytest.mark.parametrize(
    ("check", "change", "expected"),
    [
        ("import onnxruntime", trial(version="1.22"), "ok"),
        ("import onnxruntime", trial(version="1.22.0rc1"), "ok"),
        ("import onnxruntime", trial(version="1.21.9"), "problem"),
        ("import onnxruntime", trial(version=None), "ok"),
        ("import onnxruntime", trial(outcome="not_tried"), "note"),
        ("import onnxruntime", trial(**ABSENT), "problem"),
        ("import onnxruntime", trial(outcome="error", detail="ImportError: x"), "problem"),
        ("import onnxruntime", trial(outcome="timeout", detail="no end within 120 s"), "problem"),
        ("import onnxruntime", trial(outcome="killed", detail="SIGILL"), "problem"),
        ("import onnxruntime", trial(outcome="killed", detail="SIGUSR1"), "problem"),
    ],
)
def test_imports(recorded: Recorded, check: str, change: Change, expected: str) -> None:
    assert level(software_findings(recorded("pi-4", change)), check) == expected


@pytest.mark.parametrize(
    ("check", "software", "expected"),
    [
        ("python", {"python": "3.10.14"}, "problem"),
        ("python", {"python": "3.11.0"}, "ok"),
        ("python", {"python": "3.14.9"}, "ok"),
        ("python", {"python": "3.15.0"}, "problem"),
        ("python", {"implementation": "PyPy"}, "problem"),
        ("c library", {"libc": "glibc 2.26"}, "problem"),
        ("c library", {"libc": "glibc 2.27"}, "note"),
        ("c library", {"libc": "glibc 2.28"}, "ok"),
        ("c library", {"libc": None}, "problem"),
        ("c library", {"libc": None, "system": "Darwin 23"}, "note"),
    ],
)
def test_wheels_matter_where_onnxruntime_does_not_import(
    recorded: Recorded, check: str, software: Change, expected: str
) -> None:
    without = {"software": {**software, "trials": {"1": ABSENT}}}
    assert level(software_findings(recorded("pi-4", without)), check) == expected
    if "system" not in software:
        assert level(software_findings(recorded("pi-4", {"software": software})), check) == "ok"


SETS = ["dotprod", "neon", "scalar"]
BROKEN = {"outcome": "unavailable", "detail": "there is no C library", "hint": "install it"}


@pytest.mark.parametrize(
    ("native", "alone", "beside"),
    [
        (None, "note", "note"),
        ({"outcome": "ok", "detail": "", "instruction_sets": SETS}, "ok", "ok"),
        (BROKEN, "problem", "note"),
        ({"outcome": "killed", "detail": "SIGILL"}, "problem", "warning"),
        ({"outcome": "killed", "detail": "SIGBUS"}, "problem", "warning"),
        ({"outcome": "timeout", "detail": "no end within 120 s"}, "problem", "warning"),
        ({"outcome": "error", "detail": "ImportError"}, "problem", "warning"),
    ],
)
def test_the_engine(recorded: Recorded, native: Change | None, alone: str, beside: str) -> None:
    """Without ONNX Runtime, and with it."""
    for trials, expected in (({"1": ABSENT}, alone), ({}, beside)):
        facts = recorded("pi-4", {"software": {"native": native, "trials": trials}})
        assert level(engine_findings(facts), "engine") == expected


def test_the_engine_and_its_instructions_are_named(recorded: Recorded) -> None:
    native = {"outcome": "ok", "detail": "", "instruction_sets": SETS, "ms": 3.2, "rss_mb": 0.4}
    (finding,) = engine_findings(recorded("pi-4", {"software": {"native": native}}))
    assert finding.what == "native, with dotprod: the fastest of dotprod, neon, scalar; loaded in 3 ms, 0.4 MB"
    (finding,) = engine_findings(recorded("pi-4", {"software": {"native": BROKEN}}))
    assert (finding.what, finding.what_to_do) == ("not native: there is no C library", "install it")
    assert finding.why.startswith("ONNX Runtime runs models instead")


def test_a_board_without_onnxruntime_is_well_where_the_native_engine_works(recorded: Recorded) -> None:
    native = {"outcome": "ok", "detail": "", "instruction_sets": ["smlad", "scalar"]}
    software = {"native": native, "pointer_bits": 32, "libc": "glibc 2.26", "trials": {"0": ABSENT, "1": ABSENT}}
    facts = recorded("pi-4", {"software": software, "processor": {"arch": "armv6l"}})
    found = [*hardware_findings(facts), *software_findings(facts), *engine_findings(facts)]
    for check in ("userland", "python", "c library"):
        assert level(found, check) == "ok", check
    assert level(found, "import numpy") == level(found, "import onnxruntime") == "note"
    assert level(found, "import sentencepiece") == "ok"


@pytest.mark.parametrize(
    ("available_mb", "limit_mb", "expected"),
    [(60.0, 60.0, ("ok", "note")), (59.9, 59.9, ("warning", "warning")), (29.9, 29.9, ("problem", "problem"))],
)
def test_the_native_engine_needs_less_memory(
    recorded: Recorded, available_mb: float, limit_mb: float, expected: tuple[str, str]
) -> None:
    native = {"outcome": "ok", "detail": "", "instruction_sets": SETS}
    memory = {"available_mb": available_mb, "cgroup_limit_mb": limit_mb}
    found = list(system_findings(recorded("pi-4", {"software": {"native": native}, "memory": memory})))
    assert (level(found, "memory"), level(found, "memory limit")) == expected


def test_no_instruction_is_missed_where_the_native_engine_works(recorded: Recorded) -> None:
    native = {"outcome": "ok", "detail": "", "instruction_sets": ["avx2", "sse2", "scalar"]}
    facts = recorded("pi-4", {"software": {"native": native}, "processor": {"arch": "x86_64", "isa": ["avx2"]}})
    assert level(hardware_findings(facts), "instructions") == "ok"


BUNDLE = BundleFacts(
    path="runs/a/bundle", name="a", sha256="0", size_mb=1.9, minimum_versions={}, cpu_features=(), operators=()
)
INTEGER = AuditRow(
    op="MatMulInteger", count=25, weights="int8", detail="", kernel="k", integer=True, level="ok", reason=""
)


@pytest.mark.parametrize(
    ("check", "change", "expected"),
    [
        ("bundle", {"minimum_versions": {"onnxruntime": "1.31.1"}}, "ok"),
        ("bundle", {"minimum_versions": {"onnxruntime": "1.31.2"}}, "problem"),
        ("bundle", {"minimum_versions": {"unheard-of": "9"}}, "ok"),  # the runtime says that it is missing
        ("bundle", {"cpu_features": ("asimd",)}, "ok"),
        ("bundle", {"cpu_features": ("asimd", "asimddp")}, "problem"),
        ("bundle", {"cpu_features": ("a flag that decides nothing",)}, "ok"),
        ("operators", {"operators": ()}, "note"),
        ("operators", {"operators": (dataclasses.replace(INTEGER, weights=None),)}, "note"),
        ("operators", {"operators": (INTEGER,)}, "ok"),
        ("operators", {"operators": (INTEGER, dataclasses.replace(INTEGER, level="warning", reason="r"))}, "warning"),
        ("operators", {"operators": (dataclasses.replace(INTEGER, level="problem", reason="r"),)}, "problem"),
    ],
)
def test_bundles(recorded: Recorded, check: str, change: Change, expected: str) -> None:
    facts, bundle = recorded("pi-4"), dataclasses.replace(BUNDLE, **change)
    assert level(bundle_findings(facts, bundle), check) == expected


def test_kernels_of_onnxruntime_are_good_to_know_where_the_native_engine_serves(recorded: Recorded) -> None:
    native = {"outcome": "ok", "detail": "", "instruction_sets": ["neon", "scalar"]}
    slow = dataclasses.replace(BUNDLE, operators=(dataclasses.replace(INTEGER, level="problem", reason="it is slow"),))
    findings = list(bundle_findings(recorded("pi-4", {"software": {"native": native}}), slow))
    (finding,) = [finding for finding in findings if finding.check == "operators"]
    assert (finding.level, finding.what) == ("note", "in ONNX Runtime, 25 x MatMulInteger: k")
    assert finding.why.startswith("it is slow; the native engine, which runs models here")


@pytest.mark.parametrize(("available", "levels"), [(400.0, ["ok"]), (399.9, ["ok", "warning"]), (None, ["ok"])])
def test_a_budget_s_memory(recorded: Recorded, available: float | None, levels: list[str]) -> None:
    facts = recorded("pi-zero-2w", {"memory": {"available_mb": available}})
    assert [finding.level for finding in budget_findings(facts, load_budget("pi-zero-2w"))] == levels
    other = recorded("pi-zero-2w", {"processor": {"board": "A laptop"}, "memory": {"available_mb": 9e9}})
    assert [finding.level for finding in budget_findings(other, load_budget("pi-zero-2w"))] == ["note"]


def said(findings: Any, check: str) -> str:
    return "\n".join(f"{f.what}; {f.why}; {f.what_to_do}" for f in findings if f.check == check)


def test_findings_name_what_is_here(recorded: Recorded) -> None:
    findings = list(hardware_findings(recorded("pi-4", {"processor": {"policies": {"0": {"allowed_mhz": 1500.0}}}})))
    assert "Raspberry Pi 4 Model B Rev 1.4, 4 x Cortex-A72 (aarch64)" in said(findings, "board")
    assert "now 600 MHz of at most 1500, while the hardware can do 1800 MHz" in said(findings, "clock speed")
    assert "echo 1800000 | sudo tee" in said(findings, "clock speed")
    assert "policy0/scaling_max_freq" in said(findings, "clock speed")
    assert said(findings, "instructions").startswith("no int8 dot products (asimddp): asimd;")
    on_64_bit, on_32_bit = (
        said(
            hardware_findings(recorded("pi-4", {"processor": {"arch": arch}, "software": {"pointer_bits": 32}})),
            "userland",
        )
        for arch in ("aarch64", "armv7l")
    )
    assert "`uname -m` looks right" in on_64_bit
    assert "`uname -m` looks right" not in on_32_bit


@pytest.mark.parametrize("level", ["warning", "problem"])
@pytest.mark.parametrize("missing", ["why", "what_to_do"])
def test_what_bites_says_why_and_what_to_do(level: Any, missing: str) -> None:
    words = {"why": "w", "what_to_do": "d", missing: ""}
    with pytest.raises(ValueError, match="says why it matters and what to do"):
        Finding(check="a", level=level, what="b", **words)
