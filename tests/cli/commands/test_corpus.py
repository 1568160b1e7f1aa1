"""`tinylm corpus`: a dataset that training takes as it is, tables or JSON on stdout, and options that reach it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tinylm.base.errors import TinylmError
from tinylm.cli.commands.corpus import corpus
from tinylm.corpus.building import build
from tinylm.corpus.corpus_files import read_record
from tinylm.dataset.build import build_dataset, plan_dataset
from tinylm.dataset.dataset import latest_dataset
from tinylm.settings.run import RunRequest

app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
app.command()(corpus)
RUN = CliRunner()


@pytest.fixture
def sources(small_run: RunRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    return [word for source in small_run.corpus for word in ("--corpus", source)]


def test_training_takes_the_dataset_and_the_screen_shows_it(sources: list[str], small_run: RunRequest) -> None:
    shown = RUN.invoke(app, [*sources, "--vocab-size", "100"], catch_exceptions=False, env={"COLUMNS": "80"})
    assert shown.exit_code == 0
    rows = [line.split() for line in shown.stdout.splitlines()]
    assert [" ".join(row[:2]) for row in rows[:5]] == ["language side", "en train", "en val", "es train", "es val"]
    assert f"dataset: datasets/{latest_dataset().hash}" in shown.stdout
    lines: list[str] = []
    record = plan_dataset(small_run.corpus, small_run.tokenizer)
    build_dataset(record, small_run.corpus, progress=lines.append)
    assert sum("skipped" in line for line in lines) == 3

    document = json.loads(RUN.invoke(app, [*sources, "--vocab-size", "100", "--json"], catch_exceptions=False).stdout)
    statistics = read_record(latest_dataset().path / "corpus.json").statistics
    assert document["corpus"]["statistics"] == dataclasses.asdict(statistics)
    assert document["dataset"]["hash"] == record.hash
    assert document["tokenizer"]["sample"]["bytes"] == statistics.total_bytes("train")
    assert document["tokens"]["train"] > 0
    assert [int(row[5].replace(",", "")) for row in rows[1:5:2]] == [
        statistics.languages[language]["train"].bytes for language in ("en", "es")
    ]


def test_options_reach_the_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, texts: Path) -> None:
    monkeypatch.chdir(tmp_path)
    text = (texts / "en.txt").read_text(encoding="utf-8")
    rest = text.split("\n\n", 1)[1]
    Path("a.jsonl").write_text(
        "".join(json.dumps({"text": t}) + "\n" for t in (text, f"{rest}\n\nAt the end another one."))
    )
    options = ["--corpus", "a.jsonl", "--vocab-size", "90", "--tokenizer-type", "bpe", "--near-duplicates", "0.8"]
    shown = RUN.invoke(app, options, catch_exceptions=False)
    dataset = latest_dataset()
    assert (dataset.record.tokenizer.kind, dataset.record.tokenizer.vocab_size) == ("bpe", 90)
    assert dataset.record.near_duplicates == 0.8
    assert "near-duplicate documents" in shown.stdout
    assert read_record(dataset.path / "corpus.json").statistics.dropped.near_duplicate_documents == 1
    RUN.invoke(app, options[:-2], catch_exceptions=False)
    assert latest_dataset().hash != dataset.hash


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--near-duplicates", "0.2"], "--near-duplicates is 0.2; 0.5 to 1 is supported"),
        (["--near-duplicates", "nan"], "--near-duplicates is nan"),
        (["--tokenizer-type", "words"], "--tokenizer-type is `words`"),
        (["--vocab-size", "5"], "--vocab-size is 5"),
        (["--corpus", "nowhere"], "`nowhere` does not exist"),
    ],
)
def test_what_is_refused(options: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TinylmError, match=message):
        RUN.invoke(app, options, catch_exceptions=False)
    assert not list(tmp_path.iterdir())


def test_ctrl_c_says_how_to_go_on(sources: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object, **named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(build, "render_part", interrupted)
    stopped = RUN.invoke(app, [*sources, "--vocab-size", "100"])
    assert isinstance(stopped.exception, TinylmError)
    assert stopped.exception.exit_code == 130
    assert stopped.exception.hint.startswith("run the same command again")
    assert next(Path("datasets").glob("*/building/part-*.jsonl"))
