"""Whatever a user gets wrong ends in exit code 2, one `error:`, a `hint:`, and nothing half-written."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tinylm.cli import main

Call = Callable[..., "subprocess.CompletedProcess[str]"]
Tinylm = Callable[..., str]


@pytest.fixture
def fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tinylm:
    """Calls the command line in `tmp_path`, checks how it fails, and returns the message."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, code: int = 2) -> str:
        monkeypatch.setattr(sys, "argv", ["tinylm", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        output = capsys.readouterr()
        assert stopped.value.code == code, output.err
        assert output.out == ""
        assert_one_error(output.err)
        return output.err

    return run


def assert_one_error(text: str) -> None:
    lines = text.splitlines()
    assert sum(line.startswith("error: ") for line in lines) == 1, text
    assert sum(line.startswith("hint: ") for line in lines) == 1, text
    assert "Traceback" not in text


def partials(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if ".partial" in path.name]


CORPORA = {
    "missing": (None, "does not exist"),
    "empty": (b"", "is empty"),
    "spaces": (b"  \n\n", "is empty"),
    "binary": (b"\x7fELF\x02\x01" + bytes(500), "is binary"),
    "Latin-1": ("La niña abrió la puerta.\n".encode("latin-1") * 99, "is not UTF-8: byte 0xf1 at offset 5"),
    "UTF-16": ("The king said.\n".encode("utf-16") * 99, "is UTF-16 text"),
    "one sentence": (b"The king opened the door.\n", "too small to hold out a validation part"),
    "one sentence 500 times": (b"The little king opened the great door of the house.\n" * 500, "too small to hold out"),
}


@pytest.mark.parametrize("kind", CORPORA)
def test_corpora(kind: str, fails: Tinylm, tmp_path: Path) -> None:
    data, message = CORPORA[kind]
    if data is not None:
        (tmp_path / "text.txt").write_bytes(data)
    assert message in fails("train-pipeline", "--corpus", "text.txt", "--output-dir", "run")
    assert not (tmp_path / "run").exists()
    assert partials(tmp_path) == []


def test_an_empty_folder(fails: Tinylm, tmp_path: Path) -> None:
    (tmp_path / "novels").mkdir()
    assert "holds no text" in fails("train-pipeline", "--corpus", "es:novels")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--vocab-size", "60000"], "is too large for this corpus; the largest that works is"),
        (["--vocab-size", "17"], "does not hold the corpus's characters"),
        (["--vocab-size", "8"], "--vocab-size is 8; 16 to 65536"),
        (["--vocab-size", "70000"], "--vocab-size is 70000; "),
        (["--preset", "tyni"], "unknown preset `tyni`"),
        (["--budget", "pi-zero-2"], "pi-zero-2"),
        (["--tokenizer-type", "wordpiece"], "--tokenizer-type is `wordpiece`"),
        (["--epochs", "0"], "--epochs is 0"),
        (["--batch-size", "-1"], "--batch-size is -1"),
        (["--learning-rate", "nan"], "--learning-rate is nan"),
        (["--minutes", "0"], "--minutes is 0"),
        (["--eval-interval", "0"], "--eval-interval is 0"),
        (["--preset", "classic", "--weight", "en:en.txt=2"], "`classic` reads across them"),
        (["--minutes", "1", "--epochs", "1"], "--minutes and --epochs"),
        (["--max-seq-length", "35"], "the budget `pi-zero-2w` asks for 16 + 20 tokens; the context length is 35"),
        (["--max-seq-length", "40000"], "at most 32768"),
        (["--max-seq-length", "9000"], "needs at least 18000"),
        (["--resume", "--force"], "--resume continues a run and --force starts it over"),
        (["--skip-corpus"], "--skip-corpus takes the latest dataset's text"),
        (["--skip-tokenizer"], "--skip-tokenizer takes the latest dataset's tokenizer"),
        (["--terms", "none.txt"], "cannot read the term list `none.txt`"),
        (["--output-dir", "taken"], "`taken` is not empty and holds no run: `thesis.txt`"),
        (["--output-dir", "taken/thesis.txt"], "cannot write in `taken/thesis.txt`"),
    ],
)
def test_options(options: list[str], message: str, fails: Tinylm, tmp_path: Path, texts: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").write_text("ten years", encoding="utf-8")
    defaults = ["--corpus", f"en:{texts / 'en.txt'}", "--vocab-size", "60", "--output-dir", "run"]
    error = fails("train-pipeline", *defaults, *options)
    assert message in error
    assert "[2/4]" not in error or "at least 18000" in error  # nothing is trained first
    assert (tmp_path / "taken" / "thesis.txt").read_text(encoding="utf-8") == "ten years"
    assert not (tmp_path / "run" / "checkpoints").exists()
    assert partials(tmp_path) == []


@pytest.mark.parametrize("name", ["pi-zero-2", "hots"])
def test_a_mistyped_budget_names_the_nearest(name: str, fails: Tinylm) -> None:
    nearest = {"pi-zero-2": "pi-zero-2w", "hots": "host"}[name]
    assert f"`{nearest}`" in fails("train-pipeline", "--budget", name).partition("hint:")[2]


def test_the_named_vocabulary_really_works(fails: Tinylm, texts: Path, tmp_path: Path) -> None:
    error = fails("train-pipeline", "--corpus", f"en:{texts / 'en.txt'}", "--vocab-size", "60000")
    size = error.partition("hint: use --vocab-size ")[2].partition(",")[0]
    error = fails(
        "train-pipeline", "--corpus", f"en:{texts / 'en.txt'}", "--vocab-size", size, "--max-seq-length", "8192"
    )
    assert "needs at least 16384" in error  # the tokenizer was learned; the next stage has the next problem


@pytest.mark.parametrize("arguments", [["--resume"], ["--resume", "--output-dir", "nothing"]])
def test_nothing_to_resume(arguments: list[str], fails: Tinylm) -> None:
    assert "run" in fails("train-pipeline", *arguments)


@pytest.fixture
def copied(workplace: Path, tmp_path: Path) -> Path:
    """The finished run, where `fails` works."""
    shutil.copytree(workplace / "run", tmp_path / "run", symlinks=True)
    shutil.copytree(workplace / "datasets", tmp_path / "datasets")
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("batch_size = ", "bacth_size = ", "unknown key `bacth_size`"),
        ('schema = "1.0"', 'schema = "2.0"', "this tinylm reads 1.x"),
        ("[training]", "[training", "is not valid TOML"),
        ("n_head = ", "n_head = 7", "is not a multiple of `n_head` 7"),
        ("n_head = ", 'n_head = "4" # ', "a whole number was expected"),
        ("seed = 0", "seed = inf", "`seed` is a number"),
    ],
)
def test_a_run_s_configuration(
    copied: Path, fails: Tinylm, old: str, new: str, message: str, command: tuple[str, ...]
) -> None:
    config = copied / "config.toml"
    text = config.read_text(encoding="utf-8")
    assert old in text
    config.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert message in fails("train-pipeline", "--resume", "--output-dir", "run", "--budget", command[-1])


