"""`tinylm export` and `tinylm bundle`: what stands on stdout, what on stderr, and the exit codes."""

from __future__ import annotations

import dataclasses
import re
import shutil
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from programs import run_program
from typer.testing import CliRunner

from tinylm.base.errors import TinylmError
from tinylm.base.numerals import change
from tinylm.base.records import to_bytes
from tinylm.bundle.manifest import CARD, GOLDEN, MODEL, TOKENIZER
from tinylm.bundle.reading import Bundle
from tinylm.bundle.writing import write_bundle
from tinylm.cli.commands.bundle import bundle_app
from tinylm.cli.commands.export import export as command
from tinylm.export.report import ExportResult, show
from tinylm.export.standalone import Standalone
from tinylm.tokenizer.tokenizer import normalise

RUN = CliRunner()


def export_app() -> typer.Typer:
    app = typer.Typer()
    app.command()(command)
    return app


@pytest.fixture
def calls(int8: ExportResult, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stands in for the run's side: what the command asked for, answered with a finished export."""
    asked: list[dict[str, Any]] = []

    def export_run(run: Path, **arguments: Any) -> ExportResult:
        arguments.pop("progress")("building")
        asked.append({"run": run, **arguments})
        return int8

    module = types.ModuleType("tinylm.export.run")
    module.export_run = export_run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tinylm.export.run", module)
    return asked


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    (tmp_path / "runs" / "one").mkdir(parents=True)
    (tmp_path / "runs" / "one" / "config.toml").touch()
    return tmp_path / "runs" / "one"


@pytest.mark.parametrize(
    ("options", "scheme", "checkpoint", "folder"),
    [
        ([], "int8", "best", "bundle"),
        (["--int8"], "int8", "best", "bundle"),
        (["--fp32", "--checkpoint", "final"], "fp32", "final", "bundle-fp32"),
        (["--fp32", "--output", "OUT"], "fp32", "best", None),
        (["--kv-cache", "int8"], "int8", "best", "bundle"),
        (["--sensitivity"], "int8", "best", "bundle"),
    ],
)
def test_export_passes_on_what_it_was_told(
    calls: list[dict[str, Any]],
    run_folder: Path,
    int8: ExportResult,
    options: list[str],
    scheme: str,
    checkpoint: str,
    folder: str | None,
) -> None:
    result = RUN.invoke(export_app(), [str(run_folder), *options])
    assert result.exit_code == 0, result.output
    expected = run_folder / folder if folder else Path("OUT")
    int8_cache = "--kv-cache" in options
    assert calls == [
        {
            "run": run_folder,
            "checkpoint": checkpoint,
            "scheme": scheme,
            "int8_cache": int8_cache,
            "sensitivity": "--sensitivity" in options,
            "folder": expected,
        }
    ]
    assert result.stdout == f"{int8.bundle.path}\n"
    for gate in int8.report.gates:
        assert gate.name in result.stderr
    for core in int8.report.kernels:
        assert f"{core.core}: 9 of 9 products integer: " in result.stderr
    quality = int8.bundle.manifest.quality["en"]
    assert quality.shown("bpb_increase") in result.stderr
    assert f"{quality.bytes:,}" in result.stderr
    assert result.stderr.startswith(f"exporting the checkpoint `{checkpoint}` of {run_folder}\n")
    assert "embedding in int8: " in result.stderr
    assert "what every matrix" not in result.stderr
    assert not re.search(r"\de[-+]\d", result.stderr)


def test_every_matrix_is_shown_when_it_was_measured(
    export: Callable[..., ExportResult], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = export(sensitivity=True, folder=tmp_path / "bundle")
    show(result)
    told = capsys.readouterr().err
    for error in result.report.tensor_errors:
        assert f"{error.name.removesuffix('.weight')} " in told
    assert not re.search(r"\de[-+]\d", told)


def test_an_fp32_export_has_no_matrices_to_judge(run_folder: Path) -> None:
    result = RUN.invoke(export_app(), [str(run_folder), "--fp32", "--sensitivity"])
    assert isinstance(result.exception, TinylmError)
    assert "`--fp32` quantizes no matrix" in result.exception.message


def test_export_takes_the_latest_run_with_the_checkpoint(
    calls: list[dict[str, Any]], run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run_folder.parents[1])
    for name in ("best", "final"):
        (run_folder / "checkpoints" / name).mkdir(parents=True)
        (run_folder / "checkpoints" / name / "checkpoint.json").touch()
    stopped = run_folder.with_name("two")  # before its first checkpoint
    stopped.mkdir()
    (stopped / "config.toml").touch()
    for options in ([], ["--checkpoint", "final"]):
        assert RUN.invoke(export_app(), options).exit_code == 0
    assert [call["run"] for call in calls] == [Path("runs/one")] * 2
    nothing = RUN.invoke(export_app(), ["--checkpoint", "epoch-0005"])
    assert isinstance(nothing.exception, TinylmError)
    assert nothing.exception.message == f"no run in `{Path('runs').absolute()}` has a checkpoint `epoch-0005`"


def test_show_names_what_is_inside(int8: ExportResult) -> None:
    result = RUN.invoke(bundle_app, ["show", str(int8.bundle.path)])
    assert result.exit_code == 0
    for fact in (
        "test 1.0.0",
        "English, Spanish",
        int8.bundle.manifest_sha256,
        "model.onnx",
        "int8",
        "onnxruntime >= 1.22",
    ):
        assert fact in result.stdout
    for quality in int8.bundle.manifest.quality.values():
        assert quality.intervals
        low, high = quality.intervals.bpb_increase
        assert f"{change(quality.bpb_increase)} ({change(low)} to {change(high)}) bits per byte" in result.stdout
        assert f"{quality.bpb:.4f} bits per byte on {quality.bytes:,} bytes of held-out text" in result.stdout


def test_card_prints_the_card(int8: ExportResult) -> None:
    result = RUN.invoke(bundle_app, ["card", str(int8.bundle.path)])
    assert result.stdout == (int8.bundle.path / CARD).read_text(encoding="utf-8")


def test_verify_reproduces_the_evidence(int8: ExportResult) -> None:
    result = RUN.invoke(bundle_app, ["verify", str(int8.bundle.path)])
    assert result.exit_code == 0, result.output
    tokens = sum(len(prompt.ids) for prompt in int8.bundle.golden().prompts)
    assert f"{tokens} golden tokens" in result.stdout
    size = sum(len(normalise(entry.text).encode()) for entry in int8.bundle.golden().held_out if entry.language == "en")
    assert f"bits per byte here on the {size:,} bytes of golden.json" in result.stdout


@pytest.mark.parametrize("what", ["tokens", "tokenizer"])
def test_verify_refuses_a_machine_that_answers_differently(int8: ExportResult, tmp_path: Path, what: str) -> None:
    golden = int8.bundle.golden()
    if what == "tokens":
        first = golden.prompts[0]
        changed = dataclasses.replace(first, ids=(*first.ids[:-1], first.ids[-1] ^ 1))
        golden = dataclasses.replace(golden, prompts=(changed, *golden.prompts[1:]))
    else:
        changed_text = dataclasses.replace(golden.encodings[1], ids=(5,))
        golden = dataclasses.replace(golden, encodings=(changed_text,))
    contents = {name: (int8.bundle.path / name).read_bytes() for name in (MODEL, TOKENIZER, CARD)}
    contents[GOLDEN] = to_bytes(golden)
    bundle = write_bundle(tmp_path / "bundle", int8.bundle.manifest, contents)
    result = RUN.invoke(bundle_app, ["verify", str(bundle.path)])
    assert isinstance(result.exception, TinylmError)
    assert result.exception.exit_code == 1
    assert result.stdout.startswith("differs: ")


@pytest.mark.parametrize("litter", ["notes.txt", CARD])
def test_what_nothing_reads_is_told_by_all_and_refused_by_verify(
    int8: ExportResult, tmp_path: Path, litter: str
) -> None:
    shutil.copytree(int8.bundle.path, tmp_path / "bundle")
    (tmp_path / "bundle" / litter).write_text("mine\n", encoding="utf-8")
    for name in ("show", "card"):
        result = RUN.invoke(bundle_app, [name, str(tmp_path / "bundle")])
        assert result.exit_code == 0
        (line,) = result.stderr.splitlines()
        assert line.startswith("warning: ")
        assert f"{litter}`" in line
    assert (result.stdout == "mine\n") == (litter == CARD)
    refused = RUN.invoke(bundle_app, ["verify", str(tmp_path / "bundle")])
    assert isinstance(refused.exception, TinylmError)
    assert "is not as it was exported" in refused.exception.message


def test_a_card_that_is_gone_is_an_error_only_for_who_reads_it(int8: ExportResult, tmp_path: Path) -> None:
    shutil.copytree(int8.bundle.path, tmp_path / "bundle")
    (tmp_path / "bundle" / CARD).unlink()
    assert RUN.invoke(bundle_app, ["show", str(tmp_path / "bundle")]).exit_code == 0
    gone = RUN.invoke(bundle_app, ["card", str(tmp_path / "bundle")])
    assert isinstance(gone.exception, TinylmError)
    assert f"{CARD}` cannot be read" in gone.exception.message


@pytest.mark.parametrize("command", ["show", "verify", "card"])
def test_a_damaged_bundle_is_refused_by_all(int8: ExportResult, tmp_path: Path, command: str) -> None:
    shutil.copytree(int8.bundle.path, tmp_path / "bundle")
    with (tmp_path / "bundle" / MODEL).open("ab") as file:
        file.write(b"\0")
    result = RUN.invoke(bundle_app, [command, str(tmp_path / "bundle")])
    assert isinstance(result.exception, TinylmError)
    assert "bytes; the manifest says" in result.exception.message


def test_a_bundle_becomes_a_program(tiny_bundle: Bundle, tmp_path: Path) -> None:
    output = tmp_path / "hello"
    result = RUN.invoke(
        export_app(), [str(tiny_bundle.path), "--standalone", "host", "--output", str(output)], catch_exceptions=False
    )
    assert (result.exit_code, result.stdout) == (0, f"{output}\n")
    making, *_compiling, checked, size, how = result.stderr.splitlines()
    assert making.startswith("making the program for ")
    assert checked.startswith("3 prompts, 24 tokens, 3 encodings, the bits of all logits: all as the export says, by ")
    assert f"{output.stat().st_size / 1e6:.2f} MB for " in size
    assert how == f'copy and run it:  scp {output} BOARD:  then there  ./hello "Once upon"'
    written = run_program(output, "The can", "--seed", "1", "--max-tokens", "5")
    assert (written.returncode, written.stderr) == (0, b"")


def test_a_run_is_exported_first(
    calls: list[dict[str, Any]], run_folder: Path, int8: ExportResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[Path, str, Path]] = []

    def export_standalone(bundle: Bundle, target: str, output: Path, *, say: Callable[[str], None]) -> Standalone:
        made.append((bundle.path, target, output))
        return Standalone(path=output, architecture="armv6", size_bytes=2, weights_bytes=1, checked="not checked: here")

    monkeypatch.setattr("tinylm.export.standalone.export_standalone", export_standalone)
    result = RUN.invoke(export_app(), [str(run_folder), "--standalone", "pi-zero-w"], catch_exceptions=False)
    assert calls[0]["folder"] == run_folder / "bundle"
    expected = int8.bundle.path.parent / f"{int8.bundle.manifest.name}-armv6"
    assert made == [(int8.bundle.path, "pi-zero-w", expected)]
    assert result.stdout == f"{expected}\n"
    assert "not checked: here\n" in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "is a bundle already"),
        (["--standalone", "vax"], "`vax` is no board and no processor"),
        (["--standalone", "pi-4", "--fp32"], "is a bundle; how it is quantized stands fixed"),
        (["--standalone", "pi-4", "--checkpoint", "final"], "is a bundle; how it is quantized stands fixed"),
    ],
)
def test_what_a_bundle_cannot_become(tiny_bundle: Bundle, options: list[str], message: str) -> None:
    result = RUN.invoke(export_app(), [str(tiny_bundle.path), *options])
    assert isinstance(result.exception, TinylmError)
    assert message in result.exception.message
