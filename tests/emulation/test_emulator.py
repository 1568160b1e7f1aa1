"""Programs for other processors run here, and their instructions are counted to the last one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tinylm.base.errors import TinylmError
from tinylm.emulation.emulator import emulation
from tinylm.emulation.processors import PROCESSORS

TimedLoop = Callable[..., Path]
ROUNDS = 10000


@pytest.mark.parametrize("name", list(PROCESSORS))
def test_the_guests_clock_is_its_instruction_count(name: str, timed_loop: TimedLoop) -> None:
    program = timed_loop(name)
    found = []
    with emulation(PROCESSORS[name]) as emulated:
        for _ in range(2):
            done = subprocess.run(emulated.command([str(program)]), capture_output=True, check=True)
            found.append((int.from_bytes(done.stdout, "little"), emulated.counted()))
    assert found[0] == found[1]
    ns, counted = found[0]
    # A round of the loop is 4 (load, add, compare, store) to 8 instructions, whatever the compiler.
    assert 4 * ROUNDS < ns < 8 * ROUNDS
    assert ns < counted.instructions < ns + 1000


@pytest.mark.parametrize("name", ["Cortex-A53", "ARM1176"])
def test_memory_is_the_guests_alone(name: str, timed_loop: TimedLoop) -> None:
    found = []
    with emulation(PROCESSORS[name]) as emulated:
        for touched in (4096, 5_000_000):
            subprocess.run(emulated.command([str(timed_loop(name, touched))]), capture_output=True, check=True)
            found.append(emulated.counted().resident_bytes)
    small, large = found
    assert small is not None
    assert large is not None
    assert small < 200_000  # the emulator alone has 10 MB and more
    assert large - small == pytest.approx(5_000_000, abs=20_000)


def test_a_run_that_counted_nothing_is_an_error(timed_loop: TimedLoop) -> None:
    with emulation(PROCESSORS["Cortex-A53"]) as emulated, pytest.raises(TinylmError, match="counted no instructions"):
        emulated.counted()


def test_a_missing_emulator_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(TinylmError, match="`qemu-arm` is not installed") as caught, emulation(PROCESSORS["ARM1176"]):
        pass
    assert "qemu-user" in caught.value.hint
    assert caught.value.exit_code == 3
