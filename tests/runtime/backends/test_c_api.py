"""The C library: found without import, every position in its table right, every status a TinylmError, no message lost.

A wrong position in the table is a crash or a silently wrong setting. So what was set is read back from the library's
own log, and what it says of a graph is compared with what onnxruntime's Python module says.
"""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
from onnx import TensorProto, helper

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle
from tinylm.runtime.backends import c_api
from tinylm.runtime.backends.contract import BackendUnavailable, Buffer, Value

ROOT = Path(__file__).resolve().parents[3]
MakeBundle = Callable[..., Bundle]


def fresh(program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `program` in a new process that has only these variables."""
    variables = {"PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=variables, check=False)


@pytest.fixture
def opened(make_bundle: MakeBundle) -> Any:
    """A session's handle, released afterwards."""
    api = c_api.load()
    session = api.create_session(make_bundle(scheme="int8").model, threads=1, exact_int8=False)
    yield session
    api.release_session(session)


def test_the_library_is_the_installed_packages() -> None:
    assert c_api.load().version == onnxruntime.__version__
    assert c_api.find_library().parent == Path(onnxruntime.__file__).parent / "capi"


def test_the_library_is_loaded_once() -> None:
    found: list[c_api.Api] = []
    threads = [threading.Thread(target=lambda: found.append(c_api.load())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_values_are_those_of_the_python_module(make_bundle: MakeBundle, opened: int) -> None:
    reference = onnxruntime.InferenceSession(str(make_bundle(scheme="int8").model), providers=["CPUExecutionProvider"])
    types = {"tensor(int32)": "int32", "tensor(float)": "float32", "tensor(uint8)": "uint8"}

    def expected(values: Any) -> dict[str, Value]:
        return {
            value.name: Value(types[value.type], tuple(d if isinstance(d, int) else None for d in value.shape))
            for value in values
        }

    inputs, outputs = c_api.load().values(opened)
    assert inputs == expected(reference.get_inputs())
    assert outputs == expected(reference.get_outputs())
    assert list(inputs) == [value.name for value in reference.get_inputs()]


ELEMENTS = {
    "float32": TensorProto.FLOAT,
    "uint8": TensorProto.UINT8,
    "int8": TensorProto.INT8,
    "uint16": TensorProto.UINT16,
    "int16": TensorProto.INT16,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "string": TensorProto.STRING,
    "bool": TensorProto.BOOL,
    "float16": TensorProto.FLOAT16,
    "float64": TensorProto.DOUBLE,
    "uint32": TensorProto.UINT32,
    "uint64": TensorProto.UINT64,
    "bfloat16": TensorProto.BFLOAT16,
}


def save(path: Path, graph: Any) -> Path:
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)])
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("shape", [[], [3], [1, "T", 5]])
def test_every_element_type_and_rank_is_named(tmp_path: Path, shape: list[int | str]) -> None:
    inputs = [helper.make_tensor_value_info(f"{name}.in", kind, shape) for name, kind in ELEMENTS.items()]
    outputs = [helper.make_tensor_value_info(f"{name}.out", kind, shape) for name, kind in ELEMENTS.items()]
    nodes = [helper.make_node("Identity", [f"{name}.in"], [f"{name}.out"]) for name in ELEMENTS]
    api = c_api.load()
    path = save(tmp_path / "types.onnx", helper.make_graph(nodes, "types", inputs, outputs))
    session = api.create_session(path, threads=1, exact_int8=False)
    try:
        found_inputs, found_outputs = api.values(session)
    finally:
        api.release_session(session)
    fixed = tuple(dimension if isinstance(dimension, int) else None for dimension in shape)
    assert found_inputs == {f"{name}.in": Value(name, fixed) for name in ELEMENTS}
    assert found_outputs == {f"{name}.out": Value(name, fixed) for name in ELEMENTS}


def test_what_is_no_tensor_is_refused(tmp_path: Path) -> None:
    sequence = helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, [2]))
    values = [helper.make_value_info(name, sequence) for name in ("in", "out")]
    graph = helper.make_graph([helper.make_node("Identity", ["in"], ["out"])], "sequence", values[:1], values[1:])
    api = c_api.load()
    session = api.create_session(save(tmp_path / "sequence.onnx", graph), threads=1, exact_int8=False)
    try:
        with pytest.raises(TinylmError, match="`in` of the graph is not a tensor"):
            api.values(session)
    finally:
        api.release_session(session)


