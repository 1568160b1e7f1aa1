"""Who may import whom, and what must never be loaded: on a device, by `--help`, by `import tinylm`."""

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

# What each part may import of the others, at the top of a module or inside a function.
FOUNDATION = {"cores", "errors", "heartbeat", "files", "numerals", "printable", "records", "student", "termination"}
ALLOWED: dict[str, set[str]] = {
    "": set(),  # tinylm/__init__.py
    "cores": set(),
    "errors": set(),
    "files": {"errors"},
    "numerals": set(),
    "printable": set(),
    "student": set(),
    "termination": set(),
    "heartbeat": set(),
    "records": {"errors"},
    "code_version": {""},
    "tokenizer": {"errors"},
    "model_config": set(),
    "config": {"errors", "records", "files", "model_config"},
    "bundle_quality": {"numerals"},
    "bundle": FOUNDATION | {"model_config", "bundle_quality"},
    "runs": {"errors", "bundle"},
    "onnx_wire": {"errors"},
    "onnx_file": {"errors", "onnx_wire"},
    "decoder_graph": {"errors", "onnx_file"},
    "decoder": FOUNDATION | {"bundle", "onnx_file", "decoder_graph"},
    "op_kernels": set(),
    "op_audit": {"onnx_file", "op_kernels"},
    "wheels": {"", "errors", "files"},
    "axes": set(),
    "grid": set(),
    "svg": set(),
    "charts": {"axes", "chart_frame", "svg"},
    "chart_frame": {"axes", "svg"},
    "page": {"charts", "printable", "svg"},
    "runtime": FOUNDATION
    | {"", "model_config", "bundle", "tokenizer", "onnx_file", "decoder", "decoder_graph", "machine"},
    "budget": FOUNDATION
    | {
        "grid",
        "",
        "config",
        "model_config",
        "bundle",
        "decoder",
        "tokenizer",
        "onnx_file",
        "runtime",
        "machine",
        "charts",
    }
    | {"page"},
    "profile": FOUNDATION | {"grid", "bundle", "onnx_file", "runtime", "budget", "charts"},
    "machine": {"errors"},
    "doctor": FOUNDATION | {"grid", "", "bundle", "runs", "budget", "machine", "onnx_file", "op_audit", "op_kernels"},
    "virtual_pi": FOUNDATION | {"", "bundle", "runtime", "budget", "wheels"},
    "corpus": FOUNDATION | {"", "tokenizer"},
    "tokenizer_training": FOUNDATION | {"config", "model_config", "tokenizer", "tokenizer_child", "corpus"},
    "tokenizer_child": {"termination"},
    "tokens": FOUNDATION | {"tokenizer", "corpus"},
    "model": {"model_config"},
    "housekeeping": {"errors", "bundle", "runs", "budget", "corpus", "virtual_pi", "printable"},
    "evaluation": FOUNDATION | {"grid", "tokenizer", "corpus", "model", "runtime"},
    "training": FOUNDATION
    | {"config", "model_config", "runs", "tokenizer", "tokenizer_training", "corpus", "tokens", "model"}
    | {"runtime", "budget", "evaluation", "machine", "bundle", "code_version", ""},
    # export/run.py gathers what a run left; the rest of export knows nothing of training
    "export": FOUNDATION
    | {"", "config", "model_config", "bundle", "bundle_quality", "tokenizer", "tokenizer_training", "runtime", "model"}
    | {"grid", "training"}
    | {"corpus", "budget", "evaluation", "onnx_file", "op_audit", "op_kernels"}  # of budget: what this machine is
    | {"code_version"},
    "initial": FOUNDATION | {"bundle", "config", "export", "runs", "tokenizer", "tokenizer_training", "training"},
    "subjects": FOUNDATION | {"bundle", "runs", "tokenizer", "corpus", "model", "runtime", "evaluation", "training"},
    "report": FOUNDATION
    | {"", "config", "bundle", "runs", "corpus", "tokenizer_training", "tokens", "training", "machine"}
    | {"charts", "page", "evaluation", "tokenizer"},
    "pipeline": FOUNDATION | {"config", "bundle", "runs", "tokens", "model", "training", "export", "report"},
}
ABOVE_ALL = {"cli", "__main__"}
ONLY_IN_EXPORT_RUN = {"training", "tokenizer_training"}


def part(path: Path) -> str:
    """`training` for tinylm/training/step/loss.py, `config` for tinylm/settings/run.py, an empty string for tinylm/__init__.py."""
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def imports(path: Path) -> set[str]:
    """Modules that a file imports, anywhere in it; relative imports are not allowed here."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module
            if node.module == "tinylm":
                found |= {f"tinylm.{a.name}" if a.name != "__version__" else "tinylm" for a in node.names}
            else:
                found.add(node.module)
    return found


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "budgets" not in path.parts)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_import_direction(path: Path) -> None:
    mine = part(path)
    parts = {name.partition(".")[2].partition(".")[0] for name in imports(path) if name.split(".")[0] == "tinylm"}
    if mine in ABOVE_ALL:
        assert mine == "__main__" or parts <= ALLOWED.keys() | {"cli", "serve", "deploy"}
        return
    assert mine in ALLOWED, f"say in ALLOWED what `{mine}` may import"
    assert parts - {mine} <= ALLOWED[mine], f"{mine} must not import {parts - {mine} - ALLOWED[mine]}"
    if mine == "export" and path.name != "run.py":
        assert not parts & ONLY_IN_EXPORT_RUN


def test_the_rules_have_no_circle() -> None:
    done: set[str] = set()
    while left := ALLOWED.keys() - done:
        ready = {name for name in left if ALLOWED[name] <= done}
        assert ready, f"a circle among {left}"
        done |= ready


@pytest.mark.parametrize(
    "where",
    [
        "cli",
        "runtime",
        "budget",
        "housekeeping",
        "page",
        "report",
        "profile",
        "tokenizer.py",
        "config.py",
        "bundle.py",
        "records.py",
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
        "tinylm.runtime.generation.generation",
        "tinylm.runtime.measurement.probe",
        "tinylm.runtime.measurement.profile_probe",
        "tinylm.budget.check",
        "tinylm.profile.measure",
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
