"""The plugin of counter.c as a library: compiled when it is first needed, and kept in the user's cache folder.

It is for this machine's own processor and C library. The C compiler of the system does, or that of the package
`ziglang`; qemu's header files are not needed.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tinylm.base.cache_folder import cache_folder
from tinylm.base.errors import TinylmError
from tinylm.base.files import sha256_bytes

SOURCE = Path(__file__).with_name("counter.c")
_FLAGS = ("-O2", "-shared", "-fPIC", "-fvisibility=hidden")


def counter_library() -> Path:
    """The compiled plugin; TinylmError (exit code 3: nothing can be counted here) when it cannot be compiled."""
    source = SOURCE.read_bytes()
    library = cache_folder("emulation") / f"counter-{sha256_bytes(source)[:16]}.so"
    if library.is_file():
        return library
    partial = library.with_suffix(f".{os.getpid()}.partial")
    try:
        library.parent.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [*_compiler(), *_FLAGS, str(SOURCE), "-o", str(partial)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            raise TinylmError(f"the instruction counter cannot be compiled: {done.stderr.strip()[:400]}", exit_code=3)
        partial.replace(library)
    except OSError as error:
        raise TinylmError(
            f"cannot write `{library}`: {error.strerror}", "set XDG_CACHE_HOME to a folder of your own", exit_code=3
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return library


def _compiler() -> list[str]:
    if found := shutil.which("cc") or shutil.which("gcc"):
        return [found]
    if importlib.util.find_spec("ziglang") is not None:
        return [
            sys.executable,
            "-m",
            "ziglang",
            "cc",
        ]  # run here and by nobody else, so the host's own processor is fine
    raise TinylmError(
        "no C compiler is installed, and the instruction counter must be compiled",
        "pip install ziglang, or install the system's: sudo apt-get install gcc libc6-dev",
        exit_code=3,
    )
