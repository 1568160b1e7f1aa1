"""What a training starts from: a dataset that is there, a tokenizer, the weights of a run or bundle."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle
from tinylm.bundle.store import DATASETS
from tinylm.corpus import gutenberg
from tinylm.dataset.build import build_dataset, plan_dataset
from tinylm.dataset.dataset import Dataset
from tinylm.pipeline.init_from import LATEST, Sources, open_sources, recorded_sources
from tinylm.settings.plan import plan, write_plan
from tinylm.settings.run import PRESETS, RunRequest


def silent(line: str) -> None:
    pass


def opened(request: RunRequest, **what: Any) -> Sources:
    with open_sources(request, progress=silent, **what) as sources:
        return sources


@pytest.fixture
def dataset(small_run: RunRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """In `datasets/`, of texts that are named without their languages."""
    monkeypatch.chdir(tmp_path)
    record = plan_dataset(small_run.corpus, small_run.tokenizer, near_duplicates=0.9)
    return build_dataset(record, small_run.corpus, root=DATASETS, progress=silent)


def test_nothing_is_opened_that_is_not_named(small_run: RunRequest) -> None:
    assert opened(small_run) == Sources(request=small_run, reuse=None, initial=None)


@pytest.mark.parametrize("name", ["hash", LATEST])
def test_a_dataset_names_its_text(dataset: Dataset, name: str) -> None:
    sources = opened(PRESETS["tiny"], dataset=dataset.hash if name == "hash" else name)
    names = tuple(source.name for source in dataset.record.sources)
    assert sources.request == dataclasses.replace(PRESETS["tiny"], corpus=names, near_duplicates=0.9)
    assert sources.reuse is not None
    assert (sources.reuse.dataset.record, sources.reuse.corpus, sources.reuse.tokenizer) == (dataset.record, True, True)


def test_its_tokenizer_alone_leaves_the_text(dataset: Dataset) -> None:
    sources = opened(PRESETS["tiny"], dataset=LATEST, corpus=False)
    assert sources.request == PRESETS["tiny"]
    assert sources.reuse is not None
    assert (sources.reuse.corpus, sources.reuse.tokenizer) == (False, True)


def test_a_tokenizer_s_file_is_there_inside_the_context(dataset: Dataset) -> None:
    file = dataset.path / "tokenizer.model"
    with open_sources(PRESETS["tiny"], tokenizer_file=file, progress=silent) as sources:
        assert sources.reuse is not None
        assert (sources.reuse.corpus, sources.reuse.tokenizer, sources.reuse.tokenizer_from) == (False, True, file)
        taken = sources.reuse.dataset
        assert (taken.path / "tokenizer.model").read_bytes() == file.read_bytes()
        assert taken.record.tokenizer == dataset.record.tokenizer
    assert not taken.path.exists()


def test_weights_are_of_sources_of_the_text(dataset: Dataset) -> None:
    name = dataset.record.sources[0].name
    sources = opened(PRESETS["tiny"], dataset=LATEST, weights=[f"{name}=2"])
    assert sources.request.training.source_weights == {name: 2.0}
    with pytest.raises(TinylmError, match="`other`, which is no source of the corpus"):
        opened(PRESETS["tiny"], dataset=LATEST, weights=["other=2"])
    with pytest.raises(TinylmError, match="--weight needs documents that are kept apart"):
        opened(PRESETS["classic"], weights=["sample=2"])


def test_a_bundle_brings_weights_tokenizer_and_old_text(tiny_bundle: Bundle) -> None:
    request = dataclasses.replace(PRESETS["tiny"], init_from=str(tiny_bundle.path))
    with open_sources(request, progress=silent) as sources:
        assert sources.request == request
        assert sources.initial is not None
        assert sources.reuse is not None
        assert sources.initial.model == tiny_bundle.manifest.model
        assert set(sources.initial.old_text) == {"en", "es"}
        assert sources.reuse.dataset.record.tokenizer.vocab_size == tiny_bundle.manifest.model.vocab_size
        assert (sources.reuse.corpus, sources.reuse.tokenizer) == (False, True)


def test_weights_do_not_go_with_another_tokenizer_s_tokens(tiny_bundle: Bundle, dataset: Dataset) -> None:
    request = dataclasses.replace(PRESETS["tiny"], init_from=str(tiny_bundle.path))
    with pytest.raises(TinylmError, match="--init-from brings its tokenizer, and a dataset that was made with another"):
        opened(request, dataset=LATEST)


def test_what_is_neither_run_nor_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TinylmError, match="is neither a run nor a bundle") as caught:
        opened(dataclasses.replace(PRESETS["tiny"], init_from=str(tmp_path)))
    assert caught.value.hint


def test_books_are_downloaded_before_the_dataset_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def fingerprint(*, progress: Callable[[str], None]) -> str:
        progress("downloading")
        return ""

    monkeypatch.setattr(gutenberg, "fingerprint", fingerprint)
    request = dataclasses.replace(PRESETS["tiny"], corpus=("sample", "gutenberg"))
    with open_sources(request, progress=said.append):
        assert said == ["downloading"]


def test_a_run_is_continued_with_its_own_dataset(small_run: RunRequest, dataset: Dataset, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    write_plan(plan(small_run, dataset.facts()), run / "config.toml")
    sources = recorded_sources(small_run, run)
    assert sources.request == small_run
    assert sources.initial is None
    assert sources.reuse is not None
    assert (sources.reuse.dataset.hash, sources.reuse.corpus, sources.reuse.tokenizer) == (dataset.hash, True, True)
