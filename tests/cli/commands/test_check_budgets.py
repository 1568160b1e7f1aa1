"""`tinylm check-budgets` as people and scripts use it: streams, formats, exit codes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import tinylm
from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle
from tinylm.cli.commands.check_budgets import check_budgets

HOST = Path(tinylm.__file__).resolve().parents[1] / "budgets" / "host.toml"

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(check_budgets)
runner = CliRunner()


@pytest.fixture
def budget(tmp_path: Path) -> Path:
    """The host's budget with one process, and a time limit that no busy machine misses."""
    text = HOST.read_text(encoding="utf-8").replace("latency_p95_ms = 250", "latency_p95_ms = 60000")
    file = tmp_path / "mine.toml"
    file.write_text(
        text.replace("looks = [124, 250, 500]", "looks = [59]").replace(
            "processes = 4", "processes = 2\nmemory_requests = 200"
        )
    )
    return file


def change(budget: Path, old: str, new: str) -> str:
    text = budget.read_text(encoding="utf-8")
    assert old in text
    budget.write_text(text.replace(old, new), encoding="utf-8")
    return str(budget)


def test_a_bundle_that_fits(tiny_bundle: Bundle, budget: Path) -> None:
    result = runner.invoke(app, [str(tiny_bundle.path), "--budget", str(budget), "--certify"])
    assert result.exit_code == 0
    assert "test fits the budget host." in result.stdout
    assert "process 1 of 2: 30 requests, to 59 in all, then golden tokens" in result.stderr
    assert "process 1 of 2" not in result.stdout


