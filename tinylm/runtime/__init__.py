"""Bundle to text on a device: numpy, onnxruntime and sentencepiece, and nothing that training needs.

    engine.py       the ONNX graph with its KV cache: `Engine`
    requirements.py what the bundle asks of the device: `check_requirements`
    sampling.py     logits to the next token: `Sampling`, `Sampler`
    generation.py   prompt to text, piece by piece: `generate`, `generate_ids`
    scoring.py      how many bits a text costs: `text_bits`
    probe.py        the fresh process that is measured against a budget
    __main__.py     python -m tinylm.runtime BUNDLE --prompt "..."

This package imports nothing of its own, so that a process pays only for the modules it uses.
"""

import os

# ONNX Runtime's official builds send usage data to their maker and keep an identifier of the device, unless this stands
# in the environment before the library is loaded (Privacy.md in its wheel). A device that runs offline must not do that
# unasked, and it saves 2.9 MB of memory (measured). Whoever wants it sets the variable to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
