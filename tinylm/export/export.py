"""Weights to a verified bundle: build the graph, measure it on the runtime, refuse or write.

    result = export_bundle(weights, config, tokenizer_model=..., held_out={"en": [text]}, ..., folder=Path("bundle"))

Nothing is written to `folder` before every gate has passed. The same arguments give the same bytes: no time stamps, no
file names of this machine.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinylm.base.errors import TinylmError
from tinylm.base.files import sha256
from tinylm.bundle.manifest import (
    CARD,
    GOLDEN,
    MODEL,
    SAMPLER,
    SCHEMA,
    TOKENIZER,
    GenerationDefaults,
    Golden,
    GraphEntry,
    LanguageQuality,
    Manifest,
    Provenance,
    Quantization,
    SpecialIds,
    TokenizerEntry,
)
from tinylm.bundle.reading import Bundle
from tinylm.bundle.writing import to_json, write_bundle
from tinylm.corpus.openings import opening
from tinylm.export.cache import measure_cache_scales
from tinylm.export.card import model_card
from tinylm.export.golden import make_golden
from tinylm.export.graph.graph import build_graph, input_names, output_names
from tinylm.export.graph.layers import Scheme
from tinylm.export.graph.quantization import error_table
from tinylm.export.kernels import audit_cores
from tinylm.export.quality.embedding import GOAL_BPB_INCREASE, EmbeddingChoice, choose_embedding, in_question
from tinylm.export.quality.predictions import by_graph, by_module
from tinylm.export.quality.quality import score_documents, summarise
from tinylm.export.quality.reference import trained_module
from tinylm.export.quality.sensitivity import sensitivities
from tinylm.export.report import SCHEMA as REPORT_SCHEMA
from tinylm.export.report import ExportReport, write_report
from tinylm.export.verification import refuse_failures, verify
from tinylm.runtime.engine import Engine
from tinylm.runtime.model import Model
from tinylm.settings.model import ModelConfig
from tinylm.tokenizer.tokenizer import BOS, EOS, NORMALISATION, PAD, UNK, Tokenizer

MINIMUM_VERSIONS = {"onnxruntime": "1.22", "sentencepiece": "0.2.1"}
"""onnxruntime: the oldest that the graph's tests were run on. sentencepiece: older ones have CVE-2026-1260."""


INT8_CACHE_ONNXRUNTIME = "1.28"
"""The oldest that reads and writes an int8 cache on the CPU (tried: 1.26 refuses)."""


@dataclass(frozen=True)
class ExportResult:
    """A bundle that passed its gates, and what was measured; the report lies beside the bundle too."""

    bundle: Bundle
    report: ExportReport


