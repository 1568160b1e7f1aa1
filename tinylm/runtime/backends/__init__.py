"""What runs a bundle: tinylm's own engine in C (`native`), or its graph in ONNX Runtime (`onnxruntime`)."""