def test_what_nothing_reads_is_told_and_refused_where_it_is_certified(
    tiny_bundle: Bundle, budget: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(tiny_bundle.path, folder)
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    certified = runner.invoke(app, [str(folder), "--budget", str(budget), "--certify"])
    assert isinstance(certified.exception, TinylmError)
    assert "`notes.txt` is not in the manifest" in certified.exception.message
    result = runner.invoke(app, [str(folder), "--budget", str(budget)])
    assert result.exit_code == 0
    assert result.stderr.startswith(f"warning: `{folder}` is not as it was exported: `notes.txt`")


def test_json_is_one_document_on_stdout(tiny_bundle: Bundle, budget: Path) -> None:
    result = runner.invoke(app, [str(tiny_bundle.path), "--budget", str(budget), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["verdict"] == "pass"


def test_a_limit_that_is_exceeded(tiny_bundle: Bundle, budget: Path) -> None:
    arguments = [str(tiny_bundle.path), "--budget", change(budget, "peak_rss_mb = 400", "peak_rss_mb = 12")]
    result = runner.invoke(app, arguments)
    assert result.exit_code == 1
    assert "✗ fail" in result.stdout


def test_another_machine_passes_by_an_estimate_and_is_not_certified(tiny_bundle: Bundle, budget: Path) -> None:
    change(budget, "[device]\n", '[device]\nmodels = ["No such board"]\narch = "aarch64"\n')
    cost = "clock_ghz = 1.0\ncpi = 2.0\ncpi_error = 0.7\nbandwidth_gb_s = 0.5\nbandwidth_error_gb_s = 0.1\n"
    arguments = [str(tiny_bundle.path), "--budget", change(budget, "[confidence]", f"[estimate]\n{cost}\n[confidence]")]
    plain, certified = runner.invoke(app, arguments), runner.invoke(app, [*arguments, "--certify"])
    assert (plain.exit_code, certified.exit_code) == (0, 3)
    assert plain.stdout.startswith("Not measured on the budget's device")
    assert "fits the budget host, as far as an estimate can tell." in plain.stdout
    assert "not certified" in certified.stderr


def test_another_machine_s_milliseconds_are_no_verdict(tiny_bundle: Bundle, budget: Path) -> None:
    """The limit is a minute, which no machine misses; the device is unknown, so nobody can say."""
    elsewhere = change(budget, "[device]\n", '[device]\nmodels = ["No such board"]\n')
    result = runner.invoke(app, [str(tiny_bundle.path), "--budget", elsewhere])
    assert result.exit_code == 3
    assert "Undecided whether test fits the budget host: latency, p95" in " ".join(result.stdout.split())


def test_a_request_that_does_not_fit_is_unusable_input(tiny_bundle: Bundle, budget: Path) -> None:
    arguments = [str(tiny_bundle.path), "--budget", change(budget, "new_tokens = 20", "new_tokens = 64")]
    result = runner.invoke(app, arguments)
    assert isinstance(result.exception, TinylmError)
    assert result.exception.exit_code == 2
    assert "does not fit the bundle's context of 64" in result.exception.message
    assert result.stdout == ""


def test_an_unknown_budget_and_a_missing_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    unknown = runner.invoke(app, ["--budget", "pi-6"])
    assert isinstance(unknown.exception, TinylmError)
    assert "unknown budget `pi-6`" in unknown.exception.message
    missing = runner.invoke(app, ["nowhere"])
    assert isinstance(missing.exception, TinylmError)
    assert "no bundle at `nowhere`" in missing.exception.message


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--soak", "0"], "`--soak` is 0 minutes"),
        (["--soak", "-1"], "`--soak` is -1 minutes"),
        (["--soak", "nan"], "`--soak` is nan minutes"),
        (["--soak", "inf"], "at most 1440"),
        (["--soak", "1", "--virtual-pi"], "mean nothing there"),
        (["--enforce", "--virtual-pi"], "mean nothing there"),
        (["--serve", "--virtual-pi"], "`--serve` measures a server on this machine"),
        (["--serve", "--ssh", "pi@raspberrypi"], "`--serve` measures a server on this machine"),
    ],
)
def test_options_that_mean_nothing(tiny_bundle: Bundle, options: list[str], words: str) -> None:
    result = runner.invoke(app, [str(tiny_bundle.path), *options])
    assert isinstance(result.exception, TinylmError)
    assert words in result.exception.message
    assert result.exception.exit_code == 2


@pytest.mark.slow
def test_the_serving_process_fits(tiny_bundle: Bundle, budget: Path) -> None:
    options = ["--budget", str(budget), "--serve", "--enforce", "--soak", "0.01", "--json"]
    result = runner.invoke(app, [str(tiny_bundle.path), *options])
    report = json.loads(result.stdout)
    verdicts = {limit["name"]: limit["verdict"] for limit in report["limits"]}
    assert (report["process"], verdicts["peak_rss_mb"], verdicts["golden_tokens"]) == ("server", "pass", "pass")
    assert verdicts["enforced_mb"] == "pass"
    assert "HTTP server" in {entry["part"] for entry in report["ledger"]["entries"]}


def test_a_serving_process_that_is_too_large(tiny_bundle: Bundle, budget: Path) -> None:
    """The runtime alone would fit."""
    change(budget, "peak_rss_mb = 400", "peak_rss_mb = 24")
    result = runner.invoke(app, [str(tiny_bundle.path), "--budget", str(budget), "--serve"])
    assert result.exit_code == 1
    assert "does not fit the budget host: peak memory" in result.stdout


def test_the_kernels_limit_and_sustained_load(tiny_bundle: Bundle, budget: Path) -> None:
    options = ["--budget", str(budget), "--enforce", "--soak", "0.01", "--json"]
    result = runner.invoke(app, [str(tiny_bundle.path), *options])
    report = json.loads(result.stdout)
    verdicts = {limit["name"]: limit["verdict"] for limit in report["limits"]}
    assert verdicts["enforced_mb"] == "pass"
    assert verdicts["sustained_p95_ms"] in ("pass", "undecided")  # a slow machine does one process's requests only
    assert report["soak"]["intervals"]


def probes_of(bundle: Bundle) -> list[str]:
    """Numbers of the processes that have the bundle in their command."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has just ended
            if str(bundle.path).encode() in file.read_bytes():
                found.append(file.parent.name)
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("step", ["process 1 of 2", "where the memory goes", "requests under"])
def test_told_to_end_it_leaves_no_probe_and_no_group(
    tiny_bundle: Bundle, budget: Path, number: signal.Signals, step: str
) -> None:
    # A probe that is left alone would go on for minutes.
    change(budget, "looks = [59]", "looks = [20000]")
    if step != "process 1 of 2":
        change(budget, "looks = [20000]", "looks = [59]")
        change(budget, "memory_requests = 200", f"memory_requests = {200 if step == 'requests under' else 500_000}")
    command = [sys.executable, "-m", "tinylm", "check-budgets", str(tiny_bundle.path), "--budget", str(budget)]
    environment = {**os.environ, "PYTHONPATH": str(HOST.parents[1])}
    with subprocess.Popen(
        [*command, "--enforce"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if step in line:
                break
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (130 if number == signal.SIGINT else 128 + number, "")
    assert "Traceback" not in errors
    for _ in range(50):  # one that was just being started ends when it finds nobody to give it orders
        if not (left := probes_of(tiny_bundle)):
            break
        time.sleep(0.1)
    assert left == []
    assert not list(Path("/sys/fs/cgroup").glob(f"**/tinylm-{process.pid}-*"))
