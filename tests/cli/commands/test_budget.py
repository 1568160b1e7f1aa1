"""`tinylm budget` and `tinylm check-budgets --against`, from the command line to the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import tinylm
from tinylm.base.errors import TinylmError
from tinylm.budget.spec.budget import shipped_budgets
from tinylm.bundle.reading import Bundle
from tinylm.cli.application import app

HOST = Path(tinylm.__file__).resolve().parents[1] / "budgets" / "host.toml"
runner = CliRunner()


def run(*arguments: str | Path) -> Result:
    return runner.invoke(app, [str(argument) for argument in arguments])


def refused(result: Result) -> TinylmError:
    assert isinstance(result.exception, TinylmError), result.output
    assert result.stdout == ""
    return result.exception


@pytest.fixture(scope="module")
def budget(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The host's budget with two processes and limits that no busy machine misses; times may change by 900 %."""
    text = HOST.read_text(encoding="utf-8")
    for old, new in (
        ("latency_p95_ms = 250", "latency_p95_ms = 60000"),
        ("looks = [124, 250, 500]", "looks = [59]"),
        ("processes = 4", "processes = 2\nmemory_requests = 200"),
        ("latency_pct = 20", "latency_pct = 900"),
    ):
        assert old in text
        text = text.replace(old, new)
    file = tmp_path_factory.mktemp("budgets") / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def old(tiny_bundle: Bundle, budget: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of this machine, as `--json` prints it."""
    result = run("check-budgets", tiny_bundle.path, "--budget", budget, "--json")
    assert json.loads(result.stdout)["verdict"] == "pass"
    file = tmp_path_factory.mktemp("reports") / "old.json"
    file.write_text(result.stdout, encoding="utf-8")
    return file


def edited(report: Path, file: Path, **measured: float) -> Path:
    """A copy of a report whose limits measured something else."""
    data = json.loads(report.read_text(encoding="utf-8"))
    for result in data["limits"]:
        result["measured"] = measured.get(result["name"], result["measured"])
    data["validity"].update(causes=[], drift=1.0)  # how busy this machine is at the moment is not the point
    file.write_text(json.dumps(data), encoding="utf-8")
    return file


def test_a_bundle_against_its_own_report(tiny_bundle: Bundle, budget: Path, old: Path) -> None:
    result = run("check-budgets", tiny_bundle.path, "--budget", budget, "--json", "--against", old)
    report = json.loads(result.stdout)
    rows = {row["name"]: row for row in report["comparison"]["rows"]}
    assert rows["bundle_mb"]["verdict"] == "same"
    assert rows["peak_rss_mb"]["verdict"] != "regressed"
    assert rows["latency_p95_ms"]["method"] == "typical request"
    # A busy machine may void the times, which is 3; it never makes a regression of the same bundle.
    assert result.exit_code == (3 if rows["latency_p95_ms"]["verdict"] == "undecided" else 0)


def test_a_regression_fails_a_check_whose_limits_all_pass(
    tiny_bundle: Bundle, budget: Path, old: Path, tmp_path: Path
) -> None:
    smaller = edited(old, tmp_path / "smaller.json", bundle_mb=0.01)
    result = run("check-budgets", tiny_bundle.path, "--budget", budget, "--against", smaller)
    assert result.exit_code == 1
    assert "fits the budget host." in result.stdout
    assert "Regressed: bundle size." in result.stdout


def test_compare(old: Path, tmp_path: Path) -> None:
    quiet = edited(old, tmp_path / "quiet.json")
    same = run("budget", "compare", quiet, quiet)
    assert (same.exit_code, "Nothing regressed." in same.stdout) == (0, True)
    larger = run("budget", "compare", quiet, edited(old, tmp_path / "larger.json", bundle_mb=9), "--json")
    assert larger.exit_code == 1
    assert (
        next(row["verdict"] for row in json.loads(larger.stdout)["rows"] if row["name"] == "bundle_mb") == "regressed"
    )
    data = json.loads(quiet.read_text(encoding="utf-8"))
    data["device"]["facts"]["cores"] += 1
    other = tmp_path / "other.json"
    other.write_text(json.dumps(data), encoding="utf-8")
    elsewhere = run("budget", "compare", other, quiet)
    assert (elsewhere.exit_code, "another machine" in elsewhere.stdout) == (3, True)


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"schema": "1.0"}', '{"schema": "2.0", "x": 1}'])
def test_an_unusable_old_report_stops_before_anything_is_measured(
    content: str | None, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    file = tmp_path / "old.json"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    result = run("check-budgets", tiny_bundle.path, "--budget", "host", "--against", file)
    error = refused(result)
    assert error.exit_code == 2
    assert "old.json" in error.message
    assert error.hint
    assert "process 1" not in result.stderr
    assert refused(run("budget", "compare", file, file)).exit_code == 2


def test_the_shipped_budgets_are_listed() -> None:
    lines = run("budget", "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == shipped_budgets()
    assert max(map(len, lines)) <= 80


def test_a_new_budget_is_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = run("budget", "new", "my-board")
    assert (made.exit_code, made.stdout) == (0, "my-board.toml\n")
    checked = run("budget", "check", "my-board.toml")
    assert checked.exit_code == 0
    assert "results here are `measured`" in " ".join(checked.stdout.split())
    assert refused(run("budget", "new", "my-board")).message == "`my-board.toml` exists"
    assert run("budget", "new", "my-board", "--from", "host", "--output", "other.toml").exit_code == 0
    assert refused(run("budget", "new", "a/b")).exit_code == 2
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["my-board.toml", "other.toml"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("peak_rss_mb = 400", "peak_rss_mb = -4", "`peak_rss_mb` is -4; above 0"),
        ("peak_rss_mb = 400", "peak_rss_mb = nan", "finite"),
        ("peak_rss_mb = 400", "peak_rss = 400", "unknown key `peak_rss`"),
        ("peak_rss_mb = 400", 'peak_rss_mb = "400"', "a number was expected"),
        ('name = "host"', 'name = "a/b"', "`name` is 'a/b'"),
    ],
)
def test_a_budget_with_a_mistake(old: str, new: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    text = HOST.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    error = refused(run("budget", "check", file))
    assert (words in error.message, error.exit_code) == (True, 2)
    assert error.hint
