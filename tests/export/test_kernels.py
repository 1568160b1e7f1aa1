"""The audit on the cores that budgets ship for."""

from __future__ import annotations

from tinylm.budget.spec.budget import ARM_64, load_budget, shipped_budgets
from tinylm.export.kernels import CORES, audit_cores
from tinylm.export.report import ExportResult


def test_every_board_that_a_budget_ships_for_is_there() -> None:
    devices = [load_budget(name).device for name in shipped_budgets()]
    # On other architectures there is no ONNX Runtime.
    stated = {(device.arch, frozenset(device.isa)) for device in devices if device.arch in ARM_64}
    assert {(cpu.arch, cpu.isa) for cpu in CORES.values()} == stated


def test_kernels_are_named_for_every_core(int8: ExportResult, fp32: ExportResult) -> None:
    found = audit_cores(int8.bundle.model.read_bytes())
    assert found == int8.report.kernels
    lines = [core.shown for core in found]
    assert lines[:3] == [
        "Cortex-A53 (Zero 2 W, Pi 3): 9 of 9 products integer: NEON int8 multiply-add",
        "Cortex-A72 (Pi 4): 9 of 9 products integer: NEON int8 multiply-add",
        "Cortex-A76 (Pi 5): 9 of 9 products integer: NEON int8 dot products",
    ]
    assert lines[3].startswith("this machine (")
    assert len(lines) == 4
    for core in fp32.report.kernels:
        assert (core.integer, core.products, core.kernels) == (0, 9, ("float product",))
