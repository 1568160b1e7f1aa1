"""A bundle as one executable file: engine, weights, tokenizer and evidence, for a board where nothing is installed.

    made = export_standalone(bundle, "pi-zero-2w", Path("hello"), say=say)

Imports no torch: a bundle is enough. The file is made under another name, runs its own golden tokens where that is
possible (on a processor of this kind, or in qemu's emulation of another), and only then gets its name.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.files import sync_folder
from tinylm.base.progress import ProgressBar
from tinylm.base.records import nearest
from tinylm.budget.spec.budget import load_budget, shipped_budgets
from tinylm.bundle.manifest import Golden
from tinylm.bundle.reading import Bundle
from tinylm.emulation.emulator import INSTALL
from tinylm.emulation.processors import processor_of
from tinylm.native.build import build, is_current, program
from tinylm.native.image import build_image
from tinylm.native.library import load
from tinylm.native.payload import about, standalone
from tinylm.native.targets import ARCHITECTURES
from tinylm.runtime.engine import Engine
from tinylm.tokenizer.native_pieces import NotCovered, pieces_image
from tinylm.tokenizer.unicode_tables import unicode_tables

_GOLDEN_S = 600


@dataclass(frozen=True, kw_only=True)
class Standalone:
    """The file that was made."""

    path: Path
    architecture: str
    size_bytes: int
    weights_bytes: int
    """Of it the image of the weights."""
    checked: str
    """How its golden tokens were compared, or why they were not, in words."""


def architecture_of(target: str) -> str:
    """The name of the processors that `target`, one of them or a budget's board, has; TinylmError for any other."""
    if target in ARCHITECTURES:
        return target
    if target not in shipped_budgets() and not target.endswith(".toml"):
        known = (*ARCHITECTURES, *shipped_budgets())
        raise TinylmError(f"`{target}` is no board and no processor", nearest(target, known))
    machine = load_budget(target).device.arch or os.uname().machine  # a budget that names none is for any machine
    for name, architecture in ARCHITECTURES.items():
        if machine == architecture.tag:
            return name
    raise TinylmError(f"no program is made for the processor `{machine}`", f"one of {', '.join(ARCHITECTURES)}")


def export_standalone(bundle: Bundle, target: str, output: Path, *, say: Callable[[str], None]) -> Standalone:
    """Write the bundle as one program for `target` to `output`.

    TinylmError when the target is unknown, the program cannot be compiled or the file not be written, and with exit
    code 1 when the golden tokens come out otherwise; what was there before then stays.
    """
    architecture = architecture_of(target)
    if output.is_dir():
        raise TinylmError(f"`{output}` is a folder", "name the file that is to be made: --output FILE")
    product = program(architecture)
    say(f"making the program for {architecture}")
    if not is_current(product):
        say("compiling it; the first for a processor takes minutes, because its C library is compiled too")
        with ProgressBar("compiling", say=say):
            build(product)
    image = build_image(load(), bundle.model, bundle.manifest.model)
    data = standalone(
        product.output.read_bytes(),
        image=image.data,
        tokenizer=_tokenizer_image(bundle),
        golden=_golden(bundle),
        about=about(bundle),
    )
    partial = output.with_name(output.name + ".partial")
    try:
        _write(partial, data)
        checked = _check_golden(partial, architecture)
        partial.replace(output)
        sync_folder(output.parent)
    except OSError as error:
        raise TinylmError(
            f"cannot write `{output}`: {error.strerror}", "check the folder and the disk space"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return Standalone(
        path=output,
        architecture=architecture,
        size_bytes=len(data),
        weights_bytes=image.nbytes,
        checked=checked,
    )


def _golden(bundle: Bundle) -> Golden:
    """The bundle's evidence, with the bits of all logits as they are here where it has none."""
    golden = bundle.golden()
    if golden.logits_hash is not None:
        return golden
    with Engine(bundle, backend="native") as engine:
        return dataclasses.replace(golden, logits_hash=engine.logits_hash(golden.prompts))


def _tokenizer_image(bundle: Bundle) -> bytes:
    try:
        return pieces_image(bundle.tokenizer.read_bytes(), unicode_tables())
    except NotCovered as error:
        raise TinylmError(
            "the bundle's tokenizer has rules that only SentencePiece has", "use the bundle itself, with tinylm"
        ) from error


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(0o755)


def _check_golden(path: Path, architecture: str) -> str:
    """How the golden tokens were compared, or why not; TinylmError with exit code 1 when something differs."""
    command, where = _runner(path.resolve(), architecture)
    if command is None:
        return where
    try:
        done = subprocess.run(
            [*command, "--golden"], stdin=subprocess.DEVNULL, capture_output=True, timeout=_GOLDEN_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"not checked: it gave no answer within {_GOLDEN_S} s {where}"
    except OSError as error:
        return f"not checked: it cannot be started {where}: {error.strerror}"
    lines = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
    if done.returncode == 0 and lines:
        return f"{lines[-1]}, {where}"
    raise TinylmError(
        f"the file does not answer as the bundle {where}: {lines[0] if lines else f'it ended with {done.returncode}'}",
        "export the bundle again; this is a bug of tinylm",
        exit_code=1,
    )


def _runner(path: Path, architecture: str) -> tuple[list[str] | None, str]:
    """What starts the file on this machine, and where that is in words; None, and why nothing does."""
    machine = os.uname().machine
    if machine == ARCHITECTURES[architecture].tag:
        return [str(path)], "on this machine"
    processor = processor_of(ARCHITECTURES[architecture].tag, isa=())
    emulator = None if processor is None else shutil.which(processor.emulator)
    if processor is None or emulator is None:
        missing = "" if processor is None else f", where {processor.emulator} is not installed ({INSTALL})"
        return None, f"not checked: this machine is {machine}{missing}; check it on its own with --golden"
    cpu = [] if processor.cpu is None else ["-cpu", processor.cpu]
    return [emulator, *cpu, str(path)], f"on an emulated {processor.name}"
