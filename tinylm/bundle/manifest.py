"""The bundle, the deployable folder and the only thing that training and the device share: its files and their types.

    manifest.json     what the bundle is (`Manifest`); lists every other file with its SHA-256 and size
    model.onnx        one graph for prefill and decode with KV cache
    tokenizer.model   SentencePiece
    golden.json       what any device must answer, and text with known bits to re-measure quality (`Golden`)
    MODEL_CARD.md     for people

`tinylm.bundle.reading` opens and verifies one, `tinylm.bundle.writing` writes one. The types are read strictly
(`tinylm.base.records`): each field has its meaning, unit and range here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from tinylm.base.numerals import between, change, number
from tinylm.settings.model import ModelConfig

SCHEMA = "1.2"
"""1.1 added `quantization.embedding`, and `perplexity_fp32` and `intervals` of the quality; 1.2, `logits_hash` of the
golden tokens. Older ones are read as well."""
MANIFEST = "manifest.json"
MODEL = "model.onnx"
TOKENIZER = "tokenizer.model"
GOLDEN = "golden.json"
CARD = "MODEL_CARD.md"
SIGNATURE = "manifest.json.sig"
"""The one file that may be there unlisted."""
REQUIRED = (MODEL, TOKENIZER, GOLDEN, CARD)

SAMPLER = "sampler"
"""The capability of a graph that chooses the next token itself (`tinylm.export.graph.sampler`)."""


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """A listed file."""

    sha256: str
    """64 hexadecimal digits, lower case."""
    bytes: int
    """Size, from 0."""


@dataclass(frozen=True, kw_only=True)
class SpecialIds:
    """Token ids with a meaning, each from 0 to below `vocab_size`; tinylm always writes 0, 1, 2, 3."""

    bos: int
    """Begins every text."""
    eos: int
    """Ends a text."""
    pad: int
    """Fills rows in training; never generated."""
    unk: int
    """Stands for characters that the tokenizer does not know; never generated."""


@dataclass(frozen=True, kw_only=True)
class TokenizerEntry:
    """How text becomes token ids."""

    kind: str
    """How its pieces were learned: `unigram` or `bpe`."""
    normalisation: str
    """Name of what is done to text before it is encoded, such as `nfc-2` (`tinylm.tokenizer.tokenizer.normalise`)."""
    sha256: str
    """Of tokenizer.model, once more than in `files`; both must be the same."""


@dataclass(frozen=True, kw_only=True)
class GenerationDefaults:
    """How tokens are chosen when no option says otherwise; ranges as `tinylm.runtime.sampling.Sampling` checks them."""

    temperature: float = 0.8
    """What logits are divided by: 0 (the likeliest token), or 0.001 to 100."""
    top_k: int = 40
    """Tokens to choose from, from 0 (off). Without it a flat distribution spreads `top_p` over thousands of tokens, and
    finding them takes longer than a small model."""
    top_p: float = 0.9
    """Share of the probability to choose from, 0.000000001 to 1 (off). A tiny model's tail is noise: fewer sentences
    are faulty at 0.9 than at 0.95 (measured)."""
    repetition_penalty: float = 1.0
    """Against tokens that were seen: 0.01 to 100; 1 is off."""
    max_tokens: int = 128
    """The most new tokens of a text, at least 1."""


@dataclass(frozen=True, kw_only=True)
class Quantization:
    """How numbers are stored and multiplied."""

    scheme: Literal["fp32", "int8"]
    """Weights. `int8`: one scale per output column; the tied embedding one scale per row."""
    activations: Literal["fp32", "int8-dynamic"]
    """What weights are multiplied with. `int8-dynamic`: one scale per run of the graph, from the values themselves."""
    parameters: int
    """Parameters of the model, a tied embedding counted once; at least 1."""
    kv_cache: Literal["fp32", "int8"] = "fp32"
    """`int8`: keys and values with one scale per channel, a quarter of the cache's memory."""
    embedding: Literal["fp32", "int8"] | None = None
    """How the embedding is stored; none in bundles of schema 1.0, where it is as `scheme` says."""


