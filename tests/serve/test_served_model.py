"""A served bundle: which engine a text gets, what it needs of memory, and that the disk does not matter any more."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle, open_bundle
from tinylm.runtime.chat_template import ChatTemplate
from tinylm.runtime.completion import Completion, CompletionRequest
from tinylm.runtime.engine import Engine
from tinylm.runtime.model import Model
from tinylm.runtime.sampling import Sampling
from tinylm.serve.served_model import ServedModel, check_memory, memory_needed
from tinylm.tokenizer.tokenizer import BOS

MakeBundle = Callable[..., Bundle]


@pytest.fixture
def bundle(make_bundle: MakeBundle, tmp_path: Path) -> Bundle:
    shutil.copytree(make_bundle(context_length=96).path, tmp_path / "bundle")
    return open_bundle(tmp_path / "bundle")


@pytest.fixture
def served(bundle: Bundle) -> Iterator[ServedModel]:
    model = ServedModel(bundle, name="test", parallel=2, template=ChatTemplate(None), content_filter=None)
    yield model
    model.close()


def write(served: ServedModel, prompt: tuple[int, ...]) -> Completion:
    engine = served.take_engine(prompt)
    request = CompletionRequest(prompt_ids=prompt, sampling=Sampling(seed=0), max_tokens=4)
    completion = Completion(engine, served.tokenizer, request)
    list(completion)
    served.give_back(engine)
    return completion


def test_a_text_gets_the_engine_that_knows_its_beginning(served: ServedModel) -> None:
    one, other = (BOS, *range(10, 50)), (BOS, *range(50, 90))
    assert [write(served, prompt).cached_tokens for prompt in (one, other, one, other)] == [0, 0, 32, 32]


def test_there_are_no_more_engines_than_texts(served: ServedModel) -> None:
    taken = [served.take_engine((BOS,)) for _ in range(2)]
    with pytest.raises(TinylmError, match="2 texts are being written"):
        served.take_engine((BOS,))
    served.give_back(taken[0])
    assert served.take_engine((BOS,)) is taken[0]


def test_without_memory_for_one_more_cache_an_idle_engine_serves(
    served: ServedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(served, (BOS, *range(10, 50)))

    def no_memory(model: Model) -> Engine:
        raise TinylmError("no memory")

    monkeypatch.setattr("tinylm.serve.served_model.Engine", no_memory)
    assert write(served, (BOS, *range(60, 90))).cached_tokens == 0
    served.take_engine((BOS,))
    with pytest.raises(TinylmError, match="no memory"):
        served.take_engine((BOS,))


def test_a_bundle_that_changes_on_disk_is_served_as_it_was(served: ServedModel, bundle: Bundle) -> None:
    assert not served.changed
    before = write(served, (BOS, 20))
    for file in bundle.path.iterdir():
        file.write_bytes(b"something else")
    assert served.changed
    assert write(served, (BOS, 20)).completion_tokens == before.completion_tokens
    shutil.rmtree(bundle.path)
    assert served.changed
    assert write(served, (BOS, *range(10, 50))).completion_tokens


def test_what_does_not_fit_is_refused_with_the_figures(bundle: Bundle) -> None:
    manifest = bundle.manifest
    needed = memory_needed(manifest, parallel=2)
    assert needed == memory_needed(manifest, parallel=1) + 2 * 2 * 2 * 16 * 96 * 4
    check_memory(manifest, parallel=2, limit_bytes=None, opened={})
    check_memory(manifest, parallel=2, limit_bytes=10**12, opened={})
    with pytest.raises(TinylmError, match=r"`test` needs about 4\.\d MB beside `first`, and the budget leaves 0\.0 MB"):
        check_memory(manifest, parallel=2, limit_bytes=1, opened={"first": manifest})
    with pytest.raises(TinylmError, match="beside `first`, and the system leaves 0"):  # whose caches are not taken yet
        check_memory(manifest, parallel=10**9, limit_bytes=None, opened={"first": manifest})
    huge = replace(manifest.model, context_length=32768, n_layer=10**6)
    with pytest.raises(TinylmError, match="and the system leaves"):
        check_memory(replace(manifest, model=huge), parallel=64, limit_bytes=None, opened={})
