"""`scripts/installation` with the real pip, and package indexes on 127.0.0.1 that have a torch of a few bytes."""

from __future__ import annotations

import functools
import http.server
import io
import os
import shutil
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "installation"))
import quiet_pip  # noqa: E402
import torch_build  # noqa: E402
from gpu import find_gpu  # noqa: E402

PINNED = (ROOT / "constraints.txt").read_text(encoding="utf-8").strip().partition("==")[2]
TORCH_FOR_CUDA = """class version: cuda = "13.0"
class cuda: is_available = staticmethod(lambda: False)
"""
# Builds the project that stands in for tinylm: its wheel is what says which packages an extra needs. The file
# `compiled` stands in for its C library.
BACKEND = """import pathlib, shutil
def build_editable(folder, config_settings=None, metadata_directory=None):
    pathlib.Path("compiled").touch()
    return shutil.copy("WHEEL", folder).rpartition("/")[2]
"""


def wheel(folder: Path, name: str, version: str, *, module: str = "", metadata: str = "") -> Path:
    """A wheel of one module, written into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path, info = folder / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", module)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture(scope="module")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address below which `/usual` has torch for CUDA, and `/cpu` torch for processors."""
    folder = tmp_path_factory.mktemp("indexes")
    wheel(folder / "usual" / "torch", "torch", PINNED, module=TORCH_FOR_CUDA)
    wheel(folder / "cpu" / "torch", "torch", f"{PINNED}+cpu")
    wheel(folder / "usual" / "tool", "tool", "1.0")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def plain_pip(indexes: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """pip with `/usual` as its index and nothing else of this machine's settings; no GPU is hidden."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.delenv("TORCH_INDEX_URL", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"{indexes}/usual")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(torch_build, "CPU_INDEX", f"{indexes}/cpu")
    return indexes


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch_build, "find_gpu", functools.partial(find_gpu, tmp_path))
    monkeypatch.setattr(shutil, "which", lambda name: None)


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the usual index has one build, and that is right")


@linux
@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu_torch_comes_from_the_index_of_cpu_wheels(plain_pip: str) -> None:
    build = torch_build.choose(PINNED, None)
    assert build.index == f"{plain_pip}/cpu"
    assert build.size == torch_build.TORCH_SIZES["cpu"]


@linux
@pytest.mark.usefixtures("no_gpu", "plain_pip")
def test_an_index_that_does_not_answer_is_passed_over_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setattr(torch_build, "CPU_INDEX", f"http://127.0.0.1:{closed.getsockname()[1]}/cpu")
        build = torch_build.choose(PINNED, None)
    assert build.index is None
    assert torch_build.CPU_INDEX in build.why
    assert build.size == torch_build.TORCH_SIZES["cuda"]


@linux
@pytest.mark.usefixtures("no_gpu", "plain_pip")
def test_an_index_that_keeps_silent_is_passed_over_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_build, "_PATIENCE_S", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never says a word
        monkeypatch.setattr(torch_build, "CPU_INDEX", f"http://127.0.0.1:{silent.getsockname()[1]}/cpu")
        build = torch_build.choose(PINNED, None)
    assert build.index is None
    assert torch_build.CPU_INDEX in build.why


@linux
@pytest.mark.usefixtures("no_gpu", "plain_pip")
def test_an_index_without_this_version_is_passed_over() -> None:
    assert torch_build.choose("9.9.9", None).index is None


@linux
@pytest.mark.usefixtures("no_gpu", "plain_pip")
def test_a_mirror_that_has_the_cpu_wheel_is_asked_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wheel(tmp_path, "torch", f"{PINNED}+cpu")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    build = torch_build.choose(PINNED, None)
    assert build.index is None
    assert build.size == torch_build.TORCH_SIZES["cpu"]


@linux
@pytest.mark.usefixtures("plain_pip")
def test_with_a_gpu_torch_comes_from_the_usual_index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    executable(tmp_path / "nvidia-smi", '#!/bin/sh\necho "GPU 0: NVIDIA GeForce RTX 3060 (UUID: GPU-1)"\n')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    build = torch_build.choose(PINNED, None)
    assert (build.index, build.size) == (None, torch_build.TORCH_SIZES["cuda"])
    assert build.why == "found GPU 0: NVIDIA GeForce RTX 3060: torch for CUDA"


def test_an_index_that_is_named_is_taken_unseen() -> None:
    assert torch_build.choose(PINNED, "https://wheels.invalid/cpu").index == "https://wheels.invalid/cpu"


@pytest.mark.parametrize(
    ("folder", "cuda", "words"),
    [
        ("proc/driver/nvidia/gpus/0000:01:00.0", True, "NVIDIA"),
        ("dev/nvidia0", True, "NVIDIA"),
        ("dev/nvidiactl", False, "no GPU"),
        ("dev/dxg", False, "no GPU"),  # WSL has it for an integrated GPU, too
        ("dev/kfd", False, "AMD"),
    ],
)
def test_what_the_kernel_says_of_gpus(
    folder: str, cuda: bool, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / folder).mkdir(parents=True)
    found = find_gpu(tmp_path)
    assert found.cuda is cuda
    assert words in found.what


def test_the_driver_of_windows_is_found_in_wsl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv("PATH", str(tmp_path))
    executable(tmp_path / "usr/lib/wsl/lib/nvidia-smi", '#!/bin/sh\necho "GPU 0: NVIDIA RTX 500 (UUID: GPU-1)"\n')
    assert find_gpu(tmp_path).cuda


def test_a_driver_without_a_gpu_is_no_gpu_and_its_words_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    failing = '#!/bin/sh\necho "NVIDIA-SMI has failed because it could not communicate with the driver."\nexit 9\n'
    executable(tmp_path / "nvidia-smi", failing)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find_gpu(tmp_path)
    assert not found.cuda
    assert "could not communicate" in found.what


def test_a_hidden_gpu_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dev/nvidia0").mkdir(parents=True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert not find_gpu(tmp_path).cuda


@pytest.fixture
def repository(tmp_path: Path, plain_pip: str) -> Path:
    """A project of which pip knows no more than that it is called tinylm, with the scripts of the real one."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    shutil.copy(ROOT / "constraints.txt", tmp_path)
    build = tmp_path / "scripts" / "installation" / "torch_build.py"
    text = build.read_text(encoding="utf-8")
    changed = text.replace("https://download.pytorch.org/whl/cpu", f"{plain_pip}/cpu")
    assert changed != text
    build.write_text(changed, encoding="utf-8")
    needs = "Provides-Extra: train\nRequires-Dist: torch>=2.10; extra == 'train'\nProvides-Extra: dev\n"
    stand_in = wheel(tmp_path, "tinylm", "0.1.0", metadata=f"{needs}Requires-Dist: tool; extra == 'dev'\n")
    (tmp_path / "backend.py").write_text(BACKEND.replace("WHEEL", stand_in.name), encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n', encoding="utf-8"
    )
    (tmp_path / "tinylm/native").mkdir(parents=True)
    is_compiled = "import pathlib, sys\nsys.exit(not pathlib.Path('compiled').exists())\n"
    (tmp_path / "tinylm/native/build.py").write_text(is_compiled, encoding="utf-8")
    for package in ("tinylm", "tinylm/native"):
        (tmp_path / package / "__init__.py").touch()
    return tmp_path


def set_up(repository: Path, extras: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = f"set -euo pipefail; . scripts/environment.sh {extras}; pip list --format=freeze 2>/dev/null"
    environment = {**os.environ, "PYTHON": sys.executable, "CUDA_VISIBLE_DEVICES": "-1", **variables}
    environment.pop("VENV", None)
    return subprocess.run(
        ["bash", "-c", command], cwd=repository, env=environment, capture_output=True, text=True, check=False
    )


@linux
def test_what_is_asked_for_is_installed_once_and_in_a_few_lines(repository: Path) -> None:
    done = set_up(repository, "train")
    assert done.returncode == 0, done.stderr
    assert f"torch=={PINNED}+cpu" in done.stdout.splitlines()  # the pin, which has no label, matches it
    assert "tool==" not in done.stdout
    assert "to download: about 365 MB; on disk: 1.2 GB" in done.stderr
    assert "warning" not in done.stderr
    assert len(done.stderr.splitlines()) < 10
    assert set_up(repository, "train").stderr == ""
    (repository / "compiled").unlink()
    assert set_up(repository, "train").stderr == "== compiling the C library again\n"
    assert (repository / "compiled").exists()

    more = set_up(repository, "train dev")
    assert "tool==1.0" in more.stdout.splitlines()
    assert "to download: about 58 MB; on disk: 620 MB\n" in more.stderr  # torch is there

    (repository / "constraints.txt").write_text("torch==9.9.9\n", encoding="utf-8")
    failed = set_up(repository, "train", TORCH_INDEX_URL=os.environ["PIP_INDEX_URL"])
    assert failed.returncode == 2
    assert "The user requested (constraint) torch==9.9.9" in failed.stderr  # pip's own words, whole
    assert "ERROR: " in failed.stderr
    assert "error: pip ended with 1" in failed.stderr
    assert "\n\nhint: " in failed.stderr


@linux
def test_a_torch_for_a_gpu_that_is_not_there_is_a_warning_with_a_remedy(repository: Path) -> None:
    done = set_up(repository, "train", TORCH_INDEX_URL=os.environ["PIP_INDEX_URL"])
    assert f"torch=={PINNED}" in done.stdout.splitlines()
    warning, _, hint = done.stderr.partition("warning: ")[2].partition("\n\nhint: ")
    assert "built for CUDA" in warning
    assert "TORCH_INDEX_URL=" in hint
    assert "remove " in hint


def test_progress_is_one_line_that_changes_on_a_terminal() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    display = quiet_pip._Display(out)
    display.now("1 of 9 MB")
    display.now("9 of 9 MB")
    display.line("unpacking")
    assert out.getvalue().count("\n") == 1
    assert out.getvalue().endswith("\r\x1b[Kunpacking\n")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("  Downloading torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl (526.6 MB)", "526.6"),
        ("Downloading https://wheels.invalid/cpu/torch-2.13.0%2Bcpu-cp311-cp311-x.whl (191.8 MB)", "191.8"),
        ("Using cached torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl (526.6 MB)", None),
    ],
)
def test_pips_lines_about_downloads(line: str, expected: str | None) -> None:
    found = quiet_pip._DOWNLOAD.match(line)
    assert (found[2] if found else None) == expected


def test_the_sizes_that_are_said_were_measured_with_the_pinned_torch() -> None:
    text = (ROOT / "scripts" / "installation" / "torch_build.py").read_text(encoding="utf-8")
    assert f"# Of torch {PINNED} with what it needs" in text
