"""A small tokenizer, text that it knows, and a model of random weights: enough to export a bundle in a second."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tinylm.bundle.manifest import Provenance
from tinylm.export.export import ExportResult, export_bundle
from tinylm.export.graph.graph import weight_shapes
from tinylm.settings.model import ModelConfig
from tinylm.settings.run import TokenizerConfig
from tinylm.text.documents import Piece
from tinylm.tokenizer.tokenizer import Tokenizer
from tinylm.tokenizer.training import train_tokenizer

Weights = dict[str, NDArray[np.float32]]

WORDS = {
    "en": "the a king queen said to little girl opened door and went into house of night when sun was shining once",
    "es": "el la rey reina dijo a una niña abrió puerta y entró en casa de noche cuando sol brillaba había una vez qué",
}


def make_text(language: str, words: int, seed: int) -> str:
    """Sentences of random words."""
    rng = random.Random(f"{language}{seed}")
    chosen = [rng.choice(WORDS[language].split()) for _ in range(words)]
    return "".join(word + (".\n" if i % 12 == 11 else ", " if i % 7 == 6 else " ") for i, word in enumerate(chosen))


@pytest.fixture(scope="session")
def held_out() -> dict[str, list[str]]:
    """Documents of several windows and of less than one; enough of them for confidence intervals."""
    lengths = (110, 40, 20, 15, 15, 10)
    return {name: [make_text(name, words, seed) for seed, words in enumerate(lengths)] for name in ("es", "en")}


@pytest.fixture(scope="session")
def tokenizer_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    pieces = [Piece(make_text(name, 3000, 2), name, "generated", start=True, end=True) for name in WORDS]
    train_tokenizer(lambda: pieces, TokenizerConfig(vocab_size=110), folder)
    return folder / "tokenizer.model"


@pytest.fixture(scope="session")
def tokenizer(tokenizer_model: Path) -> Tokenizer:
    return Tokenizer(tokenizer_model)


@pytest.fixture(scope="session")
def config(tokenizer: Tokenizer) -> ModelConfig:
    return ModelConfig(
        architecture="llama",
        vocab_size=tokenizer.vocab_size,
        context_length=48,
        n_layer=2,
        n_head=4,
        n_kv_head=2,
        d_model=64,
        d_ff=96,
    )


@pytest.fixture(scope="session")
def weights(config: ModelConfig) -> Weights:
    rng = np.random.default_rng(7)
    return {
        name: (np.ones(shape) if len(shape) == 1 else rng.standard_normal(shape) * shape[1] ** -0.5).astype(np.float32)
        for name, shape in weight_shapes(config).items()
    }


@pytest.fixture(scope="session")
def export(
    weights: Weights, config: ModelConfig, tokenizer_model: Path, held_out: dict[str, list[str]]
) -> Callable[..., ExportResult]:
    """`export_bundle` with everything but `folder` and `scheme` chosen."""

    def call(**changed: object) -> ExportResult:
        arguments: dict[str, object] = {
            "weights": weights,
            "config": config,
            "tokenizer_model": tokenizer_model,
            "held_out": held_out,
            "provenance": Provenance(
                tinylm_version="0.1.0",
                git_commit="0123abc",
                run_id="20261121-test",
                dataset_hash="cd" * 32,
                data_licence="CC0-1.0",
                seeds=(0, 1),
                metrics={"best_val_loss": 2.5},
            ),
            "name": "test",
            "version": "1.0.0",
            "tokenizer_kind": "unigram",
            "scheme": "int8",
            "progress": lambda message: None,
        }
        return export_bundle(**{**arguments, **changed})  # type: ignore[arg-type]

    return call


@pytest.fixture(scope="session")
def int8(export: Callable[..., ExportResult], tmp_path_factory: pytest.TempPathFactory) -> ExportResult:
    return export(scheme="int8", folder=tmp_path_factory.mktemp("int8") / "bundle")


@pytest.fixture(scope="session")
def fp32(export: Callable[..., ExportResult], tmp_path_factory: pytest.TempPathFactory) -> ExportResult:
    return export(scheme="fp32", folder=tmp_path_factory.mktemp("fp32") / "bundle")
