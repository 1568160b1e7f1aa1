"""The plain way from torch to ONNX Runtime: `torch.onnx.export`, keys and values as tensors that grow, numpy chooses.

Feeding numpy arrays is the fastest way to run it: with OrtValues or an IOBinding, whose outputs must be bound anew for
every length, a token takes a quarter to two thirds longer (measured).
`int8` is what `onnxruntime.quantization.quantize_dynamic` makes of the same file.
"""

from __future__ import annotations

from pathlib import Path

PACKAGES = ("onnxruntime", "torch", "onnx", "numpy")


def convert(source, variant, folder):
    """Export with two free lengths: of what is read, and of what was read before."""
    import torch
    from peers.cached_model import GrowingCache, trained

    model, layers = trained(source), source.model["n_layer"]
    shape = (1, source.model["n_kv_head"], 7, source.head_dim)  # any past that is neither empty nor one
    past = tuple(torch.zeros(shape) for _ in range(2 * layers))
    reads, before = torch.export.Dim("reads", max=source.model["context_length"] // 2), torch.export.Dim("before")
    names = [f"{layer}.{part}" for layer in range(layers) for part in ("key", "value")]
    path = folder / "fp32.onnx"
    torch.onnx.export(
        GrowingCache(model),
        (torch.zeros((1, 5), dtype=torch.int64), *past),
        path,
        input_names=["ids", *(f"past.{name}" for name in names)],
        output_names=["logits", *(f"present.{name}" for name in names)],
        dynamic_shapes=({1: reads}, tuple({2: before} for _ in past)),
        dynamo=True,
        external_data=False,
    )
    if variant == "fp32":
        return [path]
    from onnxruntime.quantization import quant_pre_process, quantize_dynamic

    prepared, quantized = folder / "prepared.onnx", folder / "int8.onnx"
    quant_pre_process(path, prepared, skip_symbolic_shape=True)
    quantize_dynamic(prepared, quantized)
    return [quantized]


class _Exporter:
    def __init__(self, path: Path) -> None:
        import numpy as np
        import onnxruntime

        self.np = np
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        _, *caches = self.session.get_inputs()
        self.names = [cache.name for cache in caches]
        _, heads, _, head_dim = caches[0].shape
        self.empty = np.zeros((1, heads, 0, head_dim), np.float32)
        self.past = {}

    def reset(self):
        self.past = dict.fromkeys(self.names, self.empty)

    def read(self, ids):
        return int(self.read_logits(ids).argmax())

    def read_logits(self, ids):
        logits, *present = self.session.run(None, {"ids": self.np.array([ids]), **self.past})
        self.past = dict(zip(self.names, present, strict=True))
        return logits[0]


def load(folder: Path, variant: str):
    return _Exporter(folder / f"{variant}.onnx")
