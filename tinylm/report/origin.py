"""The parts of the page that say what a run was made of: text, tokens, settings, hashes."""

from __future__ import annotations

from collections.abc import Iterator

from tinylm.html.elements import columns, facts, folded, section, subtitle, table
from tinylm.report.run import DatasetFacts, Run
from tinylm.settings.plan import RunPlan
from tinylm.text.documents import UNDETERMINED


def dataset(run: Run) -> str:
    """Text, tokenizer, and how full the batches are."""
    found = run.dataset
    if found is None:
        return ""
    head = ("language", "bytes to train on", "documents", "bytes to validate on", "bytes per token", "fertility")
    rows = [
        (
            language,
            *(f"{value:,}" for value in (sides["train"].bytes, sides["train"].documents, sides["val"].bytes)),
            *_fit(found, language),
        )
        for language, sides in found.corpus.statistics.languages.items()
        if {"train", "val"} <= sides.keys()
    ]
    unstated = UNDETERMINED in found.corpus.statistics.languages
    lead = f"{UNDETERMINED} is text whose language was not stated." if unstated else ""
    return section("Text and tokens", table(head, rows), facts(list(_tokens(run, found))), lead=lead)


def _fit(found: DatasetFacts, language: str) -> tuple[str, str]:
    fit = found.tokenizer.languages.get(language)
    return ("-", "-") if fit is None else (f"{fit.bytes_per_token:.2f}", fit.fertility)


def _tokens(run: Run, found: DatasetFacts) -> Iterator[tuple[str, str]]:
    yield "sources", ", ".join(source.name for source in found.corpus.sources)
    yield "tokenizer", f"{found.tokenizer.kind}, {found.tokenizer.vocab_size:,} pieces"
    tokens = sum(shard.tokens for shard in found.index.shards.values())
    unknown = sum(shard.unknown_bytes for shard in found.index.shards.values())
    total = sum(shard.text_bytes for shard in found.index.shards.values())
    yield "tokens", f"{tokens:,}"
    yield "text behind UNK", f"{unknown:,} of {total:,} bytes"
    if run.utilisation is not None:
        yield "utilisation of the batches", f"{100 * run.utilisation:.1f} %"


def configuration(run: Run) -> str:
    """Every setting, and what identifies the run."""
    config = settings(run.config)
    parts = {
        name: [(key.removeprefix(f"{name}."), value) for key, value in config.items() if key.startswith(f"{name}.")]
        for name in ("model", "tokenizer", "training")
    }
    general = [(key, value) for key, value in config.items() if "." not in key]
    left = subtitle("Run") + facts(general) + subtitle("Model") + facts(parts["model"])
    left += subtitle("Tokenizer") + facts(parts["tokenizer"])
    right = subtitle("Training") + facts(parts["training"])
    hashes = folded("Hashes of this run, its data, its checkpoints and its bundle", facts(list(run.hashes)))
    return section("Configuration", columns(left, right), hashes)


def settings(config: RunPlan) -> dict[str, str]:
    """Every setting by its dotted name, such as `training.learning_rate`, in words."""
    return {name: _words(value) for name, value in config.settings().items()}


def _words(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "on" if value else "off"
    return "not set" if value is None else str(value)
