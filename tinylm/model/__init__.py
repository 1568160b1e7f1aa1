"""The transformer as a torch module, built from its configuration.

attention.py     rotary positions, causal self-attention with grouped key/value heads
blocks.py        feed-forward layers, and a block that normalises before or after its parts
transformer.py   the whole model, and the two architectures that are built of these

`tinylm.export.graph` writes the same model as an ONNX graph, in files of the same names.
"""

from tinylm.model.transformer import TinyTransformer, build, count_parameters, from_weights, weight_shapes

__all__ = ["TinyTransformer", "build", "count_parameters", "from_weights", "weight_shapes"]
