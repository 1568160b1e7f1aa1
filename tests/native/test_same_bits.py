"""Every processor and every instruction set gives the same bits: of all logits, of a text's cost, of what is chosen.

The engine is compiled for each processor that tinylm has programs for. Those of this machine run here with every
instruction set that it has, the others emulated.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tinylm.emulation.emulator import INSTALL, emulation
from tinylm.emulation.processors import PROCESSORS
from tinylm.export.graph.graph import build_graph
from tinylm.model import weight_shapes
from tinylm.native.build import NATIVE, Product, build
from tinylm.native.image import build_image
from tinylm.native.library import load
from tinylm.native.targets import ARCHITECTURES, Target
from tinylm.settings.model import ModelConfig

LLAMA = {"architecture": "llama", "vocab_size": 203, "context_length": 48, "n_layer": 2, "n_head": 4, "n_kv_head": 2}
CLASSIC = {**LLAMA, "architecture": "classic", "n_kv_head": 4}
FORMS = {
    # the shape, then how it is stored
    "int8": ({**LLAMA, "d_model": 64, "d_ff": 96}, {}),
    "odd": ({**LLAMA, "n_head": 3, "n_kv_head": 1, "d_model": 48, "d_ff": 75}, {}),
    "fp32": ({**LLAMA, "d_model": 64, "d_ff": 96}, {"scheme": "fp32"}),
    "mixed": ({**LLAMA, "d_model": 64, "d_ff": 96}, {"embedding": "fp32"}),
    "cache": ({**LLAMA, "d_model": 64, "d_ff": 96}, {"int8_cache": True}),
    "window": ({**LLAMA, "d_model": 64, "d_ff": 96, "sliding_window": 19}, {}),
    "classic": ({**CLASSIC, "n_head": 3, "n_kv_head": 3, "d_model": 24, "d_ff": 90}, {}),
    "classic-fp32": ({**CLASSIC, "d_model": 64, "d_ff": 96}, {"scheme": "fp32"}),
}
EMULATED = {
    "Cortex-A53": ("aarch64", {"neon", "scalar"}),
    "Cortex-A76": ("aarch64", {"dotprod", "neon", "scalar"}),
    "Cortex-A7": ("armv7", {"neon", "scalar"}),
    "ARM1176": ("armv6", {"smlad", "scalar"}),
    "RV64GC": ("riscv64", {"scalar"}),
}


def compiled(architecture: str, folder: Path) -> Path:
    """The engine for an architecture with the `main` of same_bits.c; as the standalone program is compiled."""
    pytest.importorskip("ziglang", reason="pip install ziglang: it compiles the engine")
    sources = folder / "sources"
    if not sources.is_dir():
        sources.mkdir()
        (sources / "engine").symlink_to(NATIVE / "engine")
        (sources / "same_bits").mkdir()
        shutil.copy(Path(__file__).with_name("same_bits.c"), sources / "same_bits")
    product = Product(
        target=Target(architecture=ARCHITECTURES[architecture], c_library="musl"),
        output=folder / architecture,
        folders=("engine", "engine/kernels", "same_bits"),
        compiling=(),
        linking=("-static", "-s"),
    )
    build(product, sources)
    return product.output


def hashes(command: list[str]) -> dict[str, str]:
    """By instruction set."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return dict(line.split() for line in done.stdout.splitlines())


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The weights of each form, random, as the engine reads them."""
    folder, found = tmp_path_factory.mktemp("images"), {}
    for name, (shape, form) in FORMS.items():
        config, rng = ModelConfig(**shape), np.random.default_rng(3)
        weights = {
            key: (rng.uniform(0.5, 1.5, size) if len(size) == 1 else rng.standard_normal(size) * size[1] ** -0.5)
            for key, size in weight_shapes(config).items()
        }
        keys = config.n_kv_head * config.head_dim
        parts = [f"{layer}.{part}" for layer in range(config.n_layer) for part in ("key", "value")]
        model = build_graph(
            config,
            {key: values.astype(np.float32) for key, values in weights.items()},
            scheme=form.get("scheme", "int8"),
            embedding=form.get("embedding", form.get("scheme", "int8")),
            cache_scales={part: np.full(keys, 0.02, np.float32) for part in parts} if "int8_cache" in form else None,
        )
        (folder / "model.onnx").write_bytes(model)
        image = build_image(load(), folder / "model.onnx", config)
        found[name] = folder / f"{name}.image"
        found[name].write_bytes(image.data)
    return found


@pytest.fixture(scope="session")
def here(images: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """The hashes of each form by this machine's instruction sets."""
    tags = {architecture.tag: name for name, architecture in ARCHITECTURES.items()}
    if platform.machine() not in tags:
        pytest.skip(f"nothing is compiled for {platform.machine()}")
    program = compiled(tags[platform.machine()], tmp_path_factory.mktemp("here"))
    return {name: hashes([str(program), str(image)]) for name, image in images.items()}


@pytest.mark.parametrize("form", list(FORMS))
def test_each_instruction_set_of_this_machine(form: str, here: dict[str, dict[str, str]]) -> None:
    found = here[form]
    assert "scalar" in found
    assert len(set(found.values())) == 1, found


def test_the_hash_tells_models_apart(here: dict[str, dict[str, str]]) -> None:
    assert len({found["scalar"] for found in here.values()}) == len(FORMS)


@pytest.mark.slow  # the first time, a C library is compiled for each processor
@pytest.mark.parametrize("name", list(EMULATED))
def test_each_other_processor(
    name: str,
    images: dict[str, Path],
    here: dict[str, dict[str, str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    processor, (architecture, sets) = PROCESSORS[name], EMULATED[name]
    if shutil.which(processor.emulator) is None:
        pytest.skip(f"{processor.emulator} is not installed: {INSTALL}")
    program = compiled(architecture, tmp_path_factory.getbasetemp())
    with emulation(processor) as emulated:
        for form, image in images.items():
            found = hashes(emulated.command([str(program), str(image)]))
            assert set(found) == sets
            assert set(found.values()) == {here[form]["scalar"]}, (form, found, here[form])