@dataclass(frozen=True, kw_only=True)
class GraphEntry:
    """What the graph takes and gives; types and shapes are checked by `tinylm.runtime.model`."""

    inputs: tuple[str, ...]
    """Names of all inputs, in the graph's order."""
    outputs: tuple[str, ...]
    """Names of all outputs, in the graph's order."""
    capabilities: tuple[str, ...]
    """What the graph can do beyond logits; a runtime refuses one that it does not know. `SAMPLER` is known."""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where the bundle came from; no time stamps of the export, so that exporting twice gives the same bytes."""

    tinylm_version: str
    """Of the tinylm that exported it."""
    git_commit: str | None
    """Of the tinylm that trained it, 40 hexadecimal digits; None when it did not run from a repository."""
    run_id: str
    """UUID of the training run."""
    dataset_hash: str
    """Identifies text, tokenizer and packing: the name of the folder in `datasets/`."""
    data_licence: str
    """Licences of the text, in words."""
    seeds: tuple[int, ...]
    """What decided initial weights and the order of data."""
    metrics: dict[str, float]
    """Of the exported checkpoint: `step`, `val_loss` (nats a token), `val_bpb` (bits per byte), `val_bpb_LANGUAGE`."""


@dataclass(frozen=True, kw_only=True)
class QualityIntervals:
    """95 % confidence intervals, (low, high), of the figures of `LanguageQuality`, by bootstrap over documents."""

    bpb_increase: tuple[float, float]
    """Bits per byte."""
    perplexity: tuple[float, float]
    perplexity_fp32: tuple[float, float]
    kl: tuple[float, float]
    """Nats."""
    top1_agreement: tuple[float, float]
    """Shares from 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class LanguageQuality:
    """Held-out text of one language through the bundle's own graph, and through the model that was trained."""

    tokens: int
    """Predicted tokens, at least 1."""
    bytes: int
    """UTF-8 bytes of the normalised text."""
    bpb_fp32: float
    """Bits per byte of the trained model in fp32, from 0."""
    bpb: float
    """Bits per byte of the bundle's graph, from 0; in an fp32 bundle the same but for rounding."""
    perplexity: float
    """Of the bundle's graph: e to the mean cross-entropy of a token in nats, from 1."""
    kl: float
    """Mean Kullback-Leibler divergence from the trained model's next-token distribution, in nats, from 0."""
    top1_agreement: float
    """Share of the tokens, 0 to 1, where both hold the same token for the likeliest."""
    perplexity_fp32: float | None = None
    """Of the trained model; None in bundles of schema 1.0."""
    intervals: QualityIntervals | None = None
    """None in bundles of schema 1.0, and where the text is too short to tell."""

    @property
    def bpb_increase(self) -> float:
        """Bits per byte that the bundle's graph loses against fp32."""
        return self.bpb - self.bpb_fp32

    def shown(self, name: str) -> str:
        """A figure that has an interval, for people: `shown("bpb_increase")` is `+0.0004 (+0.0003 to +0.0005)`."""
        value, form = getattr(self, name), _FORMS[name]
        if value is None:
            return "not recorded"
        if self.intervals is None:
            return form(value)
        low, high = getattr(self.intervals, name)
        return between(form(value), form(low), form(high))


_FORMS: dict[str, Callable[[float], str]] = {
    "bpb_increase": change,
    "perplexity": "{:.1f}".format,
    "perplexity_fp32": "{:.1f}".format,
    "kl": number,
    "top1_agreement": "{:.1%}".format,
}


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """manifest.json."""

    schema: str
    """`major.minor`; a reader refuses another major."""
    requires: tuple[str, ...]
    """Features that a reader must know to use the bundle at all; empty so far."""
    name: str
    """For people; also the beginning of the name that a deployed bundle gets."""
    version: str
    """Year, month, day, time and step of the checkpoint, such as `2026.11.30.2045.41`."""
    task: Literal["generate"]
    """What the model is for."""
    languages: tuple[str, ...]
    """Codes such as `en` of the text that it was trained with, sorted."""
    model: ModelConfig
    """The shape of the transformer."""
    special_ids: SpecialIds
    context_policy: Literal["drop-oldest"]
    """`drop-oldest`: past the context, the oldest half of the tokens is forgotten and the rest is read again."""
    tokenizer: TokenizerEntry
    chat_template: str | None
    """How turns of a chat become one text; None for a model of plain text."""
    generation: GenerationDefaults
    adapters: tuple[str, ...]
    """Names of adapters that lie in the bundle; empty so far."""
    quantization: Quantization
    graph: GraphEntry
    files: dict[str, FileEntry]
    """Every file but the manifest and its signature, by its plain name."""
    minimum_versions: dict[str, str]
    """The oldest release of `onnxruntime` and `sentencepiece` that runs it, such as `1.22`, where these serve."""
    cpu_features: tuple[str, ...]
    """Instruction-set features, as in /proc/cpuinfo, that a device must have beyond its architecture's baseline."""
    provenance: Provenance
    quality: dict[str, LanguageQuality]
    """By language."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Whatever later writers add that a reader may ignore."""


@dataclass(frozen=True, kw_only=True)
class GoldenPrompt:
    """A greedy continuation that every device must reproduce."""

    prompt: str
    """The text; may be empty."""
    prompt_ids: tuple[int, ...]
    """Its token ids, BOS first."""
    ids: tuple[int, ...]
    """Cut before the first position whose two best logits are too close to be safe across processors."""


@dataclass(frozen=True, kw_only=True)
class GoldenEncoding:
    """A text and the token ids that the tokenizer must give for it, without BOS or EOS."""

    text: str
    ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """A held-out document, or its beginning, with the bits that it costs (64-bit sums, UNK bytes included)."""

    language: str
    """A code such as `en`."""
    text: str
    bits_fp32: float
    """Of the trained model in fp32, from 0."""
    bits: float
    """Of the bundle's own graph, on the machine that exported it."""


@dataclass(frozen=True, kw_only=True)
class LogitsHash:
    """One number for the bits of all logits over the golden prompts, which the native engine has on every processor."""

    arithmetic: int
    """Version of the engine's arithmetic (`TINYLM_ARITHMETIC`), from 1; another version may have other bits."""
    fnv1a64: str
    """16 hexadecimal digits: FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), but a float32 at a time instead of a
    byte and from `TINYLM_HASH_START`, over the logits after every token that a golden id was chosen from, in the order
    of the prompts, each read after a truncation to nothing."""


@dataclass(frozen=True, kw_only=True)
class Golden:
    """golden.json."""

    schema: str
    """`major.minor`, as in the manifest."""
    prompts: tuple[GoldenPrompt, ...]
    encodings: tuple[GoldenEncoding, ...]
    held_out: tuple[HeldOut, ...]
    logits_hash: LogitsHash | None = None
    """None in bundles of before, and where the native engine did not serve when it was exported."""
