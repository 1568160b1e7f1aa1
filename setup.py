"""Says that Python is too old before pip looks for packages; everything else is in pyproject.toml.

pip weighs `requires-python` together with all other packages, so an old Python was told of some package it has never
heard of, after minutes. Written so that every Python back to 2.7 can read it.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    sys.stderr.write(
        "error: this is Python %d.%d; tinylm needs Python 3.11 or newer\n\n"  # noqa: UP031
        "hint: make the virtual environment with a newer one: python3.11 -m venv .venv\n" % sys.version_info[:2]
    )
    sys.exit(2)

from setuptools import setup

setup()
