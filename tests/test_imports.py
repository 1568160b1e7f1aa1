"""What must never be loaded: on a device, by `--help`, by `import tinylm`. Who may import whom: `lint-imports`."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tinylm

PACKAGE = Path(tinylm.__file__).resolve().parent
HEAVY = ("torch", "onnx", "onnxruntime", "numpy", "sentencepiece", "safetensors", "rich", "psutil")
NOT_ON_A_DEVICE = {"torch", "onnx", "typer", "rich", "safetensors", "tomli_w"}


@pytest.mark.parametrize(
    "where",
    [
        "cli",
        "runtime",
        "budget",
        "housekeeping",
        "html",
        "machine",
        "native",
        "onnx",
        "external_decoder",
        "text",
        "report",
        "profile",
        "serve",
        "tokenizer",
        "settings",
        "bundle",
        "base",
    ],
)
def test_nothing_heavy_at_the_top_of_what_a_device_runs(where: str) -> None:
    root = PACKAGE / where
    for path in [root] if root.is_file() else root.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {a.name for node in tree.body if isinstance(node, ast.Import) for a in node.names}
        names |= {str(node.module) for node in tree.body if isinstance(node, ast.ImportFrom)}
        forbidden = NOT_ON_A_DEVICE - ({"typer"} if where == "cli" else set())
        assert not {name.split(".")[0] for name in names} & forbidden, path


def loaded(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has after running `code` elsewhere."""
    script = f"{code}\nimport sys\nprint(' '.join(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        encoding="utf-8",
        env={"PYTHONPATH": str(PACKAGE.parent)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "module",
    [
        "tinylm.runtime",
        "tinylm.runtime.engine",
        "tinylm.runtime.generation",
        "tinylm.runtime.measurement.probe",
        "tinylm.runtime.measurement.profile_probe",
        "tinylm.budget.check",
        "tinylm.profile.measure",
        "tinylm.serve.server",
        "tinylm.tokenizer.tokenizer",
        "tinylm.bundle.manifest",
    ],
)
def test_a_device_never_loads_training(module: str) -> None:
    assert not loaded(f"import {module}") & NOT_ON_A_DEVICE


def test_import_tinylm_imports_nothing() -> None:
    assert loaded("import tinylm") - loaded("") <= {"tinylm", "__future__"}


@pytest.mark.parametrize("arguments", [["--help"], ["train-pipeline", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = f"""
import sys
sys.argv = ["tinylm", *{arguments}]
from tinylm.cli import main
try:
    main()
except SystemExit as stop:
    assert not stop.code
"""
    assert not loaded(code) & set(HEAVY)


def test_help_lists_the_commands() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tinylm", "--help"],
        capture_output=True,
        encoding="utf-8",
        cwd=PACKAGE.parent,
        check=False,
    )
    assert done.returncode == 0
    for command in ("train-pipeline", "export", "check-budgets", "profile", "generate", "bundle"):
        assert command in done.stdout