# The library tells at severity "info" what a session was opened with: the one way to read the options back.
OPTIONS = """
import sys
from pathlib import Path
from tinylm.runtime.backends import c_api
c_api._SEVERITY_FATAL = 1
api = c_api.load()
session = api.create_session(Path(sys.argv[1]), threads=3, exact_int8=sys.argv[2] == "exact")
api.release_session(session)
"""


@pytest.mark.parametrize("exact", ["exact", "fast"])
def test_the_options_arrive(make_bundle: MakeBundle, exact: str) -> None:
    log = fresh(OPTIONS, str(make_bundle().model), exact).stderr
    for option in (
        "execution_mode:0",
        "enable_mem_pattern:1",
        "enable_cpu_mem_arena:0",
        "session_log_severity_level:1",
        "intra_op_param:OrtThreadPoolParams { thread_pool_size: 3",
        "inter_op_param:OrtThreadPoolParams { thread_pool_size: 1",
        "session.intra_op.allow_spinning: 0",
        "session.inter_op.allow_spinning: 0",
    ):
        assert option in log
    assert ("session.x64quantprecision: 1" in log) == (exact == "exact")


def test_a_graph_that_is_refused_leaves_nothing_on_stderr(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not a graph")
    with pytest.raises(TinylmError, match=r"model\.onnx failed"):
        c_api.load().create_session(tmp_path / "model.onnx", threads=1, exact_int8=False)
    with pytest.raises(TinylmError, match="doesn't exist"):
        c_api.load().create_session(tmp_path / "none.onnx", threads=1, exact_int8=False)
    assert capfd.readouterr() == ("", "")


def test_a_status_becomes_an_error_of_one_short_line(opened: int) -> None:
    api = c_api.load()
    binding = api.create_binding(opened)
    try:
        with pytest.raises(TinylmError) as caught:
            api.bind(binding, "Input", "an unknown name" * 1000, Buffer((1,), "int32"))
        assert "an unknown name" in caught.value.message
        assert len(caught.value.message) <= 300
        # Nothing is bound: there is nothing to run.
        with pytest.raises(TinylmError, match="At least one output"):
            api.check(api.run_with_binding(opened, None, binding))
        api.check(None)
    finally:
        api.release_binding(binding)


ENVIRONMENT = """
import os, sys
from tinylm.runtime.backends import c_api
before = os.environ.get("ORT_DISABLE_TELEMETRY")
c_api.load()
print(before, os.environ["ORT_DISABLE_TELEMETRY"])
"""


def test_onnxruntime_sends_no_telemetry_unless_asked_to() -> None:
    assert fresh(ENVIRONMENT).stdout == "None 1\n"
    assert fresh(ENVIRONMENT, ORT_DISABLE_TELEMETRY="0").stdout == "0 0\n"


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux /proc")
def test_loading_starts_no_thread() -> None:
    program = (
        'import os; from tinylm.runtime.backends import c_api; c_api.load(); print(len(os.listdir("/proc/self/task")))'
    )
    assert fresh(program).stdout == "1\n"


@pytest.mark.parametrize("names", [(), ("libonnxruntime.so.1.30.0", "libonnxruntime.so.1.31.1")])
def test_other_than_one_library_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    capi = tmp_path / "onnxruntime" / "capi"
    capi.mkdir(parents=True)
    (tmp_path / "onnxruntime" / "__init__.py").write_text("raise AssertionError('imported')")
    for name in (*names, "libonnxruntime_providers_shared.so"):
        (capi / name).touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "onnxruntime")
    with pytest.raises(BackendUnavailable, match=f"has {len(names)} C libraries"):
        c_api.find_library()


def test_no_package_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c_api.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BackendUnavailable, match="has 0 C libraries"):
        c_api.find_library()


@pytest.mark.parametrize("content", [b"", b"not a library", b"\x7fELF" + b"\x00" * 100])
def test_a_file_that_is_no_library_is_unavailable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "libonnxruntime.so.1"
    path.write_bytes(content)
    with pytest.raises(BackendUnavailable, match="cannot be loaded"):
        c_api.Api(path)


