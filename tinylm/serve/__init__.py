"""A bundle over HTTP: the API that clients of OpenAI speak, a page for a browser, and figures for who watches it.

    __main__.py          `python -m tinylm.serve BUNDLE`, which `tinylm serve` becomes; settings.py: its options
    server.py            from start to end: socket (listening.py), token (token_file.py), models (opening.py), signals
    protocol.py          a connection, with limits on what slow clients hold
    app.py               paths, errors, and what is counted and logged (metrics.py, request_log.py)
    guard.py             who may ask: Host, Origin, token, rate
    answering.py         a request to its answer, whole or as a stream; body.py reads, choice.py is one of its texts,
    remembered.py        which may be known already
    page/                what a browser gets at `/`
    api/                 what the API takes and gives, declared once; models_list.py: what /v1/models says
    scheduler.py         who is next: a bounded, fair queue, and one thread in which texts take turns
    served_model.py      a bundle that is served: opened once, with an engine for each text that is being written

Needs the extra `serve`. This package imports nothing by itself.
"""
