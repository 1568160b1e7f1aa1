"""What is seen of a machine while it is measured, from folders that stand for one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tinylm.budget.measure.conditions import MachineMonitor
from tinylm.machine.firmware import FirmwareSilent

POLICY = "sys/devices/system/cpu/cpufreq/policy0"
BOARD = {
    "proc/stat": "cpu  1000 10 200 90000 50 0 5 7 600 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n",
    "proc/vmstat": "pgpgout 5\npswpin 3\npswpout 20\n",
    "sys/class/thermal/thermal_zone0/temp": "61500\n",
    f"{POLICY}/scaling_governor": "ondemand\n",
    f"{POLICY}/scaling_cur_freq": "600000\n",
    "proc/1/stat": "1 (init) S 0 0 0 0 0 0 0 0 0 0 100 50 0 0 20 0\n",
}


@pytest.fixture
def board(tmp_path: Path) -> Path:
    for name, content in BOARD.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    return tmp_path


def answers(throttled: str) -> Callable[..., str]:
    def ask(*arguments: str) -> str:
        return {"get_throttled": f"throttled={throttled}", "get_config": "arm_freq=1000"}[arguments[0]]

    return ask


def silent(*arguments: str) -> str:
    raise FirmwareSilent("`vcgencmd` is not installed")


def test_a_board_tells_everything(board: Path) -> None:
    monitor = MachineMonitor(board, answers("0x50005"))
    moment = monitor.sample()
    assert (moment.temperature_c, moment.clock_mhz, moment.governors) == (61.5, 600.0, ("ondemand",))
    assert moment.throttled == 0x50005
    assert moment.swapped_out_bytes == 20 * 4096
    # user, nice, system, interrupts, stolen: not idle, waiting for storage, or guests that count as user already.
    assert moment.busy_core_s == pytest.approx((1000 + 10 + 200 + 0 + 5 + 7) / 100)
    assert monitor.states == [moment]


def test_neighbours_are_named(board: Path) -> None:
    monitor = MachineMonitor(board, silent)
    (board / "proc/7").mkdir()
    (board / "proc/7/stat").write_text("7 (a busy (one)) R 0 0 0 0 0 0 0 0 0 0 9000 50 0 0 20 0\n", encoding="utf-8")
    (process,) = monitor.busy_processes()
    assert (process.pid, process.name) == (7, "a busy (one)")


def test_nothing_is_known_of_an_empty_machine(tmp_path: Path) -> None:
    moment = MachineMonitor(tmp_path, silent).sample()
    assert (moment.temperature_c, moment.clock_mhz, moment.governors) == (None, None, ())
    assert (moment.throttled, moment.undervoltage) == (None, None)
    assert (moment.swapped_out_bytes, moment.busy_core_s) == (None, None)


def test_this_machine(tmp_path: Path) -> None:
    monitor = MachineMonitor(ask=silent)
    first, second = monitor.sample(), monitor.sample()
    assert second.at_s >= first.at_s
    assert second.own_core_s >= first.own_core_s > 0
    # A clock that is being set right moves by less.
    assert abs(second.wall_offset_s - first.wall_offset_s) < 0.5


def test_throttling_that_is_over_when_the_probe_has_ended(board: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bits that remember were set long ago, so only listening meanwhile tells."""
    monkeypatch.setattr("tinylm.budget.measure.conditions._LISTEN_S", 0.001)
    bits = iter(["0x50000", "0x50005"])
    heard = threading.Event()

    def ask(*arguments: str) -> str:
        if arguments != ("get_throttled",):
            return "arm_freq=1000"
        answer = next(bits, None)
        if answer is None:
            heard.set()
        return f"throttled={answer or '0x50000'}"

    monitor = MachineMonitor(board, ask)
    assert monitor.sample().throttled == 0x50000
    with monitor.polling_firmware():
        assert heard.wait(30)
    assert monitor.sample().throttled == 0x50005
    assert monitor.sample().throttled == 0x50000


def test_nobody_is_asked_again_who_gave_no_answer(board: Path) -> None:
    monitor = MachineMonitor(board, silent)
    monitor.sample()
    threads = threading.active_count()
    with monitor.polling_firmware():
        assert threading.active_count() == threads
