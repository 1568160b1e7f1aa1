"""Checkpoint to bundle: weights become an ONNX graph that is measured, proved and packed. Needs the `train` extra."""
