"""The transformer as an ONNX graph, part by part.

attention.py     as `tinylm.model.attention`, in nodes
blocks.py        as `tinylm.model.blocks`
transformer.py   as `tinylm.model.transformer`
sampler.py       the choice of the next token
graph.py         all of it as the bytes of `model.onnx`: `build_graph`
model_graph.py   weights to constants and products, float32 or int8;  nodes.py: any graph
quantization.py  matrices to int8
weights.py       which weights are refused; a graph's weights back
"""
