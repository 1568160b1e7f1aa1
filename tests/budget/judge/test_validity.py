"""Every disturbance that voids a measurement: seen, named, with what it voids and what to do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from tinylm.budget.judge.validity import Cause, Validity, judge_validity
from tinylm.budget.measure.conditions import MachineState
from tinylm.machine.facts import BusyProcess
from tinylm.runtime.measurement.protocol import MemoryResult, ProbeResult, ProcessMemory, Serving

MakeProcesses = Callable[..., tuple[ProbeResult, ...]]
BEFORE = MachineState(
    at_s=0.0,
    temperature_c=50.0,
    clock_mhz=1000.0,
    governors=("ondemand",),
    throttled=0,
    undervoltage=False,
    swapped_out_bytes=1_000_000,
    busy_core_s=100.0,
    own_core_s=1.0,
    wall_offset_s=1000.0,
    suspended_s=5.0,
)
# 10 s later, of which this process and its probes took 10 of one core.
AFTER = dataclasses.replace(BEFORE, at_s=10.0, busy_core_s=110.5, own_core_s=11.0)


@pytest.fixture
def causes(make_processes: MakeProcesses) -> Callable[..., dict[tuple[str, str], Cause]]:
    """What is found when the machine looked so afterwards."""

    def find(**changes: object) -> dict[tuple[str, str], Cause]:
        processes: tuple[ProbeResult, ...] = changes.pop("processes", None) or make_processes()  # type: ignore[assignment]
        before = dataclasses.replace(BEFORE, **changes.pop("before", {}))  # type: ignore[arg-type]
        states = (before, dataclasses.replace(AFTER, **changes))  # type: ignore[arg-type]
        found = judge_validity(
            processes,
            states=states,
            busiest=(BusyProcess(pid=7, name="backup", cores=3.5),),
            cores=4,
            governors=("ondemand",),
        )
        return {(cause.name, cause.kind): cause for cause in found.causes}

    return find


Find = Callable[..., dict[tuple[str, str], Cause]]


def test_a_quiet_machine_disturbs_nothing(causes: Find) -> None:
    assert causes() == {}


@pytest.mark.parametrize(
    ("changes", "name", "words"),
    [
        ({"throttled": 0b0001}, "under-voltage", "voltage was too low"),
        ({"undervoltage": True}, "under-voltage", "voltage was too low"),
        ({"throttled": 0b0010}, "throttling", "its clock was capped, at up to 50 °C"),
        ({"throttled": 0b1100, "temperature_c": 83.4}, "throttling", "throttled and it reached its soft temp"),
        ({"throttled": 1 << 18}, "throttling", "it was throttled"),  # newly remembered: it happened between the looks
        ({"throttled": 1 << 16}, "under-voltage", "voltage was too low"),
        ({"governors": ("performance",)}, "governor", "`performance`; the budget is about `ondemand`"),
        ({"governors": ("ondemand", "powersave")}, "governor", "`powersave`"),
        ({"wall_offset_s": 1003.0}, "clock", "jumped forward by 3.0 s"),
        ({"wall_offset_s": 990.0}, "clock", "jumped back by 10.0 s"),
        ({"suspended_s": 65.0, "wall_offset_s": 1060.0}, "sleep", "slept for 60.0 s"),
    ],
)
def test_what_voids_all_times(causes: Find, changes: dict[str, object], name: str, words: str) -> None:
    ((key, cause),) = causes(**changes).items()
    assert key == (name, "times")
    assert cause.voids == "everything"
    assert words in cause.what
    assert cause.hint


def test_what_the_firmware_remembers_from_before_voids_nothing(causes: Find) -> None:
    assert causes(before={"throttled": 0x50000}, throttled=0x50000) == {}


def test_a_clock_that_is_set_right_slowly_is_no_jump(causes: Find) -> None:
    assert causes(wall_offset_s=1000.2) == {}


def test_a_governor_that_cannot_be_read_is_not_wrong(causes: Find) -> None:
    assert causes(before={"governors": ()}, governors=()) == {}


def test_swap_voids_passes_of_memory_and_fails_of_times(causes: Find) -> None:
    found = causes(swapped_out_bytes=9_000_000)
    assert {key: cause.voids for key, cause in found.items()} == {
        ("swap", "memory"): "passes",
        ("swap", "times"): "fails",
    }
    assert "wrote 8.0 MB to swap" in found["swap", "memory"].what


def test_a_little_swapping_elsewhere_is_nothing(causes: Find) -> None:
    assert causes(swapped_out_bytes=1_500_000) == {}


def test_neighbours_count_when_they_leave_no_core_free(causes: Find) -> None:
    assert causes(busy_core_s=100 + 10 + 29) == {}  # 2.9 of the 3 cores that one thread leaves free
    ((key, cause),) = causes(busy_core_s=100 + 10 + 35).items()
    assert (key, cause.voids) == (("contention", "times"), "fails")
    assert "other processes took 3.5 cores: `backup` (7)" in cause.what


def test_waiting_for_a_core_is_contention(causes: Find, make_processes: MakeProcesses) -> None:
    processes = make_processes(requests_cpu_ms=2000.0)
    assert "requests waited for a core 35 % of their time" in causes(processes=processes)["contention", "times"].what
    own = make_processes(requests_cpu_ms=2000.0, major_faults=50)  # waits for its own pages
    assert causes(processes=own) == {}


def test_wrong_tokens_void_everything(causes: Find, make_processes: MakeProcesses) -> None:
    first, *others = make_processes()
    assert first.verification is not None
    wrong = dataclasses.replace(first.verification, mismatches=("position 3: token 5 instead of 7",))
    processes = (dataclasses.replace(first, verification=wrong), *others)
    ((key, cause),) = causes(processes=processes).items()
    assert (key, cause.voids) == (("golden", "all"), "everything")
    assert "token 5 instead of 7" in cause.what


def test_without_watching_only_the_probes_are_judged(
    make_processes: MakeProcesses, changed_memory: Callable[..., ProcessMemory]
) -> None:
    assert judge_validity(make_processes()).causes == ()
    swapped = judge_validity(make_processes(memory=changed_memory(swap_bytes=5_000_000)))
    assert {cause.name for cause in swapped.causes} == {"swap"}
    assert swapped.swap_bytes == 5_000_000


def validity(*causes: Cause) -> Validity:
    return Validity(
        causes=causes,
        waiting=0.2,
        drift=1.5,
        neighbours_cores=None,
        busiest=(),
        swap_bytes=0,
        load_average=None,
    )


def cause(name: str, kind: str, voids: str) -> Cause:
    return Cause(name=name, kind=kind, voids=voids, what="", hint="")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "verdict", "kind", "room", "void"),
    [
        (cause("contention", "times", "fails"), "fail", "times", False, True),
        (cause("contention", "times", "fails"), "pass", "times", False, False),
        (cause("contention", "times", "fails"), "fail", "times", True, False),
        (cause("drift", "times", "everything"), "pass", "times", False, True),
        (cause("drift", "times", "everything"), "pass", "times", True, False),
        (cause("throttling", "times", "everything"), "pass", "times", True, True),
        (cause("throttling", "times", "everything"), "pass", "memory", False, False),
        (cause("swap", "memory", "passes"), "pass", "memory", False, True),
        (cause("swap", "memory", "passes"), "fail", "memory", False, False),
        (cause("golden", "all", "everything"), "fail", "other", False, True),
        (cause("golden", "all", "everything"), "undecided", "times", True, True),
        (cause("contention", "times", "fails"), "undecided", "times", False, False),
    ],
)
def test_a_disturbance_voids_what_it_can_have_caused(
    found: Cause, verdict: str, kind: str, room: bool, void: bool
) -> None:
    assert (validity(found).void(verdict, kind, room=room) is not None) == void  # type: ignore[arg-type]


def test_room_is_on_the_far_side_of_drift_and_waiting() -> None:
    """A drift of 1.5 and waiting of 20 %, around a limit of 100."""
    assert validity().room("pass", [60, 66], 100)
    assert not validity().room("pass", [60, 67], 100)
    assert validity().room("fail", [190, 400], 100)
    assert not validity().room("fail", [187, 400], 100)


@pytest.mark.parametrize(
    ("within", "beyond", "name"),
    [
        ({"wall_offset_s": 1000.5}, {"wall_offset_s": 1000.501}, "clock"),
        ({"wall_offset_s": 999.5}, {"wall_offset_s": 999.499}, "clock"),
        ({"swapped_out_bytes": 1_999_999}, {"swapped_out_bytes": 2_000_000}, "swap"),
        ({"busy_core_s": 100 + 10 + 31.0}, {"busy_core_s": 100 + 10 + 31.1}, "contention"),
        ({"suspended_s": 5.1, "wall_offset_s": 1000.1}, {"suspended_s": 5.2, "wall_offset_s": 1000.2}, "sleep"),
    ],
)
def test_every_threshold_from_both_sides(
    causes: Find, within: dict[str, object], beyond: dict[str, object], name: str
) -> None:
    assert causes(**within) == {}
    assert {found for found, _ in causes(**beyond)} == {name}


def test_waiting_and_drift_from_both_sides(causes: Find, make_processes: MakeProcesses) -> None:
    assert causes(processes=make_processes(requests_cpu_ms=2790.0)) == {}  # 10 % of 3100 ms
    assert set(causes(processes=make_processes(requests_cpu_ms=2789.0))) == {("contention", "times")}
    assert causes(processes=make_processes(work_ms=(1.0,) * 16 + (1.1,) * 16)) == {}
    found = causes(processes=make_processes(work_ms=(1.0,) * 16 + (1.101,) * 16))
    assert found["drift", "times"].voids == "everything"
    assert "took 1.10 times as long" in found["drift", "times"].what


def test_waiting_is_the_processs_own_where_pages_or_threads_explain_it(make_processes: MakeProcesses) -> None:
    def waiting(threads: int = 1, **changes: object) -> float:
        return judge_validity(make_processes(requests_cpu_ms=1550.0, **changes), threads=threads).waiting

    assert waiting() == 0.5
    assert waiting(involuntary_switches=4, major_faults=3) == 0.5
    assert waiting(involuntary_switches=3, major_faults=3) == 0.0
    assert waiting(threads=2) == 0.0
    assert waiting(latency_ms=(0.0,) * 31) == 0.0
    assert waiting(latency_ms=(40.0,) * 31) == 0.0  # more processor time than wall time


def test_what_was_seen_is_told(make_processes: MakeProcesses, changed_memory: Callable[..., ProcessMemory]) -> None:
    first, *others = make_processes(requests_cpu_ms=3000.0)
    worst = dataclasses.replace(others[0], requests_cpu_ms=2712.5, memory=changed_memory(swap_bytes=7_000_000))
    found = judge_validity((first, worst, *others[1:]), states=(BEFORE, AFTER), load_average=0.42)
    assert found.waiting == 0.125  # the process that waited most
    assert found.drift == 1.0
    assert found.neighbours_cores == 0.05
    assert found.swap_bytes == 7_000_000
    assert found.load_average == 0.42


def test_neighbours_that_nobody_counted_are_unknown(make_processes: MakeProcesses) -> None:
    def cores(*states: MachineState) -> float | None:
        return judge_validity(make_processes(), states=states).neighbours_cores

    assert cores() is None
    assert cores(BEFORE) is None
    assert cores(dataclasses.replace(BEFORE, busy_core_s=None), AFTER) is None
    assert cores(BEFORE, dataclasses.replace(AFTER, busy_core_s=None)) is None
    assert cores(BEFORE, dataclasses.replace(AFTER, at_s=0.0)) is None
    assert cores(BEFORE, dataclasses.replace(AFTER, own_core_s=20.0)) == 0.0  # ticks are coarse


def test_the_memory_probes_swap_counts_too(make_processes: MakeProcesses, built_up: MemoryResult) -> None:
    assert built_up.memory is not None
    swapped = dataclasses.replace(built_up, memory=dataclasses.replace(built_up.memory, swap_bytes=3_000_000))
    found = judge_validity(make_processes(), memory=swapped)
    assert found.swap_bytes == 3_000_000
    assert "3.0 MB of a probe were in swap, uncounted" in found.causes[0].what
    assert "wrote" not in found.causes[0].what


def test_a_jump_back_and_forth_is_a_jump(make_processes: MakeProcesses) -> None:
    """Also one between two looks in the middle, which the first and the last do not tell."""
    middle = dataclasses.replace(BEFORE, at_s=5.0, wall_offset_s=1002.0)
    found = judge_validity(make_processes(), states=(BEFORE, middle, AFTER))
    assert [cause.name for cause in found.causes] == ["clock"]
    assert found.causes[0].what.startswith("the clock jumped ")
    assert judge_validity(make_processes(), states=(middle,)).causes == ()


def test_any_governor_is_right_where_the_budget_names_none(make_processes: MakeProcesses) -> None:
    assert judge_validity(make_processes(), states=(BEFORE, AFTER), governors=()).causes == ()
    found = judge_validity(make_processes(), states=(BEFORE, AFTER), governors=("performance", "schedutil"))
    assert (
        found.causes[0].what == "the clock's governor is `ondemand`; the budget is about `performance` or `schedutil`"
    )
    assert found.causes[0].hint.startswith("echo performance | ")


def test_firmware_that_says_nothing_voids_nothing(causes: Find) -> None:
    nothing = {"throttled": None, "undervoltage": None, "temperature_c": None}
    assert causes(before=nothing, **nothing) == {}
    silent = causes(before={**nothing, "throttled": 0}, **{**nothing, "throttled": 0b0010})
    assert silent["throttling", "times"].what == "the board slowed down while it was measured: its clock was capped"


def test_no_more_than_three_neighbours_are_named(make_processes: MakeProcesses) -> None:
    busy = tuple(BusyProcess(pid=pid, name=f"p{pid}", cores=1.0) for pid in range(1, 6))
    processes = make_processes(requests_cpu_ms=2000.0)
    found = judge_validity(processes, states=(BEFORE, dataclasses.replace(AFTER, busy_core_s=150.0)), busiest=busy)
    (what,) = [cause.what for cause in found.causes]
    waited = "requests waited for a core 35 % of their time"
    assert what == f"{waited} and other processes took 4.0 cores: `p1` (1), `p2` (2), `p3` (3)"
    assert found.busiest == busy
    alone = judge_validity(processes)
    assert alone.causes[0].what == waited


def test_room_reaches_to_the_limit_itself() -> None:
    steady = dataclasses.replace(validity(), drift=2.0, waiting=0.5)
    assert steady.room("pass", [50, 1], 100)
    assert not steady.room("pass", [50.001], 100)
    assert not steady.room("fail", [400], 100)
    assert steady.room("fail", [400.001, 900], 100)
    assert not steady.room("undecided", [400], 100)


def test_neighbours_are_counted_between_the_first_and_the_last_look(make_processes: MakeProcesses) -> None:
    """Whenever the first look was, and however short the time was."""
    first = dataclasses.replace(BEFORE, at_s=100.0)
    last = dataclasses.replace(AFTER, at_s=100.5, busy_core_s=112.0)  # 12 core seconds, 10 of them our own
    assert judge_validity(make_processes(), states=(first, last)).neighbours_cores == 4.0


def test_low_voltage_and_a_capped_clock_are_two_causes(causes: Find) -> None:
    found = causes(before={"temperature_c": 80.0}, throttled=0b0011)
    assert set(found) == {("under-voltage", "times"), ("throttling", "times")}
    assert found["throttling", "times"].what.endswith("its clock was capped, at up to 80 °C")


def test_without_being_told_of_room_there_is_none() -> None:
    assert validity(cause("drift", "times", "everything")).void("pass", "times") is not None


def test_drift_keeps_four_places(make_processes: MakeProcesses) -> None:
    assert judge_validity(make_processes(work_ms=(1.0,) * 16 + (1.23456,) * 16)).drift == 1.2346


def test_a_server_waited_as_long_as_the_kernel_says(make_processes: MakeProcesses) -> None:
    """Wall time beyond processor time is also its threads waiting for each other, and for the client."""
    serving = Serving(parallel=4, filter_name=None, filter_sha256=None)
    idle = make_processes(serving=serving, requests_cpu_ms=1000.0, involuntary_switches=99)
    assert judge_validity(idle).waiting == 0
    crowded = make_processes(serving=serving, waited_ms=(20.0,) * 31)
    assert judge_validity(crowded).waiting == 0.2
    assert {cause.name for cause in judge_validity(crowded).causes} == {"contention"}