def test_nothing_to_take_over(fails: Tinylm) -> None:
    assert "no dataset in `datasets`" in fails("train-pipeline", "--skip-tokenizer")


@pytest.mark.parametrize(
    "option",
    [
        ["--vocab-size", "90"],
        ["--seed", "0"],
        ["--byte-fallback"],
        ["--corpus", "x"],
        ["--preset", "tiny"],
        ["--batch-size", "4"],
    ],
)
def test_what_a_resume_cannot_change(copied: Path, fails: Tinylm, option: list[str]) -> None:
    assert f"{option[0]} cannot change in a run that is resumed" in fails(
        "train-pipeline", "--resume", "--output-dir", "run", *option
    )


@pytest.mark.parametrize("file", ["model.safetensors", "state.pt", "checkpoint.json"])
@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_no_whole_checkpoint(copied: Path, fails: Tinylm, file: str, damage: str, command: tuple[str, ...]) -> None:
    for path in (copied / "checkpoints").glob(f"step-*/{file}"):
        data = bytearray(path.read_bytes())
        if file == "checkpoint.json":
            data[10] ^= 0x80  # not UTF-8 any more; a changed digit in a record cannot be told
        else:
            data[len(data) // 2] ^= 1
        path.write_bytes(data if damage == "flipped" else data[: len(data) // 2])
    assert file in fails("train-pipeline", "--resume", "--output-dir", "run", "--epochs", "2", "--budget", command[-1])
    if file == "model.safetensors":
        assert file in fails("export", "run", "--output", "other")
        assert not Path("other").exists()


@pytest.mark.parametrize("file", ["model.onnx", "tokenizer.model", "golden.json"])
def test_a_flipped_byte_in_the_bundle(copied: Path, fails: Tinylm, file: str, command: tuple[str, ...]) -> None:
    path = copied / "bundle" / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    for arguments in (
        ["generate", "run"],
        ["check-budgets", "run", "--budget", command[-1]],
        ["bundle", "verify", "run"],
    ):
        message = fails(*arguments)
        assert file in message or "SHA-256" in message


def test_a_flipped_byte_in_the_card_stops_who_proves_the_bundle(
    copied: Path, fails: Tinylm, command: tuple[str, ...]
) -> None:
    """Who only uses it is told (tests/cli/commands/test_generate.py)."""
    path = copied / "bundle" / "MODEL_CARD.md"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    for arguments in (
        ["bundle", "verify", "run"],
        ["check-budgets", "run", "--budget", command[-1], "--certify"],
    ):
        assert "MODEL_CARD.md` does not match its SHA-256" in fails(*arguments)


def test_a_bundle_of_a_newer_schema(copied: Path, fails: Tinylm) -> None:
    manifest = copied / "bundle" / "manifest.json"
    data = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps({**data, "schema": "2.0"}), encoding="utf-8")
    for arguments in (["generate", "run"], ["bundle", "verify", "run/bundle"], ["check-budgets", "run"]):
        message = fails(*arguments)
        assert "this tinylm reads 1.x" in message
        assert "upgrade tinylm" in message


def largest_file(size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize(
    ("size", "stage"),
    [
        pytest.param(4_000, "part-000000.jsonl", marks=pytest.mark.slow),
        (200_000, "checkpoint"),
        pytest.param(500_000, "bundle", marks=pytest.mark.slow),
    ],
)
def test_a_full_disk(
    size: int, stage: str, command: tuple[str, ...], call: Call, workplace: Path, tmp_path: Path
) -> None:
    if stage == "bundle":
        shutil.copytree(workplace, tmp_path, dirs_exist_ok=True, symlinks=True)
        shutil.rmtree(tmp_path / "run" / "bundle")
    full = call(tmp_path, *command, "--output-dir", "run", limit=largest_file(size))
    assert full.returncode == 2, full.stderr
    assert_one_error(full.stderr)
    if stage != "bundle":  # its scratch folder has another name every time
        assert stage in full.stderr
    assert not (tmp_path / "run" / "bundle").exists()
    assert partials(tmp_path) == []
    again = call(tmp_path, *command, "--output-dir", "run")
    assert again.returncode == 0, again.stderr
