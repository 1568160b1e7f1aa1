"""Weights to a verified bundle: build the graph, measure it on the runtime, refuse or write.

    result = export_bundle(ExportRequest(weights=..., config=..., ...), Path("bundle"), progress=print)

Nothing is written to the folder before every gate has passed. The same request gives the same bytes: no time stamps, no
file names of this machine.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Literal

from tinylm.base.files import sha256
from tinylm.base.records import to_bytes
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
    Quantization,
    SpecialIds,
    TokenizerEntry,
)
from tinylm.bundle.reading import Bundle
from tinylm.bundle.writing import write_bundle
from tinylm.corpus.openings import opening
from tinylm.export.cache import measure_cache_scales
from tinylm.export.card import model_card
from tinylm.export.engine_gates import engine_evidence
from tinylm.export.golden import make_golden
from tinylm.export.graph.graph import build_graph, input_names, output_names
from tinylm.export.graph.model_graph import CacheScales, Scheme
from tinylm.export.graph.quantization import error_table
from tinylm.export.kernels import audit_cores
from tinylm.export.quality.embedding import GOAL_BPB_INCREASE, EmbeddingChoice, choose_embedding, in_question
from tinylm.export.quality.predictions import Predict, by_graph, by_module
from tinylm.export.quality.quality import DocumentSums, score_documents, summarise
from tinylm.export.quality.sensitivity import sensitivities
from tinylm.export.report import SCHEMA as REPORT_SCHEMA
from tinylm.export.report import ExportReport, ExportResult, write_report
from tinylm.export.request import ExportRequest
from tinylm.export.verification import Candidate, Gate, refuse_failures, verify
from tinylm.model import from_weights
from tinylm.runtime.backends.contract import BackendUnavailable
from tinylm.runtime.backends.onnxruntime import OnnxruntimeSequence
from tinylm.runtime.engine import Engine
from tinylm.runtime.model import Model
from tinylm.tokenizer.tokenizer import BOS, EOS, NORMALISATION, PAD, UNK, Tokenizer

MINIMUM_VERSIONS = {"onnxruntime": "1.22", "sentencepiece": "0.2.1"}
"""onnxruntime: the oldest that the graph's tests were run on. sentencepiece: older ones have CVE-2026-1260."""

INT8_CACHE_ONNXRUNTIME = "1.28"
"""The oldest that reads and writes an int8 cache on the CPU (tried: 1.26 refuses)."""


def export_bundle(request: ExportRequest, folder: Path, *, progress: Callable[[str], None]) -> ExportResult:
    """Export `request` to a bundle in `folder`, with a report beside it (`tinylm.export.report`).

    TinylmError when an input does not fit, and with exit code 1 when a gate fails; a bundle that is already there then
    stays.
    """
    tokenizer = request.open_tokenizer()
    graph_fp32 = build_graph(request.config, request.weights, scheme="fp32")
    trained = by_module(from_weights(request.config, request.weights))
    with tempfile.TemporaryDirectory(prefix="tinylm-export-") as scratch, ExitStack() as models:
        bench = _Bench(request, tokenizer, trained, Path(scratch), models, progress)
        progress(f"building the {request.scheme} graph")
        model_fp32 = bench.open("fp32", graph_fp32, int8_cache=False)
        fp32 = Engine(model_fp32)
        candidate, embedding = _build_candidate(bench, _cache_scales(bench, model_fp32))
        exported = Engine(candidate.model)
        progress("comparing the graph with the trained model, token by token")
        kernels = audit_cores(candidate.graph)
        gates = verify(
            request,
            candidate,
            tokenizer=tokenizer,
            kernels=kernels,
            trained=trained,
            fp32=fp32,
            exported=exported,
        )
        refuse_failures(gates)
        progress("recording golden tokens")
        score = partial(bench.score, by_graph(candidate.model), trained)
        golden = make_golden(exported, fp32, tokenizer, held_out=request.held_out, score=score)
        gates, golden = _with_engine(bench, candidate, exported, gates, golden)
    alone = None
    if request.scheme == "int8" and request.sensitivity:
        progress("measuring what every matrix costs by itself")
        alone = sensitivities(request.config, request.weights, tokenizer, request.held_out, say=progress)
    bundle = _write_verified(request, candidate, golden, folder)
    if bundle.warning:
        progress(bundle.warning)
    report = ExportReport(
        schema=REPORT_SCHEMA,
        manifest_sha256=bundle.manifest_sha256,
        gates=gates,
        kernels=kernels,
        embedding=embedding,
        tensor_errors=error_table(request.weights) if request.scheme == "int8" else (),
        sensitivities=alone,
    )
    write_report(bundle, report)
    return ExportResult(bundle, report)


@dataclass(frozen=True)
class _Bench:
    """Opens graphs in the runtime, and compares them with the trained module on the held-out text."""

    request: ExportRequest
    tokenizer: Tokenizer
    trained: Predict
    scratch: Path
    models: ExitStack
    progress: Callable[[str], None]

    def open(
        self, name: str, graph: bytes, *, int8_cache: bool, backend: Literal["native", "onnxruntime"] = "onnxruntime"
    ) -> Model:
        """A graph that is not proved yet, open: a bundle without evidence, for measuring only."""
        nothing = Golden(schema=SCHEMA, prompts=(), encodings=(), held_out=())
        contents = _contents(self.request, graph, nothing, card="")
        draft = write_bundle(self.scratch / name, _manifest(self.request, int8_cache=int8_cache), contents)
        return self.models.enter_context(Model(draft, backend=backend))

    def score(self, exported: Predict, reference: Predict, documents: Sequence[str]) -> list[DocumentSums]:
        """What both say about each of the documents."""
        return score_documents(
            exported,
            reference,
            documents,
            tokenizer=self.tokenizer,
            context_length=self.request.config.context_length,
            say=self.progress,
        )

    def quality(self, model: Model) -> dict[str, LanguageQuality]:
        """What the graph loses against the trained module, by language."""
        quality = {}
        for language, documents in self.request.held_out.items():
            size = sum(len(text.encode()) for text in documents)
            self.progress(
                f"measuring {self.request.scheme} against the trained model on {size:,} held-out bytes of `{language}`"
            )
            quality[language] = summarise(self.score(by_graph(model), self.trained, documents))
        return quality


