"""Starting, believing, finding and ending emulators; the emulator is any process here, as small as possible."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tinylm.base.errors import TinylmError
from tinylm.virtual_pi import machine as machines
from tinylm.virtual_pi.boards import BOARDS, find_board, find_cpu
from tinylm.virtual_pi.machine import (
    Machine,
    State,
    clean_stale,
    find_machine,
    images_in_use,
    kept_image,
    running,
    start_machine,
    stop_named,
)
from tinylm.virtual_pi.qemu import CONSOLE, OVERLAY, Settings, qemu_command
from tinylm.virtual_pi.remote import scp_command, ssh_command

SETTINGS = Settings(cpu="cortex-a53", cores=4, memory_mib=448, port=2222, measure=False, snapshot=True)
IMAGE, FOLDER = Path("/images/a,b"), Path("/machines/m")

FakeEmulator = Callable[..., State]


def command(**changes: object) -> list[str]:
    settings = dataclasses.replace(SETTINGS, **changes)  # type: ignore[arg-type]
    return qemu_command(program="qemu", settings=settings, image=IMAGE, folder=FOLDER)


def option(words: list[str], name: str) -> list[str]:
    return [words[i + 1] for i, word in enumerate(words) if word == name]


def test_measuring_counts_instructions_on_one_core() -> None:
    words = command(measure=True)
    assert option(words, "-icount") == ["shift=0"]
    assert option(words, "-smp") == ["1"]
    assert option(words, "-accel") == ["tcg,thread=single"]


def test_checking_is_fast_and_has_the_boards_cores() -> None:
    words = command()
    assert option(words, "-icount") == []
    assert option(words, "-smp") == ["4"]
    assert option(words, "-accel") == ["tcg,thread=multi"]
    assert option(words, "-cpu") == ["cortex-a53"]
    assert option(words, "-m") == ["448M"]


@pytest.mark.parametrize("measure", [True, False])
def test_the_guest_is_reached_from_here_only_and_reaches_nothing(measure: bool) -> None:
    assert option(command(measure=measure), "-netdev") == ["user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:2222-:22"]


def test_changes_are_dropped_or_kept() -> None:
    (dropped,) = option(command(), "-drive")
    (kept,) = option(command(snapshot=False), "-drive")
    assert dropped == "if=none,id=disk,file=/images/a,,b/disk.ext4,format=raw,snapshot=on"
    assert kept == "if=none,id=disk,file=/machines/m/changes.qcow2,format=qcow2"


def test_boards() -> None:
    assert {board.cpu for board in BOARDS.values()} == {"cortex-a53", "cortex-a72", "cortex-a76"}
    assert find_board("pi-zero-2w").memory_mib < 512
    with pytest.raises(TinylmError, match="no virtual board `pi-zero`") as caught:
        find_board("pi-zero")
    assert "pi-zero-2w" in caught.value.hint
    with pytest.raises(TinylmError, match="no virtual processor"):
        find_cpu("cortex-a54")


def test_ssh_uses_the_images_keys_and_nothing_of_the_users() -> None:
    if shutil.which("ssh") is None:
        pytest.skip("no ssh: sudo apt-get install openssh-client")
    words = ssh_command(image=IMAGE, port=22022, command=["true"], user="root")
    assert words[-2:] == ["root@127.0.0.1", "true"]
    assert option(words, "-F") == ["none"]
    assert {"StrictHostKeyChecking=yes", 'UserKnownHostsFile="/images/a,b/known_hosts"'} <= set(option(words, "-o"))
    copied = scp_command(image=IMAGE, port=22022, paths=["a", "b", "pi:dir"])
    assert copied[-3:] == ["a", "b", "pi@127.0.0.1:dir"]


@pytest.fixture
def fake_emulator(tmp_path: Path) -> Iterator[FakeEmulator]:
    """A process that looks like the machine `name`'s emulator, with the state file that belongs to it."""
    started: list[subprocess.Popen[bytes]] = []

    def start(
        name: str, *, owner_pid: int | None = None, snapshot: bool = True, called: str = "qemu-system-aarch64"
    ) -> State:
        place = tmp_path / "machines" / name
        place.mkdir(parents=True)
        words = [called, "-c", "import time; time.sleep(60)", f"file:{place / CONSOLE}"]
        process = subprocess.Popen(words, executable=sys.executable)
        started.append(process)
        while not Path(f"/proc/{process.pid}/cmdline").read_bytes():  # the kernel writes it a moment after the start
            pass
        state = State(
            schema="1.0",
            pid=process.pid,
            owner_pid=owner_pid,
            image="/images/x",
            port=1,
            settings=dataclasses.replace(SETTINGS, snapshot=snapshot),
        )
        (place / machines.STATE).write_text(json.dumps(dataclasses.asdict(state)))
        return state

    yield start
    for process in started:
        process.kill()
        process.wait()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ended_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_a_running_machine_is_found_and_stopped(tmp_path: Path, fake_emulator: FakeEmulator) -> None:
    state = fake_emulator("default")
    assert find_machine(tmp_path, "default") == Machine(folder=tmp_path / "machines/default", state=state)
    stop_named(tmp_path, "default", forget=False)
    assert not alive(state.pid)
    assert not (tmp_path / "machines/default").exists()  # a snapshot leaves no trace


