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
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinylm.bundle import (
    CARD,
    GOLDEN,
    MODEL,
    SAMPLER,
    SCHEMA,
    TOKENIZER,
    Bundle,
    GenerationDefaults,
    Golden,
    GraphEntry,
    Manifest,
    Provenance,
    Quantization,
    SpecialIds,
    TokenizerEntry,
    to_json,
    write_bundle,
)
from tinylm.corpus.openings import opening
from tinylm.errors import TinylmError
from tinylm.export.cache import measure_cache_scales
from tinylm.export.card import model_card
from tinylm.export.embedding import EmbeddingChoice, choose_embedding
from tinylm.export.golden import make_golden
from tinylm.export.graph import build_graph, input_names, output_names
from tinylm.export.kernels import audit_cores
from tinylm.export.layers import Scheme
from tinylm.export.quantization import TensorError, error_table
from tinylm.export.report import SCHEMA as REPORT_SCHEMA
from tinylm.export.report import ExportReport, write_report
from tinylm.export.sensitivity import Sensitivity, sensitivities
from tinylm.export.verification import refuse_failures, verify
from tinylm.files import sha256
from tinylm.model_config import ModelConfig
from tinylm.runtime.engine import Engine
from tinylm.tokenizer import BOS, EOS, NORMALISATION, PAD, UNK, Tokenizer

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
    folder: Path,
    max_bpb_increase: float = 0.02,
    progress: Callable[[str], None],
) -> ExportResult:
    """Export `weights` (names and shapes: `tinylm.export.graph.weight_shapes`) to a bundle in `folder`.

    `held_out` maps each language to documents that the model was not trained on; all are scored, twice. `int8_cache`
    quantizes keys and values too, with scales measured on that text. The report goes beside the bundle
    (`tinylm.export.report`). TinylmError when an input does not fit, and with exit code 1 when a gate fails; a bundle
    that is already there then stays.
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
    with (
        tempfile.TemporaryDirectory(prefix="tinylm-export-") as scratch,
        _open_engine(Path(scratch) / "fp32", exact, graph_fp32, tokenizer_model) as fp32,
        ExitStack() as engines,
    ):

        def build(name: str, embedding: Scheme) -> tuple[bytes, Engine]:
            graph = build_graph(config, weights, scheme=scheme, embedding=embedding, cache_scales=cache_scales)
            return graph, engines.enter_context(_open_engine(Path(scratch) / name, manifest, graph, tokenizer_model))

        cache_scales = None
        if int8_cache:
            progress("measuring the scales of the int8 cache")
            texts = [text for pair in zip_longest(*held_out.values()) for text in pair if text is not None]
            cache_scales = measure_cache_scales(fp32, config, ([BOS, *tokenizer.encode(text)] for text in texts))
        progress(f"building the {scheme} graph")
        graph, exported = build("exported", scheme)
        embedding: EmbeddingChoice | None = None
        if scheme == "int8":
            progress("measuring what an int8 embedding costs")
            other, kept = build("kept", "fp32")
            embedding = choose_embedding(exported, kept, tokenizer, held_out, progress=progress)
            if embedding.precision == "fp32":
                graph, exported = other, kept
        precision = embedding.precision if embedding else scheme
        kernels = audit_cores(graph)
        verification = verify(
            config,
            weights,
            graph,
            scheme=scheme,
            embedding=precision,
            kernels=kernels,
            fp32=fp32,
            exported=exported,
            tokenizer=tokenizer,
            held_out=held_out,
            max_bpb_increase=max_bpb_increase,
            progress=progress,
        )
        refuse_failures(verification.gates)
        progress("recording golden tokens")
        golden = make_golden(exported, fp32, tokenizer, held_out=held_out)
    tensor_errors: tuple[TensorError, ...] = ()
    found: tuple[Sensitivity, ...] = ()
    if scheme == "int8":
        progress("measuring what every matrix costs by itself")
        tensor_errors = error_table(weights)
        found = sensitivities(config, weights, tokenizer, held_out)
    manifest = dataclasses.replace(
        manifest,
        quantization=dataclasses.replace(manifest.quantization, embedding=precision),
        quality=dict(sorted(verification.quality.items())),
    )
    prompt = opening(held_out[min(held_out)][0])
    contents = {
        MODEL: graph,
        TOKENIZER: tokenizer_model.read_bytes(),
        GOLDEN: to_json(dataclasses.asdict(golden)),
        CARD: model_card(manifest, graph_bytes=len(graph), prompt=prompt).encode(),
    }
    bundle = write_bundle(folder, manifest, contents)
    report = ExportReport(
        schema=REPORT_SCHEMA,
        manifest_sha256=bundle.manifest_sha256,
        gates=verification.gates,
        kernels=kernels,
        embedding=embedding,
        tensor_errors=tensor_errors,
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


def _open_engine(folder: Path, manifest: Manifest, graph: bytes, tokenizer_model: Path) -> Engine:
    """An engine on a graph that is not proved yet: a bundle without evidence, for measuring only."""
    nothing = Golden(schema=SCHEMA, prompts=(), encodings=(), held_out=())
    contents = {
        MODEL: graph,
        TOKENIZER: tokenizer_model.read_bytes(),
        GOLDEN: to_json(dataclasses.asdict(nothing)),
        CARD: b"",
    }
    return Engine(write_bundle(folder, manifest, contents))