def _with_engine(
    bench: _Bench, candidate: Candidate, exported: Engine, gates: tuple[Gate, ...], golden: Golden
) -> tuple[tuple[Gate, ...], Golden]:
    """The gates with those of the native engine, and the golden tokens with its hash; as they are where it lacks."""
    try:
        model = bench.open("engine", candidate.graph, int8_cache=bench.request.int8_cache, backend="native")
    except BackendUnavailable as error:
        bench.progress(f"the native engine is not compared: {error.message}")
        return gates, golden
    bench.progress("comparing the native engine with the graph")
    evidence = engine_evidence(Engine(model), exported, golden, bench.tokenizer, bench.request.held_out)
    refuse_failures(evidence.gates)
    return (*gates, *evidence.gates), dataclasses.replace(golden, logits_hash=evidence.logits_hash)


def _cache_scales(bench: _Bench, fp32: Model) -> CacheScales | None:
    """Scales of the int8 cache, measured on documents of all languages in turn; None for a float32 cache."""
    request = bench.request
    if not request.int8_cache:
        return None
    bench.progress("measuring the scales of the int8 cache")
    texts = (text for group in zip_longest(*request.held_out.values()) for text in group if text is not None)
    sequence = fp32.backend.sequence()
    assert isinstance(sequence, OnnxruntimeSequence)  # its cache lies in the graph's own values
    return measure_cache_scales(sequence, request.config, ([BOS, *bench.tokenizer.encode(text)] for text in texts))


def _build_candidate(bench: _Bench, cache_scales: CacheScales | None) -> tuple[Candidate, EmbeddingChoice | None]:
    """The graph to be verified, and for int8 how the precision of its embedding was chosen."""
    request = bench.request

    def build(embedding: Scheme) -> tuple[bytes, Model]:
        graph = build_graph(
            request.config, request.weights, scheme=request.scheme, embedding=embedding, cache_scales=cache_scales
        )
        return graph, bench.open(f"embedding-{embedding}", graph, int8_cache=request.int8_cache)

    graph, model = build(request.scheme)
    quality = bench.quality(model)
    choice: EmbeddingChoice | None = None
    if request.scheme == "int8":
        choice = EmbeddingChoice(precision="int8", goal_bpb_increase=GOAL_BPB_INCREASE, cost=None)
        if in_question(quality):
            bench.progress("measuring how much of that is lost by the int8 embedding")
            graph_kept, kept = build("fp32")
            choice = choose_embedding(partial(bench.score, by_graph(model), by_graph(kept)), request.held_out)
            if choice.precision == "fp32":
                graph, model = graph_kept, kept
                quality = bench.quality(model)
    precision = choice.precision if choice else request.scheme
    return Candidate(graph=graph, model=model, embedding=precision, quality=quality), choice


def _write_verified(request: ExportRequest, candidate: Candidate, golden: Golden, folder: Path) -> Bundle:
    """The bundle with all of its evidence: quality in the manifest, golden tokens, and the card."""
    draft = _manifest(request, int8_cache=request.int8_cache)
    manifest = dataclasses.replace(
        draft,
        quantization=dataclasses.replace(draft.quantization, embedding=candidate.embedding),
        quality=dict(sorted(candidate.quality.items())),
    )
    prompt = opening(request.held_out[min(request.held_out)][0])
    card = model_card(manifest, graph_bytes=len(candidate.graph), prompt=prompt)
    return write_bundle(folder, manifest, _contents(request, candidate.graph, golden, card))


def _manifest(request: ExportRequest, *, int8_cache: bool) -> Manifest:
    """All of the manifest that is known before anything is measured."""
    return Manifest(
        schema=SCHEMA,
        requires=(),
        name=request.name,
        version=request.version,
        task="generate",
        languages=tuple(sorted(request.held_out)),
        model=request.config,
        special_ids=SpecialIds(bos=BOS, eos=EOS, pad=PAD, unk=UNK),
        context_policy="drop-oldest",
        tokenizer=TokenizerEntry(
            kind=request.tokenizer_kind, normalisation=NORMALISATION, sha256=sha256(request.tokenizer_model)
        ),
        chat_template=None,
        generation=GenerationDefaults(),
        adapters=(),
        quantization=Quantization(
            scheme=request.scheme,
            activations="int8-dynamic" if request.scheme == "int8" else "fp32",
            parameters=sum(weight.size for weight in request.weights.values()),
            kv_cache="int8" if int8_cache else "fp32",
        ),
        graph=GraphEntry(
            inputs=input_names(request.config), outputs=output_names(request.config), capabilities=(SAMPLER,)
        ),
        files={},
        minimum_versions=MINIMUM_VERSIONS | ({"onnxruntime": INT8_CACHE_ONNXRUNTIME} if int8_cache else {}),
        cpu_features=(),
        provenance=request.provenance,
        quality={},
    )


def _contents(request: ExportRequest, graph: bytes, golden: Golden, card: str) -> dict[str, bytes]:
    return {
        MODEL: graph,
        TOKENIZER: request.tokenizer_model.read_bytes(),
        GOLDEN: to_bytes(golden),
        CARD: card.encode(),
    }
