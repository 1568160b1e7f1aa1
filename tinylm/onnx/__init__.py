"""ONNX files read with bounds, and the kernels that ONNX Runtime takes for a graph on a processor."""
