"""Bundle to text on a device: the native engine or ONNX Runtime, and nothing that training needs.

    model.py             a bundle's model, open and shared: `Model`; requirements.py: what it asks of the device
    engine.py            one sequence of it, with its KV cache: `Engine`
    external_engine.py   the same for a decoder that was exported elsewhere: `ExternalEngine`
    backends/            what runs a bundle; contract.py says what a new backend or engine must do
    sampling.py          how the next token is chosen: `Sampling`, `Sampler`; the backends do it,
    logits.py            and the same from logits that come from elsewhere,
    numpy_sampling.py    and in numpy as the reference (libraries.py loads numpy as a device wants it)
    generation.py        prompt to tokens, and tokens to text: `generate_ids`, `TextDecoder`
    completion.py        a text that is being written, a step at a time: `Completion`, `generate`
    chat_template.py     messages to the text that a model continues: `ChatTemplate`, `fit_messages`;
    jinja_sandbox.py     and a bundle's own template, with a bound on what it costs (jinja_guard.py puts the meter in)
    content_filter.py    what a model is not asked for and does not write: `load_filter`; its lists are in filters/,
    phrases.py           and how their phrases are written and found;
    redaction.py         e-mail addresses and telephone numbers go: `Redaction`
    scoring.py           how many bits a text costs: `text_bits`
    threads.py           how many threads are fastest on this device: `calibrated_threads`
    print_text.py        what `tinylm generate` does; __main__.py: python -m tinylm.runtime BUNDLE --prompt "..."
    measurement/         the probes: fresh processes that are measured

This package imports nothing by itself, so that a process loads only the modules it uses.
"""
