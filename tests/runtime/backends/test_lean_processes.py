"""The lean backend in processes of their own: what they load, how they end, what they leak, and damaged graphs.

A crash is then a failing test with an exit status, and not the end of pytest.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from tinylm.bundle.reading import Bundle

ROOT = Path(__file__).resolve().parents[3]
MakeBundle = Callable[..., Bundle]


@pytest.fixture(params=["fp32", "int8"])
def model(request: pytest.FixtureRequest, make_bundle: MakeBundle) -> Path:
    return make_bundle(scheme=request.param).model


GENERATE = """
import sys
from pathlib import Path
from tinylm.runtime.backends.contract import Buffer
from tinylm.runtime.backends.lean import LeanSession

def open_sequence(session):
    inputs = {name: Buffer([size or 1 for size in value.shape], value.type) for name, value in session.inputs.items()}
    outputs = {name.replace("past.", "present."): buffer for name, buffer in inputs.items() if "past." in name}
    outputs["logits"] = Buffer(session.outputs["logits"].shape, "float32")
    binding = session.bind(inputs, outputs)
    return binding, inputs["input_ids"].data, inputs["total_length"].data, outputs["logits"].data

def generate(sequence, count, token=0):
    binding, ids, total, logits = sequence
    answer = []
    for position in range(count):
        ids[0], total[0] = token, position + 1
        binding.run()
        row = logits.tolist()
        token = row.index(max(row))
        answer.append(token)
    return answer
"""


def fresh(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run GENERATE and then `program` in a new process."""
    command = [sys.executable, "-X", "faulthandler", "-c", GENERATE + program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300, check=False)


def greedy_by_the_module(model: Path, count: int) -> list[int]:
    """The likeliest tokens after token 0, by onnxruntime's own module."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session: Any = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    types = {"tensor(int32)": np.int32, "tensor(float)": np.float32, "tensor(uint8)": np.uint8}
    shapes = {v.name: [size if isinstance(size, int) else 1 for size in v.shape] for v in session.get_inputs()}
    values = {v.name: np.zeros(shapes[v.name], types[v.type]) for v in session.get_inputs()}
    names = [value.name for value in session.get_outputs()]
    answer: list[int] = []
    for position in range(count):
        values["input_ids"][:] = answer[-1] if answer else 0
        values["total_length"][:] = position + 1
        found = dict(zip(names, session.run(names, values), strict=True))
        values.update({name.replace("present.", "past."): found[name] for name in names if "present." in name})
        answer.append(int(found["logits"].argmax()))
    return answer


def test_a_lean_generation_loads_neither_numpy_nor_onnxruntime(model: Path) -> None:
    program = """
session = LeanSession(Path(sys.argv[1]))
print(generate(open_sequence(session), 8))
print([name for name in sys.modules if name.split(".")[0] in ("numpy", "onnxruntime", "sentencepiece")])
maps = Path("/proc/self/maps")
print("pybind" in maps.read_text() if maps.exists() else False)
status = Path("/proc/self/status")
print(status.read_text().partition("VmHWM:")[2].split()[0] if status.exists() else "0")
"""
    done = fresh(program, model)
    assert (done.returncode, done.stderr) == (0, "")
    ids, modules, pybind, peak_kb = done.stdout.splitlines()
    expected = greedy_by_the_module(model, 8)
    assert ids == str(expected)
    assert (modules, pybind) == ("[]", "False")
    print(f"peak of a lean process: {int(peak_kb) * 1024 / 1e6:.1f} MB")
    # Measured: 44 MB on x86; numpy and onnxruntime's module would add 14.
    assert int(peak_kb) * 1024 < 52e6


def test_both_libraries_work_in_one_process(model: Path) -> None:
    """They are two copies of ONNX Runtime, whichever comes first."""
    program = """
import onnxruntime
session = LeanSession(Path(sys.argv[1]))
other = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
print(len(generate(open_sequence(session), 8)), len(session.inputs) - len(other.get_inputs()))
"""
    done = fresh(program, model)
    assert (done.returncode, done.stdout, done.stderr) == (0, "8 0\n", "")


@pytest.mark.parametrize(
    "ending",
    [
        "",  # the interpreter ends with everything open
        "sys.exit(0)",
        "del session",
        "session.close()",
        "cycle = [session]; cycle.append(cycle); del session, sequence",
        "import builtins; builtins.kept = (session, sequence)",  # outlives every module
        "t = __import__('threading').Thread(target=generate, args=(sequence, 40)); t.start()",
        "t = __import__('threading').Thread(target=forever, daemon=True); t.start(); __import__('time').sleep(0.05)",
    ],
)
def test_a_process_ends_in_peace(model: Path, ending: str) -> None:
    program = """
