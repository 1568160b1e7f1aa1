"""MODEL_CARD.md: what a person should know before using a bundle, from its manifest."""

from __future__ import annotations

import shlex

from tinylm.bundle.manifest import LanguageQuality, Manifest
from tinylm.text.languages import language_name


def model_card(manifest: Manifest, *, graph_bytes: int, prompt: str) -> str:
    """Markdown for `manifest`; `graph_bytes` is the size of model.onnx, `prompt` a beginning that suits the model.

    The same for the same three.
    """
    config, quantization, provenance = manifest.model, manifest.quantization, manifest.provenance
    languages = _listed([language_name(language) for language in manifest.languages])
    weights = "8-bit integers" if quantization.scheme == "int8" else "32-bit floating point"
    cache = "int8" if quantization.kv_cache == "int8" else "float32"
    if quantization.scheme == "int8" and quantization.embedding == "fp32":
        weights += ", the embedding 32-bit floating point"
    seeds = ", ".join(map(str, provenance.seeds)) or "not recorded"
    metrics = "".join(
        f"| {name} | {f'{value:,.0f}' if value.is_integer() else f'{value:.4f}'} |\n"
        for name, value in sorted(provenance.metrics.items())
    )
    return f"""# {manifest.name} {manifest.version}

A very small language model that continues text in {languages}. It runs offline on a processor with a few hundred
megabytes of memory, and was made with tinylm {provenance.tinylm_version}.

| | |
|---|---|
| parameters | {quantization.parameters:,} |
| weights | {weights}; model.onnx is {graph_bytes / 1e6:.2f} MB |
| shape | `{config.architecture}`, {config.n_layer} layers, width {config.d_model}, {config.n_head} heads \
({config.n_kv_head} for keys and values), feed-forward {config.d_ff} |
| vocabulary | {config.vocab_size} pieces ({manifest.tokenizer.kind}, SentencePiece) |
| context | {config.context_length} tokens, prompt and answer together; keys and values in {cache} |

## Quality

Measured on held-out text when the model was exported. Bits per byte compare across tokenizers; lower is better. The
columns after the perplexities say what the weights' format costs against 32-bit floating point. In brackets: 95 %
confidence intervals, for other texts of the same kind.

| language | bytes of text | bits per byte | perplexity | in fp32 | bits per byte lost | divergence (nats) | \
same first choice |
|---|---|---|---|---|---|---|---|
{"".join(_quality_row(language, quality) for language, quality in sorted(manifest.quality.items()))}
## What it is not for

- It knows nothing: it continues text in the manner of what it read. Names, dates, sums and claims are inventions.
- It follows no instructions and cannot hold a conversation. It sees {config.context_length} tokens at most, and
  forgets the older half of them when they are full.
- It repeats the views and the language of its training text, old ones included, and was not filtered for safety.
- Text in any other language comes out as noise.

Do not let it decide or advise where a wrong sentence does harm.

## Use

    tinylm generate FOLDER --prompt {shlex.quote(prompt)}

Any ONNX Runtime >= {manifest.minimum_versions["onnxruntime"]} runs `model.onnx` by itself:

```python
import numpy, onnxruntime, sentencepiece
session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
pieces = sentencepiece.SentencePieceProcessor(model_file="tokenizer.model")
ids = [{manifest.special_ids.bos}, *pieces.encode({prompt!r})]
inputs = {{
    "seen": numpy.zeros((1, {config.vocab_size}), "uint8"),  # 1 for every token that the repetition penalty counts
    "sampling": numpy.array([0, 0, 1, 1], "float32"),  # temperature (0: likeliest), top_k, top_p, repetition penalty
    "uniform": numpy.zeros(1, "float32"),  # a new random number for every token; not read at temperature 0
}}
for layer in range({config.n_layer}):
    for part in ("key", "value"):
        shape = (1, {config.n_kv_head}, {config.context_length}, {config.head_dim})
        inputs[f"past.{{layer}}.{{part}}"] = numpy.zeros(shape, "{cache}")
names = [output.name for output in session.get_outputs()]
for length in range(1, min(len(ids) + 40, {config.context_length} + 1)):  # one token a call
    inputs["input_ids"] = numpy.array([[ids[length - 1]]], "int32")
    inputs["total_length"] = numpy.array([length], "int32")
    outputs = dict(zip(names, session.run(None, inputs)))
    inputs.update((name.replace("present", "past"), outputs[name]) for name in names if "present" in name)
    if length == len(ids):
        ids.append(int(outputs["next_token"][0, 0]))
print(pieces.decode(ids))
```

## Where it comes from

| | |
|---|---|
| training text | dataset `{provenance.dataset_hash}` |
| licence of the text | {provenance.data_licence} |
| run | `{provenance.run_id}`, seeds {seeds} |
| tinylm | {provenance.tinylm_version}, commit {provenance.git_commit or "not recorded"} |
{metrics}"""


def _listed(words: list[str]) -> str:
    """`English, Spanish and French`."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _quality_row(language: str, quality: LanguageQuality) -> str:
    figures = (
        f"{quality.bytes:,}",
        f"{quality.bpb:.4f}",
        quality.shown("perplexity"),
        quality.shown("perplexity_fp32"),
        quality.shown("bpb_increase"),
        quality.shown("kl"),
        quality.shown("top1_agreement"),
    )
    return f"| {language_name(language)} | {' | '.join(figures)} |\n"
