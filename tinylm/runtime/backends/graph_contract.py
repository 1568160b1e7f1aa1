"""Is an open graph the one that its bundle's manifest describes? Names, types and shapes are compared."""

from __future__ import annotations

from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import SAMPLER, Manifest
from tinylm.bundle.reading import Bundle
from tinylm.runtime.backends.onnxruntime_session import Session, Value


def check_graph(session: Session, bundle: Bundle) -> None:
    """TinylmError that names the first input or output which is not what the manifest promises."""
    manifest, where = bundle.manifest, f"`{bundle.model}`"
    inputs, outputs = _expected_values(manifest)
    for kind, found, expected, listed in (
        ("input", session.inputs, inputs, manifest.graph.inputs),
        ("output", session.outputs, outputs, manifest.graph.outputs),
    ):
        for names, whose in ((expected.keys(), "this tinylm"), (listed, "the manifest")):
            for name in sorted(found.keys() ^ set(names)):
                having = f"has the {kind} `{name}`, unknown to" if name in found else f"lacks the {kind} `{name}` of"
                raise TinylmError(f"{where} {having} {whose}", "export the bundle again, or upgrade tinylm")
        for name, value in expected.items():
            if found[name] != value:
                raise TinylmError(
                    f"{where}: the {kind} `{name}` is {found[name]}; the manifest's model has {value}",
                    "export the bundle again",
                )


def cache_type(manifest: Manifest) -> str:
    """The element type of keys and values: `float32` or `int8`."""
    return "int8" if manifest.quantization.kv_cache == "int8" else "float32"


def _expected_values(manifest: Manifest) -> tuple[dict[str, Value], dict[str, Value]]:
    """The inputs and outputs of the graph contract by name."""
    config = manifest.model
    inputs = {"input_ids": Value("int32", (1, None)), "total_length": Value("int32", (1,))}
    outputs = {"logits": Value("float32", (1, config.vocab_size))}
    if SAMPLER in manifest.graph.capabilities:
        inputs |= {
            "seen": Value("uint8", (1, config.vocab_size)),
            "sampling": Value("float32", (4,)),
            "uniform": Value("float32", (1,)),
        }
        outputs |= {"next_token": Value("int32", (1, 1)), "logprob": Value("float32", (1,))}
    cache = Value(cache_type(manifest), (1, config.n_kv_head, config.context_length, config.head_dim))
    for layer in range(config.n_layer):
        for part in ("key", "value"):
            inputs[f"past.{layer}.{part}"] = outputs[f"present.{layer}.{part}"] = cache
    return inputs, outputs
