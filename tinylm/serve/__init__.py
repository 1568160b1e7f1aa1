"""A bundle over HTTP: the API that clients of OpenAI speak, a page for a browser, and figures for who watches it.

    served_model.py      a bundle that is served: opened once, with an engine for each text that is being written
    scheduler.py         who is next: a bounded, fair queue, and one thread in which texts take turns

Needs the extra `serve`. This package imports nothing by itself.
"""