def test_kept_changes_stay_until_they_are_to_be_forgotten(tmp_path: Path, fake_emulator: FakeEmulator) -> None:
    fake_emulator("default", snapshot=False)
    overlay = tmp_path / "machines/default/changes.qcow2"
    overlay.write_text("")
    stop_named(tmp_path, "default", forget=False)
    assert overlay.exists()
    stop_named(tmp_path, "default", forget=True)  # not running any more
    assert not overlay.parent.exists()


def test_a_dead_emulator_is_cleaned_up(tmp_path: Path, fake_emulator: FakeEmulator) -> None:
    state = fake_emulator("default")
    os.kill(state.pid, 9)
    os.waitpid(state.pid, 0)
    assert clean_stale(tmp_path) == ["default"]
    with pytest.raises(TinylmError, match="no virtual Pi `default` is running") as caught:
        find_machine(tmp_path, "default")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("impostor", ["another program", "another machine"])
def test_a_number_that_was_used_again_is_never_killed(
    tmp_path: Path, fake_emulator: FakeEmulator, impostor: str
) -> None:
    other = fake_emulator("other", called="editor" if impostor == "another program" else "qemu-system-aarch64")
    place = tmp_path / "machines/default"
    place.mkdir()
    (place / machines.STATE).write_text(json.dumps(dataclasses.asdict(other)))  # with the other one's number
    assert "default" in clean_stale(tmp_path)
    assert alive(other.pid)


def test_an_orphan_is_ended_and_an_owned_machine_is_not(tmp_path: Path, fake_emulator: FakeEmulator) -> None:
    orphan, owned = fake_emulator("orphan", owner_pid=ended_pid()), fake_emulator("owned", owner_pid=os.getpid())
    assert clean_stale(tmp_path) == ["orphan"]
    assert not alive(orphan.pid)
    assert alive(owned.pid)


@pytest.mark.parametrize("content", [b"", b"{}", b"[", b'{"schema": "1.0", "pid": "x"}', b"\xff"])
def test_a_damaged_state_is_no_machine(tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "machines/default"
    place.mkdir(parents=True)
    (place / machines.STATE).write_bytes(content)
    assert clean_stale(tmp_path) == []
    with pytest.raises(TinylmError, match="is running"):
        find_machine(tmp_path, "default")


@pytest.mark.parametrize("name", ["", "../x", "a/b", "-x", "x" * 50])
def test_names_are_plain(tmp_path: Path, name: str) -> None:
    with pytest.raises(TinylmError, match="cannot be a machine's name"):
        find_machine(tmp_path, name)


def test_kept_changes_belong_to_one_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, monkeypatch, "exit 1")
    old, new = tmp_path / "old", tmp_path / "new"
    for image in (old, new):
        image.mkdir()
        (image / "release").write_text("12\n")
    place = tmp_path / "machines/mine"
    place.mkdir(parents=True)
    (place / "image").write_text(str(old))
    assert kept_image(tmp_path, "mine", release=12) is None  # no changes yet
    (place / "changes.qcow2").write_text("changes")
    assert kept_image(tmp_path, "mine", release=12) == old
    assert kept_image(tmp_path, "mine", release=13) is None
    kept = dataclasses.replace(SETTINGS, snapshot=False)
    with pytest.raises(TinylmError, match="changes to the disk of another image") as caught:
        start_machine(image=new, settings=kept, folder=tmp_path, name="mine")
    assert "--forget" in caught.value.hint
    assert (place / "changes.qcow2").read_text() == "changes"
    assert images_in_use(tmp_path) == {"old"}


