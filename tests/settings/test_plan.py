"""Asked and decided: the plan of a request, what it tells of the request, and `config.toml` there and back."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tinylm.base.errors import TinylmError
from tinylm.settings.plan import UNMEASURED, Facts, Measurements, plan, read_plan, write_plan
from tinylm.settings.run import PRESETS, RunRequest, TokenizerConfig, TrainingConfig, preset

FACTS = Facts(dataset="ab" * 8, validation_text="cd" * 8, tokenizer=TokenizerConfig(kind="bpe", vocab_size=321))
MEASURED = Measurements(batch_size=16, total_steps=70, epochs=3, compiled=True)


def asked(name: str = "tiny", **training: Any) -> RunRequest:
    request = preset(name)
    return dataclasses.replace(request, training=dataclasses.replace(request.training, **training))


def test_the_text_decides_the_vocabulary() -> None:
    found = plan(asked(), FACTS)
    assert found.tokenizer == FACTS.tokenizer
    assert found.model == dataclasses.replace(PRESETS["tiny"].model, vocab_size=321)
    assert (found.dataset, found.validation_text, found.facts) == ("ab" * 8, "cd" * 8, FACTS)


def test_weights_bring_their_shape() -> None:
    small = PRESETS["small"].model
    assert plan(asked(), dataclasses.replace(FACTS, model=small)).model == small
    assert plan(asked(), dataclasses.replace(FACTS, model=small)).training.separate_documents
    classic = plan(asked(), dataclasses.replace(FACTS, model=PRESETS["classic"].model))
    assert not classic.training.separate_documents


def test_only_what_is_left_open_is_measured() -> None:
    """The decisions in the plan of a request that says them, and of one that leaves them open."""
    said = plan(asked(batch_size=12, epochs=7), FACTS, MEASURED).training
    assert (said.batch_size, said.batch_size_auto, said.epochs, said.total_steps) == (12, "off", 7, None)
    opened = plan(asked(batch_size=None, minutes=2.0), FACTS, MEASURED).training
    assert (opened.batch_size, opened.batch_size_auto, opened.epochs, opened.total_steps) == (16, "decided", 3, 70)
    assert said.compiled is opened.compiled is True


def test_before_anything_is_measured_the_plan_stands_for_the_request() -> None:
    first = plan(asked(batch_size=None, minutes=2.0, epochs=5, accumulation_steps=4), FACTS)
    second = plan(asked(batch_size=None, minutes=2.0, epochs=9, accumulation_steps=4), FACTS)
    assert first == second  # `epochs` says nothing next to `minutes`
    assert (first.training.batch_size, first.training.batch_size_auto) == (4, "wanted")
    assert first.measured == UNMEASURED


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("measured", [UNMEASURED, MEASURED], ids=["asked", "decided"])
@pytest.mark.parametrize("training", [{}, {"batch_size": None}, {"minutes": 2.0}, {"total_steps": 9}], ids=str)
def test_a_plan_survives_its_file_and_can_be_made_again_from_what_it_tells(
    name: str, measured: Measurements, training: dict[str, Any], tmp_path: Path
) -> None:
    decided = plan(asked(name, **training), FACTS, measured)
    path = tmp_path / "config.toml"
    write_plan(decided, path)
    read = read_plan(path)
    assert read == decided
    assert plan(read.request, read.facts, read.measured) == decided
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())  # as Notepad saves it
    assert read_plan(path) == decided


def test_every_setting_survives_the_file(tmp_path: Path) -> None:
    training = TrainingConfig(
        batch_size=12,
        accumulation_steps=3,
        epochs=7,
        total_steps=9,
        learning_rate=0.1234567890123,
        grad_clip=None,
        seed=2**40,
    )
    request = dataclasses.replace(
        asked(), training=training, corpus=('es:ñ "x"\\', "sample"), near_duplicates=0.8, init_from="runs/ä"
    )
    write_plan(plan(request, FACTS), tmp_path / "config.toml")
    read = read_plan(tmp_path / "config.toml").request
    assert dataclasses.replace(read, model=request.model, tokenizer=request.tokenizer) == request


def test_settings_have_dotted_names() -> None:
    settings = plan(asked(source_weights={"sample": 2.0}), FACTS).settings()
    assert settings["preset"] == "tiny"
    assert settings["corpus"] == ("sample",)
    assert settings["model.vocab_size"] == settings["tokenizer.vocab_size"] == 321
    assert settings["training.source_weights.sample"] == 2.0
    assert settings["training.patience"] is None


OLD = """
schema = "1.0"
preset = "tiny"
corpus = ["en:en.txt"]
fitting_vocabulary = true
dataset = "c4ce938ac2a158a9"

[model]
architecture = "llama"
vocab_size = 100
context_length = 32
n_layer = 8
n_head = 3
n_kv_head = 1
d_model = 96
d_ff = 288

[tokenizer]
vocab_size = 100

[training]
batch_size = 8
batch_size_auto = "wanted"
epochs = 10
minutes = 2.0
"""
"""Of a run that was killed before it had measured anything, by a tinylm that wrote the preset's numbers meanwhile."""


def test_a_run_of_an_earlier_tinylm_is_compared_by_what_was_asked(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(OLD, encoding="utf-8")
    old = read_plan(tmp_path / "config.toml")
    assert old.measured == UNMEASURED
    request = dataclasses.replace(old.request, training=TrainingConfig(batch_size=None, minutes=2.0))
    assert plan(old.request, old.facts) == plan(request, old.facts)
    done = OLD.replace("wanted", "decided").replace("epochs = 10", "epochs = 3\ntotal_steps = 70")
    (tmp_path / "config.toml").write_text(done, encoding="utf-8")
    old = read_plan(tmp_path / "config.toml")
    assert old.measured == Measurements(batch_size=8, total_steps=70, epochs=3)
    assert plan(old.request, old.facts) == plan(request, old.facts)
    assert plan(request, old.facts, old.measured) == old


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(TinylmError, match="cannot read") as caught:
        read_plan(tmp_path / "config.toml")
    assert caught.value.hint == "is this a run folder?"


def test_an_unknown_setting_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(OLD + "batch_sise = 4\n", encoding="utf-8")
    with pytest.raises(TinylmError, match="unknown key `batch_sise`") as caught:
        read_plan(tmp_path / "config.toml")
    assert caught.value.hint == "did you mean `batch_size`?"
