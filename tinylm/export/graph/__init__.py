"""The transformer as an ONNX graph, part by part."""
