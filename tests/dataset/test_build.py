"""The dataset folder: each stage once, shared by hash, taken over when asked, refused when damaged."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import shutil
import threading
from pathlib import Path

import pytest

from tinylm.base.errors import TinylmError
from tinylm.dataset.build import Reuse, build_dataset, make_dataset, plan_dataset, sample_lines
from tinylm.dataset.dataset import Dataset, SourceHash, data_licence, latest_dataset, open_dataset
from tinylm.dataset.shards import TRAIN, open_shard, read_index
from tinylm.dataset.summary import summarise
from tinylm.pipeline.train_pipeline import Job, prepare_dataset
from tinylm.settings.plan import plan
from tinylm.settings.run import RunRequest, TokenizerConfig
from tinylm.text.documents import Piece


def build(
    config: RunRequest, root: Path, *, force: bool = False, reuse: Reuse | None = None, terms: Path | None = None
) -> tuple[Dataset, list[str]]:
    lines: list[str] = []
    record = plan_dataset(config.corpus, config.tokenizer, reuse=reuse)
    made = build_dataset(record, config.corpus, root=root, reuse=reuse, terms=terms, force=force, progress=lines.append)
    return made, lines


@pytest.fixture
def copied(dataset: Dataset, tmp_path: Path) -> Dataset:
    shutil.copytree(dataset.path, tmp_path / dataset.hash)
    return Dataset(tmp_path / dataset.hash, dataset.record)


def test_the_name_is_the_hash_of_sources_and_settings(small_run: RunRequest, texts: Path, tmp_path: Path) -> None:
    def name(corpus: tuple[str, ...], tokenizer: TokenizerConfig) -> str:
        return plan_dataset(corpus, tokenizer).hash

    first = name(small_run.corpus, small_run.tokenizer)
    assert first == name(small_run.corpus, small_run.tokenizer)
    assert first != name(small_run.corpus, dataclasses.replace(small_run.tokenizer, vocab_size=99))
    assert first != name(small_run.corpus[:1], small_run.tokenizer)
    shutil.copytree(texts, tmp_path / "moved")
    moved = tuple(source.replace(str(texts), str(tmp_path / "moved")) for source in small_run.corpus)
    assert first == name(moved, small_run.tokenizer)
    with (tmp_path / "moved" / "en.txt").open("a", encoding="utf-8") as file:
        file.write("One more.\n")
    assert first != name(moved, small_run.tokenizer)


def test_finished_stages_are_skipped_and_missing_ones_done_again(copied: Dataset, small_run: RunRequest) -> None:
    _, lines = build(small_run, copied.path.parent)
    assert [line for line in lines if "skipped" in line] == [
        "corpus: unchanged, skipped",
        "tokenizer: unchanged, skipped",
        "tokens: unchanged, skipped",
    ]
    shard, index = copied.tokens / "train.bin", copied.tokens / "index.json"
    before, index_before = shard.read_bytes(), index.read_bytes()
    index.unlink()  # as after an interruption: the record comes last
    shard.write_bytes(b"half")
    build(small_run, copied.path.parent)
    assert (shard.read_bytes(), index.read_bytes()) == (before, index_before)


def test_a_text_gets_the_pieces_that_fit_it_unless_a_number_is_asked_for(small_run: RunRequest, tmp_path: Path) -> None:
    lines: list[str] = []
    open_ = dataclasses.replace(small_run, tokenizer=TokenizerConfig(vocab_size=8000))
    asked = dataclasses.replace(open_, fitting_vocabulary=False)
    with pytest.raises(TinylmError, match="8000 pieces is too large"):
        make_dataset(asked, root=tmp_path, progress=print)
    made, facts = prepare_dataset(Job(request=open_, root=tmp_path), say=lines.append)
    learned = made.tokenizer().vocab_size
    assert f"tokenizer: 8,000 pieces are too many for this text; {learned:,} were learned" in lines
    config = plan(open_, facts)
    assert config.model.vocab_size == config.tokenizer.vocab_size == made.vocab_size == learned < 8000
    assert prepare_dataset(Job(request=open_, root=tmp_path), say=lines.append)[1] == facts  # again
    with pytest.raises(TinylmError, match=f"8000 pieces does not fit this corpus; {learned} do"):
        make_dataset(asked, root=tmp_path, progress=print)
    taken = Reuse(dataset=made, corpus=True, tokenizer=True)
    assert prepare_dataset(Job(request=asked, reuse=taken, root=tmp_path), say=print)[1] == facts


def test_the_validation_text_is_known_whatever_the_tokenizer_and_the_names(
    copied: Dataset, small_run: RunRequest, texts: Path, tmp_path: Path
) -> None:
    root = copied.path.parent
    smaller = dataclasses.replace(small_run, tokenizer=dataclasses.replace(small_run.tokenizer, vocab_size=80))
    other, _ = build(smaller, root)
    assert other.hash != copied.hash
    assert other.validation_text == copied.validation_text
    shutil.copytree(texts, tmp_path / "moved")
    (tmp_path / "moved" / "en.txt").rename(tmp_path / "moved" / "english.txt")
    renamed = (f"en:{tmp_path / 'moved' / 'english.txt'}", *small_run.corpus[1:])
    assert build(dataclasses.replace(small_run, corpus=renamed), root)[0].validation_text == copied.validation_text
    one, _ = build(dataclasses.replace(smaller, corpus=small_run.corpus[:1]), root)
    assert one.validation_text != copied.validation_text

    record = copied.path / "corpus.json"  # as an earlier tinylm wrote it
    data = json.loads(record.read_text(encoding="utf-8"))
    del data["validation_text"]
    record.write_text(json.dumps({**data, "schema": "1.0"}), encoding="utf-8")
    assert copied.validation_text == other.validation_text


def test_a_second_builder_waits_for_the_first(copied: Dataset, small_run: RunRequest) -> None:
    root = copied.path.parent
    with (root / f".{copied.hash}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        builder = threading.Thread(target=build, args=(small_run, root))
        builder.start()
        builder.join(timeout=0.5)
        assert builder.is_alive()
    builder.join(timeout=60)
    assert not builder.is_alive()
    assert open_dataset(copied.hash, root=root) == copied


def test_force_makes_the_same_again(copied: Dataset, small_run: RunRequest) -> None:
    before = {p.name: p.read_bytes() for p in copied.path.rglob("*") if p.is_file()}
    (copied.path / "train.jsonl").write_bytes(b"damaged")
    _, lines = build(small_run, copied.path.parent, force=True)
    assert not any("skipped" in line for line in lines)
    assert {p.name: p.read_bytes() for p in copied.path.rglob("*") if p.is_file()} == before


def test_skip_corpus_takes_the_text_over(copied: Dataset, small_run: RunRequest) -> None:
    reuse = Reuse(dataset=copied, corpus=True, tokenizer=False)
    config = dataclasses.replace(
        small_run, corpus=("/nowhere",), tokenizer=dataclasses.replace(small_run.tokenizer, vocab_size=90)
    )
    made, lines = build(config, copied.path.parent, reuse=reuse)
    assert f"corpus: taken over from {copied.path}" in lines
    assert made.hash != copied.hash
    assert (made.path / "train.jsonl").read_bytes() == (copied.path / "train.jsonl").read_bytes()
    assert made.tokenizer().vocab_size == 90


def test_skip_tokenizer_takes_the_tokenizer_over(copied: Dataset, small_run: RunRequest) -> None:
    reuse = Reuse(dataset=copied, corpus=False, tokenizer=True)
    config = dataclasses.replace(small_run, corpus=small_run.corpus[:1])
    made, lines = build(config, copied.path.parent, reuse=reuse)
    assert f"tokenizer: taken over from {copied.path}" in lines
    assert made.hash not in (copied.hash, plan_dataset(config.corpus, config.tokenizer).hash)
    for name in ("tokenizer.model", "tokenizer.vocab"):
        assert (made.path / name).read_bytes() == (copied.path / name).read_bytes()
    again, lines = build(config, copied.path.parent, reuse=Reuse(dataset=made, corpus=False, tokenizer=True))
    assert again.hash == made.hash
    assert sum("skipped" in line for line in lines) == 3


@pytest.mark.parametrize(("corpus", "tokenizer"), [(True, False), (False, True), (True, True)])
def test_force_does_not_remove_what_is_taken_over(
    copied: Dataset, small_run: RunRequest, corpus: bool, tokenizer: bool
) -> None:
    reuse = Reuse(dataset=copied, corpus=corpus, tokenizer=tokenizer)
    made, _ = build(small_run, copied.path.parent, reuse=reuse, force=True)
    assert made.hash == copied.hash
    open_dataset(made.hash, root=copied.path.parent)


def test_open_refuses_what_is_missing_or_damaged(copied: Dataset) -> None:
    root = copied.path.parent
    assert open_dataset(copied.hash, root=root) == copied
    with pytest.raises(TinylmError, match="no complete dataset") as caught:
        open_dataset("0" * 16, root=root)
    assert "tinylm train-pipeline" in caught.value.hint
    record = copied.path / "dataset.json"
    text = record.read_text(encoding="utf-8")
    record.write_text(text.replace('"vocab_size": 100', '"vocab_size": 101'), encoding="utf-8")
    with pytest.raises(TinylmError, match="describes the dataset"):
        open_dataset(copied.hash, root=root)
    record.write_text("{", encoding="utf-8")
    with pytest.raises(TinylmError, match="not valid JSON"):
        open_dataset(copied.hash, root=root)
    record.write_text(text, encoding="utf-8")
    (copied.tokens / "index.json").unlink()
    with pytest.raises(TinylmError, match="cannot read"):
        open_dataset(copied.hash, root=root)


def test_the_latest_dataset_is_the_one_completed_last(copied: Dataset, small_run: RunRequest, tmp_path: Path) -> None:
    with pytest.raises(TinylmError, match="no dataset in"):
        latest_dataset(root=tmp_path / "none")
    other = dataclasses.replace(small_run, tokenizer=dataclasses.replace(small_run.tokenizer, vocab_size=90))
    made, _ = build(other, copied.path.parent)
    assert latest_dataset(root=copied.path.parent).hash == made.hash


def test_validation_text_of_each_language_up_to_a_size(dataset: Dataset) -> None:
    small, large = dataset.held_out(max_bytes=100), dataset.held_out(max_bytes=10**6)
    assert list(small) == list(large) == ["en", "es"]
    lines = (dataset.path / "val.jsonl").read_text(encoding="utf-8").splitlines()
    pieces = [json.loads(line) for line in lines]
    for language in small:
        assert 0 < len("".join(small[language]).encode()) <= 100
        assert list(large[language]) == [p["text"] for p in pieces if p["language"] == language]
        assert large[language][0].startswith(small[language][0])


def test_validation_text_is_not_in_the_training_tokens(dataset: Dataset) -> None:
    index = read_index(dataset.tokens)
    train = dataset.tokenizer().decode([int(i) for i in open_shard(dataset.tokens, index, TRAIN)])
    for documents in dataset.held_out(max_bytes=10**6).values():
        paragraphs = [paragraph for text in documents for paragraph in text.split("\n\n")]
        assert all(paragraph not in train for paragraph in paragraphs if len(paragraph) > 40)


def test_terms_are_counted_even_when_the_tokenizer_stands(
    copied: Dataset, small_run: RunRequest, tmp_path: Path
) -> None:
    terms = tmp_path / "terms.txt"
    terms.write_text("the\n\nxylophone\n", encoding="utf-8")
    made, _ = build(small_run, copied.path.parent, terms=terms)
    assert "  terms: 1 of 2 are single tokens; split: xylophone" in summarise(made)


def test_the_licence_names_every_source_once() -> None:
    sources = [SourceHash(name=name, sha256="0") for name in ("sample", "gutenberg", "mine.txt", "sample")]
    licence = data_licence(sources)
    assert licence.count("Apache-2.0") == 1
    assert "public domain" in licence
    assert "not stated (mine.txt)" in licence


@pytest.mark.parametrize("name", ["train.bin", "val-en.documents", "index.json"])
def test_cut_token_files_are_made_again(copied: Dataset, small_run: RunRequest, name: str) -> None:
    path = copied.tokens / name
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    _, lines = build(small_run, copied.path.parent)
    assert "tokens: damaged, encoding again" in lines
    assert path.read_bytes() == whole


def test_lines_are_drawn_uniformly_and_repeatably() -> None:
    pieces = [
        Piece("\n".join(f"{n} {line}\n" for line in range(n % 50)) or "x", "en", "a", start=True, end=True)
        for n in range(2000)
    ]
    lines = [line for piece in pieces for line in piece.text.splitlines() if line]
    drawn = list(sample_lines(pieces, 0.25))
    assert drawn == list(sample_lines(pieces, 0.25))
    taken = [line for piece in drawn for line in piece.text.split("\n")]
    # 49,000 lines: four standard errors of the share are 0.008, of each half's 0.011
    assert len(taken) / len(lines) == pytest.approx(0.25, abs=0.008)
    half = set(lines[: len(lines) // 2])
    assert len(half & set(taken)) / len(half) == pytest.approx(0.25, abs=0.011)
    assert set(taken) <= set(lines)
    assert list(sample_lines(pieces, 1.0)) == list(sample_lines(pieces, 7.5)) == pieces
