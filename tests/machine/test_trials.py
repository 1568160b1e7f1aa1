"""Imports that kill, hang or fail, as real modules in a folder; none of them may touch the process that asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinylm.base import errors
from tinylm.machine.facts import ImportTrial
from tinylm.machine.trials import try_import, try_native


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def tried(folder: Path, source: str, timeout_s: float = 60) -> ImportTrial:
    (folder / "suspect.py").write_text(source, encoding="utf-8")
    return try_import("suspect", version="1.0", wanted="1.0", timeout_s=timeout_s)


@pytest.mark.parametrize("name", ["SIGILL", "SIGSEGV", "SIGKILL", "SIGBUS", "SIGABRT"])
def test_a_module_that_kills_its_process(folder: Path, name: str) -> None:
    # Without a core file: the test must not leave one.
    source = "import os, resource, signal\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
    trial = tried(folder, f"{source}os.kill(os.getpid(), signal.{name})\n")
    assert (trial.outcome, trial.detail, trial.ms) == ("killed", name, None)


def test_a_module_that_is_well(folder: Path) -> None:
    trial = tried(folder, "print('hello')\nblock = b'x' * 30_000_000\n")
    assert trial.outcome == "ok"
    assert trial.ms is not None
    assert trial.ms > 0
    assert trial.rss_mb is None or 25 < trial.rss_mb < 60


@pytest.mark.parametrize(
    ("source", "detail"),
    [
        ("raise ImportError('libatomic.so.1: no such file')", "ImportError: libatomic.so.1: no such file"),
        ("import a_module_that_is_nowhere", "ModuleNotFoundError: No module named 'a_module_that_is_nowhere'"),
        ("import sys\nsys.exit(4)", "it said nothing"),
    ],
)
def test_a_module_that_fails(folder: Path, source: str, detail: str) -> None:
    trial = tried(folder, source)
    assert (trial.outcome, trial.detail) == ("error", detail)


def test_a_module_that_ends_the_process_as_if_all_were_well(folder: Path) -> None:
    assert tried(folder, "import os\nos._exit(0)").outcome == "error"
    assert tried(folder, "import sys\nprint('[1, 2, 3]')\nsys.exit(0)").outcome == "error"


def test_a_module_that_hangs(folder: Path) -> None:
    trial = tried(folder, "import time\ntime.sleep(600)", timeout_s=0.5)
    assert (trial.outcome, trial.detail) == ("timeout", "no end within 0.5 s")


def test_a_module_that_is_not_there() -> None:
    trial = try_import("a_module_that_is_nowhere", version=None, wanted="1.0")
    assert trial.outcome == "missing"


def test_a_file_in_the_current_folder_is_not_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "colorsys.py").write_text("raise SystemExit(3)")
    assert try_import("colorsys", version=None, wanted="1").outcome == "ok"


def test_the_native_engine_says_what_it_can_do_or_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    trial = try_native()
    assert trial.outcome in ("ok", "unavailable"), trial
    assert (trial.instruction_sets[-1:] == ("scalar",)) == (trial.outcome == "ok")
    assert (trial.detail != "") == (trial.outcome == "unavailable")


@pytest.mark.parametrize(
    ("source", "outcome", "detail"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed", "SIGKILL"),
        ("raise ImportError('no')", "error", "ImportError: no"),
        ("instruction_sets = lambda: print('[1]') or __import__('os')._exit(0)", "error", ""),
        (
            "from tinylm.base.errors import TinylmError\ndef instruction_sets(): raise TinylmError('a', 'b')",
            "unavailable",
            "a",
        ),
        ("instruction_sets = lambda: ('neon', 'scalar')", "ok", ""),
    ],
)
def test_an_engine_that_fails(
    source: str, outcome: str, detail: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = folder / "tinylm"
    for name in ("native", "base"):
        (package / name).mkdir(parents=True)
        (package / name / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "base" / "errors.py").write_text(Path(errors.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    (package / "native" / "library.py").write_text(source, encoding="utf-8")
    monkeypatch.setattr("tinylm.machine.trials.child_environment", lambda: {"PYTHONPATH": str(folder)})
    trial = try_native()
    assert trial.outcome == outcome
    assert detail in trial.detail
