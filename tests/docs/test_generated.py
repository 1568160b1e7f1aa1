"""The generated parts of the docs are current, and `scripts/docs` says and mends what is not."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

sys.path.insert(0, str(ROOT / "scripts"))
from documentation import figures  # noqa: E402

FIGURES = figures.read(ROOT / "docs" / "figures.toml")


def docs(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "scripts" / "docs"), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_generated_docs_are_current() -> None:
    done = docs(ROOT, "--check")
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def test_what_is_out_of_date_is_named_and_written(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "docs", tmp_path / "scripts")
    for folder in ("scripts/documentation", "docs", "tinylm"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("README.md", "pyproject.toml"):
        shutil.copy(ROOT / file, tmp_path)
    docs(tmp_path)  # whatever the repository's own state is
    commands, readme = tmp_path / "docs" / "commands.md", tmp_path / "README.md"
    before = commands.read_text(encoding="utf-8"), readme.read_text(encoding="utf-8")
    commands.write_text(before[0].replace("--max-tokens", "--most-tokens"), encoding="utf-8")
    readme.write_text(before[1].replace(">367 MB<", ">2 MB<"), encoding="utf-8")
    done = docs(tmp_path, "--check")
    assert (done.returncode, done.stdout) == (1, "out of date: docs/commands.md\nout of date: README.md\n")
    assert "hint: run scripts/docs" in done.stderr
    assert docs(tmp_path).returncode == 0
    assert (commands.read_text(encoding="utf-8"), readme.read_text(encoding="utf-8")) == before
    readme.write_text(before[1].replace("<!--=install.disk-->", "<!--=install.disc-->"), encoding="utf-8")
    done = docs(tmp_path)
    assert done.returncode == 2
    assert "README.md marks `install.disc`, which nothing makes" in done.stderr


def test_every_figure_stands_somewhere() -> None:
    marked = set().union(*(figures.marked(page.read_text(encoding="utf-8")) for page in PAGES))
    tables = {"code.folders", "code.layers", "serve.honoured", "serve.refused", "serve.metrics"}
    assert marked == {*FIGURES, *tables}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_figure_stands_without_its_mark(page: Path) -> None:
    """Only those long enough not to be another number by chance."""
    text = page.read_text(encoding="utf-8")
    for name, figure in FIGURES.items():
        if len(figure.value) > 5:
            assert text.count(figure.value) == text.count(f"<!--={name}-->"), (
                f"{page.name}: mark `{figure.value}`, {name}"
            )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_line_begins_with_a_mark(page: Path) -> None:
    """Markdown takes such a line for HTML, which ends the paragraph before it."""
    assert not re.search(r"^\s*<!--=[\w.-]+-->\S", page.read_text(encoding="utf-8"), re.MULTILINE)


def test_a_run_becomes_figures(tmp_path: Path) -> None:
    for name, text in {
        "training_metrics.json": """{"start_timestamp": "2026-11-30T20:45:42+00:00",
            "final_metrics": {"total_steps": 1852, "training_seconds": 398.4}}""",
        "evaluation.json": """{"quality": {"en": {"bits_per_byte": 0.49549}, "es": {"bits_per_byte": 0.511},
            "all": {"bits_per_byte": 0.5}}}""",
        "bundle/manifest.json": """{"quality": {"en": {"bpb": 0.4956, "bpb_fp32": 0.4955},
            "es": {"bpb": 0.51118, "bpb_fp32": 0.511}}}""",
        "budget.json": """{"limits": [{"name": "bundle_mb", "measured": 1.9249},
            {"name": "peak_rss_mb", "measured": 50.06},
            {"name": "latency_p95_ms", "measured": 165.7, "low": 113.6, "high": 231.4}]}""",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = figures.of_a_run(tmp_path, "scripts/demo")
    assert {name: figure.value for name, figure in found.items()} == {
        "demo.training": "1,852 steps in 398 s",
        "demo.bits-per-byte": "0.495 / 0.511",
        "demo.lost-by-int8": "at most 0.0002, either language",
        "demo.bundle": "1.92 MB",
        "demo.peak-memory": "50.1 MB",
        "demo.latency": "166 ms (114 to 231)",
    }
    assert {str(figure.date) for figure in found.values()} == {"2026-11-30"}
    assert set(found) <= set(FIGURES)
