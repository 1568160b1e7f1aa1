"""tinylm's own runtime: the run's INT8 bundle, and an fp32 bundle of the same weights, on either backend.

All that the benchmark knows of tinylm's runtime stands here.
"""

from __future__ import annotations

from pathlib import Path

from tinylm.bundle.reading import open_bundle
from tinylm.runtime.engine import Engine
from tinylm.runtime.sampling import Sampler, Sampling

PACKAGES = ("onnxruntime", "numpy")


def convert(source, variant, folder):
    """INT8 is the bundle that the run shipped; fp32 is the same bundle around another graph."""
    if variant.startswith("int8"):
        bundle = open_bundle(source.bundle)
        (folder / "bundle").symlink_to(bundle.path.resolve())
        return [bundle.model]
    import dataclasses

    from tinylm.bundle.manifest import MODEL
    from tinylm.bundle.writing import write_bundle
    from tinylm.export.graph.graph import build_graph

    shipped = open_bundle(source.bundle)
    contents = {name: (shipped.path / name).read_bytes() for name in shipped.manifest.files}
    contents[MODEL] = build_graph(shipped.manifest.model, source.weights, scheme="fp32")
    quantization = shipped.manifest.quantization
    fp32 = dataclasses.replace(quantization, scheme="fp32", activations="fp32", embedding="fp32", kv_cache="fp32")
    bundle = write_bundle(folder / "bundle", dataclasses.replace(shipped.manifest, quantization=fp32), contents)
    return [bundle.model]


class _Ours:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.sampler = Sampler(Sampling(temperature=0))
        self.drawn = Sampler(Sampling(temperature=0.8, top_k=40, top_p=0.9, seed=1))

    def reset(self):
        self.engine.truncate(0)

    def read(self, ids):
        self._prefill(ids)
        return self.engine.step(ids[-1], self.sampler)[0]

    def read_sampled(self, ids):
        self._prefill(ids)
        return self.engine.step(ids[-1], self.drawn)[0]

    def read_logits(self, ids):
        self._prefill(ids)
        return self.engine.logits(ids[-1])

    def _prefill(self, ids):
        if len(ids) > 1:
            self.engine.prefill(ids[:-1])


def load(folder: Path, variant: str):
    return _Ours(Engine(open_bundle(folder / "bundle"), threads=1, backend=variant.partition("-")[2]))
