"""What runs the graph: ONNX Runtime through its C library, or through its Python module."""
