"""Weights to bundle: complete, repeatable, refused when a gate fails, and usable from its own card."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import CARD, GOLDEN, MANIFEST, MODEL, TOKENIZER
from tinylm.bundle.reading import open_bundle
from tinylm.export.card import model_card
from tinylm.export.report import ExportResult
from tinylm.model import weight_shapes
from tinylm.runtime.backends.onnxruntime_session import overflows_int8
from tinylm.runtime.engine import Engine
from tinylm.runtime.sampling import Sampler, Sampling
from tinylm.settings.model import ModelConfig
from tinylm.tokenizer.tokenizer import BOS, Tokenizer

Export = Callable[..., ExportResult]
Weights = dict[str, NDArray[np.float32]]


@pytest.fixture
def exact_int8(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where int8 products may overflow, every program gets the option that docs/onnxruntime.md advises there."""
    if overflows_int8():
        options = onnxruntime.SessionOptions()
        options.add_session_config_entry("session.x64quantprecision", "1")
        session = onnxruntime.InferenceSession

        def with_options(model: object, *given: object, **named: object) -> object:
            return session(model, *(given or (options,)), **named)

        monkeypatch.setattr(onnxruntime, "InferenceSession", with_options)


def contents_of(folder: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in folder.iterdir()}


def test_a_bundle_says_what_it_is(
    int8: ExportResult, config: ModelConfig, weights: Weights, tokenizer_model: Path
) -> None:
    bundle = open_bundle(int8.bundle.path)
    manifest = bundle.manifest
    assert set(contents_of(bundle.path)) == {MANIFEST, MODEL, TOKENIZER, GOLDEN, CARD}
    assert manifest.model == config
    assert manifest.languages == ("en", "es")
    assert tuple(manifest.quality) == ("en", "es")
    assert (manifest.quantization.scheme, manifest.quantization.activations) == ("int8", "int8-dynamic")
    assert manifest.quantization.parameters == sum(weight.size for weight in weights.values())
    assert bundle.tokenizer.read_bytes() == tokenizer_model.read_bytes()
    assert {error.name for error in int8.report.tensor_errors} == {name for name, w in weights.items() if w.ndim == 2}


@pytest.mark.parametrize(
    ("languages", "words"),
    [
        (("en",), "English"),
        (("en", "es"), "English and Spanish"),
        (("de", "es", "xyz"), "German, Spanish and xyz"),
        (("und",), "a language that was not stated"),
    ],
)
def test_the_card_is_in_plain_words(int8: ExportResult, languages: tuple[str, ...], words: str) -> None:
    manifest = dataclasses.replace(int8.bundle.manifest, languages=languages)
    card = model_card(manifest, graph_bytes=1, prompt="L'été d'un")
    assert f"continues text in {words}. " in card
    assert """--prompt 'L'"'"'été d'"'"'un'""" in card  # as a shell takes it
    assert """pieces.encode("L'été d'un")""" in card
    assert "It follows no instructions and cannot hold a conversation. It sees 48 tokens at most" in card


def test_an_fp32_bundle_loses_nothing(fp32: ExportResult) -> None:
    assert fp32.bundle.manifest.quantization.scheme == "fp32"
    for quality in fp32.bundle.manifest.quality.values():
        assert quality.bpb == pytest.approx(quality.bpb_fp32, rel=1e-6)  # torch and the graph add in other orders
        assert quality.kl == pytest.approx(0, abs=1e-8)
        assert quality.top1_agreement == 1
    assert fp32.report.tensor_errors == ()


@pytest.mark.parametrize("scheme", ["int8", "fp32"])
def test_exporting_twice_gives_the_same_bytes(
    export: Export, int8: ExportResult, fp32: ExportResult, scheme: str, tmp_path: Path
) -> None:
    before = int8 if scheme == "int8" else fp32
    again = export(scheme=scheme, folder=tmp_path / "elsewhere")
    assert contents_of(again.bundle.path) == contents_of(before.bundle.path)


