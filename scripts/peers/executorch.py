"""ExecuTorch with the XNNPACK delegate: 8-bit weights per row, activations quantized per token, from its Python module.

Attention and cache are ExecuTorch's own custom operator, as in its export of LLaMA models.
"""

from __future__ import annotations

from pathlib import Path

PACKAGES = ("executorch", "torch", "torchao", "numpy")


def convert(source, variant, folder):
    """Quantize with torchao, export with a free length, lower all that XNNPACK takes."""
    import executorch.kernels.quantized  # noqa: F401 - it and `custom_ops` register their operators
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import (
        XnnpackDynamicallyQuantizedPartitioner,
        XnnpackPartitioner,
    )
    from executorch.exir import EdgeCompileConfig, ExecutorchBackendConfig, to_edge_transform_and_lower
    from executorch.exir.passes.quant_fusion_pass import QuantFusionPass
    from executorch.exir.passes.sym_shape_eval_pass import ConstraintBasedSymShapeEvalPass
    from executorch.extension.llm.custom_ops import custom_ops  # noqa: F401
    from peers.cached_model import trained
    from peers.fixed_cache import FixedCache
    from torchao.quantization.granularity import PerAxis
    from torchao.quantization.quant_api import (
        Int8DynamicActivationIntxWeightConfig,
        IntxWeightOnlyConfig,
        quantize_,
    )
    from torchao.utils import unwrap_tensor_subclass

    model = trained(source)
    # Linear layers and embeddings are quantized differently, so the tied table is there twice.
    model.head = torch.nn.Linear(*reversed(model.output_weight.shape), bias=False)
    model.head.weight = torch.nn.Parameter(model.embedding.weight.detach().clone())
    by_row = {"weight_dtype": torch.int8}
    quantize_(
        model,
        IntxWeightOnlyConfig(granularity=PerAxis(0), **by_row),
        lambda module, _: isinstance(module, torch.nn.Embedding),
    )
    quantize_(model, Int8DynamicActivationIntxWeightConfig(weight_granularity=PerAxis(0), **by_row))
    model = unwrap_tensor_subclass(model)
    context = source.model["context_length"]
    reads = torch.export.Dim("reads", max=context - 1)
    example = torch.zeros((1, 5), dtype=torch.int64), torch.zeros(1, dtype=torch.int64)
    with torch.no_grad():
        exported = torch.export.export(FixedCache(model, context), example, dynamic_shapes=({1: reads}, None))
    program = to_edge_transform_and_lower(
        exported,
        partitioner=[XnnpackDynamicallyQuantizedPartitioner(), XnnpackPartitioner()],
        compile_config=EdgeCompileConfig(_check_ir_validity=False, _skip_dim_order=True),
    ).to_executorch(
        ExecutorchBackendConfig(
            passes=[QuantFusionPass()],
            sym_shape_eval_pass=ConstraintBasedSymShapeEvalPass(),
            do_quant_fusion_and_const_prop=True,
        )
    )
    path = folder / "model.pte"
    path.write_bytes(program.buffer)
    return [path]


class _ExecuTorch:
    def __init__(self, path: Path) -> None:
        import executorch.kernels.quantized  # noqa: F401 - these two register their operators
        import torch
        from executorch.extension.llm.custom_ops import custom_ops  # noqa: F401
        from executorch.extension.pybindings.portable_lib import _load_for_executorch, _unsafe_reset_threadpool

        _unsafe_reset_threadpool(1)
        self.tensor = torch.tensor
        self.module = _load_for_executorch(str(path))
        self.length = 0

    def reset(self):
        self.length = 0

    def read(self, ids):
        return int(self.read_logits(ids).argmax())

    def read_logits(self, ids):
        (logits,) = self.module.forward((self.tensor([ids]), self.tensor([self.length])))
        self.length += len(ids)
        return logits[0]


def load(folder: Path, variant: str):
    return _ExecuTorch(folder / "model.pte")