session = LeanSession(Path(sys.argv[1]), threads=2)
sequence = open_sequence(session)
generate(sequence, 3)
def forever():
    try:
        while True:
            sequence[0].run()
    except Exception:
        pass
"""
    done = fresh(program + ending, model)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_forked_child_ends_without_its_parents_session(model: Path) -> None:
    """Two threads: freeing the session in the child would wait for a thread that is not there."""
    program = """
import os
session = LeanSession(Path(sys.argv[1]), threads=2)
sequence = open_sequence(session)
expected = generate(sequence, 3)
if os.fork() == 0:
    session.close()
    try:
        sequence[0].run()
    except Exception as error:
        sys.exit(7 if "closed" in str(error) else 8)
print(os.waitstatus_to_exitcode(os.wait()[1]), generate(sequence, 3) == expected)
"""
    done = fresh(program, model)
    assert (done.returncode, done.stdout, done.stderr) == (0, "7 True\n", "")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux /proc")
def test_nothing_leaks(make_bundle: MakeBundle, tmp_path: Path) -> None:
    """So many runs, sessions, bindings, descriptions and errors that a leak in one of them would show."""
    model = make_bundle(scheme="int8").model
    program = """
import gc, os
from tinylm.base.errors import TinylmError

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

def runs(count):
    session = LeanSession(Path(sys.argv[1]))
    sequence = open_sequence(session)
    for _ in range(count // 40):
        generate(sequence, 40)
    session.close()

def sessions(count):
    for number in range(count):
        session = LeanSession(Path(sys.argv[1]))
        generate(open_sequence(session), 1)
        if number % 2:
            session.close()

def bindings(count):
    session = LeanSession(Path(sys.argv[1]))
    for _ in range(count):
        open_sequence(session)

def descriptions(count):
    session = LeanSession(Path(sys.argv[1]))
    for _ in range(count):
        session._api.values(session._handle[0])

def errors(count):
    session = LeanSession(Path(sys.argv[1]))
    sequence = open_sequence(session)
    for _ in range(count):
        for fail in (lambda: LeanSession(Path(sys.argv[2])), lambda: generate(sequence, 1, token=1 << 20)):
            try:
                fail()
            except TinylmError:
                continue
            raise AssertionError

for work, count in ((runs, 1_000), (sessions, 40), (bindings, 1_000), (descriptions, 1_000), (errors, 400)):
    work(count // 4)
    before = resident()
    work(count)
    print(work.__name__, resident() - before)
"""
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(model.read_bytes()[:-100])
    done = fresh(program, model, broken)
    assert (done.returncode, done.stderr) == (0, "")
    grown = {name: int(size) for name, size in map(str.split, done.stdout.splitlines())}
    print(f"grown by, in bytes: {grown}")
    assert len(grown) == 5
    assert max(grown.values()) < 400_000, grown  # a fifth of a megabyte comes and goes


# A child for each damaged graph, which a signal would end; its exit status is what became of the graph.
TRY = """
import os
from tinylm.base.errors import TinylmError
from tinylm.runtime.backends.c_api import load
load()
for path in sorted(Path(sys.argv[1]).iterdir()):
    child = os.fork()
    if child == 0:
        try:
            generate(open_sequence(LeanSession(path)), 2)
        except TinylmError as error:
            os._exit(3 if error.message else 1)
        except (KeyError, TypeError):
            os._exit(4)  # a name or a fixed dimension is gone; the engine compares them with the manifest
        except BaseException:
            os._exit(1)
        os._exit(0)
    print(path.name, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def damaged(content: bytes, seed: int) -> bytes:
    rng, data = random.Random(seed), bytearray(content)
    for _ in range(rng.randint(1, 20)):
        # Most bytes are weights; nodes and names lie in the first few thousand, and there the damage is worse.
        position = rng.randrange(min(len(data), 9000) if rng.random() < 0.8 else len(data))
        how = rng.randrange(3)
        if how == 0:
            data[position] ^= 1 << rng.randrange(8)
        elif how == 1:
            del data[position : position + rng.randrange(1, 9)]
        else:
            data[position:position] = rng.randbytes(rng.randrange(1, 9))
    if rng.random() < 0.5:
        del data[rng.randrange(len(data)) :]
    return bytes(data)


def test_a_damaged_graph_never_ends_the_process(model: Path, tmp_path: Path) -> None:
    content = model.read_bytes()
    for seed in range(80):
        (tmp_path / f"{seed}.onnx").write_bytes(damaged(content, seed))
    done = fresh(TRY, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    ended = dict(line.split() for line in done.stdout.splitlines())
    assert len(ended) == 80
    assert set(ended.values()) <= {"0", "3", "4"}, ended
    assert "3" in ended.values()
