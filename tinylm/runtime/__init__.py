"""Bundle to text on a device: numpy, onnxruntime and sentencepiece, and nothing that training needs.

    engine.py       the ONNX graph with its KV cache: `Engine`
    libraries.py    numpy and ONNX Runtime, loaded without what a device does not need
    requirements.py what the bundle asks of the device: `check_requirements`
    sampling.py     logits to the next token: `Sampling`, `Sampler`
    generation.py   prompt to text, piece by piece: `generate`, `generate_ids`
    scoring.py      how many bits a text costs: `text_bits`
    probe.py        the fresh process that is measured against a budget
    __main__.py     python -m tinylm.runtime BUNDLE --prompt "..."

This package imports nothing by itself, so that a process pays only for the modules it uses.
"""