def export_bundle(
    weights: Mapping[str, NDArray[np.floating]],
    config: ModelConfig,
    *,
    tokenizer_model: Path,
    held_out: Mapping[str, Sequence[str]],
    provenance: Provenance,
    name: str,
    version: str,
    tokenizer_kind: str,
    scheme: Scheme,
    int8_cache: bool = False,
    sensitivity: bool = False,
    folder: Path,
    max_bpb_increase: float = 0.02,
    progress: Callable[[str], None],
) -> ExportResult:
    """Export `weights` (names and shapes: `tinylm.export.graph.graph.weight_shapes`) to a bundle in `folder`.

    `held_out` maps each language to documents that the model was not trained on; all are scored. `int8_cache` quantizes
    keys and values too, with scales measured on that text. `sensitivity` also measures what every matrix alone costs
    in int8. The report goes beside the bundle (`tinylm.export.report`). TinylmError when an input does not fit, and
    with exit code 1 when a gate fails; a bundle that is already there then stays.
    """
    tokenizer = Tokenizer(tokenizer_model)
    _check_inputs(config, tokenizer, held_out)
    graph_fp32 = build_graph(config, weights, scheme="fp32")
    manifest = Manifest(
        schema=SCHEMA,
        requires=(),
        name=name,
        version=version,
        task="generate",
        languages=tuple(sorted(held_out)),
        model=config,
        special_ids=SpecialIds(bos=BOS, eos=EOS, pad=PAD, unk=UNK),
        context_policy="drop-oldest",
        tokenizer=TokenizerEntry(kind=tokenizer_kind, normalisation=NORMALISATION, sha256=sha256(tokenizer_model)),
        chat_template=None,
        generation=GenerationDefaults(),
        adapters=(),
        quantization=Quantization(
            scheme=scheme,
            activations="int8-dynamic" if scheme == "int8" else "fp32",
            parameters=sum(weight.size for weight in weights.values()),
            kv_cache="int8" if int8_cache else "fp32",
        ),
        graph=GraphEntry(inputs=input_names(config), outputs=output_names(config), capabilities=(SAMPLER,)),
        files={},
        minimum_versions=MINIMUM_VERSIONS | ({"onnxruntime": INT8_CACHE_ONNXRUNTIME} if int8_cache else {}),
        cpu_features=(),
        provenance=provenance,
        quality={},
    )
    exact = dataclasses.replace(
        manifest,
        quantization=dataclasses.replace(manifest.quantization, kv_cache="fp32"),
        minimum_versions=MINIMUM_VERSIONS,
    )
    trained = by_module(trained_module(config, weights))
    compare = partial(score_documents, tokenizer=tokenizer, context_length=config.context_length, say=progress)
    with tempfile.TemporaryDirectory(prefix="tinylm-export-") as scratch, ExitStack() as models:

        def opened(name: str, draft: Manifest, graph: bytes) -> Model:
            return models.enter_context(_open_model(Path(scratch) / name, draft, graph, tokenizer_model))

        def measured(model: Model) -> dict[str, LanguageQuality]:
            quality = {}
            for language, documents in held_out.items():
                size = sum(len(text.encode()) for text in documents)
                progress(f"measuring {scheme} against the trained model on {size:,} held-out bytes of `{language}`")
                quality[language] = summarise(compare(by_graph(model), trained, documents))
            return quality

        progress(f"building the {scheme} graph")
        fp32 = Engine(opened("fp32", exact, graph_fp32))
        cache_scales = None
        if int8_cache:
            progress("measuring the scales of the int8 cache")
            texts = [text for pair in zip_longest(*held_out.values()) for text in pair if text is not None]
            cache_scales = measure_cache_scales(fp32, config, ([BOS, *tokenizer.encode(text)] for text in texts))
        build = partial(build_graph, config, weights, scheme=scheme, cache_scales=cache_scales)
        graph = build(embedding=scheme)
        model = opened("exported", manifest, graph)
        quality = measured(model)
        embedding: EmbeddingChoice | None = None
        if scheme == "int8":
            embedding = EmbeddingChoice(precision="int8", goal_bpb_increase=GOAL_BPB_INCREASE, cost=None)
        if embedding and in_question(quality):
            progress("measuring how much of that is lost by the int8 embedding")
            graph_kept = build(embedding="fp32")
            kept = opened("kept", manifest, graph_kept)
            embedding = choose_embedding(partial(compare, by_graph(model), by_graph(kept)), held_out)
            if embedding.precision == "fp32":
                graph, model = graph_kept, kept
                quality = measured(model)
        precision = embedding.precision if embedding else scheme
        exported = Engine(model)
        progress("comparing the graph with the trained model, token by token")
        kernels = audit_cores(graph)
        gates = verify(
            config,
            graph,
            scheme=scheme,
            embedding=precision,
            kernels=kernels,
            trained=trained,
            fp32=fp32,
            exported=exported,
            tokenizer=tokenizer,
            held_out=held_out,
            quality=quality,
            max_bpb_increase=max_bpb_increase,
        )
        refuse_failures(gates)
        progress("recording golden tokens")
        golden = make_golden(
            exported, fp32, tokenizer, held_out=held_out, score=partial(compare, by_graph(model), trained)
        )
    found = None
    if scheme == "int8" and sensitivity:
        progress("measuring what every matrix costs by itself")
        found = sensitivities(config, weights, tokenizer, held_out, say=progress)
    manifest = dataclasses.replace(
        manifest,
        quantization=dataclasses.replace(manifest.quantization, embedding=precision),
        quality=dict(sorted(quality.items())),
    )
    prompt = opening(held_out[min(held_out)][0])
    contents = {
        MODEL: graph,
        TOKENIZER: tokenizer_model.read_bytes(),
        GOLDEN: to_json(dataclasses.asdict(golden)),
        CARD: model_card(manifest, graph_bytes=len(graph), prompt=prompt).encode(),
    }
    bundle = write_bundle(folder, manifest, contents)
    if bundle.warning:
        progress(bundle.warning)
    report = ExportReport(
        schema=REPORT_SCHEMA,
        manifest_sha256=bundle.manifest_sha256,
        gates=gates,
        kernels=kernels,
        embedding=embedding,
        tensor_errors=error_table(weights) if scheme == "int8" else (),
        sensitivities=found,
    )
    write_report(bundle, report)
    return ExportResult(bundle, report)


def _check_inputs(config: ModelConfig, tokenizer: Tokenizer, held_out: Mapping[str, Sequence[str]]) -> None:
    if tokenizer.vocab_size != config.vocab_size:
        raise TinylmError(
            f"the tokenizer has {tokenizer.vocab_size} pieces; the model was made for {config.vocab_size}",
            "name the tokenizer that the run was trained with",
        )
    if not held_out:
        raise TinylmError("there is no held-out text to verify the export with", "give a document per language")
    for language, documents in held_out.items():
        if not all(documents) or not documents:
            raise TinylmError(
                f"the held-out text of `{language}` is empty, or a document of it is",
                "give some text of every language",
            )


def _open_model(folder: Path, manifest: Manifest, graph: bytes, tokenizer_model: Path) -> Model:
    """A graph that is not proved yet, open: a bundle without evidence, for measuring only."""
    nothing = Golden(schema=SCHEMA, prompts=(), encodings=(), held_out=())
    contents = {
        MODEL: graph,
        TOKENIZER: tokenizer_model.read_bytes(),
        GOLDEN: to_json(dataclasses.asdict(nothing)),
        CARD: b"",
    }
    return Model(write_bundle(folder, manifest, contents))
