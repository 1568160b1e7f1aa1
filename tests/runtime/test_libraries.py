"""How a fresh process loads its libraries: small, silent, and without traces in its environment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def fresh(program: str, **environment: str) -> str:
    """What `program` prints in a new process that has only these variables."""
    variables = {"PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=variables, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


ENVIRONMENT = """
import os
import tinylm.runtime.backends.onnxruntime_session
print(os.environ.get("ORT_DISABLE_TELEMETRY"), os.environ.get("OPENBLAS_NUM_THREADS"))
"""


def test_onnxruntime_sends_no_telemetry() -> None:
    assert fresh(ENVIRONMENT) == "1 None"


def test_what_the_user_chose_stays() -> None:
    assert fresh(ENVIRONMENT, ORT_DISABLE_TELEMETRY="0", OPENBLAS_NUM_THREADS="3") == "0 3"


@pytest.mark.parametrize(
    "module",
    [
        "engine",
        "sampling",
        "scoring",
        "generation",
        "backends.opening",
        "logits",
        "measurement.probe",
        "print_text",
        "__main__",
    ],
)
def test_no_way_in_loads_a_library_before_it_is_needed(module: str) -> None:
    program = f"""
import sys
import tinylm.runtime.{module}
print(sorted({{"numpy", "onnxruntime"}} & sys.modules.keys()))
"""
    assert fresh(program) == "[]"


@pytest.mark.parametrize("module", ["backends.onnxruntime", "backends.onnxruntime_session", "numpy_sampling"])
def test_what_needs_a_library_loads_it_here_first(module: str) -> None:
    """Neither library was there before what it reads was set."""
    program = f"""
import os
import sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in ("numpy", "onnxruntime"):
            assert "tinylm.runtime.libraries" in sys.modules, name
        if name == "onnxruntime":
            assert "ORT_DISABLE_TELEMETRY" in os.environ

sys.meta_path.insert(0, Watch())
import tinylm.runtime.{module}
print("numpy" in sys.modules)
"""
    assert fresh(program) == "True"


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux /proc")
def test_loading_the_libraries_starts_no_thread() -> None:
    program = 'import os, tinylm.runtime.backends.onnxruntime_session; print(len(os.listdir("/proc/self/task")))'
    assert fresh(program) == "1"
