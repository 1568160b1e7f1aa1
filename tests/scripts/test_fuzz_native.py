"""A minute of fuzzing: what a mutated image, prompt or file does to the C engine is never more than an error code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "fuzz_native"
FUZZERS = SCRIPT.parents[1] / "tests" / "native" / "fuzz"


@pytest.mark.slow
def test_a_minute_finds_nothing(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, SCRIPT, "60"], capture_output=True, text=True, check=False, cwd=tmp_path)
    if "error: no clang" in done.stderr:
        pytest.skip("no clang with libFuzzer: apt-get install clang libclang-rt-dev")
    assert done.returncode == 0, done.stderr[-6000:]
    tried = dict(re.findall(r"^(\w+) +([\d,]+) inputs", done.stdout, flags=re.MULTILINE))
    assert set(tried) == {file.stem for file in FUZZERS.glob("*.c")}
    assert min(int(number.replace(",", "")) for number in tried.values()) > 1000  # it did run


def test_an_unknown_fuzzer_is_named() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "kernels"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: fuzzers are engine, ")