def test_nothing_of_the_measuring_is_left(export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    export(folder=tmp_path / "out" / "bundle")
    assert list(scratch.iterdir()) == []
    assert sorted(entry.name for entry in (tmp_path / "out").iterdir()) == ["bundle", "bundle-report.json"]


def test_a_failed_gate_writes_nothing_and_keeps_what_was_there(export: Export, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    export(folder=folder)
    before = contents_of(folder)
    with pytest.raises(TinylmError, match=r"`bpb_increase\.en` is .* over the limit -1 ") as caught:
        export(folder=folder, version="2.0.0", max_bpb_increase=-1.0)
    assert caught.value.exit_code == 1
    assert "--fp32" in caught.value.hint
    assert contents_of(folder) == before


def test_weights_that_are_not_finite_are_refused(export: Export, weights: Weights, tmp_path: Path) -> None:
    broken = {**weights, "norm.weight": np.full_like(weights["norm.weight"], np.nan)}
    with pytest.raises(TinylmError, match=r"`norm\.weight` has 64 values that are NaN") as caught:
        export(weights=broken, folder=tmp_path / "bundle")
    assert caught.value.exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_inputs_that_do_not_belong_together_are_refused(export: Export, config: ModelConfig, tmp_path: Path) -> None:
    with pytest.raises(TinylmError, match="tokenizer has 110 pieces; the model was made for 111"):
        export(config=dataclasses.replace(config, vocab_size=111), folder=tmp_path / "bundle")
    with pytest.raises(TinylmError, match="no held-out text"):
        export(held_out={}, folder=tmp_path / "bundle")
    with pytest.raises(TinylmError, match="held-out text of `en` is empty"):
        export(held_out={"en": []}, folder=tmp_path / "bundle")
    with pytest.raises(TinylmError, match="held-out text of `en` is empty"):
        export(held_out={"en": [""]}, folder=tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_one_language_and_a_short_text_are_enough(export: Export, tmp_path: Path) -> None:
    result = export(held_out={"es": ["el rey y la reina"]}, folder=tmp_path / "bundle")
    assert result.bundle.manifest.languages == ("es",)


@pytest.mark.parametrize("scheme", ["int8", "fp32"])
def test_classic_passes_the_same_gates(export: Export, config: ModelConfig, scheme: str, tmp_path: Path) -> None:
    classic = dataclasses.replace(config, architecture="classic", n_kv_head=config.n_head)
    rng = np.random.default_rng(7)
    weights = {
        name: rng.standard_normal(shape) * shape[1] ** -0.5 if len(shape) == 2 else np.full(shape, name[-1] == "t")
        for name, shape in weight_shapes(classic).items()
    }
    weights = {name: np.asarray(value, np.float32) for name, value in weights.items()}  # norms: weight 1, bias 0
    result = export(config=classic, weights=weights, scheme=scheme, folder=tmp_path / "bundle")
    assert result.bundle.manifest.model == classic
    gates = {gate.name: gate.measured for gate in result.report.gates}
    assert gates["torch_greedy"] == gates["sampler"] == gates["engine_golden"] == 0
    assert gates["torch_logits"] < 1e-5
    assert abs(gates["engine_kl"]) < 1e-4
    assert gates.get("int8_products", 0) == 0


@pytest.mark.usefixtures("exact_int8")
@pytest.mark.parametrize("kind", ["int8", "fp32"])
def test_the_twenty_lines_of_the_docs_run_on_any_bundle(
    kind: str, request: pytest.FixtureRequest, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "onnxruntime.md").read_text(encoding="utf-8")
    (program,) = re.findall("```python\n(.*?)```", page, re.DOTALL)
    bundle = request.getfixturevalue(kind).bundle
    monkeypatch.chdir(bundle.path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(program, {})
    with Engine(bundle, backend="onnxruntime") as engine:
        sampler, ids = Sampler(Sampling(temperature=0)), [BOS, *tokenizer.encode("Once upon a time")]
        for length in range(1, min(len(ids) + 40, engine.context_length + 1)):  # token by token, as the program does
            token, _ = engine.step(ids[length - 1], sampler)
            if length == len(ids):
                ids.append(token)
    assert printed.getvalue() == tokenizer.decode(ids) + "\n"


@pytest.mark.usefixtures("exact_int8")
@pytest.mark.parametrize("int8_cache", [False, True])
def test_the_program_in_the_card_runs_and_says_what_the_engine_says(
    int8_cache: bool, export: Export, config: ModelConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    int8 = export(int8_cache=int8_cache, folder=tmp_path / "bundle")
    card = (int8.bundle.path / CARD).read_text(encoding="utf-8")
    (program,) = re.findall("```python\n(.*?)```", card, re.DOTALL)
    monkeypatch.chdir(int8.bundle.path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(program, {})  # our own card, written a second ago
    tokenizer = Tokenizer(int8.bundle.tokenizer)
    (prompt,) = re.findall(r"pieces.encode\((.*?)\)\]", program)
    ids = [BOS, *tokenizer.encode(ast.literal_eval(prompt))]
    start, greedy = len(ids), Sampler(Sampling(temperature=0))
    with Engine(int8.bundle, backend="onnxruntime") as engine:
        for position in range(min(start + 39, config.context_length)):
            token, _ = engine.step(ids[position], greedy)
            if position == len(ids) - 1:
                ids.append(token)
    assert printed.getvalue().rstrip("\n") == tokenizer.decode(ids).rstrip("\n")


def test_the_card_tells_people_what_they_need(int8: ExportResult) -> None:
    card = (int8.bundle.path / CARD).read_text(encoding="utf-8")
    for fact in ("# test 1.0.0", "English and Spanish", "CC0-1.0", "20261121-test", "0123abc", "8-bit integers"):
        assert fact in card
    for quality in int8.bundle.manifest.quality.values():
        assert f"{quality.bpb:.4f}" in card
        assert f"| {quality.bytes:,} |" in card
        assert f"| {quality.shown('kl')} |" in card
    assert not re.search(r"\de[-+]\d", card)
