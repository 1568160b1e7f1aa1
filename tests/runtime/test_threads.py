"""Threads are measured once for a bundle on a device; whatever the state file holds, generation goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.bundle.reading import Bundle
from tinylm.runtime import threads
from tinylm.runtime.threads import calibrated_threads, candidates, fastest, measure

MakeBundle = Callable[..., Bundle]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state file of a device with four cores on which three threads are fastest; it counts the measurements."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(threads, "usable_cores", lambda: 4)
    measured = tmp_path / "measured"
    measured.write_text("")

    def pretend(bundle: Bundle, backend: str, counts: list[int]) -> dict[int, float]:
        measured.write_text(measured.read_text() + "x")
        return {1: 10.0, 2: 6.0, 3: 5.0, 4: 5.5}

    monkeypatch.setattr(threads, "_measure_in_child", pretend)
    return tmp_path / "tinylm" / "threads.json"


def measurements(state: Path) -> int:
    return len((state.parent.parent / "measured").read_text())


def test_it_is_measured_once_and_remembered(state: Path, make_bundle: MakeBundle) -> None:
    assert [calibrated_threads(make_bundle(), backend="auto") for _ in range(3)] == [3, 3, 3]
    assert measurements(state) == 1
    assert calibrated_threads(make_bundle(scheme="int8"), backend="auto") == 3
    assert measurements(state) == 2  # another bundle
    assert len(json.loads(state.read_bytes())["threads"]) == 2


def test_another_processor_or_engine_is_measured_again(
    state: Path, make_bundle: MakeBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibrated_threads(make_bundle(), backend="auto")
    monkeypatch.setattr(threads, "engine_version", lambda backend: "onnxruntime 99.0")
    calibrated_threads(make_bundle(), backend="auto")
    monkeypatch.setattr(threads, "_processor", lambda: "another one")
    calibrated_threads(make_bundle(), backend="auto")
    monkeypatch.setattr(threads, "usable_cores", lambda: 3)  # 3 of 4 were remembered
    calibrated_threads(make_bundle(), backend="auto")
    assert measurements(state) == 4


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b"null",
        b"[]",
        b"{}",
        b'{"schema": "2.0", "threads": {}}',
        b'{"schema": "1.0", "threads": []}',
        b'{"schema": "1.0", "threads": {"KEY": "3"}}',
        b'{"schema": "1.0", "threads": {"KEY": true}}',
        b'{"schema": "1.0", "threads": {"KEY": 0}}',
        b'{"schema": "1.0", "threads": {"KEY": 5}}',
        b'{"schema": "1.0", "threads": {"KEY": -1}}',
    ],
    ids=lambda content: repr(content[:50]),
)
def test_a_damaged_or_foreign_file_is_measured_again_and_replaced(
    state: Path, make_bundle: MakeBundle, content: bytes
) -> None:
    calibrated_threads(make_bundle(), backend="auto")
    (key,) = json.loads(state.read_bytes())["threads"]
    state.write_bytes(content.replace(b"KEY", key.encode()))
    assert calibrated_threads(make_bundle(), backend="auto") == 3
    assert measurements(state) == 2
    assert json.loads(state.read_bytes()) == {"schema": "1.0", "threads": {key: 3}}


def test_where_nothing_can_be_written_the_answer_is_used(
    state: Path, make_bundle: MakeBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.parent.write_text("a file where the folder should be")
    assert calibrated_threads(make_bundle(), backend="auto") == 3
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    assert calibrated_threads(make_bundle(), backend="auto") == 3
    assert measurements(state) == 2


def test_the_file_does_not_grow_without_end(state: Path, make_bundle: MakeBundle) -> None:
    state.parent.mkdir()
    old = {f"bundle {number}": 1 for number in range(500)}
    state.write_text(json.dumps({"schema": "1.0", "threads": old}))
    calibrated_threads(make_bundle(), backend="auto")
    kept = json.loads(state.read_bytes())["threads"]
    assert len(kept) == 100
    assert next(iter(kept)) == "bundle 401"


def test_one_core_is_one_thread_without_measuring(
    state: Path, make_bundle: MakeBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "usable_cores", lambda: 1)
    assert calibrated_threads(make_bundle(), backend="auto") == 1
    assert measurements(state) == 0
    assert not state.exists()


def test_a_measurement_that_fails_is_one_thread_and_not_remembered(
    state: Path, make_bundle: MakeBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "_measure_in_child", lambda *arguments: {})
    assert calibrated_threads(make_bundle(), backend="auto") == 1
    assert not state.exists()


@given(st.dictionaries(st.integers(1, 64), st.floats(0.01, 1000), min_size=1))
def test_fewer_threads_win_unless_more_are_a_tenth_faster(times_ms: dict[int, float]) -> None:
    chosen = fastest(times_ms)
    assert chosen == min(times_ms) or times_ms[chosen] <= 0.9 * times_ms[min(times_ms)]
    assert not any(times_ms[more] <= 0.9 * times_ms[chosen] for more in times_ms if more > chosen)


@pytest.mark.parametrize(
    ("times_ms", "chosen"),
    [({1: 10, 2: 9.1}, 1), ({1: 10, 2: 9.0}, 2), ({1: 10, 2: 8.9, 3: 8.1}, 2), ({1: 10, 2: 12, 4: 5}, 4), ({1: 1}, 1)],
)
def test_which_number_is_chosen(times_ms: dict[int, float], chosen: int) -> None:
    assert fastest(times_ms) == chosen


def test_few_numbers_are_tried() -> None:
    assert [candidates(cores) for cores in (1, 2, 4, 5, 64)] == [[1], [1, 2], [1, 2, 3, 4], [1, 2, 5], [1, 2, 64]]


def test_a_child_measures_each_number(make_bundle: MakeBundle) -> None:
    bundle = make_bundle(context_length=4)
    for times_ms in (measure(bundle, "onnxruntime", [1, 2]), threads._measure_in_child(bundle, "auto", [1, 2])):
        assert times_ms.keys() == {1, 2}
        assert all(time_ms > 0 for time_ms in times_ms.values())
    assert threads._measure_in_child(bundle, "no such backend", [0]) == {}  # type: ignore[arg-type]


def test_generating_loads_no_calibration_with_a_number_and_no_subprocess_when_it_is_remembered(
    make_bundle: MakeBundle, tmp_path: Path
) -> None:
    program = f"""
import sys
from pathlib import Path
from tinylm.runtime.print_text import print_text
print_text(Path({str(make_bundle().path)!r}), prompt="the", max_tokens=3, sampling={{}}, threads=sys.argv[1])
print(sorted({{"tinylm.runtime.threads", "subprocess", "numpy", "onnxruntime"}} & sys.modules.keys()), file=sys.stderr)
"""
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}

    def loaded(number: str) -> str:
        command = [sys.executable, "-c", program, number]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stderr

    assert loaded("1") == "[]\n"
    assert not any(tmp_path.iterdir())
    loaded("auto")
    if threads.usable_cores() > 1:
        assert (tmp_path / "tinylm" / "threads.json").is_file()
    assert loaded("auto") == "['tinylm.runtime.threads']\n"
