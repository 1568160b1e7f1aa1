"""A bundle's graph, open and checked: shared by the engines that generate with it, one for each sequence.

Opening costs most of a process's memory and start-up time (ONNX Runtime, and the weights packed for its kernels); an
engine adds a KV cache and a few buffers. So a program opens a model once and makes an engine for each text:

    with Model(open_bundle(path), threads=2) as model:
        with Engine(model) as first, Engine(model) as second:
            ...

A model is thread-safe, an engine is not: engines of one model run at the same time in different threads, and each gives
the tokens that it would give alone. Close the model after its engines: closing waits for the token that is being
computed, and what runs or is asked for afterwards is an error.
"""

from __future__ import annotations

import re
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.bundle.manifest import SAMPLER, Manifest
from tinylm.bundle.reading import Bundle
from tinylm.machine.kernel_files import read_cpuinfo
from tinylm.runtime.backends.contract import Backend, Session, Value
from tinylm.runtime.backends.session import onnxruntime_version, open_session

CAPABILITIES = frozenset({SAMPLER})
"""Names in `graph.capabilities` that this runtime understands."""


class Model:
    """An open graph that is the one its bundle's manifest describes."""

    def __init__(
        self, bundle: Bundle, *, threads: int = 1, backend: Backend = "auto", trace: Path | None = None
    ) -> None:
        """Load the bundle's graph; `trace` is for profiling, as in `open_session`.

        TinylmError when this device lacks what the bundle needs, or the graph cannot be loaded or is not the one that
        the manifest says.
        """
        if threads < 1:
            raise TinylmError(f"threads is {threads}; at least 1 is needed")
        check_requirements(bundle.manifest)
        self.config = bundle.manifest.model
        self.samples = SAMPLER in bundle.manifest.graph.capabilities
        """Whether the graph chooses the next token itself."""
        self.cache_type = _cache_type(bundle.manifest)
        """The element type of keys and values: `float32` or `int8`."""
        self.session: Session = open_session(bundle.model, threads=threads, backend=backend, trace=trace)
        try:
            _check_graph(self.session, bundle)
        except TinylmError:
            self.session.close()
            raise

    def close(self) -> None:
        """Free the graph; its engines cannot be used any more. Closing twice is fine."""
        self.session.close()

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def check_requirements(manifest: Manifest) -> None:
    """TinylmError, with what to do, for the first thing that the bundle needs and this device does not have.

    Processor features are compared with /proc/cpuinfo; where there is none, they are taken to be there.
    """
    where = f"the bundle `{manifest.name}`"
    for capability in manifest.graph.capabilities:
        if capability not in CAPABILITIES:
            raise TinylmError(
                f"{where} has a graph with the capability `{capability}`, which this tinylm does not know",
                "upgrade tinylm",
            )
    for library, least in manifest.minimum_versions.items():
        if library == "onnxruntime":
            installed = onnxruntime_version()
        elif library == "sentencepiece":
            import sentencepiece

            installed = sentencepiece.__version__
        else:
            raise TinylmError(f"{where} needs `{library}`, which this tinylm does not use", "upgrade tinylm")
        if _release(installed) < _release(least):
            raise TinylmError(
                f"{where} needs {library} {least} or newer; {installed} is installed",
                f"pip install '{library}>={least}'",
            )
    features = read_cpuinfo().flags
    for feature in manifest.cpu_features:
        if features is not None and feature not in features:
            raise TinylmError(
                f"{where} needs the processor feature `{feature}`, which this processor does not have",
                "export the bundle for this device, or use another device",
            )


def _check_graph(session: Session, bundle: Bundle) -> None:
    """Compare names, types and shapes of the graph with what the manifest promises; TinylmError names the first."""
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
                    f"{where}: the {kind} `{name}` is {_described(found[name])}; the manifest's model has"
                    f" {_described(value)}",
                    "export the bundle again",
                )


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
    cache = Value(_cache_type(manifest), (1, config.n_kv_head, config.context_length, config.head_dim))
    for layer in range(config.n_layer):
        for part in ("key", "value"):
            inputs[f"past.{layer}.{part}"] = outputs[f"present.{layer}.{part}"] = cache
    return inputs, outputs


def _cache_type(manifest: Manifest) -> str:
    return "int8" if manifest.quantization.kv_cache == "int8" else "float32"


def _described(value: Value) -> str:
    return f"{value.type} {list(value.shape)}"


def _release(version: str) -> tuple[int, ...]:
    """The numbers of `1.22.0`, without zeros at the end, to compare; what follows the numbers is left out."""
    match = re.match(r"[0-9]+(\.[0-9]+)*", version)
    if match is None:
        raise TinylmError(f"`{version}` is not a version number", "export the bundle again")
    numbers = [int(part) for part in match[0].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