def test_a_library_without_the_entry_point_is_unavailable() -> None:
    other = c_api.find_library().with_name("libonnxruntime_providers_shared.so")
    if not other.exists():
        pytest.skip("this onnxruntime ships no second library")
    with pytest.raises(BackendUnavailable, match="OrtGetApiBase"):
        c_api.Api(other)


def test_a_library_that_does_not_start_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(api: c_api.Api, status: int | None) -> None:
        raise TinylmError("no room")

    monkeypatch.setattr(c_api.Api, "check", refuse)
    with pytest.raises(BackendUnavailable, match=r"does not start: no room"):
        c_api.Api(c_api.find_library())


def test_a_library_without_this_table_is_unavailable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A later ONNX Runtime may drop the old table: `GetApi` then returns null."""
    asked: list[int] = []

    def get_api(version: int) -> None:
        asked.append(version)

    get = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint32)(get_api)
    version = ctypes.CFUNCTYPE(ctypes.c_void_p)(lambda: ctypes.addressof(text))
    text = ctypes.create_string_buffer(b"9.0.0")
    base = (ctypes.c_void_p * 2)(ctypes.cast(get, ctypes.c_void_p), ctypes.cast(version, ctypes.c_void_p))

    class Library:
        class OrtGetApiBase:
            restype: Any = None

            def __new__(cls) -> Any:
                return ctypes.cast(base, ctypes.POINTER(ctypes.c_void_p))

    monkeypatch.setattr(c_api.ctypes, "CDLL", lambda path: Library)
    with pytest.raises(BackendUnavailable, match=r"9\.0\.0 no longer has version 5"):
        c_api.Api(tmp_path)
    assert asked == [5]


def test_telemetry_is_off_unless_the_user_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c_api.os, "environ", variables := {})
    c_api.disable_telemetry()
    assert variables == {"ORT_DISABLE_TELEMETRY": "1"}
    variables["ORT_DISABLE_TELEMETRY"] = "0"
    c_api.disable_telemetry()
    assert variables == {"ORT_DISABLE_TELEMETRY": "0"}


class BareLibrary:
    """A C library that has none of the functions it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> object:
        self.asked.append(name)
        raise AttributeError(name)


def test_a_c_library_without_mallopt_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    library = BareLibrary()
    monkeypatch.setattr(c_api.ctypes, "CDLL", lambda name: library)
    with c_api.giving_back_memory():
        assert library.asked == ["mallopt"]
    assert library.asked == ["mallopt"]  # nothing to undo, and nothing else is tried


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_large_blocks_go_back_while_a_model_is_loaded() -> None:
    """Freed blocks between blocks in use: resident in glibc's heap as a rule, gone inside the context."""
    program = """
import ctypes
from tinylm.runtime.backends.c_api import giving_back_memory
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
def kept_bytes():
    before = resident()
    blocks = [libc.malloc(100_000) for _ in range(100)]
    for block in blocks:
        ctypes.memset(block, 1, 100_000)
    for block in blocks[::2]:
        libc.free(block)
    return resident() - before
with giving_back_memory():
    inside = kept_bytes()
print(inside < 7_000_000 < 9_000_000 < kept_bytes())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_code_that_ran_once_leaves_memory_and_comes_back_when_it_runs_again() -> None:
    program = """
import sqlite3, _sqlite3
from tinylm.runtime.backends.c_api import forget_code
def resident_kb():
    lines = iter(open("/proc/self/smaps").read().splitlines())
    found = 0
    for line in lines:
        if line.endswith(library) and " r-xp " in line:
            found += next(int(l.split()[1]) for l in lines if l.startswith("Rss:"))
    return found
names = {line.split(maxsplit=5)[5] for line in open("/proc/self/maps") if "libsqlite3" in line or "_sqlite3" in line}
library = sorted(names, key=lambda name: "libsqlite3" not in name)[0].strip()
answer = lambda: sqlite3.connect(":memory:").execute("select max(a) from (select 1 a union select 7)").fetchone()
first, before = answer(), resident_kb()
forget_code()
after = resident_kb()
print(before > 100, after == 0, answer() == first == (7,), resident_kb() > 0)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True True True True\n"


def test_a_system_without_madvise_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    library = BareLibrary()
    monkeypatch.setattr(c_api.ctypes, "CDLL", lambda name, use_errno: library)
    c_api.forget_code()
    assert library.asked == ["madvise"]
