"""The part of tinylm that a device runs, as one archive: the very files that are imported here, and the C library.

No wheel is built. The library is compiled for the device when it is first needed, where its sources have not changed
since; a test unpacks the archive elsewhere and imports the probe.
"""

from __future__ import annotations

import ast
import io
import tarfile
from pathlib import Path

from tinylm.base.errors import TinylmError, say
from tinylm.base.package import PACKAGE
from tinylm.base.progress import ProgressBar
from tinylm.native.build import BuildError, build, library
from tinylm.native.library import LIBRARY
from tinylm.native.targets import ARCHITECTURES, Target

_DEVICE = Target(architecture=ARCHITECTURES["aarch64"], c_library="gnu")


def runtime_archive() -> bytes:
    """A tar archive with the folder `tinylm/`; the same files give the same bytes.

    TinylmError (exit code 3) where the library is not there and cannot be compiled.
    """
    data = io.BytesIO()
    files = {file: file for file in _runtime_files(PACKAGE)}
    files[LIBRARY] = device_library()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for place, file in files.items():
            entry = tarfile.TarInfo(f"tinylm/{place.relative_to(PACKAGE).as_posix()}")
            entry.size, entry.mode = file.stat().st_size, 0o644
            with file.open("rb") as content:
                archive.addfile(entry, content)
    return data.getvalue()


def device_library() -> Path:
    """The C library for an aarch64 board with glibc, such as a Raspberry Pi with its 64-bit system."""
    product = library(_DEVICE, LIBRARY.parent / "boards" / f"{_DEVICE.triple}.so")
    try:
        with ProgressBar("compiling the engine for the board", say=say):
            build(product)
    except BuildError as error:
        raise TinylmError(f"no C library for the board: {error.message}", error.hint, exit_code=3) from error
    return product.output


def _runtime_files(package: Path) -> list[Path]:
    """The folder `runtime`, and what its modules import, at the top or inside a function, and so on."""
    waiting, found = {*(package / "runtime").rglob("*.py")}, set[Path]()
    while waiting:
        file = waiting.pop()
        found.add(file)
        for name in _imported(file):
            path = package.parent.joinpath(*name.split("."))
            folders = [path, *path.parents][: name.count(".") + 1]
            modules = {path.with_suffix(".py"), *(folder / "__init__.py" for folder in folders)}
            waiting |= {module for module in modules if module.is_file()} - found
    return sorted(found)


def _imported(file: Path) -> set[str]:
    """Modules of tinylm that a file imports, and names that may be one."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in names if name.split(".")[0] == "tinylm"}
