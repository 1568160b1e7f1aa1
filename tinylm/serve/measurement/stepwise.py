"""The server of the memory probe: the same process as `tinylm serve`, which stops after each part that it is built of.

    python -m tinylm.serve.measurement.stepwise BUNDLE [OPTION ...]

On stdout it says the name of each part that is there now, and goes on when a line comes on stdin, so that another
process can read its memory meanwhile. After the last part it serves, as `python -m tinylm.serve` does with the options.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # the module `typing` takes memory
if TYPE_CHECKING:
    from collections.abc import Collection

    from tinylm.serve.served_model import ServedModel


def _step(name: str) -> None:
    print(name, flush=True)
    sys.stdin.readline()


def main() -> int:
    """Build up and serve; returns the exit code."""
    import asyncio
    import importlib

    from tinylm.base.errors import TinylmError, show_error
    from tinylm.bundle.reading import open_bundle
    from tinylm.runtime.backends.opening import serving
    from tinylm.runtime.content_filter import load_filter
    from tinylm.serve import opening, scheduler  # noqa: F401
    from tinylm.serve.__main__ import parse
    from tinylm.tokenizer.tokenizer import Tokenizer

    (path,), settings = parse(sys.argv[1:])
    _step("tinylm and the standard library")
    from tinylm.serve.server import Running, until_told

    _step("HTTP server")
    try:
        # What is made here and let go is made again where the bundle is opened.
        load_filter(settings.filter)
        _step("content filter")
        Tokenizer(open_bundle(path).tokenizer)
        _step("tokenizer")
        if serving(settings.backend) == "native":
            importlib.import_module("tinylm.runtime.backends.native")
            _step("native engine")
        else:
            importlib.import_module("tinylm.runtime.libraries")
            _step("numpy")
            importlib.import_module("tinylm.runtime.backends.onnxruntime_session")
            _step("onnxruntime")
        with Running([path], settings) as running:
            _fill(running.server.models.values())
            asyncio.run(until_told(running))
    except TinylmError as error:
        show_error(error)
        return error.exit_code
    return 0


def _fill(models: Collection[ServedModel]) -> None:
    """Take the memory of the longest texts for as many clients as there may be."""
    import os

    _step("graph and weights")
    for model in models:
        model.fill_caches()
    _step("key/value caches")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # that was the last


if __name__ == "__main__":
    _step("interpreter")
    sys.exit(main())
