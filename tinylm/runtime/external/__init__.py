"""A decoder that was exported elsewhere (`tinylm.external_decoder.description`), run as plainly as its graph allows, to
be measured.

    engine.py       one sequence of it, over onnxruntime's own Python module: `PlainEngine`
    text.py         its tokenizer, or token ids where it has none
    subject.py      all of it as the probe wants it: `PlainSubject`

Loaded for such a decoder only; a process that runs a bundle pays nothing for it.
"""