def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """A program that stands in for the emulator."""
    file = tmp_path / "qemu-system-aarch64"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    monkeypatch.setattr(machines, "check_programs", lambda names: None)
    monkeypatch.setattr(machines, "find_program", lambda name: str(file))


def test_a_taken_port_is_an_error_or_another_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, monkeypatch, "echo x >> ../../tries; echo Could not set up host forwarding rule >&2; exit 1")
    with pytest.raises(TinylmError, match="host forwarding rule") as caught:
        start_machine(image=tmp_path, settings=SETTINGS, folder=tmp_path, name="one")
    assert caught.value.exit_code == 3
    assert "--port" in caught.value.hint
    assert (tmp_path / "tries").read_text() == "x\n"
    free = dataclasses.replace(SETTINGS, port=0)
    with pytest.raises(TinylmError, match="host forwarding rule"):
        start_machine(image=tmp_path, settings=free, folder=tmp_path, name="one")
    assert (tmp_path / "tries").read_text() == "x\n" * 6
    assert clean_stale(tmp_path) == []


def test_what_the_emulator_complains_about_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, monkeypatch, "echo 'qemu: could not load kernel' >&2; exit 1")
    with pytest.raises(TinylmError, match="could not load kernel"):
        start_machine(image=tmp_path, settings=SETTINGS, folder=tmp_path, name="one")


@pytest.mark.parametrize("end", [KeyboardInterrupt, RuntimeError, None])
def test_a_machine_ends_with_its_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: type[BaseException] | None
) -> None:
    # Through `exec -a` the process has the emulator's name and arguments, as a real one has.
    script(tmp_path, monkeypatch, "exec bash -c \"exec -a qemu-system-aarch64 sh -c 'while :; do sleep 0.2; done' $*\"")
    pids = []

    def block() -> None:
        with running(image=tmp_path, settings=SETTINGS, folder=tmp_path) as machine:
            assert machine.alive()
            pids.append(machine.state.pid)
            assert clean_stale(tmp_path) == []
            if end is not None:
                raise end

    if end is None:
        block()
    else:
        with pytest.raises(end):
            block()
    assert not alive(pids[0])
    assert list((tmp_path / "machines").iterdir()) == []


def test_a_machine_that_dies_while_booting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, monkeypatch, "exec bash -c \"exec -a qemu-system-aarch64 sh -c 'sleep 1; echo oops; :' $*\"")
    with (
        pytest.raises(TinylmError, match="the virtual Pi died: oops") as caught,
        running(image=tmp_path, settings=SETTINGS, folder=tmp_path) as machine,
    ):
        machine.wait(timeout_s=30)
    assert caught.value.exit_code == 3


def test_a_machine_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("ssh") is None:
        pytest.skip("no ssh: sudo apt-get install openssh-client")
    script(tmp_path, monkeypatch, "exec bash -c \"exec -a qemu-system-aarch64 sh -c 'while :; do sleep 0.2; done' $*\"")
    with (
        pytest.raises(TinylmError, match="did not answer on ssh within 2 s") as caught,
        running(image=tmp_path, settings=dataclasses.replace(SETTINGS, port=0), folder=tmp_path) as machine,
    ):
        machine.wait(timeout_s=2)
    assert caught.value.exit_code == 3
    assert not machine.alive()


def test_a_snapshot_does_not_touch_the_changes_that_a_machine_keeps(tmp_path: Path) -> None:
    kept = machines.machine_folder(tmp_path, "mine")
    kept.mkdir(parents=True)
    (kept / OVERLAY).write_bytes(b"changes")
    settings = Settings(cpu="cortex-a53", cores=1, memory_mib=256, port=0, measure=False, snapshot=True)
    with pytest.raises(TinylmError, match="`mine` keeps changes to its disk") as caught:
        start_machine(image=tmp_path, settings=settings, folder=tmp_path, name="mine")
    assert caught.value.exit_code == 3
    assert (kept / OVERLAY).read_bytes() == b"changes"
