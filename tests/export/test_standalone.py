"""A bundle as one program: what is checked when it is made, and what stays when that fails."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from programs import run_program

from tinylm.base.errors import TinylmError
from tinylm.base.records import to_bytes
from tinylm.bundle import manifest as contract
from tinylm.bundle.reading import Bundle
from tinylm.bundle.writing import write_bundle
from tinylm.emulation.processors import PROCESSORS
from tinylm.export import standalone
from tinylm.export.standalone import architecture_of, export_standalone
from tinylm.native.library import load
from tinylm.native.targets import ARCHITECTURES

MakeProgram = Callable[..., Path]
SAY: list[str] = []


def with_golden(bundle: Bundle, folder: Path, edit: Callable[[Any], None]) -> Bundle:
    """A copy of `bundle` whose golden.json was changed by `edit`."""
    contents = {name: (bundle.path / name).read_bytes() for name in contract.REQUIRED}
    golden = json.loads(contents[contract.GOLDEN])
    edit(golden)
    contents[contract.GOLDEN] = to_bytes(golden)
    return write_bundle(folder / "changed", bundle.manifest, contents)


def test_it_runs_at_once_and_says_how_it_was_checked(tiny_bundle: Bundle, tmp_path: Path) -> None:
    lines: list[str] = []
    made = export_standalone(tiny_bundle, "host", tmp_path / "new" / "hello", say=lines.append)
    assert made.checked.startswith(
        "3 prompts, 24 tokens, 3 encodings, the bits of all logits: all as the export says, by "
    )
    assert made.checked.endswith(", on this machine")
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o755
    assert made.size_bytes == made.path.stat().st_size
    assert made.weights_bytes < made.size_bytes
    assert [path.name for path in made.path.parent.iterdir()] == ["hello"]
    making = f"making the program for {made.architecture}"
    assert lines[0] == making  # where it was compiled now, that is said too
    lines.clear()
    again = export_standalone(tiny_bundle, "host", tmp_path / "again", say=lines.append)
    assert again.path.read_bytes() == made.path.read_bytes()
    assert lines == [making]  # nothing is compiled twice


def change_token(golden: Any) -> None:
    ids = golden["prompts"][0]["ids"]
    ids[3] = ids[3] % 300 + 5


def change_prompt(golden: Any) -> None:
    golden["prompts"][1]["prompt_ids"].append(7)


def change_encoding(golden: Any) -> None:
    golden["encodings"][1]["ids"][2] += 1


def change_hash(golden: Any) -> None:
    golden["logits_hash"] = {"arithmetic": load().tinylm_arithmetic(), "fnv1a64": "0123456789abcdef"}


@pytest.mark.parametrize(
    ("edit", "difference"),
    [
        (change_token, "after the prompt `Sañolu mité.`, position 3: token "),
        (change_prompt, "encoded prompt `The can`, "),
        (change_encoding, "tokenizer, `¿qué? out`, position 2: token "),
        (change_hash, "bits of all logits over the golden prompts: "),
    ],
)
def test_a_program_that_answers_otherwise_is_not_made(
    tiny_bundle: Bundle, tmp_path: Path, edit: Callable[[Any], None], difference: str
) -> None:
    wrong = with_golden(tiny_bundle, tmp_path, edit)
    (tmp_path / "hello").write_text("here before")
    with pytest.raises(TinylmError) as raised:
        export_standalone(wrong, "host", tmp_path / "hello", say=SAY.append)
    assert raised.value.exit_code == 1
    assert f"differs: {difference}" in raised.value.message
    assert (tmp_path / "hello").read_text() == "here before"
    assert not (tmp_path / "hello.partial").exists()


def test_a_difference_is_exit_code_1(tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standalone, "_check_golden", lambda path, architecture: "not checked")
    wrong = with_golden(tiny_bundle, tmp_path, change_token)
    made = export_standalone(wrong, "host", tmp_path / "hello", say=SAY.append)
    found = run_program(made.path, "--golden")
    assert (found.returncode, found.stderr) == (1, b"")
    lines = found.stdout.decode().splitlines()
    assert len(lines) == 2
    assert lines[1] == "3 prompts, 24 tokens, 3 encodings, the bits of all logits: 1 differ from the export's"


def test_the_bits_of_another_arithmetic_are_not_compared(tiny_bundle: Bundle, tmp_path: Path) -> None:
    def change(golden: Any) -> None:
        change_hash(golden)
        golden["logits_hash"]["arithmetic"] += 1

    made = export_standalone(with_golden(tiny_bundle, tmp_path, change), "host", tmp_path / "hello", say=SAY.append)
    assert made.checked.startswith("3 prompts, 24 tokens, 3 encodings: all as the export says, by ")


def test_a_board_is_its_processor() -> None:
    boards = {"pi-zero-2w": "aarch64", "pi-5": "aarch64", "pi-2": "armv7", "pi-zero-w": "armv6"}
    for board, architecture in boards.items():
        assert architecture_of(board) == architecture
    assert architecture_of("riscv64") == "riscv64"
    assert ARCHITECTURES[architecture_of("host")].tag == os.uname().machine


@pytest.mark.parametrize(
    ("target", "message", "hint"),
    [
        ("pi-zero-2", "`pi-zero-2` is no board and no processor", "did you mean `pi-zero-2w`?"),
        ("sparc", "`sparc` is no board and no processor", "`aarch64`, "),
        ("nowhere.toml", "cannot read `nowhere.toml`", "name a budget or a TOML file"),
    ],
)
def test_an_unknown_target_is_an_error(target: str, message: str, hint: str) -> None:
    with pytest.raises(TinylmError) as raised:
        architecture_of(target)
    assert message in raised.value.message
    assert hint in raised.value.hint


def test_a_folder_is_no_file(tiny_bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(TinylmError, match="is a folder"):
        export_standalone(tiny_bundle, "host", tmp_path, say=SAY.append)


def test_what_cannot_run_here_says_so(tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = "aarch64" if os.uname().machine != "aarch64" else "x86_64"
    monkeypatch.setattr(standalone, "build", lambda product: True)
    monkeypatch.setenv("PATH", str(tmp_path))
    command, why = standalone._runner(tmp_path, other)
    assert command is None
    assert why.startswith(f"not checked: this machine is {os.uname().machine}")
    assert why.endswith("check it on its own with --golden")


EMULATED = sorted(set(ARCHITECTURES) - {"x86_64"})


@pytest.mark.slow  # another processor's C library is compiled once, half a minute each
@pytest.mark.parametrize("architecture", EMULATED)
def test_other_processors_answer_the_same(
    tiny_bundle: Bundle, hello: Path, make_program: MakeProgram, architecture: str
) -> None:
    kinds = [kind for kind in PROCESSORS.values() if kind.arch == ARCHITECTURES[architecture].tag]
    assert kinds
    for kind in kinds:
        if shutil.which(kind.emulator) is None:
            pytest.skip(f"no {kind.emulator}: sudo apt-get install qemu-user")
    program = make_program(tiny_bundle, target=architecture)
    options = ("The can", "--seed=7", "--max-tokens=150", "--repetition-penalty=1.2")
    expected = run_program(hello, *options).stdout
    for kind in kinds:
        under = (kind.emulator, *(() if kind.cpu is None else ("-cpu", kind.cpu)))
        assert run_program(program, *options, under=under).stdout == expected
        assert run_program(program, "--golden", under=under).returncode == 0


def test_a_program_for_another_processor_is_the_kernels_error(hello: Path, tmp_path: Path) -> None:
    """Exec format error: docs/standalone.md explains it."""
    data = bytearray(hello.read_bytes())
    data[18:20] = (0xFFFF).to_bytes(2, "little")  # the machine in an ELF file's head
    (tmp_path / "other").write_bytes(bytes(data))
    (tmp_path / "other").chmod(0o755)
    with pytest.raises(OSError, match="Exec format error"):
        subprocess.run([tmp_path / "other"], check=False)
