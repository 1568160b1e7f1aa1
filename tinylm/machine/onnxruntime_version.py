"""Which ONNX Runtime is installed, whatever its package is called, without importing it: on some boards that kills."""

from __future__ import annotations

import re
from pathlib import Path


def installed_onnxruntime() -> str | None:
    """The version, from a file of the module: packages that hold it have several names, and metadata takes memory.

    None when it is missing, or when its build keeps the version elsewhere.
    """
    import importlib.util  # not where the native engine serves: it takes memory

    spec = importlib.util.find_spec("onnxruntime")
    for folder in () if spec is None else spec.submodule_search_locations or ():
        try:
            text = Path(folder, "capi", "build_and_package_info.py").read_text(encoding="utf-8")
        except (OSError, UnicodeError):
            continue
        if found := re.search(r"""^__version__ = ["']([^"']+)["']$""", text, re.MULTILINE):
            return found[1]
    return None
