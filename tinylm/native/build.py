"""Compiles the C sources with zig's C compiler, which the package `ziglang` brings: for this machine or for another.

    python -m tinylm.native.build                    the library, for this machine: lib/libtinylm.so
    python -m tinylm.native.build check              makes nothing; exit code 1 where that would compile
    python -m tinylm.native.build program aarch64    the program for such boards: lib/programs/aarch64
    python -m tinylm.native.build program            all of them; the first time half a minute each, for its C library

`setup.py` calls it before anything is installed, so it needs the standard library only. What is made is written under
another name and renamed. A file beside it holds the hash of what it was made of, and while that is the same nothing is
compiled. Targets and flags stand in `tinylm.native.targets`.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tinylm.base.errors import TinylmError, say, show_error
from tinylm.native.library import LIBRARY
from tinylm.native.targets import ARCHITECTURES, FLAGS, SMALL, Target, host_target

ZIG = "0.17.1"
"""The release of `ziglang` that pyproject.toml asks for (tested)."""
NATIVE = Path(__file__).resolve().parent
PROGRAMS = LIBRARY.parent / "programs"
_SHOWN_CHARACTERS = 4000


class BuildError(TinylmError):
    """The sources cannot be compiled here; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Product:
    """What can be made for a target, and of what."""

    target: Target
    output: Path
    folders: tuple[str, ...]
    compiling: tuple[str, ...]
    """Flags beside those that every file has."""
    linking: tuple[str, ...]
    """With `-O3`: zig builds its own part of the C library as it is told here, and 250 KB larger when it is not."""

    def fingerprint(self, sources: Path = NATIVE) -> str:
        """A hash of all sources and flags; the compiler is part of the flags, and so is this file's way to call it."""
        digest = hashlib.sha256(repr((ZIG, self.linking, self.commands(sources))).encode())
        for folder in self.folders:
            for file in sorted((*(sources / folder).glob("*.c"), *(sources / folder).glob("*.h"))):
                digest.update(f"{folder}/{file.name}\0".encode() + file.read_bytes())
        return digest.hexdigest()

    def commands(self, sources: Path = NATIVE) -> Mapping[str, list[str]]:
        """How each source is compiled; BuildError for a kernel that is missing in the table."""
        found: dict[str, list[str]] = {}
        for name in (f"{folder}/{file.name}" for folder in self.folders for file in (sources / folder).glob("*.c")):
            try:
                cpu = self.target.cpu(name)
            except KeyError:
                raise BuildError(
                    f"`{name}` is no kernel that is known",
                    "say for which processors: KERNELS in tinylm/native/targets.py",
                ) from None
            if cpu is not None:
                small = SMALL if self.target.is_idle(name) else ()
                found[name] = ["-target", self.target.triple, f"-mcpu={cpu}", *FLAGS, *self.compiling, *small]
        return dict(sorted(found.items()))


def library(target: Target, output: Path = LIBRARY) -> Product:
    """The shared library."""
    return Product(
        target=target,
        output=output,
        folders=("engine", "engine/kernels", "tokenizer"),
        compiling=("-fPIC",),
        linking=("-O3", "-shared", "-s"),
    )


def program(architecture: str, output: Path | None = None) -> Product:
    """The program that needs nothing else; BuildError for an unknown architecture."""
    if architecture not in ARCHITECTURES:
        raise BuildError(f"no processor is called `{architecture}`", f"one of {', '.join(ARCHITECTURES)}")
    return Product(
        target=Target(architecture=ARCHITECTURES[architecture], c_library="musl"),
        output=output or PROGRAMS / architecture,
        folders=("engine", "engine/kernels", "tokenizer", "program"),
        compiling=("-ffunction-sections", "-fdata-sections", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables"),
        linking=("-O3", "-static", "-s", "-Wl,--gc-sections"),
    )


def is_current(product: Product, sources: Path = NATIVE) -> bool:
    """Whether it is there and was made of what is here now."""
    try:
        made_of = stamp(product.output).read_text(encoding="ascii")
    except (OSError, ValueError):
        return False
    return product.output.is_file() and made_of == product.fingerprint(sources)


def build(product: Product, sources: Path = NATIVE) -> bool:
    """Make it, unless it is current; True when it was made. BuildError when that fails, and what was there stays."""
    if is_current(product, sources):
        return False
    commands = product.commands(sources)
    for folder in sorted({"engine", "program"} & set(product.folders)):
        if not any(name.startswith(f"{folder}/") for name in commands):
            raise BuildError(f"the C sources are missing: `{sources / folder}`", "install tinylm from a checkout")
    if importlib.util.find_spec("ziglang") is None:
        raise BuildError("the package `ziglang`, which compiles C, is not installed", f"pip install ziglang=={ZIG}")
    partial = product.output.with_name(f".{product.output.name}.{os.getpid()}.partial")
    try:
        product.output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="tinylm-native-") as folder:
            objects = {name: str(Path(folder, f"{number}.o")) for number, name in enumerate(commands)}
            calls = [[*flags, "-c", str(sources / name), "-o", objects[name]] for name, flags in commands.items()]
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(_compile, calls))
            target, cpu = product.target, f"-mcpu={product.target.architecture.cpu}"
            _compile(["-target", target.triple, cpu, *product.linking, *objects.values(), "-o", str(partial)])
        partial.replace(product.output)
        stamp(product.output).write_text(product.fingerprint(sources), encoding="ascii")
    except OSError as error:
        raise BuildError(
            f"cannot write `{product.output}`: {error.strerror}", "check the folder and the disk space"
        ) from error
    finally:
        with contextlib.suppress(OSError):  # the folder itself may be what is wrong
            partial.unlink(missing_ok=True)
    return True


def stamp(output: Path) -> Path:
    """The file that holds what `output` was made of."""
    return output.with_name(f"{output.name}.made-of")


def _compile(arguments: Sequence[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ziglang", "cc", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = done.stderr[-_SHOWN_CHARACTERS:].strip() or "it said nothing"
        raise BuildError(f"zig cc ended with {done.returncode}:\n{said}")
    if done.stderr.strip():
        say(done.stderr.strip()[-_SHOWN_CHARACTERS:])


def main(arguments: list[str]) -> int:
    """The exit code: 2 where nothing can be built."""
    try:
        if arguments in ([], ["check"]):
            target = host_target()
            products = [] if target is None else [library(target)]  # without a target ONNX Runtime runs the models
            if arguments:
                return int(not all(map(is_current, products)))
        elif arguments[0] == "program":
            products = [program(name) for name in arguments[1:] or ARCHITECTURES]
        else:
            raise BuildError(
                f"`{arguments[0]}` is nothing that can be built", "leave it out, or say `check` or `program`"
            )
        for product in products:
            if not is_current(product):
                say(f"compiling {product.output.name} for {product.target.triple}")
                build(product)
    except BuildError as error:
        show_error(error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
