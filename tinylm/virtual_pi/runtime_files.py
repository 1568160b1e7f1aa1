"""The part of tinylm that a device runs, as one archive: the very files that are imported here.

No wheel is built, so nothing but this Python is needed; a test unpacks the archive elsewhere and imports the probe.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import tinylm

PARTS = (
    *("__init__.py", "errors.py", "files.py", "records.py", "model_config.py", "bundle.py", "tokenizer.py"),
    *("numerals.py", "onnx_wire.py", "onnx_file.py", "decoder_graph.py", "decoder.py"),
    *("machine/__init__.py", "machine/kernel_files.py", "machine/cpuinfo.py", "machine/onnxruntime_version.py"),
    "runtime",
)
"""What `tinylm.runtime.probe` imports, as the import rules allow it."""


def runtime_archive() -> bytes:
    """A tar archive with the folder `tinylm/`; the same files give the same bytes."""
    package = Path(tinylm.__file__).resolve().parent
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for part in PARTS:
            found = package / part
            for file in sorted(found.rglob("*.py")) if found.is_dir() else [found]:
                entry = tarfile.TarInfo(f"tinylm/{file.relative_to(package).as_posix()}")
                entry.size, entry.mode = file.stat().st_size, 0o644
                with file.open("rb") as content:
                    archive.addfile(entry, content)
    return data.getvalue()
