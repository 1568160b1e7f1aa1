"""Bundle to text on a device: ONNX Runtime and sentencepiece, and nothing that training needs.

    model.py        a bundle's graph, open and shared: `Model`
    engine.py       one sequence of it, with its KV cache: `Engine`
    sampling.py     how the next token is chosen: `Sampling`, `Sampler`
    numpy_sampling.py the same choice in numpy, for graphs that do not choose themselves
    session.py      a model file becomes an open graph: `open_session`, by one of two backends:
    lean.py         ONNX Runtime's C library through ctypes (c_api.py), without numpy
    reference.py    onnxruntime's own Python module
    contract.py     what a backend is, and an engine to generation; buffers.py: the memory that it works on
    libraries.py    numpy, and process.py: loaded without what a device does not need
    requirements.py what the bundle asks of the device: `check_requirements`
    generation.py   prompt to text, piece by piece: `generate`, `generate_ids`
    conversation.py text in turns, of which only what is new is read: `Conversation`
    threads.py      how many threads are fastest on this device: `calibrated_threads`
    scoring.py      how many bits a text costs: `text_bits`
    golden.py       does this machine reproduce what came with a bundle: `verify_golden`
    plain/          a decoder that was exported elsewhere
    subject.py      what a probe measures: a bundle, or such a decoder
    probe.py        the fresh process that is measured against a budget
    profile_child.py the fresh process that a profile is measured in
    __main__.py     python -m tinylm.runtime BUNDLE --prompt "..."

This package imports nothing by itself, so that a process pays only for the modules it uses.
"""
