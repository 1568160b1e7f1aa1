"""The program as a person meets it: the runtime's text, options, errors, and ends of all kinds."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from programs import run_program

from tinylm.bundle.reading import Bundle
from tinylm.runtime.completion import generate
from tinylm.runtime.engine import Engine
from tinylm.runtime.sampling import Sampling
from tinylm.tokenizer.tokenizer import Tokenizer

MakeBundle = Callable[..., Bundle]
MakeProgram = Callable[..., Path]

PLAIN: dict[str, float] = {"temperature": 0.8, "top_k": 40, "top_p": 0.9, "repetition_penalty": 1.0}
"""What a manifest says where nobody chose."""


def runtime_text(bundle: Bundle, prompt: str, *, seed: int, max_tokens: int, **settings: float) -> str:
    """What the runtime writes with the native backend."""
    tokenizer, sampling = Tokenizer(bundle.tokenizer), Sampling(seed=seed, **{**PLAIN, **settings})  # type: ignore[arg-type]
    with Engine(bundle, backend="native") as engine:
        return "".join(generate(engine, tokenizer, prompt, sampling=sampling, max_tokens=max_tokens))


def options(settings: dict[str, float]) -> list[str]:
    return [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]


@pytest.mark.parametrize("seed", [0, 1, 2**32 + 5, 2**64 - 1])
def test_a_seed_gives_the_runtimes_text(hello: Path, tiny_bundle: Bundle, seed: int) -> None:
    """200 tokens: past the context of 64, three times."""
    found = run_program(hello, "The can", "--seed", str(seed), "--max-tokens", "200")
    assert (found.returncode, found.stderr) == (0, b"")
    expected = runtime_text(tiny_bundle, "The can", seed=seed, max_tokens=200)
    assert found.stdout.decode() == expected + "\n"


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 0},
        {"temperature": 1.5, "top_k": 0, "top_p": 1},
        {"top_k": 0, "top_p": 0.7},
        {"top_k": 7, "top_p": 1},
        {"temperature": 0, "repetition_penalty": 1.3},
        {"temperature": 1.1, "top_k": 100000, "repetition_penalty": 1.7},
    ],
    ids=str,
)
def test_every_setting_does_what_it_does_in_the_runtime(
    hello: Path, tiny_bundle: Bundle, settings: dict[str, float]
) -> None:
    found = run_program(hello, "¿qué? 🐧", "--seed=3", "--max-tokens=90", *options(settings))
    assert found.stdout.decode() == runtime_text(tiny_bundle, "¿qué? 🐧", seed=3, max_tokens=90, **settings) + "\n"


@pytest.mark.parametrize(
    "sizes",
    [
        {"scheme": "fp32"},
        {"scheme": "int8", "byte_fallback": True, "sliding_window": 16},
        {"scheme": "int8", "n_kv_head": 4, "n_layer": 1},
        {"scheme": "fp32", "context_length": 1},
        {"scheme": "int8", "context_length": 7},
    ],
    ids=str,
)
def test_any_shape_of_model(make_bundle: MakeBundle, make_program: MakeProgram, sizes: dict[str, int]) -> None:
    bundle = make_bundle(**sizes)
    found = run_program(make_program(bundle), "the wa", "--seed", "5", "--max-tokens", "60")
    assert found.stdout.decode() == runtime_text(bundle, "the wa", seed=5, max_tokens=60) + "\n"


@pytest.mark.parametrize("prompt", ["", "\u2581 \t\n", "the " * 3000, "e\u0301\r\n漢字🐧", "\x1b[31mred\x1b[0m"])
def test_any_prompt_is_read_as_the_runtime_reads_it(hello: Path, tiny_bundle: Bundle, prompt: str) -> None:
    expected = runtime_text(tiny_bundle, prompt, seed=1, max_tokens=20) + "\n"
    assert run_program(hello, prompt, "--seed=1", "--max-tokens=20").stdout.decode() == expected
    piped = run_program(hello, "-", "--seed=1", "--max-tokens=20", stdin=prompt.encode() + b"\n")
    assert piped.stdout.decode() == expected


def test_warnings_go_to_stderr(make_bundle: MakeBundle, make_program: MakeProgram) -> None:
    found = run_program(make_program(make_bundle(scheme="int8")), "the 漢" * 40, "--seed=0", "--max-tokens=8")
    assert found.returncode == 0
    unknown, cut = found.stderr.decode().splitlines()
    assert unknown == "warning: the model does not know some characters of the prompt (120 bytes)"
    assert cut.startswith("warning: the prompt is too long; its first ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seed", "-1"], "--seed is -1; 0 to 18446744073709551615 is needed"),
        (["--seed", str(2**64)], f"--seed is {2**64}; 0 to 18446744073709551615 is needed"),
        (["--temperature", "nan"], "--temperature is nan; 0, or 0.001 to 100 is needed"),
        (["--temperature", "-1"], "--temperature is -1; 0, or 0.001 to 100 is needed"),
        (["--top-p", "0"], "--top-p is 0; above 0 and at most 1 (off) is needed"),
        (["--top-p", "1.01"], "--top-p is 1.01; above 0 and at most 1 (off) is needed"),
        (["--top-k", "-1"], "--top-k is -1; 0 (off) or more is needed"),
        (["--repetition-penalty", "1e2"], "--repetition-penalty is 1e2; 0.01 to 100 is needed"),
        (["--max-tokens", "0"], "--max-tokens is 0; at least 1 is needed"),
        (["--max-tokens"], "--max-tokens needs a value"),
        (["--threads", "0"], "--threads is 0; this machine has "),
        (["--threads", "100000"], "--threads is 100000; this machine has "),
        (["--instructions", "mmx"], "the instruction set `mmx` is not here; this program and processor have: "),
        (["--fast"], "there is no option --fast"),
        (["--golden=1"], "--golden takes no value"),
        (["--golden", "--interactive"], "--golden and --interactive cannot be done together"),
        (["Once", "upon"], "`upon` is one text too many: there is `Once` already"),
        (["--golden", "Once"], "`Once` begins a text, and another thing is to be done"),
        ([b"caf\xe9"], "the prompt is not UTF-8 text: byte 4 cannot be decoded"),
        (["x" * 100_001], "the prompt has 100001 characters; at most 100000 are read"),
        (["--score", "/nowhere"], "cannot read /nowhere: No such file or directory"),
        (["--score", "-"], "there is nothing to score: the text is empty"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_options_are_errors_with_a_hint(hello: Path, arguments: list[str | bytes], message: str) -> None:
    found = run_program(hello, *arguments)
    assert (found.returncode, found.stdout) == (2, b"")
    assert found.stderr.decode().startswith(f"error: {message}")
    assert "\n\nhint: " in found.stderr.decode() or arguments[0] == "--seed"


def test_large_limits_mean_no_limit(hello: Path) -> None:
    limited = run_program(hello, "the", "--seed=1", "--temperature=2", "--top-k=0", "--max-tokens=30")
    large = run_program(hello, "the", "--seed=1", "--temperature=2", f"--top-k={10**30}", "--max-tokens=30")
    assert limited.stdout.split()[:1] == large.stdout.split()[:1]
    assert large.returncode == 0


def test_a_reader_that_goes_ends_it_quietly(hello: Path) -> None:
    process = subprocess.Popen(
        [hello, "the", "--max-tokens", "1000000", "--seed", "1", "--temperature", "1.5"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.read(5)
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()


def test_output_that_cannot_be_written_is_an_error(hello: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        found = subprocess.run([hello, "the"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert found.returncode == 2
    assert b"the output cannot be written: No space left on device" in found.stderr
    closed = subprocess.run(["sh", "-c", '"$0" the >&-', hello], stderr=subprocess.PIPE, check=False)
    assert closed.returncode == 2


def test_it_needs_no_folder_to_write_to_and_no_name(hello: Path, tmp_path: Path) -> None:
    folder = tmp_path / "read-only"
    folder.mkdir()
    shutil.copy(hello, folder / "with space")
    folder.chmod(0o555)
    (folder / "with space").chmod(0o555)
    expected = run_program(hello, "the", "--seed=1").stdout
    try:
        assert run_program(folder / "with space", "the", "--seed=1").stdout == expected
    finally:
        folder.chmod(0o755)
    renamed = subprocess.run(["anything", "the", "--seed=1"], executable=hello, capture_output=True, check=False)
    assert renamed.stdout == expected


def test_interactive_begins_a_text_with_every_line(hello: Path) -> None:
    found = run_program(
        hello, "--interactive", "--seed=1", "--temperature=0", "--max-tokens=5", stdin=b"the\n\nThe can"
    )
    alone = [
        run_program(hello, prompt, "--temperature=0", "--max-tokens=5").stdout for prompt in ("the", "", "The can")
    ]
    assert (found.returncode, found.stdout, found.stderr) == (0, b"".join(alone), b"")


def test_scoring_costs_what_the_runtime_measures(hello: Path, tiny_bundle: Bundle, tmp_path: Path) -> None:
    from tinylm.runtime.scoring import text_bits

    text = "The can is out.\n¿Qué ñoca mité? 漢\n" * 20  # several windows
    with Engine(tiny_bundle, backend="native") as engine:
        bits, tokens = text_bits(engine, Tokenizer(tiny_bundle.tokenizer), text)
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    size = len(text.encode())
    expected = f"{bits / size:.4f} bits per byte ({bits:.1f} bits, {size} bytes, {tokens} tokens)\n"
    assert run_program(hello, "--score", str(tmp_path / "text.txt")).stdout.decode() == expected
    assert run_program(hello, "--score=-", stdin=text.encode()).stdout.decode() == expected


def test_a_stack_of_a_few_kilobytes_is_enough(hello: Path) -> None:
    """The kernel puts the first page at random, so the smallest stacks fail for any program now and then."""
    limited = ["sh", "-c", 'ulimit -s 32; exec "$0" --golden', str(hello)]
    assert subprocess.run(limited, capture_output=True, env={}, check=False).returncode == 0


def test_every_instruction_set_and_number_of_threads_writes_the_same(hello: Path) -> None:
    version = run_program(hello, "--version").stdout.decode()
    sets = version.rpartition("fastest first: ")[2].split()
    assert "scalar" in sets
    choices = [f"--instructions={name}" for name in sets] + ["--threads=auto"]
    texts = {run_program(hello, "the", "--seed=1", choice).stdout for choice in choices}
    assert len(texts) == 1


def test_version_and_help_say_what_it_is(hello: Path, tiny_bundle: Bundle) -> None:
    version = run_program(hello, "--version").stdout.decode().splitlines()
    assert version[0] == f"{tiny_bundle.manifest.name} {tiny_bundle.manifest.version}"
    assert version[1] == f"manifest sha256: {tiny_bundle.manifest_sha256}"
    help = run_program(hello, "--help")
    assert (help.returncode, help.stderr) == (0, b"")
    assert "likeliest token; higher is more varied. [0.800]\n" in help.stdout.decode()
    assert os.access(hello, os.X_OK)
